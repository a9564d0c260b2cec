//! What a fit says about a run that it has not seen.

use crate::{Fit, ForecastError};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use serde::{Deserialize, Serialize};

/// A run to forecast: its size and data, or its compute alone (then the best size and data that
/// the fit knows for it). N and C are counted as the fit counts them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ForecastAt {
    /// Model size N.
    pub params: Option<Params>,
    /// Tokens seen D.
    pub tokens: Option<Tokens>,
    /// Unique tokens U, where some are seen more than once.
    pub unique_tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Option<Flops>,
}

/// The forecast of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Model size N; `None` for a law in compute alone.
    pub params: Option<Params>,
    /// Tokens seen D; `None` for a law in compute alone.
    pub tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Flops,
    /// Expected loss: the median of what the run may give.
    pub loss: Loss,
    /// Lower end of the interval of the measured loss of a new run.
    pub lo: Loss,
    /// Upper end of the interval of the measured loss of a new run.
    pub hi: Loss,
    /// C of the run ÷ largest C used in the fit.
    pub extrapolation: f64,
}

/// What forecasts need beside the law's parameters; made by [`crate::fit`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Forecaster {}

impl Fit {
    /// The forecast of a run, with the interval of its measured loss at `level`. The interval
    /// holds the uncertainty of the parameters, the noise between runs, and how wrong the law has
    /// been when it was extrapolated within these runs.
    ///
    /// # Errors
    /// [`ForecastError`] if the run is not given as the law needs it, the level is no
    /// probability, or the law has no value there.
    pub fn forecast(&self, at: &ForecastAt, level: f64) -> Result<Forecast, ForecastError> {
        if !(0.5..=0.999).contains(&level) {
            return Err(ForecastError::Level(level));
        }
        let _ = at;
        Err(ForecastError::Incomplete {
            law: self.law.to_string(),
            needed: "size and tokens, or compute",
            given: "nothing".to_owned(),
        })
    }
}
