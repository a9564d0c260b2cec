//! A law fitted to runs.

use crate::bootstrap::{self, Clusters};
use crate::errors::suited;
use crate::estimate::{Estimate, estimate, ln_losses};
use crate::forecast::Forecaster;
use crate::identify::identified;
use crate::linearised;
use crate::quantiles::{central, standard_deviation};
use crate::rows::{Row, rows};
use crate::selection::{self, Compared};
use crate::{Dataset, FitError, FitOptions, FittedLaw, LawChoice, Objective};
use crate::{checks, diagnostics};
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
    /// How each law forecast held-out runs, where the law was to be chosen; else empty.
    #[serde(default)]
    pub compared: Vec<Compared>,
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

    /// ln L − ln L̂ of each observation, of its repetition and quality where the law knows of
    /// them; `None` for laws that predict no loss, or one of the steps.
    #[must_use]
    pub fn errors(&self, data: &Dataset) -> Option<Vec<f64>> {
        if self.law == FittedLaw::KaplanNs {
            return None;
        }
        let rows = rows(data, None);
        let values: Vec<f64> = self.parameters.iter().map(|p| p.value).collect();
        let fitted = ln_losses(&rows, self.law, &values)?;
        let pairs = rows.iter().zip(fitted);
        Some(pairs.map(|(row, fitted)| row.ln_loss - fitted).collect())
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
    let (law, compared) = match options.law {
        LawChoice::Named(law) => (law, Vec::new()),
        LawChoice::Auto => selection::choose(&rows, options.objective)?,
    };
    require(data, options, law)?;
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
    let parameters = parameters(&rows, law, &best, &draws, options.level);
    let mut warnings = fit_warnings(&parameters, &draws, options);
    let diagnostics = diagnostics::of_rows(data, &rows, law, &best.values);
    warnings.extend(diagnostics.suspicions.iter().map(ToString::to_string));
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
        warnings,
        compared,
        draws,
        forecaster: Forecaster::new(data, options, law),
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

/// That every run has what the law takes beside N, D, C and loss.
pub(crate) fn require(
    data: &Dataset,
    options: &FitOptions,
    law: FittedLaw,
) -> Result<(), FitError> {
    let needed = data.observations.len();
    match law {
        FittedLaw::KaplanNs => match options.steps.as_ref().map_or(0, Vec::len) {
            found if found == needed => Ok(()),
            found => Err(FitError::NoSteps {
                law: law.name(),
                found,
                needed,
            }),
        },
        FittedLaw::DataQuality => {
            let graded = data.observations.iter().filter(|run| run.quality.is_some());
            match graded.count() {
                found if found == needed => Ok(()),
                found => Err(FitError::NoQuality { found, needed }),
            }
        }
        _ => Ok(()),
    }
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
    rows: &[Row],
    law: FittedLaw,
    best: &Estimate,
    draws: &[Vec<f64>],
    level: f64,
) -> Vec<FittedParameter> {
    let column = |index: usize| {
        let mut drawn: Vec<f64> = draws.iter().map(|draw| draw[index]).collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    };
    let columns: Vec<Vec<f64>> = (0..best.values.len()).map(column).collect();
    let enough = draws.len() >= FEWEST_DRAWS;
    let intervals: Vec<Option<(f64, f64)>> = if enough {
        let central = |drawn: &Vec<f64>| Some(central(drawn, level));
        columns.iter().map(central).collect()
    } else {
        linearised::intervals(rows, law, &best.values, level)
    };
    let identified = identified(law, &best.values, &intervals, &best.at_bound);
    let one = |index: usize| FittedParameter {
        symbol: law.card().parameters[index].symbol.to_owned(),
        value: best.values[index],
        lo: intervals[index].filter(|_| enough).map(|(lo, _)| lo),
        hi: intervals[index].filter(|_| enough).map(|(_, hi)| hi),
        standard_error: enough.then(|| standard_deviation(&columns[index])),
        identified: identified[index],
    };
    (0..best.values.len()).map(one).collect()
}

/// One sentence for all parameters that the runs leave open.
fn not_identified(parameters: &[FittedParameter]) -> Option<String> {
    let unknown = parameters.iter().filter(|p| !p.identified);
    let unknown: Vec<String> = unknown
        .map(|p| match (p.lo, p.hi) {
            (Some(lo), Some(hi)) => format!("{} ({} to {})", p.symbol, rough(lo), rough(hi)),
            _ => p.symbol.clone(),
        })
        .collect();
    let (last, others) = unknown.split_last()?;
    Some(match others {
        [] => format!("{last} is not identified by these runs: do not quote it"),
        others => format!(
            "{} and {last} are not identified by these runs: do not quote them",
            others.join(", ")
        ),
    })
}

/// A number that is not to be quoted, to three digits.
fn rough(value: f64) -> String {
    match value.abs() {
        size if size != 0.0 && !(1e-3..1e4).contains(&size) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn fit_warnings(
    parameters: &[FittedParameter],
    draws: &[Vec<f64>],
    options: &FitOptions,
) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(not_identified(parameters));
    let failed = options.bootstraps.saturating_sub(draws.len());
    if failed * 20 > options.bootstraps {
        warnings.push(format!(
            "{failed} of {} resampled ladders do not determine the law: the intervals are of the others, and too narrow",
            options.bootstraps
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(symbol: &str, ends: Option<(f64, f64)>, identified: bool) -> FittedParameter {
        FittedParameter {
            symbol: symbol.to_owned(),
            value: 1.0,
            lo: ends.map(|(lo, _)| lo),
            hi: ends.map(|(_, hi)| hi),
            standard_error: None,
            identified,
        }
    }

    #[test]
    fn what_the_runs_leave_open_is_said_in_one_sentence() {
        let open = |symbol, ends| parameter(symbol, Some(ends), false);
        let found = not_identified(&[
            open("a", (1904.338, 5.350e9)),
            parameter("k", None, true),
            open("b", (-0.9931, 12.34)),
            open("c", (0.0, 2.57)),
        ]);
        assert_eq!(
            found.unwrap(),
            "a (1904 to 5.35e9), b (-0.993 to 12.3) and c (0.000 to 2.57) are not identified by \
             these runs: do not quote them"
        );
        let found = not_identified(&[parameter("E", None, false)]);
        assert_eq!(
            found.unwrap(),
            "E is not identified by these runs: do not quote it"
        );
        assert_eq!(not_identified(&[parameter("E", None, true)]), None);
    }
}
