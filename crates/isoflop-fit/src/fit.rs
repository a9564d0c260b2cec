//! A law fitted to runs.

use crate::bootstrap::{self, Clusters};
use crate::checks;
use crate::errors::suited;
use crate::estimate::{Estimate, estimate};
use crate::forecast::Forecaster;
use crate::quantiles::{central, standard_deviation};
use crate::rows::{Row, rows};
use crate::{Dataset, FitError, FitOptions, FittedLaw, LawChoice, Objective};
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
    let rows = rows(data, options.steps.as_deref());
    let law = match options.law {
        LawChoice::Named(law) => law,
        LawChoice::Auto => FittedLaw::Chinchilla,
    };
    if law == FittedLaw::KaplanNs {
        require_steps(data, options)?;
    }
    checks::determine(&rows, law)?;
    let (best, objective) = best(&rows, law, options.objective)?;
    let plan = bootstrap::Plan {
        law,
        objective,
        resampling: options.resampling,
        seed: options.seed,
        count: options.bootstraps,
    };
    let draws = bootstrap::draws(&rows, &best.values, &plan);
    let parameters = parameters(law, &best, &draws, options.level);
    Ok(Fit {
        law,
        param_count: data.param_count,
        flop_count: data.flop_count,
        n_used: rows.len(),
        n_runs: Clusters::of(&rows).len(),
        largest_flops: largest_flops(data).ok_or_else(|| too_few(law))?,
        parameters,
        level: options.level,
        objective,
        objective_value: best.objective,
        warnings: Vec::new(),
        draws,
        forecaster: Forecaster::default(),
    })
}

/// The optimum, and the objective that was minimised: a concrete one where it was to be chosen.
fn best(
    rows: &[Row],
    law: FittedLaw,
    objective: Objective,
) -> Result<(Estimate, Objective), FitError> {
    if objective != Objective::Adaptive {
        return Ok((estimate(rows, law, objective)?, objective));
    }
    let squares = estimate(rows, law, Objective::LeastSquares)?;
    match suited(rows, law, &squares) {
        Objective::LeastSquares => Ok((squares, Objective::LeastSquares)),
        robust => Ok((estimate(rows, law, robust)?, robust)),
    }
}

fn require_steps(data: &Dataset, options: &FitOptions) -> Result<(), FitError> {
    let found = options.steps.as_ref().map_or(0, Vec::len);
    let needed = data.observations.len();
    if found == needed {
        return Ok(());
    }
    Err(FitError::NoSteps {
        law: FittedLaw::KaplanNs.name(),
        found,
        needed,
    })
}

fn largest_flops(data: &Dataset) -> Option<Flops> {
    let all = data.observations.iter().map(|run| run.flops);
    all.max_by(|a, b| a.get().total_cmp(&b.get()))
}

fn too_few(law: FittedLaw) -> FitError {
    FitError::TooFewRuns {
        law: law.name(),
        needed: law.card().parameters.len() + 1,
        found: 0,
        simpler: "kaplan-c",
    }
}

/// Fewest refits from which an interval is read.
const FEWEST_DRAWS: usize = 20;

fn parameters(
    law: FittedLaw,
    best: &Estimate,
    draws: &[Vec<f64>],
    level: f64,
) -> Vec<FittedParameter> {
    let one = |index: usize| {
        let mut drawn: Vec<f64> = draws.iter().map(|draw| draw[index]).collect();
        drawn.sort_by(f64::total_cmp);
        let enough = drawn.len() >= FEWEST_DRAWS;
        let (lo, hi) = central(&drawn, level);
        let value = best.values[index];
        let standard_error = enough.then(|| standard_deviation(&drawn));
        let wide = standard_error.is_some_and(|error| error > 0.5 * value.abs());
        FittedParameter {
            symbol: law.card().parameters[index].symbol.to_owned(),
            value,
            lo: enough.then_some(lo),
            hi: enough.then_some(hi),
            standard_error,
            identified: !wide && !best.at_bound.contains(&index),
        }
    };
    (0..best.values.len()).map(one).collect()
}
