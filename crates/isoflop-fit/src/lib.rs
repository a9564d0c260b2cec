//! Estimation of scaling laws: global fits, selection between laws, uncertainty that holds.
//!
//! [`fit`] estimates a law from a [`Dataset`] as [`FitOptions`] say; the [`Fit`] it gives knows
//! its parameters with intervals and [forecasts](Fit::forecast) runs that it has not seen.
//!
//! Invariant: this crate never touches a file, a clock or a random source that it was not given.

#![warn(clippy::unwrap_used)]

mod bent;
mod bootstrap;
mod checks;
mod dataset;
mod diagnostics;
mod error;
mod errors;
mod estimate;
mod fit;
mod forecast;
mod formula;
mod identify;
mod law_choice;
mod linearised;
mod one_step;
mod options;
mod profile;
mod quantiles;
mod rows;
mod selection;
mod two_step;

pub use dataset::{Dataset, Observation};
pub use diagnostics::{
    Diagnostics, Quantity, RunResidual, Span, Suspicion, Trend, diagnose, name_observations,
};
pub use error::{FitError, ForecastError};
pub use estimate::{ValleyFit, valleys};
pub use fit::{Fit, FittedParameter, fit};
pub use forecast::{
    CurveFit, CurveForecast, CurveOf, CurvePoint, Family, Forecast, ForecastAt, JointForecast,
    JointPart, PosteriorInterval, fit_curve,
};
pub use formula::{Formula, FormulaFit, FormulaOptions, fit_formula};
pub use law_choice::{FITTED_LAWS, FittedLaw, LawChoice};
pub use options::{FitOptions, Objective, Prior, Resampling, UnknownObjective};
pub use profile::{ProfileInterval, profile};
pub use selection::Compared;
pub use two_step::{ShareFit, ShareForecast, SharePoint, fit_share};
