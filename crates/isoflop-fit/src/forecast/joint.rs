//! What a fit says about several runs together, and what some of them would teach about another.

use super::centred_on;
use super::cholesky::{Cholesky, dot};
use super::ensemble::Ensemble;
use super::process::Joint;
use super::sample::Place;
use crate::{Fit, FittedLaw, ForecastAt, ForecastError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Outcomes of new runs that are drawn to see how wide intervals come to be. Other draws of as many
/// move the expected width by a per cent.
const OUTCOMES: usize = 200;
/// The draws are the same each time.
const SEED: u64 = 1;
/// Added to the variance of every measurement, so that one can be made twice without noise.
const JITTER: f64 = 1e-10;

/// The forecast of several runs together: how far off ln L may be at each, and how alike. The loss
/// L is in nats per token; a standard deviation of ln L is a share of the loss.
///
/// It is the distribution that [`Fit::forecast`] reads its intervals from: a mixture over the laws
/// and over what their discrepancies may be like, normal under each. What a run would teach about
/// another follows from it (O'Hagan 1978, Kennedy & O'Hagan 2001).
#[derive(Debug, Clone, PartialEq)]
pub struct JointForecast {
    means: Vec<f64>,
    reaches: Vec<f64>,
    quantile: f64,
    laws: Vec<FittedLaw>,
    /// By law: its weight, and what holds under its traits. Calibrated.
    mixture: Vec<(f64, Vec<Joint>)>,
}

/// A share of what may be true, as a normal distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPart {
    /// Covariance of ln L between the places, without noise: one row for each place, one after the
    /// other, symmetric. It holds what the runs leave open of the laws' parameters, the laws'
    /// disagreement, and how wrong their forms may be.
    pub covariance: Vec<f64>,
    /// Variance of ln L from run to run, the noise's heavy tails counted in.
    pub noise_variance: f64,
}

impl Fit {
    /// The forecast of several runs together, with intervals at `level`. Backtests within the runs
    /// are counted in, as in [`forecast`](Self::forecast).
    ///
    /// Takes some tenths of a second for a hundred places, beside what the first forecast takes.
    ///
    /// # Errors
    /// As of [`forecast`](Self::forecast), for any of the places.
    pub fn joint(&self, at: &[ForecastAt], level: f64) -> Result<JointForecast, ForecastError> {
        if !(0.5..=0.999).contains(&level) {
            return Err(ForecastError::Level(level));
        }
        let places = at.iter().map(|at| Ok(self.asked(at)?.place));
        let places: Vec<Place> = places.collect::<Result<_, ForecastError>>()?;
        let nowhere = || self.no_value(places.first().unwrap_or(&Place::default()));
        let ensemble = self.forecaster.learned().ok_or_else(nowhere)?;
        let each = places.par_iter().map(|at| ensemble.interval(at, level));
        let (means, reaches): (Vec<f64>, Vec<f64>) = each.unzip();
        let lost = |(_, reach): &(&Place, &f64)| !reach.is_finite();
        if let Some((place, _)) = places.iter().zip(&reaches).find(lost) {
            return Err(self.no_value(place));
        }
        let mut mixture = ensemble.joint(&places);
        for one in mixture.iter_mut().flat_map(|(_, under)| under) {
            one.calibrate(ensemble.scale(), &means);
        }
        Ok(JointForecast {
            means,
            reaches,
            quantile: ensemble.quantile(level),
            laws: centred_on(self.forecaster.law),
            mixture,
        })
    }
}

impl Joint {
    /// Everything as far off from `centre` as backtests ask for.
    fn calibrate(&mut self, scale: f64, centre: &[f64]) {
        let means = self.means.iter_mut().zip(centre);
        means.for_each(|(mean, centre)| *mean = centre + scale * (*mean - centre));
        let square = scale * scale;
        self.form.iter_mut().for_each(|cell| *cell *= square);
        self.noise *= square;
    }

    /// What measuring `runs` would teach of `place`. `None` if their covariance is singular.
    fn lesson(&self, place: usize, runs: &[usize]) -> Option<Lesson> {
        let size = self.means.len();
        let count = runs.len();
        let mut covariance = vec![0.0; count * count];
        for (i, run) in runs.iter().enumerate() {
            for (j, other) in runs[..=i].iter().enumerate() {
                covariance[i * count + j] = self.form[run * size + other];
            }
            covariance[i * count + i] += self.noise + JITTER;
        }
        let factor = Cholesky::of(covariance, count)?;
        let shared = runs.iter().map(|run| self.form[run * size + place]);
        let shared = factor.half_solve(shared.collect());
        let known = dot(&shared, &shared);
        Some(Lesson {
            means: runs.iter().map(|&run| self.means[run]).collect(),
            mean: self.means[place],
            left: (self.form[place * size + place] - known).max(0.0) + self.noise,
            shared,
            factor,
        })
    }
}

/// How runs change what is known of a place if one law and one set of traits are true.
struct Lesson {
    /// Expected ln L of the runs.
    means: Vec<f64>,
    /// Factor of the covariance of their measurements.
    factor: Cholesky,
    /// L⁻¹ times their covariance with the place.
    shared: Vec<f64>,
    /// Expected ln L of the place before they are measured.
    mean: f64,
    /// Variance of a measurement there afterwards, whatever they come to.
    left: f64,
}

impl Lesson {
    /// ln of the likelihood of an outcome, but for a constant, and what is expected of the place
    /// after it.
    fn after(&self, outcome: &[f64]) -> (f64, f64) {
        let off = outcome.iter().zip(&self.means).map(|(y, mean)| y - mean);
        let off = self.factor.half_solve(off.collect());
        let likelihood = -0.5 * (dot(&off, &off) + self.factor.ln_determinant());
        (likelihood, self.mean + dot(&self.shared, &off))
    }
}

impl JointForecast {
    /// Expected ln L of each place, L in nats per token: of the loss that [`Fit::forecast`] says.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The laws that are averaged, or the one that was asked for.
    #[must_use]
    pub fn laws(&self) -> &[FittedLaw] {
        &self.laws
    }

    /// Standard deviation of ln L from run to run, the noise's heavy tails counted in.
    #[must_use]
    pub fn noise(&self) -> f64 {
        self.noise_variance().sqrt()
    }

    fn noise_variance(&self) -> f64 {
        let laws = self.mixture.iter();
        laws.map(|(weight, under)| {
            let under = under.iter().map(|one| one.weight * one.noise);
            weight * under.sum::<f64>()
        })
        .sum()
    }

    /// The same with runs that differ by this standard deviation of ln L, where it is known better
    /// than from the runs.
    #[must_use]
    pub fn with_noise(mut self, noise: f64) -> Self {
        let more = noise * noise - self.noise_variance();
        for reach in &mut self.reaches {
            let deviation = *reach / self.quantile;
            let variance = (deviation * deviation + more).max(0.0);
            *reach = self.quantile * variance.sqrt();
        }
        for one in self.mixture.iter_mut().flat_map(|(_, under)| under) {
            one.noise = noise * noise;
        }
        self
    }

    /// How far the interval of the measured ln L of a new run at `place` (its index among those
    /// asked about) reaches to both sides of the mean: that of [`Fit::forecast`]. `None` for a
    /// place that was not asked about.
    #[must_use]
    pub fn reach(&self, place: usize) -> Option<f64> {
        self.reaches.get(place).copied()
    }

    /// How far it is expected to reach once one run is made at each of the places `runs`, which
    /// may name a place twice. The mean over outcomes drawn from the forecast itself: how plausible
    /// each law and discrepancy is after them is part of it, what backtests will say then is not.
    /// `None` for a place that was not asked about.
    #[must_use]
    pub fn expected_reach(&self, place: usize, runs: &[usize]) -> Option<f64> {
        let reach = self.reach(place)?;
        if runs.is_empty() {
            return Some(reach);
        }
        if runs.iter().any(|&run| run >= self.means.len()) {
            return None;
        }
        let lessons = self.lessons(place, runs)?;
        let now = self.deviation(|law, trait_| {
            let one = &self.mixture[law].1[trait_];
            let size = self.means.len();
            (
                0.0,
                one.means[place],
                one.form[place * size + place] + one.noise,
            )
        });
        let after = (0..OUTCOMES).into_par_iter().map(|draw| {
            let outcome = self.outcome(&lessons, draw);
            self.deviation(|law, trait_| {
                let lesson = &lessons[law][trait_];
                let (likelihood, mean) = lesson.after(&outcome);
                (likelihood, mean, lesson.left)
            })
        });
        let after: Vec<f64> = after.collect();
        let after = after.iter().sum::<f64>() / OUTCOMES as f64;
        Some(reach * after / now)
    }

    /// What `runs` would teach of `place` under each law and its traits.
    fn lessons(&self, place: usize, runs: &[usize]) -> Option<Vec<Vec<Lesson>>> {
        let laws = self.mixture.iter();
        laws.map(|(_, under)| {
            let under = under.par_iter();
            under.map(|one| one.lesson(place, runs)).collect()
        })
        .collect()
    }

    /// What the runs of some lessons may come to: under a law and traits as often as they are
    /// plausible.
    fn outcome(&self, lessons: &[Vec<Lesson>], draw: usize) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(draw as u64);
        // Evenly over the weights, so that each law and set of traits has its share.
        let share = (draw as f64 + 0.5) / OUTCOMES as f64;
        let mut sum = 0.0;
        let laws = self.mixture.iter().zip(lessons);
        let weighed = laws.flat_map(|((weight, under), lessons)| {
            let under = under.iter().map(move |one| weight * one.weight);
            under.zip(lessons)
        });
        let mut last = None;
        for (weight, lesson) in weighed {
            sum += weight;
            last = Some(lesson);
            if share <= sum {
                break;
            }
        }
        last.map_or_else(Vec::new, |lesson| {
            let normal = lesson.means.iter().map(|_| random.sample(StandardNormal));
            let away = lesson.factor.times(&normal.collect::<Vec<f64>>());
            lesson
                .means
                .iter()
                .zip(away)
                .map(|(mean, away)| mean + away)
                .collect()
        })
    }

    /// Standard deviation of a measurement when `of` says of each law and its traits: ln of the
    /// likelihood of what was seen, the mean and the variance. Laws are weighed by tempered
    /// evidence, as when they are learned.
    fn deviation(&self, of: impl Fn(usize, usize) -> (f64, f64, f64)) -> f64 {
        let mut each = Vec::new();
        for (law, (weight, under)) in self.mixture.iter().enumerate() {
            let said: Vec<_> = (0..under.len()).map(|k| of(law, k)).collect();
            let best = said
                .iter()
                .map(|one| one.0)
                .fold(f64::NEG_INFINITY, f64::max);
            let weights = said.iter().zip(under);
            let weights: Vec<f64> = weights
                .map(|(said, one)| one.weight * (said.0 - best).exp())
                .collect();
            let total: f64 = weights.iter().sum();
            let evidence = weight.ln() + Ensemble::TEMPERED * (best + total.ln());
            let within = weights.into_iter().zip(said);
            each.extend(
                within.map(|(w, (_, mean, variance))| (evidence, w / total, mean, variance)),
            );
        }
        let best = each
            .iter()
            .map(|one| one.0)
            .fold(f64::NEG_INFINITY, f64::max);
        let each = each.into_iter().map(|(evidence, weight, mean, variance)| {
            ((evidence - best).exp() * weight, mean, variance)
        });
        let each: Vec<(f64, f64, f64)> = each.collect();
        let total: f64 = each.iter().map(|one| one.0).sum();
        let mean = each
            .iter()
            .map(|(weight, mean, _)| weight * mean)
            .sum::<f64>()
            / total;
        let square = |(weight, one, variance): &(f64, f64, f64)| {
            weight * (variance + (one - mean) * (one - mean))
        };
        (each.iter().map(square).sum::<f64>() / total).sqrt()
    }

    /// What may be true in about `count` parts of like weight, from the laws and traits that have
    /// `place` best known to those that have it least known. None for a place that was not asked
    /// about.
    #[must_use]
    pub fn parts(&self, place: usize, count: usize) -> Vec<JointPart> {
        let size = self.means.len();
        if place >= size {
            return Vec::new();
        }
        let laws = self.mixture.iter();
        let mut each: Vec<(f64, &Joint)> = laws
            .flat_map(|(weight, under)| under.iter().map(move |one| (weight * one.weight, one)))
            .collect();
        let variance = |one: &Joint| one.form[place * size + place];
        each.sort_by(|a, b| variance(a.1).total_cmp(&variance(b.1)));
        let mut groups: Vec<Vec<(f64, &Joint)>> = vec![Vec::new(); count.max(1)];
        let mut sum = 0.0;
        for (weight, one) in each {
            let group = (sum + 0.5 * weight) * groups.len() as f64;
            let last = groups.len() - 1;
            groups[(group as usize).min(last)].push((weight, one));
            sum += weight;
        }
        let groups = groups.iter().filter(|group| !group.is_empty());
        groups.map(|group| JointPart::of(group, size)).collect()
    }
}

impl JointPart {
    /// Mean products of what is off from the common mean, as linear Bayes needs them (Goldstein &
    /// Wooff 2007).
    fn of(group: &[(f64, &Joint)], size: usize) -> Self {
        let total: f64 = group.iter().map(|one| one.0).sum();
        let mean = |place: usize| {
            let weighed = group.iter().map(|(weight, one)| weight * one.means[place]);
            weighed.sum::<f64>() / total
        };
        let means: Vec<f64> = (0..size).map(mean).collect();
        let (mut covariance, mut noise_variance) = (vec![0.0; size * size], 0.0);
        for (weight, one) in group {
            let weight = weight / total;
            let off: Vec<f64> = one.means.iter().zip(&means).map(|(a, b)| a - b).collect();
            noise_variance += weight * one.noise;
            let rows = covariance
                .chunks_exact_mut(size)
                .zip(one.form.chunks_exact(size));
            for ((row, within), left) in rows.zip(&off) {
                for ((cell, within), right) in row.iter_mut().zip(within).zip(&off) {
                    *cell += weight * (within + left * right);
                }
            }
        }
        Self {
            covariance,
            noise_variance,
        }
    }
}

#[cfg(test)]
mod tests;
