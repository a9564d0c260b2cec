//! The hidden layers of a block, after an RMSNorm and added to the stream: h hidden width, up the
//! columns in front of the activation (h, or 2 h for SwiGLU). In a mixture a token passes through k
//! of them, and they take its slots (`kernels/routing.rs`) where they otherwise take all rows.

use super::Transformer;
use super::workspace::{BlockActivations, Workspace};
use crate::architecture::FeedForward;
use crate::backend::{Backend, Norm, Store, View, ViewMut};
use crate::layout::{ExpertLayout, LayerLayout};
use std::ops::Range;

impl Transformer {
    /// `out: [m, d]` from `block.middle: [m, d]`.
    pub(super) fn feed_forward<B: Backend>(
        &self,
        backend: &B,
        layer: &LayerLayout,
        weights: &B::Floats,
        m: usize,
        block: &mut BlockActivations<B::Floats, B::Routes>,
        out: &mut B::Floats,
    ) {
        let d = self.shape.width;

        // b = RMSNorm(x')  [m, d]
        backend.rmsnorm(
            View::first(&block.middle, m * d),
            View::new(weights, layer.mlp_gain.clone()),
            ViewMut::first(&mut block.mlp_input, m * d),
            ViewMut::first(&mut block.mlp_inverse_rms, m),
        );

        // x'' = x' + FF(b)  [m, d]
        backend.copy(
            View::first(&block.middle, m * d),
            ViewMut::first(out, m * d),
        );
        let (input, u) = (&block.mlp_input, &mut block.hidden);
        let (Some(mixture), Some(router)) = (&mut block.mixture, &layer.router) else {
            let derivatives = &mut block.derivatives;
            let part = (&layer.experts[0], 0..m);
            self.hidden_layer(
                backend,
                part,
                weights,
                input,
                derivatives,
                u,
                Store::Add,
                out,
            );
            return;
        };

        // p = softmax(b W_router)  [m, E];  k experts a token
        let count = layer.experts.len();
        let input = View::first(input, m * d);
        backend.product(
            Store::Set,
            input.matrix(m, d),
            View::new(weights, router.clone()).matrix(d, count),
            ViewMut::first(&mut mixture.probabilities, m * count).matrix(m, count),
        );
        let logits = ViewMut::first(&mut mixture.probabilities, m * count);
        backend.route(&mut mixture.routes, logits);

        // FF(b) = Σ_chosen gate · expert(b)
        let slots = m * self.shape.experts().active;
        let to = ViewMut::first(&mut mixture.inputs, slots * d);
        backend.spread(&mixture.routes, input, to, d);
        let offsets = backend.offsets(&mixture.routes);
        for (expert, range) in layer.experts.iter().zip(offsets.windows(2)) {
            let part = (expert, range[0]..range[1]);
            let outputs = &mut mixture.outputs;
            self.hidden_layer(
                backend,
                part,
                weights,
                &mixture.inputs,
                &mut block.derivatives,
                u,
                Store::Set,
                outputs,
            );
        }
        let outputs = View::first(&mixture.outputs, slots * d);
        backend.combine(&mixture.routes, outputs, ViewMut::first(out, m * d), d);
    }

    /// `act(b W_up) W_down` for some rows of `input: [·, d]`, to the same rows of `out`.
    #[allow(clippy::too_many_arguments)] // Buffers of the caller, so that nothing is allocated.
    fn hidden_layer<B: Backend>(
        &self,
        backend: &B,
        (layer, rows): (&ExpertLayout, Range<usize>),
        weights: &B::Floats,
        input: &B::Floats,
        derivatives: &mut B::Floats,
        hidden: &mut B::Floats,
        store: Store,
        out: &mut B::Floats,
    ) {
        let (d, h, up) = self.feed_forward_sizes();
        let m = rows.len();
        if m == 0 {
            return;
        }
        let of = |columns: usize| rows.start * columns..rows.end * columns;

        // u = GELU(b W_up) or SiLU(b W_gate) ∘ b W_value  [m, h]
        backend.product(
            Store::Set,
            View::new(input, of(d)).matrix(m, d),
            View::new(weights, layer.up.clone()).matrix(d, up),
            ViewMut::new(derivatives, of(up)).matrix(m, up),
        );
        let x = ViewMut::new(derivatives, of(up));
        let u = ViewMut::new(hidden, of(h));
        match self.shape.architecture.feed_forward {
            FeedForward::Gelu => backend.gelu(x, u),
            FeedForward::SwiGlu => backend.swiglu(h, x, u),
        }

        // u W_down  [m, d]
        backend.product(
            store,
            View::new(hidden, of(h)).matrix(m, h),
            View::new(weights, layer.down.clone()).matrix(h, d),
            ViewMut::new(out, of(d)).matrix(m, d),
        );
    }

    /// Takes `dx: [m, d]` from the gradient of the block's output to that of `block.middle`.
    #[allow(clippy::too_many_arguments)] // As `block_forward`.
    pub(super) fn feed_forward_backward<B: Backend>(
        &self,
        backend: &B,
        layer: usize,
        weights: &B::Floats,
        m: usize,
        weight: f32,
        store: Store,
        gradient: &mut B::Floats,
        work: &mut Workspace<B>,
    ) {
        let d = self.shape.width;
        let block = &mut work.blocks[layer];
        let layer = &self.layout.layers[layer];
        let kept = (&block.derivatives, &block.hidden);
        let room = (&mut work.dhidden, &mut work.dgated);
        let (dx, dn) = (&work.dx, &mut work.dn);
        let mixture = block.mixture.as_mut().zip(work.dmixture.as_mut());
        if let (Some((mixture, dmixture)), Some(router)) = (mixture, &layer.router) {
            let count = layer.experts.len();
            let slots = m * self.shape.experts().active;

            // FF(b) = Σ gate · expert(b):  the gradients of outputs and gates
            backend.combine_backward(
                &mut mixture.routes,
                View::first(&mixture.outputs, slots * d),
                View::first(dx, m * d),
                ViewMut::first(&mut dmixture.outputs, slots * d),
                d,
            );
            let (dhidden, dgated) = room;
            let offsets = backend.offsets(&mixture.routes);
            for (expert, range) in layer.experts.iter().zip(offsets.windows(2)) {
                self.hidden_layer_backward(
                    backend,
                    (expert, range[0]..range[1]),
                    weights,
                    &mixture.inputs,
                    kept,
                    &dmixture.outputs,
                    (&mut *dhidden, &mut *dgated),
                    store,
                    gradient,
                    &mut dmixture.inputs,
                );
            }
            let dinputs = View::first(&dmixture.inputs, slots * d);
            let db = ViewMut::first(dn, m * d);
            backend.gather_slots(&mixture.routes, dinputs, db, d);

            // p = softmax(b W_router):  dW_router = bᵀ dz,  db += dz W_routerᵀ  [m, d]
            backend.route_backward(
                &mixture.routes,
                View::first(&mixture.probabilities, m * count),
                ViewMut::first(&mut dmixture.logits, m * count),
                self.shape.context,
                weight,
            );
            let dz = View::first(&dmixture.logits, m * count).matrix(m, count);
            backend.product(
                store,
                View::first(&block.mlp_input, m * d).matrix(m, d).t(),
                dz,
                ViewMut::new(gradient, router.clone()).matrix(d, count),
            );
            backend.product(
                Store::Add,
                dz,
                View::new(weights, router.clone()).matrix(d, count).t(),
                ViewMut::first(dn, m * d).matrix(m, d),
            );
        } else {
            self.hidden_layer_backward(
                backend,
                (&layer.experts[0], 0..m),
                weights,
                &block.mlp_input,
                kept,
                dx,
                room,
                store,
                gradient,
                dn,
            );
        }

        // b = RMSNorm(x'):  dx' = dx'' + …
        backend.rmsnorm_backward(
            Norm {
                x: View::first(&block.middle, m * d),
                gain: View::new(weights, layer.mlp_gain.clone()),
                inverse_rms: View::first(&block.mlp_inverse_rms, m),
            },
            View::first(&work.dn, m * d),
            Store::Add,
            ViewMut::first(&mut work.dx, m * d),
            1.0,
            store,
            ViewMut::new(gradient, layer.mlp_gain.clone()),
            &mut work.scratch,
        );
    }

    /// For some rows of `dout: [·, d]`: the gradients of the weights, and into the same rows of `din`
    /// that of the input.
    #[allow(clippy::too_many_arguments)] // As `hidden_layer`.
    fn hidden_layer_backward<B: Backend>(
        &self,
        backend: &B,
        (layer, rows): (&ExpertLayout, Range<usize>),
        weights: &B::Floats,
        input: &B::Floats,
        (derivatives, hidden): (&B::Floats, &B::Floats),
        dout: &B::Floats,
        (dhidden, dgated): (&mut B::Floats, &mut B::Floats),
        store: Store,
        gradient: &mut B::Floats,
        din: &mut B::Floats,
    ) {
        let (d, h, up) = self.feed_forward_sizes();
        let m = rows.len();
        if m == 0 {
            if store == Store::Set {
                backend.clear(ViewMut::new(gradient, layer.up.clone()));
                backend.clear(ViewMut::new(gradient, layer.down.clone()));
            }
            return;
        }
        let of = |columns: usize| rows.start * columns..rows.end * columns;

        // u W_down:  dW_down = uᵀ dout,  du = dout W_downᵀ  [m, h]
        let dout = View::new(dout, of(d)).matrix(m, d);
        backend.product(
            store,
            View::new(hidden, of(h)).matrix(m, h).t(),
            dout,
            ViewMut::new(gradient, layer.down.clone()).matrix(h, d),
        );
        backend.product(
            Store::Set,
            dout,
            View::new(weights, layer.down.clone()).matrix(h, d).t(),
            ViewMut::new(dhidden, of(h)).matrix(m, h),
        );

        // u = act(b W_up):  dW_up = bᵀ dx,  db = dx W_upᵀ  [m, d]
        let derivatives = View::new(derivatives, of(up));
        let dx = match self.shape.architecture.feed_forward {
            FeedForward::Gelu => {
                backend.gelu_backward(derivatives, ViewMut::new(dhidden, of(h)));
                &*dhidden
            }
            FeedForward::SwiGlu => {
                let (du, dx) = (View::new(dhidden, of(h)), ViewMut::new(dgated, of(up)));
                backend.swiglu_backward(h, derivatives, du, dx);
                &*dgated
            }
        };
        let dx = View::new(dx, of(up)).matrix(m, up);
        backend.product(
            store,
            View::new(input, of(d)).matrix(m, d).t(),
            dx,
            ViewMut::new(gradient, layer.up.clone()).matrix(d, up),
        );
        backend.product(
            Store::Set,
            dx,
            View::new(weights, layer.up.clone()).matrix(d, up).t(),
            ViewMut::new(din, of(d)).matrix(m, d),
        );
    }

    /// Widths d of the model, h of the hidden layers, and of the activation's input.
    fn feed_forward_sizes(&self) -> (usize, usize, usize) {
        let shape = &self.shape;
        (shape.width, shape.hidden_width(), shape.up_width())
    }
}
