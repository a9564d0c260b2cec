//! The second step from scale to accuracy: a sigmoid of the loss, fitted to runs
//! (Bhagia et al. 2024, eq. 4; Grattafiori et al. 2024, section 3.2.1).
//!
//! accuracy = a / (1 + e^(−k (L − L0))) + b is linear in a and b, so that only k and L0 are
//! searched for. Both ends stay between 0 and 1, which is all that is known of an end that the
//! runs have not reached.

use crate::forecast::{Patience, minimise};
use crate::quantiles::{central, quantile};
use crate::{FitError, Forecast, ForecastError};
use isoflop_laws::Loss;
use isoflop_laws::laws::TwoStep;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

/// Fewest runs: one more than the sigmoid has parameters.
const FEWEST: usize = 5;
/// Refits from which the interval is read.
const REFITS: usize = 200;
/// Refits behind each test of the sigmoid on runs that it was not fitted to.
const TEST_REFITS: usize = 40;
/// Most such tests.
const TESTS: usize = 12;
/// Tests that are taken to have come out as expected beforehand: a few real ones cannot make an
/// interval narrow or wide on their own.
const PRIOR_TESTS: f64 = 2.0;
/// Places at which the distributions of the loss and of the noise are evaluated.
const QUANTILES: usize = 15;

/// A share that a run reached, such as an accuracy, beside its loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharePoint {
    /// The run's loss, nats per token.
    pub loss: Loss,
    /// The share, from 0 to 1.
    pub share: f64,
}

/// A share of a run that is not made yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShareForecast {
    /// Median of what may be measured.
    pub share: f64,
    /// Lower end of the interval of a new measurement.
    pub lo: f64,
    /// Upper end of the interval of a new measurement.
    pub hi: f64,
}

/// A sigmoid of the loss fitted to the shares of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareFit {
    /// The sigmoid.
    pub law: TwoStep,
    /// Runs that it was fitted to.
    pub n_used: usize,
    /// Standard deviation of the shares about it.
    pub noise: f64,
    /// How much larger the errors on runs of less loss were than their expected size, when they
    /// were forecast from runs of more loss; one at the least.
    pub inflation: f64,
    draws: Vec<TwoStep>,
}

/// Fits a share to the loss of runs; a share that falls with the loss (accuracy) or rises with it
/// (error rate).
///
/// # Errors
/// [`FitError`] for fewer than five runs, runs of one loss, or a number that is no share.
pub fn fit_share(points: &[SharePoint], seed: u64) -> Result<ShareFit, FitError> {
    check(points)?;
    let mut points = points.to_vec();
    // From the worst model to the best: the order in which forecasts are asked for.
    points.sort_by(|a, b| b.loss.get().total_cmp(&a.loss.get()));
    let inflation = inflation(&points, seed);
    let (law, noise) = sigmoid(&points);
    Ok(ShareFit {
        law,
        n_used: points.len(),
        noise,
        inflation,
        draws: refits(&points, &law, noise, seed, REFITS),
    })
}

fn check(points: &[SharePoint]) -> Result<(), FitError> {
    if let Some(wrong) = points.iter().find(|p| !(0.0..=1.0).contains(&p.share)) {
        return Err(FitError::Option {
            option: "the measured share",
            value: wrong.share,
            expected: "from 0 to 1: divide a percentage by 100",
        });
    }
    if points.len() < FEWEST {
        return Err(FitError::TooFewRuns {
            law: "two-step",
            needed: FEWEST,
            found: points.len(),
            simpler: "capability",
        });
    }
    let losses = || points.iter().map(|p| p.loss.get());
    let (lo, hi) = (
        losses().fold(f64::MAX, f64::min),
        losses().fold(0.0, f64::max),
    );
    if hi - lo > 1e-6 * hi {
        return Ok(());
    }
    Err(FitError::NoRange {
        law: "two-step",
        quantity: "loss",
        value: points[0].loss.to_string(),
        needed: 2,
    })
}

/// The loss of each run, from 0 for the best to 1 for the worst, and back.
struct Scale {
    lowest: f64,
    span: f64,
}

impl Scale {
    fn of(points: &[SharePoint]) -> Self {
        let losses = || points.iter().map(|p| p.loss.get());
        let lowest = losses().fold(f64::MAX, f64::min);
        let span = losses().fold(0.0, f64::max) - lowest;
        Self {
            lowest,
            span: span.max(1e-9),
        }
    }

    fn scaled(&self, loss: Loss) -> f64 {
        (loss.get() - self.lowest) / self.span
    }
}

/// The sigmoid of least squares, and the standard deviation about it.
fn sigmoid(points: &[SharePoint]) -> (TwoStep, f64) {
    let scale = Scale::of(points);
    let x: Vec<f64> = points.iter().map(|p| scale.scaled(p.loss)).collect();
    let y: Vec<f64> = points.iter().map(|p| p.share).collect();
    let slope = {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (mx, my) = (mean(&x), mean(&y));
        x.iter()
            .zip(&y)
            .map(|(x, y)| (x - mx) * (y - my))
            .sum::<f64>()
    };
    // A share that rises with the loss is one minus a share that falls.
    let sign = if slope > 0.0 { 1.0 } else { -1.0 };
    let squares = |place: &[f64]| linear(&x, &y, sign * place[0].exp(), place[1]).2;
    let (from, to) = STEEPNESS;
    let starts =
        (0..9).flat_map(|i| (0..13).map(move |j| (f64::from(i) / 8.0, f64::from(j) / 12.0)));
    let mut starts: Vec<([f64; 2], f64)> = starts
        .map(|(i, j)| {
            let place = [from + i * (to - from), MIDDLE.0 + j * (MIDDLE.1 - MIDDLE.0)];
            (place, squares(&place))
        })
        .collect();
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    let patience = Patience {
        calls: 200,
        value: 1e-14,
    };
    let polished = starts
        .iter()
        .take(3)
        .map(|(place, _)| minimise(place, &[0.3, 0.1], patience, squares));
    let best = polished.min_by(|a, b| a.1.total_cmp(&b.1));
    let (place, _) = best.expect("three starts were polished");
    let (k, middle) = (
        sign * place[0].clamp(from, to).exp(),
        place[1].clamp(MIDDLE.0, MIDDLE.1),
    );
    let (a, b, squares) = linear(&x, &y, k, middle);
    let freedom = points.len().saturating_sub(4).max(1) as f64;
    let law = TwoStep {
        a,
        k: k / scale.span,
        l0: scale.lowest + middle * scale.span,
        b,
    };
    (law, (squares / freedom).sqrt().max(1e-6))
}

/// ln of the steepness over the range of the losses: from nearly straight to nearly a step.
const STEEPNESS: (f64, f64) = (-0.7, 4.2);
/// Where the middle may lie: beyond the best run by two ranges, or above the worst.
const MIDDLE: (f64, f64) = (-2.0, 1.5);

/// a and b of least squares with a ≥ 0, b ≥ 0, a + b ≤ 1, for given steepness and middle, and the
/// sum of squares; steepness and middle are held within their ranges.
fn linear(x: &[f64], y: &[f64], k: f64, middle: f64) -> (f64, f64, f64) {
    let k = k.signum() * k.abs().clamp(STEEPNESS.0.exp(), STEEPNESS.1.exp());
    let middle = middle.clamp(MIDDLE.0, MIDDLE.1);
    let shape: Vec<f64> = x
        .iter()
        .map(|x| 1.0 / (1.0 + (-k * (x - middle)).exp()))
        .collect();
    let count = x.len() as f64;
    let sum = |f: &dyn Fn(usize) -> f64| (0..x.len()).map(f).sum::<f64>();
    let (s, t) = (sum(&|i| shape[i]), sum(&|i| y[i]));
    let (ss, st) = (sum(&|i| shape[i] * shape[i]), sum(&|i| shape[i] * y[i]));
    let squares = |a: f64, b: f64| sum(&|i| (y[i] - a * shape[i] - b).powi(2));
    let determinant = count * ss - s * s;
    let a = (count * st - s * t) / determinant;
    let b = (t - a * s) / count;
    if determinant > 1e-12 && a >= 0.0 && b >= 0.0 && a + b <= 1.0 {
        return (a, b, squares(a, b));
    }
    // The least squares are convex: the best is on an edge of the triangle.
    let flat = (t / count).clamp(0.0, 1.0);
    let from_zero = (st / ss).clamp(0.0, 1.0);
    // b = 1 − a: y − 1 = −a (1 − shape).
    let up = sum(&|i| (1.0 - y[i]) * (1.0 - shape[i]));
    let to_one = (up / sum(&|i| (1.0 - shape[i]).powi(2)).max(1e-300)).clamp(0.0, 1.0);
    let edges = [(0.0, flat), (from_zero, 0.0), (to_one, 1.0 - to_one)];
    let with_squares = edges.into_iter().map(|(a, b)| (a, b, squares(a, b)));
    let best = with_squares.min_by(|p, q| p.2.total_cmp(&q.2));
    best.expect("three edges")
}

/// Sigmoids fitted to shares that are off the fitted one as the runs are (residuals drawn with
/// replacement, Efron 1979; enlarged for the freedom that the fit used up).
fn refits(
    points: &[SharePoint],
    law: &TwoStep,
    noise: f64,
    seed: u64,
    count: usize,
) -> Vec<TwoStep> {
    let fitted: Vec<f64> = points.iter().map(|p| law.gradient(p.loss).0).collect();
    let off: Vec<f64> = points
        .iter()
        .zip(&fitted)
        .map(|(p, f)| p.share - f)
        .collect();
    let spread = (off.iter().map(|e| e * e).sum::<f64>() / off.len() as f64).sqrt();
    let enlarged = if spread > 0.0 { noise / spread } else { 0.0 };
    let one = |replicate: usize| {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(replicate as u64);
        let drawn = points
            .iter()
            .zip(&fitted)
            .map(|(point, fitted)| SharePoint {
                share: (fitted + enlarged * off[stream.random_range(0..off.len())]).clamp(0.0, 1.0),
                ..*point
            });
        sigmoid(&drawn.collect::<Vec<_>>()).0
    };
    (0..count).into_par_iter().map(one).collect()
}

/// How far off the sigmoid was, in expected errors, on the runs of next less loss, when it was
/// fitted to those of more loss only.
fn inflation(points: &[SharePoint], seed: u64) -> f64 {
    let first = FEWEST.max(points.len() / 2);
    let cuts: Vec<usize> = (first..points.len()).collect();
    let step = cuts.len().div_ceil(TESTS).max(1);
    let tested: Vec<f64> = cuts
        .into_iter()
        .step_by(step)
        .filter(|&cut| check(&points[..cut]).is_ok())
        .map(|cut| {
            let (known, next) = (&points[..cut], &points[cut]);
            let (law, noise) = sigmoid(known);
            let drawn = refits(known, &law, noise, seed, TEST_REFITS);
            let said = law.gradient(next.loss).0;
            let off = drawn
                .iter()
                .map(|law| (law.gradient(next.loss).0 - said).powi(2));
            let expected = off.sum::<f64>() / TEST_REFITS as f64 + noise * noise;
            (next.share - said).powi(2) / expected
        })
        .collect();
    let count = tested.len() as f64;
    let mean = (tested.iter().sum::<f64>() + PRIOR_TESTS) / (count + PRIOR_TESTS);
    mean.sqrt().max(1.0)
}

impl ShareFit {
    /// The share at a loss that is known.
    #[must_use]
    pub fn share(&self, loss: Loss) -> f64 {
        self.law.gradient(loss).0
    }

    /// The share of a run whose loss is a forecast with an interval at `loss_level`: its interval
    /// at `level` holds the uncertainty of that loss, of the sigmoid, the noise about it, and how
    /// far off it was on runs of less loss than it had been fitted to.
    ///
    /// # Errors
    /// [`ForecastError::Level`] if a level is no probability.
    pub fn forecast(
        &self,
        loss: &Forecast,
        loss_level: f64,
        level: f64,
    ) -> Result<ShareForecast, ForecastError> {
        for level in [loss_level, level] {
            if !(0.5..=0.999).contains(&level) {
                return Err(ForecastError::Level(level));
            }
        }
        let normal = Normal::standard();
        let places: Vec<f64> = (0..QUANTILES)
            .map(|k| normal.inverse_cdf((k as f64 + 0.5) / QUANTILES as f64))
            .collect();
        let reach = 0.5 * (loss.hi.ln() - loss.lo.ln());
        let spread = reach / normal.inverse_cdf(0.5 + 0.5 * loss_level);
        let losses: Vec<Loss> = places
            .iter()
            .filter_map(|z| Loss::new((loss.loss.ln() + z * spread).exp()).ok())
            .collect();
        let centre = self.share(loss.loss);
        let mut all = Vec::with_capacity(self.draws.len() * QUANTILES * QUANTILES);
        for draw in &self.draws {
            for &loss in &losses {
                // The error of the sigmoid grows by what the tests showed, that of the loss is
                // calibrated already.
                let by_loss = self.share(loss) - centre;
                let by_law = draw.gradient(loss).0 - self.share(loss);
                all.extend(places.iter().map(|z| {
                    let off = self.inflation * (by_law + z * self.noise);
                    (centre + by_loss + off).clamp(0.0, 1.0)
                }));
            }
        }
        all.sort_by(f64::total_cmp);
        let (lo, hi) = central(&all, level);
        Ok(ShareForecast {
            share: quantile(&all, 0.5),
            lo,
            hi,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::Flops;

    const TRUTH: TwoStep = TwoStep {
        a: 0.7,
        k: -5.0,
        l0: 2.3,
        b: 0.25,
    };

    /// Models from a loss of 3.4 down, with their accuracies, each a little off.
    fn models(truth: TwoStep, lowest: f64, count: u64, noise: f64, seed: u64) -> Vec<SharePoint> {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        let normal = Normal::standard();
        (0..count)
            .map(|k| {
                let loss = Loss::new(3.4 - (3.4 - lowest) * k as f64 / (count - 1) as f64).unwrap();
                let off = noise * normal.inverse_cdf(stream.random_range(0.001..0.999));
                let share = (truth.gradient(loss).0 + off).clamp(0.0, 1.0);
                SharePoint { loss, share }
            })
            .collect()
    }

    fn said(loss: f64, relative_reach: f64) -> Forecast {
        let loss_at = |factor: f64| Loss::new(loss * factor).unwrap();
        Forecast {
            params: None,
            tokens: None,
            flops: Flops::new(1e22).unwrap(),
            loss: loss_at(1.0),
            lo: loss_at(1.0 - relative_reach),
            hi: loss_at(1.0 + relative_reach),
            extrapolation: 10.0,
        }
    }

    #[test]
    fn a_sigmoid_without_noise_is_found_exactly() {
        let fit = fit_share(&models(TRUTH, 1.9, 14, 0.0, 0), 0).unwrap();
        for (found, truth) in [
            (fit.law.a, TRUTH.a),
            (fit.law.k, TRUTH.k),
            (fit.law.l0, TRUTH.l0),
            (fit.law.b, TRUTH.b),
        ] {
            assert!((found / truth - 1.0).abs() < 1e-3, "{:?}", fit.law);
        }
    }

    #[test]
    fn a_share_that_rises_with_the_loss_is_fitted_as_well() {
        let mut errors = models(TRUTH, 1.9, 14, 0.0, 0);
        for point in &mut errors {
            point.share = 1.0 - point.share;
        }
        let fit = fit_share(&errors, 0).unwrap();
        assert!(fit.law.k > 0.0);
        let loss = Loss::new(1.8).unwrap();
        let truth = 1.0 - TRUTH.gradient(loss).0;
        assert!((fit.share(loss) - truth).abs() < 1e-3);
    }

    #[test]
    fn nine_intervals_in_ten_hold_the_accuracy_of_a_better_model() {
        let (mut held, mut width, ladders) = (0, 0.0, 100);
        for seed in 0..ladders {
            // The best known model is just past the middle of the rise.
            let fit = fit_share(&models(TRUTH, 2.15, 16, 0.01, seed), seed).unwrap();
            let forecast = fit.forecast(&said(2.0, 1e-6), 0.9, 0.9).unwrap();
            let came = models(TRUTH, 2.0, 2, 0.01, 1000 + seed)[1].share;
            held += usize::from((forecast.lo..=forecast.hi).contains(&came));
            width += (forecast.hi - forecast.lo) / ladders as f64;
        }
        assert!(
            (82..=98).contains(&held),
            "{held} of {ladders}, {width:.3} wide"
        );
        assert!(width < 0.15, "{width}");
    }

    #[test]
    fn an_unsure_loss_widens_the_interval() {
        let fit = fit_share(&models(TRUTH, 2.0, 16, 0.005, 1), 0).unwrap();
        let sure = fit.forecast(&said(1.95, 1e-6), 0.9, 0.9).unwrap();
        let unsure = fit.forecast(&said(1.95, 0.03), 0.9, 0.9).unwrap();
        assert!(unsure.hi - unsure.lo > 1.5 * (sure.hi - sure.lo));
        assert!(0.0 <= unsure.lo && unsure.lo < unsure.share && unsure.hi <= 1.0);
    }

    #[test]
    fn a_rise_that_has_not_begun_gives_a_wide_interval() {
        let early = models(TRUTH, 3.1, 12, 0.005, 3);
        let fit = fit_share(&early, 0).unwrap();
        let forecast = fit.forecast(&said(2.0, 0.01), 0.9, 0.9).unwrap();
        assert!(forecast.hi - forecast.lo > 0.3, "{forecast:?}");
    }

    #[test]
    fn what_is_no_share_or_too_little_is_refused() {
        let mut percent = models(TRUTH, 1.9, 8, 0.0, 0);
        percent[3].share = 37.5;
        let error = fit_share(&percent, 0).unwrap_err().to_string();
        assert!(
            error.contains("37.5") && error.contains("divide"),
            "{error}"
        );
        let few = &models(TRUTH, 1.9, 8, 0.0, 0)[..4];
        assert!(matches!(
            fit_share(few, 0),
            Err(FitError::TooFewRuns { .. })
        ));
        let same = vec![models(TRUTH, 1.9, 8, 0.0, 0)[2]; 6];
        assert!(matches!(fit_share(&same, 0), Err(FitError::NoRange { .. })));
    }
}
