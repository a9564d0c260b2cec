//! The hidden layers of a block, after an RMSNorm and added to the stream: h hidden width, up the
//! columns in front of the activation (h, or 2 h for SwiGLU).

use super::Transformer;
use super::workspace::{BlockActivations, Workspace};
use crate::architecture::FeedForward;
use crate::backend::{Backend, Norm, Store, View, ViewMut};
use crate::layout::LayerLayout;

impl Transformer {
    /// `out: [m, d]` from `block.middle: [m, d]`.
    pub(super) fn feed_forward<B: Backend>(
        &self,
        backend: &B,
        layer: &LayerLayout,
        weights: &B::Floats,
        m: usize,
        block: &mut BlockActivations<B::Floats>,
        out: &mut B::Floats,
    ) {
        let (d, h, up) = self.feed_forward_sizes();

        // b = RMSNorm(x')  [m, d]
        backend.rmsnorm(
            View::first(&block.middle, m * d),
            View::new(weights, layer.mlp_gain.clone()),
            ViewMut::first(&mut block.mlp_input, m * d),
            ViewMut::first(&mut block.mlp_inverse_rms, m),
        );

        // u = GELU(b W_up) or SiLU(b W_gate) ∘ b W_value  [m, h]
        backend.product(
            Store::Set,
            View::first(&block.mlp_input, m * d).matrix(m, d),
            View::new(weights, layer.up.clone()).matrix(d, up),
            ViewMut::first(&mut block.derivatives, m * up).matrix(m, up),
        );
        let x = ViewMut::first(&mut block.derivatives, m * up);
        let u = ViewMut::first(&mut block.hidden, m * h);
        match self.shape.architecture.feed_forward {
            FeedForward::Gelu => backend.gelu(x, u),
            FeedForward::SwiGlu => backend.swiglu(h, x, u),
        }

        // x'' = x' + u W_down  [m, d]
        backend.copy(
            View::first(&block.middle, m * d),
            ViewMut::first(out, m * d),
        );
        backend.product(
            Store::Add,
            View::first(&block.hidden, m * h).matrix(m, h),
            View::new(weights, layer.down.clone()).matrix(h, d),
            ViewMut::first(out, m * d).matrix(m, d),
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
        store: Store,
        gradient: &mut B::Floats,
        work: &mut Workspace<B>,
    ) {
        let (d, h, up) = self.feed_forward_sizes();
        let block = &work.blocks[layer];
        let layer = &self.layout.layers[layer];

        // x'' = x' + u W_down:  dW_down = uᵀ dx'',  du = dx'' W_downᵀ  [m, h]
        let dx = View::first(&work.dx, m * d).matrix(m, d);
        backend.product(
            store,
            View::first(&block.hidden, m * h).matrix(m, h).t(),
            dx,
            ViewMut::new(gradient, layer.down.clone()).matrix(h, d),
        );
        backend.product(
            Store::Set,
            dx,
            View::new(weights, layer.down.clone()).matrix(h, d).t(),
            ViewMut::first(&mut work.dhidden, m * h).matrix(m, h),
        );

        // u = act(b W_up):  dW_up = bᵀ du,  db = du W_upᵀ  [m, d]
        let derivatives = View::first(&block.derivatives, m * up);
        let du = match self.shape.architecture.feed_forward {
            FeedForward::Gelu => {
                backend.gelu_backward(derivatives, ViewMut::first(&mut work.dhidden, m * h));
                &work.dhidden
            }
            FeedForward::SwiGlu => {
                let dy = View::first(&work.dhidden, m * h);
                let dx = ViewMut::first(&mut work.dgated, m * up);
                backend.swiglu_backward(h, derivatives, dy, dx);
                &work.dgated
            }
        };
        let du = View::first(du, m * up).matrix(m, up);
        backend.product(
            store,
            View::first(&block.mlp_input, m * d).matrix(m, d).t(),
            du,
            ViewMut::new(gradient, layer.up.clone()).matrix(d, up),
        );
        backend.product(
            Store::Set,
            du,
            View::new(weights, layer.up.clone()).matrix(d, up).t(),
            ViewMut::first(&mut work.dn, m * d).matrix(m, d),
        );

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

    /// Widths d of the model, h of the hidden layers, and of the activation's input.
    fn feed_forward_sizes(&self) -> (usize, usize, usize) {
        let shape = &self.shape;
        (shape.width, shape.hidden_width(), shape.up_width())
    }
}
