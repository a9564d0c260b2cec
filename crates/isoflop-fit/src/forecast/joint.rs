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
mod tests {
    use super::*;
    use crate::{Dataset, FitOptions, Observation, fit};
    use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};

    fn run(n: f64, d: f64, ln_loss: f64, cluster: usize) -> Observation {
        let (params, tokens) = (Params::new(n).unwrap(), Tokens::new(d).unwrap());
        Observation {
            params,
            tokens,
            unique_tokens: None,
            quality: None,
            flops: Flops::six_nd(params, tokens),
            loss: Loss::new(ln_loss.exp()).unwrap(),
            loss_std: None,
            cluster,
        }
    }

    /// `sizes` sizes about 20 tokens a parameter at each of these budgets.
    fn grid(budgets: &[f64], sizes: usize) -> Vec<(f64, f64)> {
        let at = |c: f64, k: usize| {
            let n = (c / 120.0).sqrt() * 3f64.powf(2.0 * k as f64 / (sizes - 1) as f64 - 1.0);
            (n, c / (6.0 * n))
        };
        let each = budgets.iter();
        each.flat_map(|&c| (0..sizes).map(move |k| at(c, k)))
            .collect()
    }

    /// Runs on the surface of Besiroglu et al. 2024 with noise of 0.3 %.
    fn ladder(seed: u64) -> Dataset {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let points = grid(&[1e17, 5e17, 2e18, 1e19], 6);
        let runs = points.iter().enumerate().map(|(k, &(n, d))| {
            let loss = 1.8172 + 482.01 / n.powf(0.3478) + 2085.43 / d.powf(0.3658);
            let noise: f64 = random.sample(StandardNormal);
            run(n, d, loss.ln() + 0.003 * noise, k)
        });
        Dataset {
            param_count: ParamCount::Total,
            flop_count: FlopCount::SixNd,
            observations: runs.collect(),
        }
    }

    fn auto(data: &Dataset) -> Fit {
        let options = FitOptions {
            bootstraps: 0,
            ..FitOptions::default()
        };
        fit(data, &options).unwrap()
    }

    fn at((n, d): (f64, f64)) -> ForecastAt {
        ForecastAt {
            params: Params::new(n).ok(),
            tokens: Tokens::new(d).ok(),
            ..ForecastAt::default()
        }
    }

    #[test]
    fn intervals_come_to_be_as_wide_as_announced_where_the_model_is_the_truth() {
        let (mut announced, mut came) = (0.0, 0.0);
        for seed in 0..3 {
            let data = ladder(seed);
            let points = [grid(&[1e21], 3)[1..2].to_vec(), grid(&[3e19], 3)].concat();
            let places: Vec<ForecastAt> = points.iter().map(|&point| at(point)).collect();
            let joint = auto(&data).joint(&places, 0.9).unwrap();
            let runs = [1, 2, 3];
            let now = joint.reach(0).unwrap();
            let expected = joint.expected_reach(0, &runs).unwrap();
            assert!(expected < 0.9 * now, "{expected} {now}");
            let lessons = joint.lessons(0, &runs).unwrap();
            for draw in (0..OUTCOMES).step_by(OUTCOMES / 12).skip(1).step_by(2) {
                let mut more = data.clone();
                let outcome = joint.outcome(&lessons, draw);
                for (&(n, d), ln_loss) in points[1..].iter().zip(outcome) {
                    let cluster = more.observations.len();
                    more.observations.push(run(n, d, ln_loss, cluster));
                }
                announced += expected;
                came += auto(&more)
                    .joint(&places[..1], 0.9)
                    .unwrap()
                    .reach(0)
                    .unwrap();
            }
        }
        let ratio = came / announced;
        assert!((0.85..1.15).contains(&ratio), "{ratio}");
    }

    #[test]
    fn each_place_reaches_as_far_as_its_own_forecast() {
        let fitted = auto(&ladder(4));
        let points = grid(&[1e16, 1e19, 1e21, 1e23], 3);
        let places: Vec<ForecastAt> = points.iter().map(|&point| at(point)).collect();
        let joint = fitted.joint(&places, 0.8).unwrap();
        for (k, place) in places.iter().enumerate() {
            let said = fitted.forecast(place, 0.8).unwrap();
            assert!((joint.means()[k].exp() / said.loss.get() - 1.0).abs() < 1e-12);
            let width = (said.hi.get() / said.lo.get()).ln();
            assert!(
                (2.0 * joint.reach(k).unwrap() / width - 1.0).abs() < 1e-9,
                "{k}"
            );
        }
        let refused = fitted.joint(&places, 1.0);
        assert_eq!(refused, Err(ForecastError::Level(1.0)));
        let incomplete = [ForecastAt::default()];
        let refused = fitted.joint(&incomplete, 0.9);
        assert!(matches!(refused, Err(ForecastError::Incomplete { .. })));
    }

    #[test]
    fn runs_at_the_place_itself_leave_its_noise_and_no_runs_change_nothing() {
        let fitted = auto(&ladder(5));
        let points = [grid(&[1e21], 3)[1], grid(&[1e17], 3)[1]];
        let joint = fitted.joint(&points.map(at), 0.9).unwrap();
        assert_eq!(joint.expected_reach(0, &[]), joint.reach(0));
        assert_eq!(joint.reach(2), None);
        assert_eq!(joint.expected_reach(0, &[2]), None);
        assert_eq!(joint.parts(2, 5), []);
        let noise = 0.002;
        let joint = joint.with_noise(noise);
        assert!((joint.noise() / noise - 1.0).abs() < 1e-12);
        let left = joint.expected_reach(0, &[0; 60]).unwrap() / joint.quantile;
        assert!((left / noise - 1.0).abs() < 0.1, "{left}");
        let far = joint.expected_reach(0, &[1]).unwrap();
        let near = joint.expected_reach(0, &[0]).unwrap();
        assert!(
            near < far && far < 1.02 * joint.reach(0).unwrap(),
            "{near} {far}"
        );
        // Without noise, and twice the same.
        let sure = joint.with_noise(0.0).expected_reach(0, &[0, 0]).unwrap();
        assert!(sure.is_finite() && sure < 0.1 * near, "{sure}");
    }

    #[test]
    fn parts_are_covariances_and_sorted_by_what_they_leave_open() {
        let fitted = auto(&ladder(6));
        let points = grid(&[1e17, 1e19, 1e21], 3);
        let places: Vec<ForecastAt> = points.iter().map(|&point| at(point)).collect();
        let joint = fitted.joint(&places, 0.9).unwrap();
        let size = places.len();
        let parts = joint.parts(7, 5);
        assert!((3..=5).contains(&parts.len()));
        let mut last = 0.0;
        for part in &parts {
            let cell = |i: usize, j: usize| part.covariance[i * size + j];
            assert!(part.noise_variance > 0.0 && cell(7, 7) > last);
            last = cell(7, 7);
            for i in 0..size {
                for j in 0..i {
                    assert!((cell(i, j) - cell(j, i)).abs() <= 1e-15);
                }
            }
            let mut full = part.covariance.clone();
            (0..size).for_each(|i| full[i * size + i] += JITTER);
            assert!(Cholesky::of(full, size).is_some());
        }
        assert_eq!(joint.parts(7, 0), joint.parts(7, 1));
    }
}
