//! Why a fit or a forecast cannot be made.

use isoflop_laws::{LawError, UnknownLaw};

/// Why runs could not be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// The name is no law.
    #[error(transparent)]
    Unknown(#[from] UnknownLaw),
    /// A law that exists but is not estimated from runs of N, D, C and loss.
    #[error(
        "law `{law}` cannot be fitted to runs: fit one of {}",
        crate::law_choice::names()
    )]
    NotFitted {
        /// The law's name.
        law: String,
    },
    /// The law's parameters have no prior.
    #[error(
        "law `{law}` has no prior: fit one with published values, such as `chinchilla`, or take the intervals of resampled runs"
    )]
    NoPosterior {
        /// The law's name.
        law: &'static str,
    },
    /// Too few usable runs.
    #[error(
        "law `{law}` needs at least {needed} usable runs and there are {found}: add runs, or fit a law with fewer parameters such as `{simpler}`"
    )]
    TooFewRuns {
        /// The law's name.
        law: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
        /// A law that needs fewer.
        simpler: &'static str,
    },
    /// A quantity that the law depends on hardly varies.
    #[error(
        "law `{law}` needs runs that differ in {quantity}, and all have about {value}: add runs with at least {needed} different values over a factor of two or more"
    )]
    NoRange {
        /// The law's name.
        law: &'static str,
        /// What does not vary.
        quantity: &'static str,
        /// Its one value, as people write it.
        value: String,
        /// How many different values are needed.
        needed: usize,
    },
    /// Hardly a run repeats its tokens.
    #[error(
        "law `{law}` needs {needed} runs that saw their tokens twice or more, but {found} did: give the column `unique_tokens`, or fit `chinchilla`"
    )]
    NoRepetition {
        /// The law that was asked for.
        law: &'static str,
        /// How many did.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Runs whose text has no quality that is known.
    #[error(
        "law `data-quality` needs the quality of the text of every run, a positive number relative to a reference of 1: {found} of {needed} have it in the column `metric_quality`"
    )]
    NoQuality {
        /// How many have one.
        found: usize,
        /// How many observations there are.
        needed: usize,
    },
    /// All runs are of text of one quality.
    #[error(
        "law `data-quality` needs runs on text that is better and worse, and all have a quality of {quality:.3}: add runs of another `metric_quality`, or fit `chinchilla`"
    )]
    NoGrades {
        /// The quality of all.
        quality: f64,
    },
    /// The loss does not fall as the law says.
    #[error(
        "law `{law}` finds no loss that falls with {quantity} in these runs: check that losses belong to their sizes, tokens and compute"
    )]
    NoTrend {
        /// The law's name.
        law: &'static str,
        /// With what the loss should fall.
        quantity: &'static str,
    },
    /// No budget has a valley.
    #[error(
        "{found} of {budgets} budgets have a valley (a smallest loss between at least three sizes) and law `{law}` needs 2: add sizes on both sides of the best one at equal compute, or fit `chinchilla`"
    )]
    NoValleys {
        /// The law's name.
        law: &'static str,
        /// Budgets with a valley.
        found: usize,
        /// All budgets.
        budgets: usize,
    },
    /// A law in optimiser steps without steps.
    #[error("law `{law}` needs the optimiser steps of every run: {found} of {needed} were given")]
    NoSteps {
        /// The law's name.
        law: &'static str,
        /// How many were given.
        found: usize,
        /// How many observations there are.
        needed: usize,
    },
    /// An option is outside its range.
    #[error("{option} is {value}: it must be {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The fitted values are no law.
    #[error(transparent)]
    Law(#[from] LawError),
}

/// Why a fit does not answer about a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// Neither size and data nor compute were given.
    #[error("a forecast by law `{law}` needs {needed}: it was given {given}")]
    Incomplete {
        /// The law's name.
        law: String,
        /// What must be given.
        needed: &'static str,
        /// What was given.
        given: String,
    },
    /// Compute that contradicts size and data.
    #[error(
        "{flops} FLOPs is not 6ND = {six_nd} of {params} parameters and {tokens} tokens: give two of the three"
    )]
    Contradiction {
        /// Compute as given.
        flops: String,
        /// 6ND.
        six_nd: String,
        /// N as given.
        params: String,
        /// D as given.
        tokens: String,
    },
    /// A quality for a law that takes all text as alike.
    #[error(
        "law `{law}` takes all text as alike: leave the quality out, or fit `data-quality` to runs on better and worse text"
    )]
    TakesNoQuality {
        /// The law's name.
        law: String,
    },
    /// The law has no best size.
    #[error(
        "law `{law}` as fitted has no best size at {flops} FLOPs: give the size and the tokens"
    )]
    NoOptimum {
        /// The law's name.
        law: String,
        /// The budget.
        flops: String,
    },
    /// The level is not a probability.
    #[error("level is {0}: it must be between 0.5 and 0.999")]
    Level(f64),
    /// The law gives no loss there.
    #[error(transparent)]
    Law(#[from] LawError),
}
