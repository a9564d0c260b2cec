//! One block: attention and the hidden layers, each after an RMSNorm and added to the stream.

use super::Transformer;
use super::workspace::{BlockActivations, Workspace, heads};
use crate::backend::{Backend, Norm, Store, Turn, View, ViewMut};
use crate::shape::LayerLayout;

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
        block: &mut BlockActivations<B::Floats>,
        out: &mut B::Floats,
    ) {
        let (d, heads) = (self.shape.width, heads(&self.shape));

        // a = RMSNorm(x)  [m, d]
        backend.rmsnorm(
            View::first(&block.x, m * d),
            View::new(weights, layer.attention_gain.clone()),
            ViewMut::first(&mut block.attention_input, m * d),
            ViewMut::first(&mut block.attention_inverse_rms, m),
        );

        // q, k, v = a W_qkv  [m, 3 d]; q, k rotated by their positions
        backend.product(
            Store::Set,
            View::first(&block.attention_input, m * d).matrix(m, d),
            View::new(weights, layer.qkv.clone()).matrix(d, 3 * d),
            ViewMut::first(&mut block.qkv, m * 3 * d).matrix(m, 3 * d),
        );
        let qkv = ViewMut::first(&mut block.qkv, m * 3 * d);
        backend.rotate(Turn::Forward, rotary, &heads, qkv);

        // o = heads(q, k, v)  [m, d]
        backend.attention(
            &heads,
            View::first(&block.qkv, m * 3 * d),
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

        // b = RMSNorm(x')  [m, d]
        backend.rmsnorm(
            View::first(&block.middle, m * d),
            View::new(weights, layer.mlp_gain.clone()),
            ViewMut::first(&mut block.mlp_input, m * d),
            ViewMut::first(&mut block.mlp_inverse_rms, m),
        );

        // u = GELU(b W_up)  [m, 4 d]
        backend.product(
            Store::Set,
            View::first(&block.mlp_input, m * d).matrix(m, d),
            View::new(weights, layer.up.clone()).matrix(d, 4 * d),
            ViewMut::first(&mut block.gelu_derivative, m * 4 * d).matrix(m, 4 * d),
        );
        backend.gelu(
            ViewMut::first(&mut block.gelu_derivative, m * 4 * d),
            ViewMut::first(&mut block.hidden, m * 4 * d),
        );

        // x'' = x' + u W_down  [m, d]
        backend.copy(
            View::first(&block.middle, m * d),
            ViewMut::first(out, m * d),
        );
        backend.product(
            Store::Add,
            View::first(&block.hidden, m * 4 * d).matrix(m, 4 * d),
            View::new(weights, layer.down.clone()).matrix(4 * d, d),
            ViewMut::first(out, m * d).matrix(m, d),
        );
    }

    /// Takes `dx: [m, d]` from the gradient of the block's output to that of its input.
    #[allow(clippy::too_many_arguments)] // As `block_forward`.
    pub(super) fn block_backward<B: Backend>(
        &self,
        backend: &B,
        layer: usize,
        weights: &B::Floats,
        m: usize,
        store: Store,
        gradient: &mut B::Floats,
        work: &mut Workspace<B>,
    ) {
        let (d, heads) = (self.shape.width, heads(&self.shape));
        let block = &work.blocks[layer];
        let layer = &self.layout.layers[layer];

        // x'' = x' + u W_down:  dW_down = uᵀ dx'',  du = dx'' W_downᵀ  [m, 4 d]
        let dx = View::first(&work.dx, m * d).matrix(m, d);
        backend.product(
            store,
            View::first(&block.hidden, m * 4 * d).matrix(m, 4 * d).t(),
            dx,
            ViewMut::new(gradient, layer.down.clone()).matrix(4 * d, d),
        );
        backend.product(
            Store::Set,
            dx,
            View::new(weights, layer.down.clone()).matrix(4 * d, d).t(),
            ViewMut::first(&mut work.dhidden, m * 4 * d).matrix(m, 4 * d),
        );

        // u = GELU(b W_up):  dW_up = bᵀ du,  db = du W_upᵀ  [m, d]
        backend.gelu_backward(
            View::first(&block.gelu_derivative, m * 4 * d),
            ViewMut::first(&mut work.dhidden, m * 4 * d),
        );
        let dhidden = View::first(&work.dhidden, m * 4 * d).matrix(m, 4 * d);
        backend.product(
            store,
            View::first(&block.mlp_input, m * d).matrix(m, d).t(),
            dhidden,
            ViewMut::new(gradient, layer.up.clone()).matrix(d, 4 * d),
        );
        backend.product(
            Store::Set,
            dhidden,
            View::new(weights, layer.up.clone()).matrix(d, 4 * d).t(),
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

        // o = heads(q, k, v):  dq, dk, dv  [m, 3 d]
        backend.attention_backward(
            &heads,
            View::first(&block.qkv, m * 3 * d),
            &block.attention,
            View::first(&block.heads, m * d),
            View::first(&work.dn, m * d),
            ViewMut::first(&mut work.dqkv, m * 3 * d),
            &mut work.scratch,
        );
        let dqkv = ViewMut::first(&mut work.dqkv, m * 3 * d);
        backend.rotate(Turn::Back, &work.rotary, &heads, dqkv);

        // q, k, v = a W_qkv:  dW_qkv = aᵀ dqkv,  da = dqkv W_qkvᵀ  [m, d]
        let dqkv = View::first(&work.dqkv, m * 3 * d).matrix(m, 3 * d);
        backend.product(
            store,
            View::first(&block.attention_input, m * d).matrix(m, d).t(),
            dqkv,
            ViewMut::new(gradient, layer.qkv.clone()).matrix(d, 3 * d),
        );
        backend.product(
            Store::Set,
            dqkv,
            View::new(weights, layer.qkv.clone()).matrix(d, 3 * d).t(),
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
