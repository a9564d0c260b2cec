//! Forward and backward pass of the transformer, in the order of the paper, shapes beside each
//! line: m rows (tokens of some sequences), d width, V vocabulary, t context, h heads. Written once
//! over the operations of a [`Backend`], whatever executes them.

mod block;
mod feed_forward;
#[cfg(test)]
mod tests;
mod workspace;

pub use workspace::Workspace;

use crate::backend::{Backend, Norm, Store, View, ViewMut};
use crate::layout::Layout;
use crate::shape::ModelShape;

/// Logits are `OUTPUT_SCALE / d · n Eᵀ`, E being the output layer: muP's output multiplier, so that neither the logits at the
/// start nor their change in a step grows with the width. 8 was the best of 2, 4, 8, 16 at
/// width 64; see `docs/recipe.md`.
pub const OUTPUT_SCALE: f32 = 8.0;

/// The model without its weights: shape and layout.
pub struct Transformer {
    shape: ModelShape,
    layout: Layout,
}

impl Transformer {
    /// Prepares `shape`, which must be valid.
    #[must_use]
    pub fn new(shape: ModelShape) -> Self {
        Self {
            layout: Layout::new(&shape),
            shape,
        }
    }

    /// The shape it was made for.
    #[must_use]
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// Where the tensors lie.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Losses in nats of every target, into [`Workspace::losses`], for `inputs` and `targets` of
    /// whole sequences.
    pub(crate) fn losses<B: Backend>(
        &self,
        backend: &B,
        weights: &B::Floats,
        inputs: View<'_, B::Tokens>,
        targets: View<'_, B::Tokens>,
        work: &mut Workspace<B>,
    ) {
        self.trunk(backend, weights, inputs, work);
        let (d, v, m) = (self.shape.width, self.shape.vocabulary, inputs.len);
        let output = View::new(weights, self.layout.output.clone()).matrix(v, d); // [V, d]
        for first in (0..m).step_by(backend.logit_rows()) {
            let rows = backend.logit_rows().min(m - first);
            let n = View::new(&work.n, first * d..(first + rows) * d).matrix(rows, d);
            let logits = ViewMut::first(&mut work.logits, rows * v).matrix(rows, v);
            backend.product(Store::Set, n, output.t(), logits); // z = n Eᵀ  [rows, V]
            backend.cross_entropy(
                ViewMut::first(&mut work.logits, rows * v),
                targets.part(first..first + rows),
                ViewMut::new(&mut work.losses, first..first + rows),
            );
        }
    }

    /// The losses into [`Workspace::losses`], and into `gradient` the gradient of `weight` times
    /// their sum: written where `fresh`, else added. Routers add their balancing loss to what is
    /// minimised, not to the losses.
    #[allow(clippy::too_many_arguments)] // Buffers of the caller, so that nothing is allocated.
    pub(crate) fn loss_and_gradient<B: Backend>(
        &self,
        backend: &B,
        weights: &B::Floats,
        inputs: View<'_, B::Tokens>,
        targets: View<'_, B::Tokens>,
        weight: f32,
        fresh: bool,
        gradient: &mut B::Floats,
        work: &mut Workspace<B>,
    ) {
        let (d, m, store) = (self.shape.width, inputs.len, Store::fresh(fresh));
        self.trunk(backend, weights, inputs, work);
        self.head_backward(backend, weights, targets, weight, store, gradient, work);
        for layer in (0..self.shape.layers).rev() {
            self.block_backward(backend, layer, weights, m, weight, store, gradient, work);
        }
        // The gradient of a tied embedding was begun by the output layer: the input's part is added.
        if fresh && self.layout.output != self.layout.embedding {
            backend.clear(ViewMut::new(gradient, self.layout.embedding.clone()));
        }
        backend.scatter_add(
            View::first(&work.dx, m * d),
            inputs,
            ViewMut::new(gradient, self.layout.embedding.clone()),
        );
    }

    /// Everything up to the normalised output `n: [m, d]`, times the output multiplier.
    fn trunk<B: Backend>(
        &self,
        backend: &B,
        weights: &B::Floats,
        inputs: View<'_, B::Tokens>,
        work: &mut Workspace<B>,
    ) {
        let (d, m) = (self.shape.width, inputs.len);
        backend.gather(
            View::new(weights, self.layout.embedding.clone()),
            inputs,
            ViewMut::first(&mut work.x, m * d), // [m, d]
        );
        for (layer, block) in self.layout.layers.iter().zip(&mut work.blocks) {
            std::mem::swap(&mut block.x, &mut work.x);
            self.block_forward(backend, layer, weights, m, &work.rotary, block, &mut work.x);
        }
        backend.scale(
            OUTPUT_SCALE / d as f32,
            View::new(weights, self.layout.final_gain.clone()),
            ViewMut::first(&mut work.final_gain, d),
        );
        backend.rmsnorm(
            View::first(&work.x, m * d),
            View::first(&work.final_gain, d),
            ViewMut::first(&mut work.n, m * d),
            ViewMut::first(&mut work.final_inverse_rms, m),
        );
    }

    /// Logits, losses and their gradients, some rows at a time; leaves `dx: [m, d]`, the gradient
    /// of the last block's output.
    #[allow(clippy::too_many_arguments)] // As `loss_and_gradient`.
    fn head_backward<B: Backend>(
        &self,
        backend: &B,
        weights: &B::Floats,
        targets: View<'_, B::Tokens>,
        weight: f32,
        store: Store,
        gradient: &mut B::Floats,
        work: &mut Workspace<B>,
    ) {
        let (d, v, m) = (self.shape.width, self.shape.vocabulary, targets.len);
        let output = View::new(weights, self.layout.output.clone()).matrix(v, d); // [V, d]
        for first in (0..m).step_by(backend.logit_rows()) {
            let rows = backend.logit_rows().min(m - first);
            let n = View::new(&work.n, first * d..(first + rows) * d).matrix(rows, d);
            let logits = ViewMut::first(&mut work.logits, rows * v).matrix(rows, v);
            backend.product(Store::Set, n, output.t(), logits); // z = n Eᵀ  [rows, V]
            backend.cross_entropy_backward(
                ViewMut::first(&mut work.logits, rows * v),
                targets.part(first..first + rows),
                ViewMut::new(&mut work.losses, first..first + rows),
                weight,
            );
            let dz = View::first(&work.logits, rows * v).matrix(rows, v);
            // dn = dz E  [rows, d];  dE += dzᵀ n  [V, d]
            let dn = ViewMut::new(&mut work.dn, first * d..(first + rows) * d).matrix(rows, d);
            backend.product(Store::Set, dz, output, dn);
            let de = ViewMut::new(gradient, self.layout.output.clone()).matrix(v, d);
            let store_de = if first == 0 { store } else { Store::Add };
            backend.product(store_de, dz.t(), n, de);
        }
        backend.rmsnorm_backward(
            Norm {
                x: View::first(&work.x, m * d),
                gain: View::first(&work.final_gain, d),
                inverse_rms: View::first(&work.final_inverse_rms, m),
            },
            View::first(&work.dn, m * d),
            Store::Set,
            ViewMut::first(&mut work.dx, m * d),
            OUTPUT_SCALE / d as f32,
            store,
            ViewMut::new(gradient, self.layout.final_gain.clone()),
            &mut work.scratch,
        );
    }
}
