//! One block: attention after an RMSNorm, added to the stream, then the hidden layers.

use super::Transformer;
use super::workspace::{BlockActivations, Workspace, heads};
use crate::backend::{Backend, Norm, Store, Turn, View, ViewMut};
use crate::layout::LayerLayout;

impl Transformer {
    /// `out: [m, d]` from `block.x: [m, d]`.
    #[allow(clippy::too_many_arguments)] // Buffers of the caller, so that nothing is allocated.
    pub(super) fn block_forward<B: Backend>(
        &self,
        backend: &B,
        layer: &LayerLayout,
        weights: &B::Floats,
        m: usize,
        rotary: &B::Rotary,
        block: &mut BlockActivations<B::Floats, B::Routes>,
        out: &mut B::Floats,
    ) {
        let (d, row, heads) = (self.shape.width, self.shape.qkv_width(), heads(&self.shape));

        // a = RMSNorm(x)  [m, d]
        backend.rmsnorm(
            View::first(&block.x, m * d),
            View::new(weights, layer.attention_gain.clone()),
            ViewMut::first(&mut block.attention_input, m * d),
            ViewMut::first(&mut block.attention_inverse_rms, m),
        );

        // q, k, v = a W_qkv  [m, d + 2 d_kv]; q, k rotated by their positions
        backend.product(
            Store::Set,
            View::first(&block.attention_input, m * d).matrix(m, d),
            View::new(weights, layer.qkv.clone()).matrix(d, row),
            ViewMut::first(&mut block.qkv, m * row).matrix(m, row),
        );
        let qkv = ViewMut::first(&mut block.qkv, m * row);
        backend.rotate(Turn::Forward, rotary, &heads, qkv);

        // o = heads(q, k, v)  [m, d]
        backend.attention(
            &heads,
            View::first(&block.qkv, m * row),
            &mut block.attention,
            ViewMut::first(&mut block.heads, m * d),
        );

        // x' = x + o W_o  [m, d]
        let middle = ViewMut::first(&mut block.middle, m * d);
        backend.copy(View::first(&block.x, m * d), middle);
        backend.product(
            Store::Add,
            View::first(&block.heads, m * d).matrix(m, d),
            View::new(weights, layer.projection.clone()).matrix(d, d),
            ViewMut::first(&mut block.middle, m * d).matrix(m, d),
        );

        self.feed_forward(backend, layer, weights, m, block, out);
    }

    /// Takes `dx: [m, d]` from the gradient of the block's output to that of its input; a token
    /// weighs `weight` in what a router adds to the loss.
    #[allow(clippy::too_many_arguments)] // As `block_forward`.
    pub(super) fn block_backward<B: Backend>(
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
        self.feed_forward_backward(backend, layer, weights, m, weight, store, gradient, work);
        let (d, row, heads) = (self.shape.width, self.shape.qkv_width(), heads(&self.shape));
        let block = &work.blocks[layer];
        let layer = &self.layout.layers[layer];

        // x' = x + o W_o:  dW_o = oᵀ dx',  do = dx' W_oᵀ  [m, d]
        let dx = View::first(&work.dx, m * d).matrix(m, d);
        backend.product(
            store,
            View::first(&block.heads, m * d).matrix(m, d).t(),
            dx,
            ViewMut::new(gradient, layer.projection.clone()).matrix(d, d),
        );
        backend.product(
            Store::Set,
            dx,
            View::new(weights, layer.projection.clone())
                .matrix(d, d)
                .t(),
            ViewMut::first(&mut work.dn, m * d).matrix(m, d),
        );

        // o = heads(q, k, v):  dq, dk, dv  [m, d + 2 d_kv]
        backend.attention_backward(
            &heads,
            View::first(&block.qkv, m * row),
            &block.attention,
            View::first(&block.heads, m * d),
            View::first(&work.dn, m * d),
            ViewMut::first(&mut work.dqkv, m * row),
            &mut work.scratch,
        );
        let dqkv = ViewMut::first(&mut work.dqkv, m * row);
        backend.rotate(Turn::Back, &work.rotary, &heads, dqkv);

        // q, k, v = a W_qkv:  dW_qkv = aᵀ dqkv,  da = dqkv W_qkvᵀ  [m, d]
        let dqkv = View::first(&work.dqkv, m * row).matrix(m, row);
        backend.product(
            store,
            View::first(&block.attention_input, m * d).matrix(m, d).t(),
            dqkv,
            ViewMut::new(gradient, layer.qkv.clone()).matrix(d, row),
        );
        backend.product(
            Store::Set,
            dqkv,
            View::new(weights, layer.qkv.clone()).matrix(d, row).t(),
            ViewMut::first(&mut work.dn, m * d).matrix(m, d),
        );

        // a = RMSNorm(x):  dx = dx' + …
        backend.rmsnorm_backward(
            Norm {
                x: View::first(&block.x, m * d),
                gain: View::new(weights, layer.attention_gain.clone()),
                inverse_rms: View::first(&block.attention_inverse_rms, m),
            },
            View::first(&work.dn, m * d),
            Store::Add,
            ViewMut::first(&mut work.dx, m * d),
            1.0,
            store,
            ViewMut::new(gradient, layer.attention_gain.clone()),
            &mut work.scratch,
        );
    }
}
