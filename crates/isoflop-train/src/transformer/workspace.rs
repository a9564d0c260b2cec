//! The buffers of a pass: m rows (tokens), d width, V vocabulary, t context, h heads.

use crate::architecture::Experts;
use crate::backend::{Backend, Heads};
use crate::device::DeviceError;
use crate::shape::ModelShape;

/// What one block keeps of its forward pass for the backward pass.
pub(super) struct BlockActivations<F, R> {
    pub x: F,                     // [m, d] input
    pub attention_inverse_rms: F, // [m]
    pub attention_input: F,       // [m, d] normalised
    pub qkv: F,                   // [m, d + 2 d_kv], queries and keys rotated
    pub attention: F,             // what the device keeps, such as probabilities
    pub heads: F,                 // [m, d] outputs of the heads
    pub middle: F,                // [m, d] input + attention
    pub mlp_inverse_rms: F,       // [m]
    pub mlp_input: F,             // [m, d] normalised
    pub derivatives: F,           // [m k, h], for SwiGLU [m k, 2 h], of the activation
    pub hidden: F,                // [m k, h]; k experts a token, one without a mixture
    pub mixture: Option<Mixture<F, R>>,
}

/// What a mixture of experts keeps.
pub(super) struct Mixture<F, R> {
    pub routes: R,
    pub probabilities: F, // [m, E]
    pub inputs: F,        // [m k, d] in the order of experts
    pub outputs: F,       // [m k, d]
}

/// Gradients inside a mixture of experts.
pub(super) struct MixtureGradients<F> {
    pub logits: F,  // [m, E]
    pub inputs: F,  // [m k, d]
    pub outputs: F, // [m k, d]
}

/// Buffers for one pass over up to some number of sequences; reused, so that a step allocates
/// nothing.
pub struct Workspace<B: Backend> {
    pub(super) rotary: B::Rotary,
    pub(super) blocks: Vec<BlockActivations<B::Floats, B::Routes>>,
    pub(super) x: B::Floats, // [m, d] output of the last block
    pub(super) final_inverse_rms: B::Floats, // [m]
    pub(super) final_gain: B::Floats, // [d] gain times the output multiplier
    pub(super) n: B::Floats, // [m, d] normalised output
    pub(super) logits: B::Floats, // [logit_rows, V]
    pub(super) losses: B::Floats, // [m]
    pub(super) dx: B::Floats, // [m, d]
    pub(super) dn: B::Floats, // [m, d]
    pub(super) dqkv: B::Floats, // [m, d + 2 d_kv]
    pub(super) dhidden: B::Floats, // [m k, h]
    pub(super) dgated: B::Floats, // [m k, 2 h] for SwiGLU
    pub(super) dmixture: Option<MixtureGradients<B::Floats>>,
    pub(super) scratch: B::Floats,
}

impl<B: Backend> Workspace<B> {
    /// Buffers for `sequences` sequences of `shape`.
    ///
    /// # Errors
    /// [`DeviceError::OutOfMemory`].
    pub fn new(backend: &B, shape: &ModelShape, sequences: usize) -> Result<Self, DeviceError> {
        let (d, row, heads) = (shape.width, shape.qkv_width(), heads(shape));
        let (h, up) = (shape.hidden_width(), shape.up_width());
        let m = sequences * shape.context;
        let zeros = |n: usize| backend.zeros(n);
        let slots = m * shape.experts().active;
        let mixture = |experts: Experts| {
            Ok(Mixture {
                routes: backend.routes(experts, m)?,
                probabilities: zeros(m * experts.count)?,
                inputs: zeros(slots * d)?,
                outputs: zeros(slots * d)?,
            })
        };
        let dmixture = |experts: Experts| {
            Ok(MixtureGradients {
                logits: zeros(m * experts.count)?,
                inputs: zeros(slots * d)?,
                outputs: zeros(slots * d)?,
            })
        };
        let block = |_| {
            Ok(BlockActivations {
                x: zeros(m * d)?,
                attention_inverse_rms: zeros(m)?,
                attention_input: zeros(m * d)?,
                qkv: zeros(m * row)?,
                attention: zeros(backend.attention_kept(&heads, sequences))?,
                heads: zeros(m * d)?,
                middle: zeros(m * d)?,
                mlp_inverse_rms: zeros(m)?,
                mlp_input: zeros(m * d)?,
                derivatives: zeros(slots * up)?,
                hidden: zeros(slots * h)?,
                mixture: shape.architecture.experts.map(mixture).transpose()?,
            })
        };
        Ok(Self {
            rotary: backend.rotary(&heads)?,
            blocks: (0..shape.layers).map(block).collect::<Result<_, _>>()?,
            x: zeros(m * d)?,
            final_inverse_rms: zeros(m)?,
            final_gain: zeros(d)?,
            n: zeros(m * d)?,
            logits: zeros(backend.logit_rows().min(m) * shape.vocabulary)?,
            losses: zeros(m)?,
            dx: zeros(m * d)?,
            dn: zeros(m * d)?,
            dqkv: zeros(m * row)?,
            dhidden: zeros(slots * h)?,
            dgated: zeros(if up > h { slots * up } else { 0 })?,
            dmixture: shape.architecture.experts.map(dmixture).transpose()?,
            scratch: zeros(backend.scratch(&heads, sequences))?,
        })
    }

    /// Losses in nats of the targets of the last pass, from the first.
    pub fn losses(&self) -> &B::Floats {
        &self.losses
    }
}

pub(super) fn heads(shape: &ModelShape) -> Heads {
    Heads {
        context: shape.context,
        count: shape.heads,
        kv: shape.kv_heads(),
        width: shape.head_width(),
    }
}
