//! How well a law describes the runs that it was fitted to. A small error here says little of a
//! forecast: that is what [`crate::backtest`] is for.

use isoflop_fit::{Dataset, Observation};
use isoflop_laws::Law;
use serde::Serialize;

/// Absolute errors of ln L over the runs of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InSample {
    /// Median.
    pub median: f64,
    /// 90th percentile.
    pub p90: f64,
    /// Largest.
    pub max: f64,
    /// Position in the dataset of the run with the largest error.
    pub worst: usize,
}

/// Errors of a law at the runs; `None` for a law that gives no loss of a single run.
#[must_use]
pub fn in_sample(law: &dyn Law, dataset: &Dataset) -> Option<InSample> {
    let error = |run: &Observation| -> Option<f64> {
        let said = match (law.surface(), law.curve()) {
            (Some(surface), _) => surface.loss(run.params, run.tokens).ok()?,
            (None, Some(curve)) => curve.loss_of(run.params, run.tokens, run.flops).ok()?,
            (None, None) => return None,
        };
        Some((run.loss.ln() - said.ln()).abs())
    };
    let mut errors: Vec<(f64, usize)> = dataset
        .observations
        .iter()
        .enumerate()
        .filter_map(|(index, run)| Some((error(run)?, index)))
        .collect();
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last = errors.len().checked_sub(1)?;
    let at = |share: f64| errors[(share * last as f64).round() as usize].0;
    Some(InSample {
        median: at(0.5),
        p90: at(0.9),
        max: at(1.0),
        worst: errors[last].1,
    })
}
