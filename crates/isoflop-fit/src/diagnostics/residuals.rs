//! Residual, leverage and influence of each observation.

use super::Suspicion;
use crate::estimate::{gradients, hat};
use crate::rows::Row;
use crate::{Dataset, FittedLaw};
use serde::{Deserialize, Serialize};

/// One observation against the fitted law.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResidual {
    /// Position in the dataset, from zero.
    pub index: usize,
    /// ln L − ln L̂: positive where the run is worse than the law.
    pub residual: f64,
    /// The residual in robust standard deviations, its own pull on the fit taken out.
    pub standardised: f64,
    /// The share of its own loss in its prediction, from 0 to 1 (Hoaglin and Welsch 1978).
    pub leverage: f64,
    /// Cook's distance (Cook 1977): above one, the fit would be another without it.
    pub influence: f64,
    /// N ÷ the best N for this compute by the fitted law, where it has one.
    pub size_ratio: Option<f64>,
}

/// From this many robust standard deviations on a run is an outlier: 45 normal errors have one
/// in two thousand ladders.
const OUTLIER: f64 = 4.5;
/// Cook's distance from which one run decides.
const INFLUENTIAL: f64 = 1.0;
/// A run is off the frontier from this factor of the best size.
const OFF_FRONTIER: f64 = 4.0;

/// 1.4826 × the median size: the standard deviation of normal errors.
pub(super) fn robust_scale(errors: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    if sizes.is_empty() {
        return 0.0;
    }
    1.4826 * crate::quantiles::quantile(&sizes, 0.5)
}

pub(super) fn of(
    data: &Dataset,
    rows: &[Row],
    law: FittedLaw,
    values: &[f64],
    errors: &[f64],
) -> Vec<RunResidual> {
    let Some(slopes) = gradients(rows, law, values).filter(|_| !errors.is_empty()) else {
        return Vec::new();
    };
    let leverages = hat::diagonal(&slopes);
    let scale = robust_scale(errors).max(1e-12);
    let count = values.len() as f64;
    let built = law.build(values).ok();
    let one = |k: usize| {
        let row = &rows[k];
        let run = &data.observations[row.index];
        let leverage = leverages[k].min(0.9999);
        let weighted = errors[k] * row.weight.sqrt() / scale;
        let best = built.as_ref().and_then(|law| law.best_allocation());
        let best = best.and_then(|law| law.best(run.flops).ok());
        RunResidual {
            index: row.index,
            residual: errors[k],
            standardised: weighted / (1.0 - leverage).sqrt(),
            leverage,
            influence: weighted.powi(2) * leverage / (count * (1.0 - leverage).powi(2)),
            size_ratio: best.map(|best| run.params.get() / best.params.get()),
        }
    };
    (0..rows.len()).map(one).collect()
}

pub(super) fn suspicions(residuals: &[RunResidual], scale: f64) -> Vec<Suspicion> {
    // Errors of rounding are no outliers.
    if scale < 1e-9 {
        return Vec::new();
    }
    let chosen = |score: &dyn Fn(&RunResidual) -> f64, from: f64| -> Vec<usize> {
        let mut found: Vec<&RunResidual> = residuals.iter().filter(|r| score(r) > from).collect();
        found.sort_by(|a, b| score(b).total_cmp(&score(a)));
        found.iter().map(|r| r.index).collect()
    };
    let mut suspicions = Vec::new();
    let indices = chosen(&|r| r.standardised.abs(), OUTLIER);
    if let Some(&first) = indices.first() {
        let farthest = residuals.iter().find(|r| r.index == first);
        suspicions.push(Suspicion::Outliers {
            farthest: farthest.map_or(0.0, |r| r.residual.abs()),
            indices,
        });
    }
    let indices = chosen(&|r| r.influence, INFLUENTIAL);
    if !indices.is_empty() {
        suspicions.push(Suspicion::Influential { indices });
    }
    let off = |r: &&RunResidual| {
        r.size_ratio
            .is_some_and(|x| !(1.0 / OFF_FRONTIER..=OFF_FRONTIER).contains(&x))
    };
    let observations = residuals.iter().filter(off).count();
    if observations * 2 > residuals.len() {
        suspicions.push(Suspicion::OffFrontier {
            observations,
            of: residuals.len(),
        });
    }
    suspicions
}
