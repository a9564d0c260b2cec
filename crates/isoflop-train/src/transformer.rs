//! Forward and backward pass of the transformer, in the order of the paper, shapes beside each
//! line: m rows (tokens of some sequences), d width, V vocabulary, t context, h heads.

use crate::kernels::attention::{self, Head};
use crate::kernels::matmul::{Rows, RowsMut};
use crate::kernels::rotary::Rotary;
use crate::kernels::{cross_entropy, gelu, rmsnorm};
use crate::shape::{LayerLayout, Layout, ModelShape};

/// Logits are `OUTPUT_SCALE / d · n Eᵀ`: muP's output multiplier, so that neither the logits at the
/// start nor their change in a step grows with the width. 8 was the best of 2, 4, 8, 16 at
/// width 64; see `docs/recipe.md`.
pub const OUTPUT_SCALE: f32 = 8.0;

/// Rows of logits made at a time: they stay in the cache between the product, the softmax and the
/// two products of the backward pass, and all logits together are never stored.
const LOGIT_ROWS: usize = 128;

/// What one block keeps of its forward pass for the backward pass.
struct BlockActivations {
    x: Vec<f32>,                     // [m, d] input
    attention_inverse_rms: Vec<f32>, // [m]
    attention_input: Vec<f32>,       // [m, d] normalised
    qkv: Vec<f32>,                   // [m, 3 d], queries and keys rotated
    probabilities: Vec<f32>,         // [m / t, h, t, t]
    heads: Vec<f32>,                 // [m, d] outputs of the heads
    middle: Vec<f32>,                // [m, d] input + attention
    mlp_inverse_rms: Vec<f32>,       // [m]
    mlp_input: Vec<f32>,             // [m, d] normalised
    gelu_derivative: Vec<f32>,       // [m, 4 d]
    hidden: Vec<f32>,                // [m, 4 d]
}

/// Buffers for one pass over up to `sequences` sequences; reused, so that a step allocates nothing.
pub struct Workspace {
    blocks: Vec<BlockActivations>,
    x: Vec<f32>,                 // [m, d] output of the last block
    final_inverse_rms: Vec<f32>, // [m]
    final_gain: Vec<f32>,        // [d] gain times the output multiplier
    n: Vec<f32>,                 // [m, d] normalised output
    logits: Vec<f32>,            // [LOGIT_ROWS, V]
    losses: Vec<f32>,            // [m]
    dx: Vec<f32>,                // [m, d]
    dn: Vec<f32>,                // [m, d]
    dqkv: Vec<f32>,              // [m, 3 d]
    dhidden: Vec<f32>,           // [m, 4 d]
    dgain: Vec<f32>,             // [d]
    scratch: Vec<f32>,
}

impl Workspace {
    /// Buffers for `sequences` sequences of `shape`.
    #[must_use]
    pub fn new(shape: &ModelShape, sequences: usize) -> Self {
        let (d, t) = (shape.width, shape.context);
        let m = sequences * t;
        let zeros = |n: usize| vec![0.0; n];
        let block = || BlockActivations {
            x: zeros(m * d),
            attention_inverse_rms: zeros(m),
            attention_input: zeros(m * d),
            qkv: zeros(m * 3 * d),
            probabilities: zeros(sequences * shape.heads * t * t),
            heads: zeros(m * d),
            middle: zeros(m * d),
            mlp_inverse_rms: zeros(m),
            mlp_input: zeros(m * d),
            gelu_derivative: zeros(m * 4 * d),
            hidden: zeros(m * 4 * d),
        };
        Self {
            blocks: (0..shape.layers).map(|_| block()).collect(),
            x: zeros(m * d),
            final_inverse_rms: zeros(m),
            final_gain: zeros(d),
            n: zeros(m * d),
            logits: zeros(LOGIT_ROWS.min(m) * shape.vocabulary),
            losses: zeros(m),
            dx: zeros(m * d),
            dn: zeros(m * d),
            dqkv: zeros(m * 3 * d),
            dhidden: zeros(m * 4 * d),
            dgain: zeros(d),
            scratch: zeros(attention::scratch_len(t)),
        }
    }
}

/// The model without its weights: shape, layout and position tables.
pub struct Transformer {
    shape: ModelShape,
    layout: Layout,
    rotary: Rotary,
}

impl Transformer {
    /// Prepares `shape`, which must be valid.
    #[must_use]
    pub fn new(shape: ModelShape) -> Self {
        Self {
            layout: Layout::new(&shape),
            rotary: Rotary::new(shape.context, shape.head_width()),
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

    /// Losses in nats of every target, `[m]`, for `inputs` and `targets` of whole sequences.
    pub fn losses<'w>(
        &self,
        weights: &[f32],
        inputs: &[u16],
        targets: &[u16],
        work: &'w mut Workspace,
    ) -> &'w [f32] {
        self.trunk(weights, inputs, work);
        let (d, v) = (self.shape.width, self.shape.vocabulary);
        let embedding = Rows::new(&weights[self.layout.embedding.clone()], v, d); // [V, d]
        for first in (0..inputs.len()).step_by(LOGIT_ROWS) {
            let rows = LOGIT_ROWS.min(inputs.len() - first);
            let n = Rows::new(&work.n[first * d..], rows, d);
            let logits = &mut work.logits[..rows * v];
            RowsMut::new(logits, rows, v).set(n, embedding.t()); // [rows, V]
            let targets = &targets[first..first + rows];
            cross_entropy::forward(logits, v, targets, &mut work.losses[first..first + rows]);
        }
        &work.losses[..inputs.len()]
    }

    /// The sum of the losses, and into `gradient` the gradient of `weight` times that sum: written
    /// where `fresh`, else added.
    #[allow(clippy::too_many_arguments)] // Buffers of the caller, so that nothing is allocated.
    pub fn loss_and_gradient(
        &self,
        weights: &[f32],
        inputs: &[u16],
        targets: &[u16],
        weight: f32,
        fresh: bool,
        gradient: &mut [f32],
        work: &mut Workspace,
    ) -> f64 {
        self.trunk(weights, inputs, work);
        self.head_backward(weights, targets, weight, fresh, gradient, work);
        for layer in (0..self.shape.layers).rev() {
            self.block_backward(layer, weights, inputs.len(), fresh, gradient, work);
        }
        // The embedding's gradient was begun by the output layer: add the input's part.
        let d = self.shape.width;
        let embedding = &mut gradient[self.layout.embedding.clone()];
        for (dx, &token) in work.dx.chunks_exact(d).zip(inputs) {
            let row = &mut embedding[usize::from(token) * d..][..d];
            for (row, dx) in row.iter_mut().zip(dx) {
                *row += dx;
            }
        }
        work.losses[..inputs.len()]
            .iter()
            .map(|loss| f64::from(*loss))
            .sum()
    }

    /// Everything up to the normalised output `n: [m, d]`, times the output multiplier.
    fn trunk(&self, weights: &[f32], inputs: &[u16], work: &mut Workspace) {
        let (d, m) = (self.shape.width, inputs.len());
        let embedding = &weights[self.layout.embedding.clone()];
        for (x, &token) in work.x.chunks_exact_mut(d).zip(inputs) {
            x.copy_from_slice(&embedding[usize::from(token) * d..][..d]); // [m, d]
        }
        for (layer, block) in self.layout.layers.iter().zip(&mut work.blocks) {
            std::mem::swap(&mut block.x, &mut work.x);
            self.block_forward(layer, weights, m, block, &mut work.x);
        }
        let scale = OUTPUT_SCALE / d as f32;
        for (gain, weight) in work
            .final_gain
            .iter_mut()
            .zip(&weights[self.layout.final_gain.clone()])
        {
            *gain = weight * scale;
        }
        let (x, n) = (&work.x[..m * d], &mut work.n[..m * d]);
        rmsnorm::forward(x, &work.final_gain, n, &mut work.final_inverse_rms);
    }

    fn block_forward(
        &self,
        layer: &LayerLayout,
        weights: &[f32],
        m: usize,
        block: &mut BlockActivations,
        out: &mut [f32],
    ) {
        let (d, t) = (self.shape.width, self.shape.context);
        let x = &block.x[..m * d];

        // a = RMSNorm(x)  [m, d]
        let gain = &weights[layer.attention_gain.clone()];
        let a = &mut block.attention_input[..m * d];
        rmsnorm::forward(x, gain, a, &mut block.attention_inverse_rms);

        // q, k, v = a W_qkv  [m, 3 d]; q, k rotated by their positions
        let qkv = &mut block.qkv[..m * 3 * d];
        RowsMut::new(qkv, m, 3 * d).set(
            Rows::new(a, m, d),
            Rows::new(&weights[layer.qkv.clone()], d, 3 * d),
        );
        self.rotary.forward(qkv, 3 * d, 2 * self.shape.heads, t);

        // o = heads(q, k, v)  [m, d]
        for (sequence, (qkv, o)) in qkv
            .chunks_exact(t * 3 * d)
            .zip(block.heads.chunks_exact_mut(t * d))
            .enumerate()
        {
            for head in 0..self.shape.heads {
                let p = (sequence * self.shape.heads + head) * t * t;
                self.head(head)
                    .forward(qkv, &mut block.probabilities[p..p + t * t], o);
            }
        }

        // x' = x + o W_o  [m, d]
        let middle = &mut block.middle[..m * d];
        middle.copy_from_slice(x);
        RowsMut::new(middle, m, d).add(
            Rows::new(&block.heads, m, d),
            Rows::new(&weights[layer.projection.clone()], d, d),
        );

        // b = RMSNorm(x')  [m, d]
        let gain = &weights[layer.mlp_gain.clone()];
        let b = &mut block.mlp_input[..m * d];
        rmsnorm::forward(middle, gain, b, &mut block.mlp_inverse_rms);

        // u = GELU(b W_up)  [m, 4 d]
        let before = &mut block.gelu_derivative[..m * 4 * d];
        RowsMut::new(before, m, 4 * d).set(
            Rows::new(b, m, d),
            Rows::new(&weights[layer.up.clone()], d, 4 * d),
        );
        let hidden = &mut block.hidden[..m * 4 * d];
        gelu::forward(before, hidden);

        // x'' = x' + u W_down  [m, d]
        out[..m * d].copy_from_slice(middle);
        RowsMut::new(out, m, d).add(
            Rows::new(hidden, m, 4 * d),
            Rows::new(&weights[layer.down.clone()], 4 * d, d),
        );
    }

    /// Logits, losses and their gradients, a few rows at a time; leaves `dx: [m, d]`, the gradient
    /// of the last block's output.
    fn head_backward(
        &self,
        weights: &[f32],
        targets: &[u16],
        weight: f32,
        fresh: bool,
        gradient: &mut [f32],
        work: &mut Workspace,
    ) {
        let (d, v, m) = (self.shape.width, self.shape.vocabulary, targets.len());
        let embedding = Rows::new(&weights[self.layout.embedding.clone()], v, d); // [V, d]
        for first in (0..m).step_by(LOGIT_ROWS) {
            let rows = LOGIT_ROWS.min(m - first);
            let range = first..first + rows;
            let n = Rows::new(&work.n[first * d..], rows, d);
            let logits = &mut work.logits[..rows * v];
            RowsMut::new(logits, rows, v).set(n, embedding.t()); // z = n Eᵀ  [rows, V]
            let losses = &mut work.losses[range.clone()];
            cross_entropy::forward_backward(logits, v, &targets[range], losses, weight);
            let dz = Rows::new(logits, rows, v);
            // dn = dz E  [rows, d];  dE += dzᵀ n  [V, d]
            RowsMut::new(&mut work.dn[first * d..], rows, d).set(dz, embedding);
            RowsMut::new(&mut gradient[self.layout.embedding.clone()], v, d).set_or_add(
                fresh && first == 0,
                dz.t(),
                n,
            );
        }
        work.dx[..m * d].fill(0.0);
        work.dgain.fill(0.0);
        rmsnorm::backward(
            &work.x[..m * d],
            &work.final_gain,
            &work.final_inverse_rms,
            &work.dn[..m * d],
            &mut work.dx[..m * d],
            &mut work.dgain,
        );
        let scale = OUTPUT_SCALE / d as f32;
        store_gain(
            &mut gradient[self.layout.final_gain.clone()],
            &work.dgain,
            scale,
            fresh,
        );
    }

    /// Takes `dx: [m, d]` from the gradient of the block's output to that of its input.
    fn block_backward(
        &self,
        layer: usize,
        weights: &[f32],
        m: usize,
        fresh: bool,
        gradient: &mut [f32],
        work: &mut Workspace,
    ) {
        let (d, t) = (self.shape.width, self.shape.context);
        let block = &work.blocks[layer];
        let layer = &self.layout.layers[layer];
        let dx = &mut work.dx[..m * d];
        let dn = &mut work.dn[..m * d];

        // x'' = x' + u W_down:  dW_down = uᵀ dx'',  du = dx'' W_downᵀ  [m, 4 d]
        let hidden = Rows::new(&block.hidden, m, 4 * d);
        let dhidden = &mut work.dhidden[..m * 4 * d];
        RowsMut::new(&mut gradient[layer.down.clone()], 4 * d, d).set_or_add(
            fresh,
            hidden.t(),
            Rows::new(dx, m, d),
        );
        RowsMut::new(dhidden, m, 4 * d).set(
            Rows::new(dx, m, d),
            Rows::new(&weights[layer.down.clone()], 4 * d, d).t(),
        );

        // u = GELU(b W_up):  dW_up = bᵀ du,  db = du W_upᵀ  [m, d]
        gelu::backward(&block.gelu_derivative[..m * 4 * d], dhidden);
        let dhidden = Rows::new(dhidden, m, 4 * d);
        RowsMut::new(&mut gradient[layer.up.clone()], d, 4 * d).set_or_add(
            fresh,
            Rows::new(&block.mlp_input, m, d).t(),
            dhidden,
        );
        RowsMut::new(dn, m, d).set(dhidden, Rows::new(&weights[layer.up.clone()], d, 4 * d).t());

        // b = RMSNorm(x'):  dx' = dx'' + …
        work.dgain.fill(0.0);
        rmsnorm::backward(
            &block.middle[..m * d],
            &weights[layer.mlp_gain.clone()],
            &block.mlp_inverse_rms,
            dn,
            dx,
            &mut work.dgain,
        );
        store_gain(
            &mut gradient[layer.mlp_gain.clone()],
            &work.dgain,
            1.0,
            fresh,
        );

        // x' = x + o W_o:  dW_o = oᵀ dx',  do = dx' W_oᵀ  [m, d]
        RowsMut::new(&mut gradient[layer.projection.clone()], d, d).set_or_add(
            fresh,
            Rows::new(&block.heads, m, d).t(),
            Rows::new(dx, m, d),
        );
        RowsMut::new(dn, m, d).set(
            Rows::new(dx, m, d),
            Rows::new(&weights[layer.projection.clone()], d, d).t(),
        );

        // o = heads(q, k, v):  dq, dk, dv  [m, 3 d]
        let dqkv = &mut work.dqkv[..m * 3 * d];
        for sequence in 0..m / t {
            let rows = sequence * t * 3 * d..(sequence + 1) * t * 3 * d;
            for head in 0..self.shape.heads {
                let p = (sequence * self.shape.heads + head) * t * t;
                self.head(head).backward(
                    &block.qkv[rows.clone()],
                    &block.probabilities[p..p + t * t],
                    &dn[sequence * t * d..(sequence + 1) * t * d],
                    &mut dqkv[rows.clone()],
                    &mut work.scratch,
                );
            }
        }
        self.rotary.backward(dqkv, 3 * d, 2 * self.shape.heads, t);

        // q, k, v = a W_qkv:  dW_qkv = aᵀ dqkv,  da = dqkv W_qkvᵀ  [m, d]
        let dqkv = Rows::new(dqkv, m, 3 * d);
        RowsMut::new(&mut gradient[layer.qkv.clone()], d, 3 * d).set_or_add(
            fresh,
            Rows::new(&block.attention_input, m, d).t(),
            dqkv,
        );
        RowsMut::new(dn, m, d).set(dqkv, Rows::new(&weights[layer.qkv.clone()], d, 3 * d).t());

        // a = RMSNorm(x):  dx = dx' + …
        work.dgain.fill(0.0);
        rmsnorm::backward(
            &block.x[..m * d],
            &weights[layer.attention_gain.clone()],
            &block.attention_inverse_rms,
            dn,
            dx,
            &mut work.dgain,
        );
        store_gain(
            &mut gradient[layer.attention_gain.clone()],
            &work.dgain,
            1.0,
            fresh,
        );
    }

    fn head(&self, index: usize) -> Head {
        Head {
            context: self.shape.context,
            width: self.shape.head_width(),
            model_width: self.shape.width,
            index,
        }
    }
}

fn store_gain(gradient: &mut [f32], dgain: &[f32], scale: f32, fresh: bool) {
    for (gradient, dgain) in gradient.iter_mut().zip(dgain) {
        let before = if fresh { 0.0 } else { *gradient };
        *gradient = before + dgain * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::finite_differences::assert_gradient;

    const SHAPE: ModelShape = ModelShape {
        layers: 2,
        width: 32,
        heads: 2,
        vocabulary: 50,
        context: 70,
    };

    fn tokens(phase: usize) -> Vec<u16> {
        (0..2 * SHAPE.context)
            .map(|i| ((i * i + phase * 7 + i / 3) % SHAPE.vocabulary) as u16)
            .collect()
    }

    #[test]
    fn gradient_of_every_tensor_agrees_with_finite_differences() {
        let model = Transformer::new(SHAPE);
        let mut work = Workspace::new(&SHAPE, 2);
        let weights = model.layout().initial_weights(3);
        let (inputs, targets) = (tokens(0), tokens(1));
        let weight = 1.0 / inputs.len() as f32;
        let mut gradient = vec![f32::NAN; weights.len()];
        model.loss_and_gradient(
            &weights,
            &inputs,
            &targets,
            weight,
            true,
            &mut gradient,
            &mut work,
        );
        for tensor in model.layout().tensors() {
            let range = tensor.range.clone();
            assert_gradient(
                &weights[range.clone()],
                &gradient[range.clone()],
                1e-2,
                1e-2,
                |part| {
                    let mut weights = weights.clone();
                    weights[range.clone()].copy_from_slice(part);
                    let losses = model.losses(&weights, &inputs, &targets, &mut work);
                    losses.iter().map(|l| f64::from(*l)).sum::<f64>() / inputs.len() as f64
                },
            );
        }
    }

    #[test]
    fn gradients_add_up_over_microbatches() {
        let model = Transformer::new(SHAPE);
        let mut work = Workspace::new(&SHAPE, 2);
        let weights = model.layout().initial_weights(3);
        let (inputs, targets) = (tokens(0), tokens(1));
        let mut whole = vec![f32::NAN; weights.len()];
        let loss = model.loss_and_gradient(
            &weights, &inputs, &targets, 0.01, true, &mut whole, &mut work,
        );
        let mut parts = vec![f32::NAN; weights.len()];
        let mut sum = 0.0;
        for (i, range) in [(0, 0..70), (1, 70..140)] {
            let (inputs, targets) = (&inputs[range.clone()], &targets[range]);
            sum += model.loss_and_gradient(
                &weights,
                inputs,
                targets,
                0.01,
                i == 0,
                &mut parts,
                &mut work,
            );
        }
        assert!((loss - sum).abs() < 1e-3);
        let largest = whole.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        for (whole, parts) in whole.iter().zip(&parts) {
            assert!((whole - parts).abs() < 1e-5 * largest);
        }
    }

    #[test]
    fn losses_alone_equal_those_of_the_training_pass() {
        let model = Transformer::new(SHAPE);
        let weights = model.layout().initial_weights(3);
        let mut work = Workspace::new(&SHAPE, 2);
        let (inputs, targets) = (tokens(0), tokens(1));
        let alone: f64 = model
            .losses(&weights, &inputs, &targets, &mut work)
            .iter()
            .map(|l| f64::from(*l))
            .sum();
        let mut gradient = vec![0.0; weights.len()];
        let trained = model.loss_and_gradient(
            &weights,
            &inputs,
            &targets,
            1.0,
            true,
            &mut gradient,
            &mut work,
        );
        assert_eq!(alone, trained);
    }
}
