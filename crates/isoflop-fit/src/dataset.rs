//! What a law is fitted to: observations in one convention.

use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Quality, Tokens};

/// One measured loss: a finished run, or a checkpoint of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Model size N, counted as the [`Dataset`] says.
    pub params: Params,
    /// Tokens seen D, repetitions included.
    pub tokens: Tokens,
    /// Unique tokens U, where some were seen more than once.
    pub unique_tokens: Option<Tokens>,
    /// Quality of the text Q, where it is known.
    pub quality: Option<Quality>,
    /// Training compute C, counted as the [`Dataset`] says.
    pub flops: Flops,
    /// Final loss L in nats per token.
    pub loss: Loss,
    /// Standard error of `loss` in nats per token, where it is known.
    pub loss_std: Option<f64>,
    /// Observations with one cluster number come from one training run and are not independent.
    pub cluster: usize,
}

/// Observations under one convention; the only form in which data reach a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Which parameters every `params` counts.
    pub param_count: ParamCount,
    /// How every `flops` was obtained.
    pub flop_count: FlopCount,
    /// The measurements, in the order in which they were given.
    pub observations: Vec<Observation>,
}
