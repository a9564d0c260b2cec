//! Intervals of a law's parameters by profile likelihood.

use crate::estimate::{estimate, profile_ends};
use crate::rows::rows;
use crate::{Dataset, FitError, FitOptions, FittedLaw, Objective};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// What the likelihood says of one parameter while all others follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileInterval {
    /// The parameter's symbol in the law's formula.
    pub symbol: String,
    /// The most likely value, of least squares on ln L.
    pub value: f64,
    /// Lower end; `None` if the runs allow any smaller value.
    pub lo: Option<f64>,
    /// Upper end; `None` if the runs allow any larger value.
    pub hi: Option<f64>,
}

/// Intervals of the parameters of `law` at `options.level` by profile likelihood, with normal
/// errors of ln L of unknown variance (Bates and Watts 1988): asymmetric where the data are, and
/// open on a side on which the runs set no limit. Checkpoints of one run are counted as
/// independent, so give final runs.
///
/// # Errors
/// [`FitError`] if the runs do not determine the law, an option is out of range, or the law
/// predicts no loss (`isoflop`, `envelope`).
pub fn profile(
    data: &Dataset,
    law: FittedLaw,
    options: &FitOptions,
) -> Result<Vec<ProfileInterval>, FitError> {
    options.check()?;
    let rows = rows(data, options.steps.as_deref());
    crate::checks::determine(&rows, law)?;
    crate::fit::require(data, options, law)?;
    let best = estimate(&rows, law, Objective::LeastSquares)?;
    let parameters = law.card().parameters;
    let freedom = rows.len() as f64 - parameters.len() as f64;
    let student = StudentsT::new(0.0, 1.0, freedom.max(1.0));
    let reach = student.map_or(f64::NAN, |t| t.inverse_cdf(0.5 + 0.5 * options.level));
    let ends =
        profile_ends(&rows, law, &best.values, reach).ok_or_else(|| FitError::NotFitted {
            law: law.name().to_owned(),
        })?;
    let named = parameters.iter().zip(&best.values).zip(ends);
    let intervals = named.map(|((parameter, value), (lo, hi))| ProfileInterval {
        symbol: parameter.symbol.to_owned(),
        value: *value,
        lo,
        hi,
    });
    Ok(intervals.collect())
}
