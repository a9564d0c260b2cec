//! What is wrong with a fit or with the runs under it, in terms that people can act on.

mod conventions;
mod residuals;
mod schedule;
mod suspicion;
mod trends;

pub use residuals::RunResidual;
pub use suspicion::Suspicion;
pub use trends::{Quantity, Span, Trend};

use crate::estimate::{axes, ln_losses};
use crate::rows::{Axis, Row, range, rows};
use crate::{Dataset, Fit, FitError, FittedLaw};
use isoflop_laws::Steps;
use serde::{Deserialize, Serialize};

/// What can be said of a fit from the runs it was made on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// Each observation, in the dataset's order; empty for laws that predict no loss.
    pub residuals: Vec<RunResidual>,
    /// Typical size of a residual of ln L: 1.4826 × the median of their sizes.
    pub residual_scale: f64,
    /// How residuals move with N, D and C.
    pub trends: Vec<Trend>,
    /// How far N, D and C reach.
    pub spans: Vec<Span>,
    /// What seems wrong; each prints as a sentence that says what to do.
    pub suspicions: Vec<Suspicion>,
}

/// Looks at a fit and the runs that it was made on.
///
/// # Errors
/// [`FitError::NoSteps`] for a law in steps without the steps of every run.
pub fn diagnose(
    data: &Dataset,
    fit: &Fit,
    steps: Option<&[Steps]>,
) -> Result<Diagnostics, FitError> {
    let found = steps.map_or(0, <[Steps]>::len);
    if fit.law == FittedLaw::KaplanNs && found != data.observations.len() {
        return Err(FitError::NoSteps {
            law: fit.law.name(),
            found,
            needed: data.observations.len(),
        });
    }
    let values: Vec<f64> = fit.parameters.iter().map(|p| p.value).collect();
    Ok(of_rows(data, &rows(data, steps), fit.law, &values))
}

/// Warnings of a fit about single observations call these by `name`, which is given a position in
/// the dataset, instead of by number.
pub fn name_observations(
    fit: &mut Fit,
    data: &Dataset,
    steps: Option<&[Steps]>,
    name: impl Fn(usize) -> String,
) {
    // What could not be diagnosed has no such warning.
    let Ok(found) = diagnose(data, fit, steps) else {
        return;
    };
    for suspicion in &found.suspicions {
        let by_number = suspicion.to_string();
        let warnings = fit.warnings.iter_mut();
        for warning in warnings.filter(|warning| **warning == by_number) {
            *warning = suspicion.in_words(&name);
        }
    }
}

pub(crate) fn of_rows(data: &Dataset, rows: &[Row], law: FittedLaw, values: &[f64]) -> Diagnostics {
    let fitted = ln_losses(rows, law, values);
    let errors: Vec<f64> = fitted.map_or_else(Vec::new, |fitted| {
        let pairs = rows.iter().zip(fitted);
        pairs.map(|(row, fitted)| row.ln_loss - fitted).collect()
    });
    let residual_scale = residuals::robust_scale(&errors);
    let residuals = residuals::of(data, rows, law, values, &errors);
    let trends = trends::of(rows, &errors, residual_scale);
    let spans: Vec<Span> = [Axis::Params, Axis::Tokens, Axis::Flops]
        .into_iter()
        .map(|axis| Span::of(axis, range(rows, axis)))
        .collect();
    let mut suspicions = conventions::suspicions(data, law);
    suspicions.extend(schedule::suspicions(data, rows, &errors));
    suspicions.extend(short_spans(&spans, law));
    suspicions.extend(trends.iter().filter_map(Trend::suspicion));
    suspicions.extend(residuals::suspicions(&residuals, residual_scale));
    Diagnostics {
        residuals,
        residual_scale,
        trends,
        spans,
        suspicions,
    }
}

/// A power and a constant cannot be told apart over less than this factor of an input.
const SHORT: f64 = 10.0;

fn short_spans(spans: &[Span], law: FittedLaw) -> Vec<Suspicion> {
    let used = |span: &&Span| {
        axes(law)
            .iter()
            .any(|&axis| Quantity::of(axis) == span.quantity)
    };
    let short = spans.iter().filter(used).filter(|span| span.factor < SHORT);
    let one = |span: &Span| Suspicion::ShortRange {
        quantity: span.quantity,
        factor: span.factor,
    };
    short.map(one).collect()
}
