//! Which law to use: the one that forecasts runs of more compute best from those of less
//! (forward chaining), never the one that lies closest to the runs it was fitted to.

use crate::checks::determine;
use crate::estimate::{estimate, ln_losses};
use crate::rows::{Axis, Row};
use crate::{FitError, FittedLaw, Objective};
use serde::{Deserialize, Serialize};

/// Laws to choose from, the first preferred where the runs do not tell them apart: those that
/// say how the loss divides between size and data come before those in compute alone.
const CANDIDATES: [FittedLaw; 6] = [
    FittedLaw::Chinchilla,
    FittedLaw::KaplanNd,
    FittedLaw::PowerC,
    FittedLaw::KaplanC,
    FittedLaw::KaplanN,
    FittedLaw::KaplanD,
];

/// Shares of the runs, in order of compute, that are fitted to forecast the others.
const SHARES: [f64; 4] = [0.5, 0.6, 0.7, 0.8];

/// A law is preferred to a later one unless that one's error is smaller by this factor: fewer
/// than a hundred held-out runs do not show less.
const CLEARLY_BETTER: f64 = 0.9;

/// How well a law forecast held-out runs, when the law was to be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The law.
    pub law: FittedLaw,
    /// Mean of |ln L − ln L̂| over held-out runs of more compute than any that was fitted, a
    /// share of the loss; `None` where it could not be fitted to the runs of less compute.
    pub held_out_error: Option<f64>,
}

/// The law that forecasts best, and how all did.
///
/// # Errors
/// [`FitError`] if the rows determine no law.
pub(crate) fn choose(
    rows: &[Row],
    objective: Objective,
) -> Result<(FittedLaw, Vec<Compared>), FitError> {
    let can = |law: &FittedLaw| determine(rows, *law).is_ok();
    let candidates: Vec<FittedLaw> = CANDIDATES.into_iter().filter(can).collect();
    let Some(&first) = candidates.first() else {
        // The simplest law says best what is missing.
        return Err(determine(rows, FittedLaw::KaplanC)
            .err()
            .unwrap_or(FitError::NoTrend {
                law: FittedLaw::KaplanC.name(),
                quantity: Axis::Flops.quantity(),
            }));
    };
    let folds = folds(rows);
    let compare = |&law: &FittedLaw| Compared {
        law,
        held_out_error: held_out_error(&folds, law, objective),
    };
    let compared: Vec<Compared> = candidates.iter().map(compare).collect();
    let mut chosen = (first, f64::INFINITY);
    for entry in &compared {
        match entry.held_out_error {
            Some(error) if error < CLEARLY_BETTER * chosen.1 => chosen = (entry.law, error),
            _ => {}
        }
    }
    Ok((chosen.0, compared))
}

/// Rows to fit, and rows of more compute to forecast.
struct Fold {
    fitted: Vec<Row>,
    held_out: Vec<Row>,
}

fn folds(rows: &[Row]) -> Vec<Fold> {
    let flops = |row: &Row| row.x[Axis::Flops as usize];
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| flops(a).total_cmp(&flops(b)));
    let mut folds: Vec<Fold> = Vec::new();
    for share in SHARES {
        let last = ((rows.len() as f64 * share) as usize).clamp(1, rows.len()) - 1;
        // A per cent more is the same budget.
        let cut = flops(&sorted[last]) + 0.01;
        let split = sorted.partition_point(|row| flops(row) <= cut);
        let (fitted, above) = sorted.split_at(split);
        if folds.last().is_some_and(|fold| fold.fitted.len() == split) {
            continue;
        }
        // Later checkpoints of a run that was fitted are no test.
        let known: std::collections::HashSet<usize> = fitted.iter().map(|r| r.cluster).collect();
        let unknown = above.iter().filter(|row| !known.contains(&row.cluster));
        let held_out: Vec<Row> = unknown.copied().collect();
        if !held_out.is_empty() {
            folds.push(Fold {
                fitted: fitted.to_vec(),
                held_out,
            });
        }
    }
    folds
}

/// Mean over the folds of the mean size of the errors; a law that fails on a fold has none.
fn held_out_error(folds: &[Fold], law: FittedLaw, objective: Objective) -> Option<f64> {
    let errors: Option<Vec<f64>> = folds
        .iter()
        .map(|fold| {
            determine(&fold.fitted, law).ok()?;
            let fit = estimate(&fold.fitted, law, objective).ok()?;
            let forecast = ln_losses(&fold.held_out, law, &fit.values)?;
            let pairs = fold.held_out.iter().zip(forecast);
            let sum: f64 = pairs.map(|(row, ln)| (row.ln_loss - ln).abs()).sum();
            Some(sum / fold.held_out.len() as f64)
        })
        .collect();
    let errors = errors?;
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    mean.is_finite().then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(loss: impl Fn(f64, f64) -> f64) -> Vec<Row> {
        let pairs = (0..6).flat_map(|i| (0..6).map(move |j| (i, j)));
        let row = |(index, (i, j)): (usize, (i32, i32))| {
            let (n, d) = (1e6 * 3f64.powi(i), 1e8 * 3f64.powi(j));
            Row {
                x: [n.ln(), d.ln(), (6.0 * n * d).ln(), 0.0, d.ln(), 0.0],
                ln_loss: loss(n, d).ln(),
                weight: 1.0,
                cluster: index,
                index,
            }
        };
        pairs.enumerate().map(row).collect()
    }

    #[test]
    fn the_law_that_made_the_runs_is_chosen() {
        let chinchilla = rows(|n, d| 1.8 + 480.0 / n.powf(0.35) + 2000.0 / d.powf(0.37));
        let chosen = choose(&chinchilla, Objective::default()).unwrap();
        assert_eq!(chosen.0, FittedLaw::Chinchilla);
        let kaplan = rows(|n, _| (8.8e13 / n).powf(0.076));
        let (law, compared) = choose(&kaplan, Objective::default()).unwrap();
        let chosen = compared.iter().find(|c| c.law == law).unwrap();
        assert!(chosen.held_out_error.unwrap() < 1e-4);
        let by_compute = rows(|n, d| 1.5 + 200.0 / (6.0 * n * d).powf(0.12));
        let chosen = choose(&by_compute, Objective::default()).unwrap();
        assert_eq!(chosen.0, FittedLaw::PowerC);
    }
}
