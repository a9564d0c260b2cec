//! What a run is specified by, and why it can't go on.

use crate::device::DeviceError;
use crate::schedule::Schedule;
use crate::shape::{ModelShape, ShapeError};
use serde::{Deserialize, Serialize};

/// Everything that decides the weights a run ends with, besides the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    /// The model.
    pub shape: ModelShape,
    /// Sequences in a batch.
    pub batch: usize,
    /// Learning rate against step; `schedule.steps` is the length of the run.
    pub schedule: Schedule,
    /// Peak learning rate of gains, and of hidden matrices at width 64.
    pub learning_rate: f32,
    /// Peak learning rate of the embedding as a multiple of `learning_rate`; it does not depend on
    /// the width.
    pub embedding_rate: f32,
    /// AdamW's decay of the first moment.
    pub beta1: f32,
    /// AdamW's decay of the second moment.
    pub beta2: f32,
    /// Decoupled weight decay of the hidden matrices.
    pub weight_decay: f32,
    /// The gradient's norm is clipped to this.
    pub clip: f32,
    /// Seed of the initial weights.
    pub seed: u64,
    /// What trains the hidden matrices.
    #[serde(default, skip_serializing_if = "Optimizer::is_adamw")]
    pub optimizer: Optimizer,
}

/// What trains the hidden matrices; embeddings and gains are trained by AdamW always.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimizer {
    /// AdamW (Loshchilov & Hutter 2017).
    #[default]
    AdamW,
    /// Muon (Jordan et al. 2024): [`muon`](crate::kernels::muon).
    Muon {
        /// Peak rate of hidden matrices as a multiple of the learning rate; it does not depend on
        /// the width.
        rate: f32,
        /// Decay of the momentum; 0.95 in the source.
        momentum: f32,
    },
}

impl Optimizer {
    fn is_adamw(&self) -> bool {
        *self == Self::AdamW
    }
}

impl TrainSpec {
    /// Tokens D that the whole run sees.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.schedule.steps * self.batch_tokens() as u64
    }

    /// Tokens in a step.
    #[must_use]
    pub fn batch_tokens(&self) -> usize {
        self.batch * self.shape.context
    }
}

/// Why training can't start or go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The model's shape is impossible.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A run without steps or sequences.
    #[error("a run needs at least one step and one sequence in a batch, got {steps} and {batch}")]
    Empty {
        /// Steps asked for.
        steps: u64,
        /// Sequences in a batch asked for.
        batch: usize,
    },
    /// Muon with numbers that can't work.
    #[error(
        "Muon needs a positive rate and a momentum from 0 to below 1, got {rate} and {momentum}"
    )]
    Muon {
        /// Rate asked for.
        rate: f32,
        /// Momentum asked for.
        momentum: f32,
    },
    /// A batch does not have the sequences or tokens that the run was specified with.
    #[error("a batch has {got} sequences of {expected_tokens} tokens expected, not {expected}")]
    Batch {
        /// Sequences given.
        got: usize,
        /// Sequences expected.
        expected: usize,
        /// Tokens of a sequence and its last target.
        expected_tokens: usize,
    },
    /// A token outside the vocabulary.
    #[error(
        "token {token} is outside the vocabulary of {vocabulary}: was the corpus tokenised with another tokeniser?"
    )]
    Token {
        /// The token.
        token: u16,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// The device can't be used, or failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A branch that would not have come this way.
    #[error(
        "a run can't be branched at step {step} into one of another model, data order or earlier learning rates: branch before the shorter schedule anneals"
    )]
    Branch {
        /// Steps done.
        step: u64,
    },
    /// The loss or the gradient is not a number: the run has diverged.
    #[error(
        "the run diverged at step {step}: its {what} is {value}; a lower learning rate may help"
    )]
    Diverged {
        /// Step from 0.
        step: u64,
        /// What was not finite.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}
