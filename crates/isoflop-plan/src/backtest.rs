//! What we would have said, and what came: forecasts of runs that exist, from smaller ones only.

use isoflop_fit::{Dataset, Fit, FittedLaw, ForecastAt, Observation};
use isoflop_laws::{FlopCount, Flops, Loss};
use serde::Serialize;

/// Why there is no backtest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// A split leaves one side empty.
    #[error(
        "{n_fit} runs to fit and {n_test} runs to forecast: a backtest needs some of both, of different compute"
    )]
    Empty {
        /// Runs on the small side.
        n_fit: usize,
        /// Runs on the large side.
        n_test: usize,
    },
    /// No split could be fitted.
    #[error("no law could be fitted to the smaller runs: {0}")]
    NoFit(String),
}

/// A fitted law, asked for runs that it has not seen.
pub trait Forecaster {
    /// Expected loss and interval of a run; `None` where the law says nothing.
    fn forecast(&self, run: &Observation) -> Option<(Loss, Option<(Loss, Loss)>)>;
}

/// A fit, with the level of its intervals.
impl Forecaster for (Fit, f64) {
    fn forecast(&self, run: &Observation) -> Option<(Loss, Option<(Loss, Loss)>)> {
        let at = ForecastAt {
            params: Some(run.params),
            tokens: Some(run.tokens),
            unique_tokens: run.unique_tokens,
            quality: run.quality.filter(|_| self.0.law == FittedLaw::DataQuality),
            // Counted as the fit counts it; where that is 6ND, rounding must not contradict it.
            flops: (self.0.flop_count == FlopCount::Counted).then_some(run.flops),
        };
        let said = self.0.forecast(&at, self.1).ok()?;
        Some((said.loss, Some((said.lo, said.hi))))
    }
}

/// Runs to fit and runs to forecast, as positions in a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Runs that the law may see.
    pub fit: Vec<usize>,
    /// Runs to forecast.
    pub test: Vec<usize>,
}

impl Split {
    /// Runs up to `largest` FLOPs are fitted, the others forecast.
    #[must_use]
    pub fn below(dataset: &Dataset, largest: Flops) -> Self {
        let (fit, test) = (0..dataset.observations.len())
            .partition(|&index| dataset.observations[index].flops <= largest);
        Self { fit, test }
    }

    /// Forward chaining over compute: up to `steps` cuts between runs of different compute,
    /// spread evenly over the runs, each leaving at least `fewest` runs to fit.
    #[must_use]
    pub fn forward_chain(dataset: &Dataset, steps: usize, fewest: usize) -> Vec<Self> {
        let mut flops: Vec<f64> = dataset
            .observations
            .iter()
            .map(|run| run.flops.get())
            .collect();
        flops.sort_by(f64::total_cmp);
        // Budgets in files differ in rounding: a cut needs a step of at least 2 %.
        let cuts: Vec<f64> = (fewest.max(1)..flops.len())
            .filter(|&index| flops[index] > 1.02 * flops[index - 1])
            .map(|index| flops[index - 1])
            .collect();
        let kept = steps.min(cuts.len());
        (0..kept)
            .filter_map(|step| {
                let index = (2 * step + 1) * cuts.len() / (2 * kept);
                Some(Self::below(dataset, Flops::new(cuts[index]).ok()?))
            })
            .collect()
    }
}

/// One forecast beside what came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BacktestPoint {
    /// Position of the run in the dataset.
    pub run: usize,
    /// Compute of the run ÷ largest compute that the law had seen.
    pub extrapolation: f64,
    /// What was said.
    pub said: Loss,
    /// Lower end of the interval.
    pub lo: Option<Loss>,
    /// Upper end of the interval.
    pub hi: Option<Loss>,
    /// What came.
    pub came: Loss,
    /// said ÷ came − 1.
    pub relative_error: f64,
}

/// Absolute relative errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ErrorSummary {
    /// Median.
    pub median: f64,
    /// 90th percentile.
    pub p90: f64,
    /// Largest.
    pub max: f64,
}

/// Forecasts within a range of extrapolation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByExtrapolation {
    /// Smallest extrapolation of the range.
    pub from: f64,
    /// Largest extrapolation of the range.
    pub to: f64,
    /// Forecasts in it.
    pub n: usize,
    /// Their errors.
    pub relative_error: ErrorSummary,
    /// Share of intervals that held what came; `None` without intervals.
    pub coverage: Option<f64>,
}

/// How good the forecasts were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtest {
    /// The law.
    pub law: String,
    /// Runs that at least one fit has seen.
    pub n_fit: usize,
    /// Forecasts that were compared, all splits together.
    pub n_test: usize,
    /// Splits.
    pub n_splits: usize,
    /// Largest compute of a forecast run ÷ largest compute that its fit had seen.
    pub compute_ratio: f64,
    /// Errors over all forecasts.
    pub relative_error: ErrorSummary,
    /// Share of intervals that held what came; `None` without intervals.
    pub coverage: Option<f64>,
    /// Mean of (hi − lo) ÷ said; `None` without intervals.
    pub mean_relative_width: Option<f64>,
    /// Coverage that the intervals claim.
    pub level: f64,
    /// The same by how far the forecasts reach.
    pub by_extrapolation: Vec<ByExtrapolation>,
    /// Every forecast.
    pub points: Vec<BacktestPoint>,
    /// Splits that could not be fitted, one sentence each.
    pub failed: Vec<String>,
}

/// Fits each split's smaller runs by `fit` and forecasts its larger ones.
///
/// # Errors
/// [`BacktestError`] if no split has both sides, or none can be fitted.
pub fn backtest<F: Forecaster>(
    dataset: &Dataset,
    splits: &[Split],
    law: &str,
    level: f64,
    fit: impl Fn(&Dataset) -> Result<F, String>,
) -> Result<Backtest, BacktestError> {
    let usable: Vec<&Split> = splits
        .iter()
        .filter(|split| !split.fit.is_empty() && !split.test.is_empty())
        .collect();
    if usable.is_empty() {
        let split = splits.first();
        return Err(BacktestError::Empty {
            n_fit: split.map_or(dataset.observations.len(), |split| split.fit.len()),
            n_test: split.map_or(0, |split| split.test.len()),
        });
    }
    let mut points = Vec::new();
    let mut failed = Vec::new();
    let mut seen = vec![false; dataset.observations.len()];
    for split in &usable {
        match fit(&subset(dataset, &split.fit)) {
            Ok(fitted) => {
                split.fit.iter().for_each(|&index| seen[index] = true);
                points.extend(forecasts(dataset, split, &fitted));
            }
            Err(reason) => failed.push(reason),
        }
    }
    if points.is_empty() {
        let reason = failed.first().cloned();
        return Err(BacktestError::NoFit(reason.unwrap_or_else(|| {
            "the law has no value at the runs to forecast".to_owned()
        })));
    }
    Ok(Backtest {
        law: law.to_owned(),
        n_fit: seen.iter().filter(|seen| **seen).count(),
        n_splits: usable.len() - failed.len(),
        level,
        failed,
        ..summary(points)
    })
}

/// Backtests of several sets of runs as one; `None` if there is none.
///
/// [`BacktestPoint::run`] then counts within its own set.
#[must_use]
pub fn pooled(backtests: &[&Backtest]) -> Option<Backtest> {
    let first = backtests.first()?;
    let all = backtests.iter();
    let points: Vec<BacktestPoint> = all.clone().flat_map(|b| b.points.clone()).collect();
    Some(Backtest {
        law: first.law.clone(),
        n_fit: all.clone().map(|b| b.n_fit).sum(),
        n_splits: all.clone().map(|b| b.n_splits).sum(),
        level: first.level,
        failed: all.clone().flat_map(|b| b.failed.clone()).collect(),
        ..summary(points)
    })
}

/// Everything that follows from the points alone.
fn summary(points: Vec<BacktestPoint>) -> Backtest {
    Backtest {
        law: String::new(),
        n_fit: 0,
        n_test: points.len(),
        n_splits: 0,
        compute_ratio: points.iter().map(|p| p.extrapolation).fold(0.0, f64::max),
        relative_error: errors(&points),
        coverage: coverage(&points),
        mean_relative_width: mean_width(&points),
        level: 0.0,
        by_extrapolation: by_extrapolation(&points),
        points,
        failed: Vec::new(),
    }
}

/// The same conventions with fewer observations.
fn subset(dataset: &Dataset, indices: &[usize]) -> Dataset {
    Dataset {
        observations: indices
            .iter()
            .map(|&index| dataset.observations[index].clone())
            .collect(),
        ..dataset.clone()
    }
}

fn forecasts(dataset: &Dataset, split: &Split, fitted: &impl Forecaster) -> Vec<BacktestPoint> {
    let flops = |index: &usize| dataset.observations[*index].flops.get();
    let largest = split.fit.iter().map(flops).fold(0.0, f64::max);
    let compared = split.test.iter().filter_map(|&index| {
        let run = &dataset.observations[index];
        let (said, interval) = fitted.forecast(run)?;
        Some(BacktestPoint {
            run: index,
            extrapolation: run.flops.get() / largest,
            said,
            lo: interval.map(|(lo, _)| lo),
            hi: interval.map(|(_, hi)| hi),
            came: run.loss,
            relative_error: said.get() / run.loss.get() - 1.0,
        })
    });
    compared.collect()
}

fn errors(points: &[BacktestPoint]) -> ErrorSummary {
    let mut sizes: Vec<f64> = points.iter().map(|p| p.relative_error.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    ErrorSummary {
        median: quantile(&sizes, 0.5),
        p90: quantile(&sizes, 0.9),
        max: quantile(&sizes, 1.0),
    }
}

/// Quantile of sorted numbers, interpolated between them (Hyndman & Fan 1996, type 7).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(lo), Some(hi)) => lo + (hi - lo) * place.fract(),
        _ => f64::NAN,
    }
}

fn coverage(points: &[BacktestPoint]) -> Option<f64> {
    let held: Vec<bool> = points
        .iter()
        .filter_map(|p| Some(p.lo? <= p.came && p.came <= p.hi?))
        .collect();
    let inside = held.iter().filter(|held| **held).count();
    (!held.is_empty()).then(|| inside as f64 / held.len() as f64)
}

fn mean_width(points: &[BacktestPoint]) -> Option<f64> {
    let widths: Vec<f64> = points
        .iter()
        .filter_map(|p| Some((p.hi?.get() - p.lo?.get()) / p.said.get()))
        .collect();
    (!widths.is_empty()).then(|| widths.iter().sum::<f64>() / widths.len() as f64)
}

/// Factors of about three: what is a small leap and what is a large one.
fn by_extrapolation(points: &[BacktestPoint]) -> Vec<ByExtrapolation> {
    const EDGES: [f64; 7] = [0.0, 3.0, 10.0, 30.0, 100.0, 1000.0, f64::INFINITY];
    let ranges = EDGES.windows(2).filter_map(|edge| {
        let inside: Vec<BacktestPoint> = points
            .iter()
            .filter(|p| p.extrapolation > edge[0] && p.extrapolation <= edge[1])
            .copied()
            .collect();
        let reached = inside.iter().map(|p| p.extrapolation);
        (!inside.is_empty()).then(|| ByExtrapolation {
            from: reached.clone().fold(f64::INFINITY, f64::min),
            to: reached.fold(0.0, f64::max),
            n: inside.len(),
            relative_error: errors(&inside),
            coverage: coverage(&inside),
        })
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{IsoflopGrid, measure};
    use crate::surface::Surface;
    use crate::surface::tests::additive;
    use isoflop_laws::{FlopCount, ParamCount};

    /// A forecaster that is wrong by a known share, with an interval of a known width.
    struct Biased {
        bias: f64,
        half_width: f64,
    }

    fn surface() -> impl Surface {
        additive(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
    }

    impl Forecaster for Biased {
        fn forecast(&self, run: &Observation) -> Option<(Loss, Option<(Loss, Loss)>)> {
            let truth = surface().loss(run.params, run.tokens)?.get();
            let said = truth * (1.0 + self.bias);
            let end = |sign: f64| Loss::new(said * (1.0 + sign * self.half_width)).unwrap();
            Some((Loss::new(said).unwrap(), Some((end(-1.0), end(1.0)))))
        }
    }

    fn dataset() -> Dataset {
        let flops = |c| Flops::new(c).unwrap();
        let grid = IsoflopGrid::spaced(flops(1e18), flops(1e22), 5, 9, 8.0).unwrap();
        Dataset {
            param_count: ParamCount::Total,
            flop_count: FlopCount::SixNd,
            observations: measure(&surface(), &grid.points(&surface()).unwrap(), 0.0, 0),
        }
    }

    fn tested(bias: f64, half_width: f64, splits: &[Split]) -> Backtest {
        backtest(&dataset(), splits, "known", 0.9, |_| {
            Ok(Biased { bias, half_width })
        })
        .unwrap()
    }

    #[test]
    fn errors_coverage_and_width_are_those_of_a_forecaster_with_known_faults() {
        let splits = [Split::below(&dataset(), Flops::new(2e19).unwrap())];
        let found = tested(0.02, 0.01, &splits);
        assert_eq!((found.n_fit, found.n_test), (18, 27));
        assert!((found.relative_error.median - 0.02).abs() < 1e-9);
        assert!((found.relative_error.max - 0.02).abs() < 1e-9);
        assert_eq!(found.coverage, Some(0.0));
        assert!((found.mean_relative_width.unwrap() - 0.02).abs() < 1e-9);
        assert!((found.compute_ratio / 1e3 - 1.0).abs() < 1e-6);
        assert_eq!(tested(0.005, 0.01, &splits).coverage, Some(1.0));
    }

    #[test]
    fn forward_chaining_never_shows_a_run_of_more_compute_than_those_forecast() {
        let dataset = dataset();
        let splits = Split::forward_chain(&dataset, 10, 9);
        assert_eq!(splits.len(), 4, "five budgets have four cuts");
        for split in &splits {
            let flops = |index: &usize| dataset.observations[*index].flops.get();
            let seen = split.fit.iter().map(flops).fold(0.0, f64::max);
            assert!(split.test.iter().map(flops).all(|flops| flops > seen));
            assert_eq!(split.fit.len() + split.test.len(), 45);
        }
        assert_eq!(Split::forward_chain(&dataset, 2, 9).len(), 2);
        assert_eq!(Split::forward_chain(&dataset, 5, 45), vec![]);
    }

    #[test]
    fn every_forecast_is_in_one_range_of_extrapolation() {
        let dataset = dataset();
        let found = tested(0.01, 0.02, &Split::forward_chain(&dataset, 10, 9));
        let counted: usize = found.by_extrapolation.iter().map(|range| range.n).sum();
        assert_eq!(counted, found.n_test);
        assert_eq!(found.n_test, 36 + 27 + 18 + 9);
    }

    #[test]
    fn runs_of_one_compute_cannot_be_backtested_and_a_failed_fit_is_named() {
        let mut flat = dataset();
        flat.observations.truncate(9);
        let none = backtest(
            &flat,
            &Split::forward_chain(&flat, 5, 2),
            "known",
            0.9,
            |_| {
                Ok(Biased {
                    bias: 0.0,
                    half_width: 0.0,
                })
            },
        );
        assert!(matches!(none, Err(BacktestError::Empty { n_test: 0, .. })));
        let splits = Split::forward_chain(&dataset(), 2, 9);
        let failed = backtest(
            &dataset(),
            &splits,
            "known",
            0.9,
            |_| -> Result<Biased, _> { Err("too few sizes".to_owned()) },
        );
        assert_eq!(
            failed,
            Err(BacktestError::NoFit("too few sizes".to_owned()))
        );
    }
}
