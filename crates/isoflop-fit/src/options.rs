//! How a fit is made.

use crate::{FitError, LawChoice};
use isoflop_laws::Steps;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a fit minimises. r is ln L − ln L̂ of a run, nats being nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Sum of Huber terms of r (Huber 1964): squares up to `delta`, absolute values beyond.
    /// Hoffmann et al. 2022 use `delta` 1e-3, and so does nearly everyone.
    Huber {
        /// Where squares end.
        delta: f64,
    },
    /// Likelihood of a density whose logarithm is −Huber(r / s) with a free scale s
    /// (Besiroglu et al. 2024; `delta` 1e-3 in units of s).
    HuberLikelihood {
        /// Where squares end, in units of s.
        delta: f64,
    },
    /// Sum of squares of r: the most efficient where errors are normal.
    LeastSquares,
    /// Squares where errors look normal, else Huber terms with the threshold that makes the
    /// estimates least uncertain for the errors found. A fit reports which it was.
    Adaptive,
}

impl Default for Objective {
    fn default() -> Self {
        Objective::Huber { delta: 1e-3 }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Objective::Huber { .. } => "huber",
            Objective::HuberLikelihood { .. } => "huber-likelihood",
            Objective::LeastSquares => "least-squares",
            Objective::Adaptive => "adaptive",
        })
    }
}

/// The text names no objective.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an objective: choose huber, huber-likelihood, least-squares or adaptive")]
pub struct UnknownObjective(String);

impl FromStr for Objective {
    type Err = UnknownObjective;
    fn from_str(text: &str) -> Result<Self, UnknownObjective> {
        match text {
            "huber" => Ok(Objective::default()),
            "huber-likelihood" => Ok(Objective::HuberLikelihood { delta: 1e-3 }),
            "least-squares" => Ok(Objective::LeastSquares),
            "adaptive" => Ok(Objective::Adaptive),
            _ => Err(UnknownObjective(text.to_owned())),
        }
    }
}

/// What is held likely before any run is seen; used by forecasts and their intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// Weak: exponents as in published laws, give or take a factor of about two.
    #[default]
    Published,
    /// None: only the runs speak.
    Off,
}

/// How the runs that might have been are drawn, for intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// Errors where every run is one observation and their errors look alike, else runs.
    #[default]
    Auto,
    /// Whole training runs, drawn with replacement (Efron 1979): holds for errors that differ
    /// between sizes or hang together within a run; too narrow by a few per cent for small
    /// ladders with least squares, too wide with a small Huber threshold.
    Runs,
    /// The same sizes, data and compute, with new errors drawn from those that were found
    /// (smoothed, and as wide as their unknown spread demands): the most exact where the errors
    /// of all runs are alike, and always for ladders of few runs.
    Errors,
}

/// How a fit is made. `FitOptions::default()` reproduces what most people run.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Which law.
    pub law: LawChoice,
    /// What is minimised.
    pub objective: Objective,
    /// Coverage that intervals claim, such as 0.9.
    pub level: f64,
    /// Seed of the resampling; the same seed gives the same answer on any number of threads.
    pub seed: u64,
    /// Number of refits to resampled runs; 0 for none, and then no intervals of parameters.
    pub bootstraps: usize,
    /// How runs that might have been are drawn for those refits.
    pub resampling: Resampling,
    /// What is held likely before any run is seen.
    pub prior: Prior,
    /// Optimiser steps of each observation, in their order; only `kaplan-ns` needs them.
    pub steps: Option<Vec<Steps>>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            law: LawChoice::Auto,
            objective: Objective::default(),
            level: 0.9,
            seed: 0,
            bootstraps: 400,
            resampling: Resampling::default(),
            prior: Prior::default(),
            steps: None,
        }
    }
}

impl FitOptions {
    /// The defaults, for one law.
    #[must_use]
    pub fn of(law: crate::FittedLaw) -> Self {
        Self {
            law: LawChoice::Named(law),
            ..Self::default()
        }
    }

    pub(crate) fn check(&self) -> Result<(), FitError> {
        if !(0.5..=0.999).contains(&self.level) {
            return Err(FitError::Option {
                option: "level",
                value: self.level,
                expected: "between 0.5 and 0.999",
            });
        }
        match self.objective {
            Objective::Huber { delta } | Objective::HuberLikelihood { delta }
                if !(delta.is_finite() && delta > 0.0) =>
            {
                Err(FitError::Option {
                    option: "delta",
                    value: delta,
                    expected: "a positive number such as 1e-3",
                })
            }
            _ => Ok(()),
        }
    }
}
