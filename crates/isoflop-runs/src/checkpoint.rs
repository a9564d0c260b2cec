//! A point of a run's learning curve.

use isoflop_laws::{Loss, Tokens};

/// What was measured at one step of a run.
///
/// It holds no clock time, so that a run which was interrupted and resumed writes the same rows
/// as one that was not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checkpoint {
    /// Optimiser steps taken so far.
    pub step: u64,
    /// Tokens seen so far.
    pub tokens: Tokens,
    /// Loss on held-out data, nats per token, where it was measured at this step.
    pub loss: Option<Loss>,
    /// Loss on the training batches, nats per token.
    pub train_loss: Option<Loss>,
    /// Learning rate of this step.
    pub lr: Option<f64>,
}
