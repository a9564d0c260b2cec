//! Several laws averaged, and how far their average was off when it was asked about larger runs.

use super::mean_law::{MeanLaw, Shape};
use super::process::{Joint, Outlook, Process};
use super::sample::{Over, Place, Sample};
use crate::Prior;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Evidence is divided by this before laws are weighed: errors of a law's form are shared by
/// many runs, so that the likelihood counts them too often. A curve's own discrepancy accounts for
/// what its few points share.
const fn temper(over: Over) -> f64 {
    match over {
        Over::Runs => 3.0,
        Over::Curve => 1.0,
    }
}

/// Learned processes and their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ensemble {
    members: Vec<Process>,
    weights: Vec<f64>,
    calibration: Calibration,
}

impl Ensemble {
    /// Learns every law from the sample and calibrates their average within it. `None` if no law
    /// can be learned.
    pub(crate) fn learn(shapes: &[Shape], sample: &Sample, prior: Prior) -> Option<Self> {
        let mut ensemble = Self::uncalibrated(shapes, sample, prior, None)?;
        ensemble.calibration = calibrate(shapes, sample, prior, &ensemble);
        Some(ensemble)
    }

    fn uncalibrated(
        shapes: &[Shape],
        sample: &Sample,
        prior: Prior,
        near: Option<&Ensemble>,
    ) -> Option<Self> {
        let learned: Vec<Option<Process>> = shapes
            .par_iter()
            .enumerate()
            .map(|(index, shape)| {
                let law = MeanLaw::centred(*shape, sample, prior);
                // Parameters are centred on the sample: only the process's traits carry over.
                let near = near.and_then(|near| near.members.get(index));
                Process::learn(&law, sample, near)
            })
            .collect();
        let members: Vec<Process> = learned.into_iter().flatten().collect();
        let best = members
            .iter()
            .map(|m| m.evidence)
            .fold(f64::NEG_INFINITY, f64::max);
        let raw: Vec<f64> = members
            .iter()
            .map(|member| ((member.evidence - best) / temper(sample.over)).exp())
            .collect();
        let total: f64 = raw.iter().sum();
        (!members.is_empty() && total.is_finite()).then(|| Self {
            weights: raw.iter().map(|weight| weight / total).collect(),
            members,
            calibration: Calibration::UNTESTED,
        })
    }

    /// Largest extrapolation in ln C that the calibration has seen.
    pub(crate) fn tested(&self) -> f64 {
        self.calibration.reach
    }

    /// The median of a new measurement, and how far to both sides the interval that holds it
    /// with probability `level` reaches. How far off standard deviations are is itself known from
    /// few tests, so that the interval is Student's.
    pub(crate) fn interval(&self, at: &Place, level: f64) -> (f64, f64) {
        let (mean, sd) = self.outlook(at);
        (mean, self.quantile(level) * self.calibration.scale * sd)
    }

    /// Half the width of an interval at this level ÷ the calibrated standard deviation.
    pub(crate) fn quantile(&self, level: f64) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.calibration.tests);
        student.map_or(f64::NAN, |t| t.inverse_cdf(0.5 + 0.5 * level))
    }

    /// What new measurements at several places may give together by each law, before calibration,
    /// with the law's weight.
    pub(crate) fn joint(&self, at: &[Place]) -> Vec<(f64, Vec<Joint>)> {
        let members = self.members.iter().zip(&self.weights);
        members
            .map(|(member, weight)| (*weight, member.joint(at)))
            .collect()
    }

    /// Factor of every standard deviation that backtests ask for.
    pub(crate) fn scale(&self) -> f64 {
        self.calibration.scale
    }

    /// The power of the evidence of new runs that laws are weighed by.
    pub(crate) const TEMPERED: f64 = 1.0 / temper(Over::Runs);

    /// Mean and standard deviation of a new measurement, before calibration.
    fn outlook(&self, at: &Place) -> (f64, f64) {
        let each: Vec<Outlook> = self
            .members
            .iter()
            .map(|member| member.outlook(at))
            .collect();
        let weighed = || each.iter().zip(&self.weights);
        let mean: f64 = weighed().map(|(o, w)| w * o.mean).sum();
        let variance: f64 = weighed()
            .map(|(o, w)| w * (o.variance() + (o.mean - mean).powi(2)))
            .sum();
        (mean, variance.sqrt())
    }
}

/// Where the sample is cut: shares of its measurements that are kept, and as how many independent
/// tests the forecasts beyond a cut count at most, since they err alike. Cuts among small runs say
/// little about large ones, where long warm-ups and small batches make a regime of their own: the
/// nearer a cut is to the largest runs, the more it counts.
const CUTS: [(f64, f64); 3] = [(0.6, 1.0), (0.7, 3.0), (0.8, 5.0)];
/// Fewest measurements that are kept, and that are forecast.
const FEWEST_KEPT: usize = 8;
const FEWEST_FORECAST: usize = 2;
/// The model's own standard deviation counts as this many independent backtests.
const PRIOR_TESTS: f64 = 20.0;
/// Errors beyond this many standard deviations count as this many.
const LARGEST_ERROR: f64 = 4.0;

/// What backtests say of the standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Calibration {
    /// Factor of every standard deviation.
    scale: f64,
    /// Independent tests that the factor stands on, the prior's included.
    tests: f64,
    /// Largest extrapolation in ln C that was tried.
    reach: f64,
}

impl Calibration {
    const UNTESTED: Self = Self {
        scale: 1.0,
        tests: PRIOR_TESTS,
        reach: 0.0,
    };
}

/// The factor by which standard deviations were too small (or, under one, too large) when the
/// larger measurements were forecast from the smaller ones, shrunk towards one.
fn calibrate(shapes: &[Shape], sample: &Sample, prior: Prior, full: &Ensemble) -> Calibration {
    let mut computes: Vec<f64> = sample.rows.iter().map(|row| row.at.c).collect();
    computes.sort_by(f64::total_cmp);
    let (mut squares, mut tests, mut reached) = (PRIOR_TESTS, PRIOR_TESTS, 0f64);
    for (share, most) in CUTS {
        let index = (share * computes.len() as f64) as usize;
        let Some(edge) = computes.get(index) else {
            continue;
        };
        // Budgets in files differ in rounding.
        let (kept, beyond) = sample.cut(edge + 0.02);
        if kept.rows.len() < FEWEST_KEPT || beyond.rows.len() < FEWEST_FORECAST {
            continue;
        }
        let Some(ensemble) = Ensemble::uncalibrated(shapes, &kept, prior, Some(full)) else {
            continue;
        };
        let square = |row: &super::sample::Measured| {
            let (mean, sd) = ensemble.outlook(&row.at);
            ((row.y - mean) / sd).abs().min(LARGEST_ERROR).powi(2)
        };
        let mean = beyond.rows.iter().map(square).sum::<f64>() / beyond.rows.len() as f64;
        let count = most.min(beyond.rows.len() as f64);
        squares += count * mean;
        tests += count;
        reached = reached.max(computes[computes.len() - 1] - edge);
    }
    Calibration {
        scale: (squares / tests).sqrt(),
        tests,
        reach: reached,
    }
}
