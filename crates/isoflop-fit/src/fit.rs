//! A law fitted to runs.

use crate::forecast::Forecaster;
use crate::{Dataset, FitError, FitOptions, FittedLaw, Objective};
use isoflop_laws::{FlopCount, Flops, Law, LawError, ParamCount};
use serde::{Deserialize, Serialize};

/// A parameter of the fitted law.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedParameter {
    /// Its symbol in the law's formula, such as `alpha`.
    pub symbol: String,
    /// The estimate, in the parameter's own unit.
    pub value: f64,
    /// Lower end of its interval at [`Fit::level`]; `None` without resampling.
    pub lo: Option<f64>,
    /// Upper end of its interval at [`Fit::level`]; `None` without resampling.
    pub hi: Option<f64>,
    /// Standard deviation over the refits to resampled runs; `None` without resampling.
    pub standard_error: Option<f64>,
    /// Whether the runs determine it; where not, the value must not be quoted.
    pub identified: bool,
}

/// A law fitted to runs: what was assumed, what came out, and all that a forecast needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The law that was fitted; the chosen one if the choice was automatic.
    pub law: FittedLaw,
    /// Which parameters N counts.
    pub param_count: ParamCount,
    /// How C was obtained.
    pub flop_count: FlopCount,
    /// Observations that the fit used.
    pub n_used: usize,
    /// Training runs that they came from.
    pub n_runs: usize,
    /// Largest compute among them.
    pub largest_flops: Flops,
    /// The law's parameters, in the order of its card.
    pub parameters: Vec<FittedParameter>,
    /// Coverage that the intervals claim.
    pub level: f64,
    /// What was minimised.
    pub objective: Objective,
    /// Its smallest value.
    pub objective_value: f64,
    /// What must be known before using the fit, one sentence each.
    pub warnings: Vec<String>,
    /// Values of the parameters from refits to resampled runs, in the order of the law's card.
    pub draws: Vec<Vec<f64>>,
    pub(crate) forecaster: Forecaster,
}

impl Fit {
    /// The law with the estimated values.
    ///
    /// # Errors
    /// [`LawError`] if the values are not finite.
    pub fn law(&self) -> Result<Box<dyn Law>, LawError> {
        let values: Vec<f64> = self.parameters.iter().map(|p| p.value).collect();
        self.law.build(&values)
    }

    /// The law with the values of each refit: what the runs allow as well.
    #[must_use]
    pub fn plausible(&self) -> Vec<Box<dyn Law>> {
        let built = self.draws.iter().filter_map(|d| self.law.build(d).ok());
        built.collect()
    }
}

/// Fits a law to runs.
///
/// # Errors
/// [`FitError`] if an option is out of range or the runs do not determine the law; never a panic
/// and never a silent number.
pub fn fit(data: &Dataset, options: &FitOptions) -> Result<Fit, FitError> {
    options.check()?;
    let _ = data;
    Err(FitError::NotFitted {
        law: "auto".to_owned(),
    })
}
