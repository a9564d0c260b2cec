//! Decisions from scaling laws: forecasts, budgets, diagnosis, design of experiments, backtests.
//!
//! Invariant: this crate reads no file and no clock; the time of a forecast is given by the caller.

mod forecast;
mod sealed;

pub use forecast::{Conventions, ForecastPoint, LawForecast};
pub use sealed::{ForecastBody, SealError, SealedForecast, SealedRun};
