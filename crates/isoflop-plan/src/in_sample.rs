//! How well a law describes the runs that it was fitted to. A small error here says little of a
//! forecast: that is what [`crate::backtest`] is for.

use isoflop_fit::{Dataset, Fit};
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

/// Errors of a fit at the runs that it was made on; `None` for a law that gives no loss of a single
/// run.
#[must_use]
pub fn in_sample(fit: &Fit, dataset: &Dataset) -> Option<InSample> {
    let errors = fit.errors(dataset)?.into_iter().enumerate();
    let mut errors: Vec<(f64, usize)> = errors.map(|(index, error)| (error.abs(), index)).collect();
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
