//! What a law says about a run that is not made yet.

use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the numbers of a law count; no answer is given without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conventions {
    /// Which parameters N counts.
    pub param_count: ParamCount,
    /// How C was obtained.
    pub flop_count: FlopCount,
}

/// The forecast of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ForecastPoint {
    /// Model size N; `None` for a law in compute alone.
    pub params: Option<Params>,
    /// Training tokens D; `None` for a law in compute alone.
    pub tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Flops,
    /// Expected loss, nats per token.
    pub loss: Loss,
    /// Lower end of the interval, nats per token; `None` where the law has no interval.
    pub lo: Option<Loss>,
    /// Upper end of the interval, nats per token; `None` where the law has no interval.
    pub hi: Option<Loss>,
    /// C of the point ÷ largest C used in the fit; `None` where that is not known.
    pub extrapolation: Option<f64>,
}

/// What one law says: its name, its constants, and its forecasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawForecast {
    /// The law's name, such as `chinchilla`.
    pub law: String,
    /// The law's constants by name, in its own units.
    pub constants: BTreeMap<String, f64>,
    /// One forecast for each run asked about, in the order asked.
    pub forecasts: Vec<ForecastPoint>,
}
