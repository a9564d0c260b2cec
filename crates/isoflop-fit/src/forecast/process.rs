//! One law with its discrepancy, learned from measurements: ln L = ln law + discrepancy + noise.
//!
//! The law's parameters have a normal prior and are found by Gauss-Newton steps under the process's
//! covariance ([`super::state`]); their uncertainty is normal there (Laplace). The most plausible traits of the
//! process are found by its marginal likelihood, and integrated out about them. Noise has Student's t
//! density with [`FREEDOM`](super::state::FREEDOM) degrees of freedom, by reweighting.

use super::cholesky::dot;
use super::discrepancy::{Coordinates, Habits, Traits};
use super::integrate::{self, Problem, Weighed};
use super::mean_law::{MeanLaw, Theta};
use super::sample::{Over, Place, Sample};
use super::simplex::{self, Patience};
use super::state::State;
use rayon::prelude::*;

/// Reweightings before the discrepancy is learned, where outliers are told first.
const SIFTINGS: usize = 4;

/// A learned process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Process {
    law: MeanLaw,
    sample: Sample,
    coordinates: Coordinates,
    /// What is known under the most plausible traits.
    best: State,
    /// The same under others that may be true.
    states: Vec<Weighed>,
    /// ln of the marginal likelihood times the prior of the process's traits.
    pub evidence: f64,
}

/// The most plausible parameters and traits.
struct Found {
    /// Share of trust in each measurement: small for outliers.
    trust: Vec<f64>,
    coordinates: Coordinates,
    state: State,
    evidence: f64,
}

/// The distribution of a new measurement on the scale of y.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outlook {
    pub mean: f64,
    /// Variance of the law and its discrepancy there.
    pub form: f64,
    /// Variance of the noise, heavy tails counted in.
    pub noise: f64,
}

impl Outlook {
    pub(crate) fn variance(&self) -> f64 {
        self.form + self.noise
    }
}

/// The distribution of new measurements at several places together, on the scale of y, if one law
/// and one set of traits are true.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Joint {
    /// How plausible these traits are among those of the law.
    pub weight: f64,
    pub means: Vec<f64>,
    /// Covariance of the law and its discrepancy between the places, row by row.
    pub form: Vec<f64>,
    /// Variance of the noise of each, heavy tails counted in.
    pub noise: f64,
}

impl Process {
    /// Learns from `sample`; from scratch, or from what was learned from similar measurements.
    pub(crate) fn learn(law: &MeanLaw, sample: &Sample, near: Option<&Process>) -> Option<Self> {
        let found = Found::from(law, sample, near)?;
        let problem = Problem {
            law,
            sample,
            trust: &found.trust,
        };
        let states = integrate::about(problem, &found.coordinates, &found.state);
        (!states.is_empty()).then(|| Self {
            law: law.clone(),
            sample: sample.clone(),
            coordinates: found.coordinates,
            best: found.state,
            states,
            evidence: found.evidence,
        })
    }

    /// The law's parameters, as far from the most plausible ones as `normal`, in standard
    /// deviations along independent directions, under the traits that `share` of the weight falls on.
    pub(crate) fn plausible(&self, share: f64, normal: &Theta) -> Theta {
        let mut sum = 0.0;
        let on = self.states.iter().find(|one| {
            sum += one.weight;
            share <= sum
        });
        let Some(Weighed { state, .. }) = on.or(self.states.last()) else {
            return self.law.start();
        };
        let away = state
            .precision
            .half_solve_transposed(normal[..self.law.len()].to_vec());
        std::array::from_fn(|k| state.theta[k] + away.get(k).unwrap_or(&0.0))
    }

    /// What a new measurement may give: the mean under the most plausible traits, which is as near
    /// as the average over all of them and free of their draw, and how far off it is under each.
    pub(crate) fn outlook(&self, at: &Place) -> Outlook {
        let mean = self.outlook_under(&self.best, at).mean;
        let (mut form, mut noise, mut total) = (0.0, 0.0, 0.0);
        for Weighed { weight, state } in &self.states {
            let one = self.outlook_under(state, at);
            form += weight * (one.form + (one.mean - mean).powi(2));
            noise += weight * one.noise;
            total += weight;
        }
        Outlook {
            mean,
            form: form / total,
            noise: noise / total,
        }
    }

    fn outlook_under(&self, state: &State, at: &Place) -> Outlook {
        let seen = self.seen_under(state, at);
        Outlook {
            mean: seen.mean,
            form: seen.form(),
            noise: state.noise_variance(),
        }
    }

    fn seen_under(&self, state: &State, at: &Place) -> Seen {
        let State {
            traits,
            factor,
            theta,
            residual,
            slopes,
            precision,
            ..
        } = state;
        let shared = |row: &super::sample::Measured| traits.covariance(at, &row.at);
        let shared = factor.half_solve(self.sample.rows.iter().map(shared).collect());
        let (value, by) = self.law.at(theta, at);
        let open: Vec<f64> = (0..self.law.len())
            .map(|k| by[k] - dot(&shared, &slopes[k]))
            .collect();
        Seen {
            mean: value + dot(&shared, residual),
            prior: traits.variance(at),
            shared,
            open: precision.half_solve(open),
        }
    }

    /// What new measurements at several places may give together, under each of the traits that
    /// may be true; weights add up to one.
    pub(crate) fn joint(&self, at: &[Place]) -> Vec<Joint> {
        let total: f64 = self.states.iter().map(|one| one.weight).sum();
        let under = self.states.par_iter();
        let under = under.map(|one| self.joint_under(&one.state, one.weight / total, at));
        under.collect()
    }

    fn joint_under(&self, state: &State, weight: f64, at: &[Place]) -> Joint {
        let seen: Vec<Seen> = at
            .iter()
            .map(|place| self.seen_under(state, place))
            .collect();
        let size = at.len();
        let mut form = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..i {
                let prior = state.traits.covariance(&at[i], &at[j]);
                let both = seen[i].form_with(&seen[j], prior);
                form[i * size + j] = both;
                form[j * size + i] = both;
            }
            form[i * size + i] = seen[i].form();
        }
        Joint {
            weight,
            means: seen.iter().map(|seen| seen.mean).collect(),
            form,
            noise: state.noise_variance(),
        }
    }
}

/// A place as the measurements show it under some traits, in parts from which variances and
/// covariances are made.
struct Seen {
    mean: f64,
    /// Variance of the discrepancy before the measurements.
    prior: f64,
    /// L⁻¹ times its covariances with the measurements: what they tell of it.
    shared: Vec<f64>,
    /// What the law's parameters leave open, along independent directions.
    open: Vec<f64>,
}

impl Seen {
    /// Variance of the law and its discrepancy.
    fn form(&self) -> f64 {
        let known = dot(&self.shared, &self.shared);
        (self.prior - known).max(0.0) + dot(&self.open, &self.open)
    }

    /// Their covariance with those at another place, from that of the discrepancies `before` the
    /// measurements.
    fn form_with(&self, other: &Self, before: f64) -> f64 {
        before - dot(&self.shared, &other.shared) + dot(&self.open, &other.open)
    }
}

impl Found {
    /// From scratch, or from what was learned from similar measurements.
    ///
    /// Outliers and a discrepancy that holds them explain the same measurements, and each hides the
    /// other: both are tried, and what is more plausible is kept.
    fn from(law: &MeanLaw, sample: &Sample, near: Option<&Process>) -> Option<Self> {
        let ways = match sample.over {
            Over::Runs => &[0, SIFTINGS][..],
            // What lies off on a curve is more often the law's fault than the point's.
            Over::Curve => &[0],
        };
        let found = ways
            .par_iter()
            .filter_map(|&siftings| Self::sifted(law, sample, near, siftings));
        found.max_by(|a, b| a.evidence.total_cmp(&b.evidence))
    }

    /// The same after so many reweightings with a discrepancy of usual size.
    fn sifted(
        law: &MeanLaw,
        sample: &Sample,
        near: Option<&Process>,
        siftings: usize,
    ) -> Option<Self> {
        let mut trust = vec![1.0; sample.rows.len()];
        let habits = Habits::of(sample);
        let near_it = near.map(|near| habits.holding(near.coordinates));
        let mut coordinates = near_it.unwrap_or(habits.start);
        let mut theta = best_start(law, sample, &trust, &coordinates);
        for _ in 0..siftings {
            let traits = Traits::at(&coordinates, sample.largest());
            let state = State::at(law, sample, &trust, traits, theta, 20)?;
            theta = state.theta;
            trust = state.trust(sample, &trust);
        }
        let mut calls = if near.is_some() { 120 } else { 300 };
        let mut reach = if near.is_some() { 0.4 } else { 0.7 };
        let mut learned = None;
        for _ in 0..3 {
            let (found, value) =
                best_traits(law, sample, &trust, coordinates, &mut theta, calls, reach);
            let state = State::at(
                law,
                sample,
                &trust,
                Traits::at(&found, sample.largest()),
                theta,
                20,
            )?;
            theta = state.theta;
            coordinates = found;
            let next = state.trust(sample, &trust);
            let moved = next
                .iter()
                .zip(&trust)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            learned = Some(Self {
                trust: std::mem::replace(&mut trust, next),
                coordinates,
                state,
                evidence: -value,
            });
            if moved < 0.03 {
                break;
            }
            (calls, reach) = (80, 0.2);
        }
        learned
    }
}

/// The one of the law's starts from which the parameters come to suit the measurements best: a
/// law may have several places to break at.
fn best_start(law: &MeanLaw, sample: &Sample, trust: &[f64], coordinates: &Coordinates) -> Theta {
    let mut starts = law.starts(sample);
    if starts.len() == 1 {
        return starts.swap_remove(0);
    }
    let traits = Traits::at(coordinates, sample.largest());
    let tried = starts.iter().filter_map(|start| {
        let state = State::at(law, sample, trust, traits, *start, 20)?;
        Some((state.evidence, state.theta))
    });
    let best = tried.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(starts[0], |(_, theta)| theta)
}

/// Traits of the process with the largest marginal likelihood times prior, and minus its ln.
/// `theta` is carried from one try to the next, so that each needs few steps.
fn best_traits(
    law: &MeanLaw,
    sample: &Sample,
    trust: &[f64],
    start: Coordinates,
    theta: &mut Theta,
    calls: usize,
    reach: f64,
) -> (Coordinates, f64) {
    let habits = Habits::of(sample);
    let open: Vec<usize> = habits.open().collect();
    let whole = |part: &[f64]| {
        let mut all = start;
        open.iter().zip(part).for_each(|(&k, x)| all[k] = *x);
        all
    };
    let of = |all: &Coordinates| open.iter().map(|&k| all[k]).collect::<Vec<f64>>();
    let steps = of(&habits.spread.map(|sd| sd * reach));
    let patience = Patience { calls, value: 0.01 };
    let (found, value) = simplex::minimise(&of(&start), &steps, patience, |part| {
        let coordinates = whole(part);
        let traits = Traits::at(&coordinates, sample.largest());
        match State::at(law, sample, trust, traits, *theta, 6) {
            Some(state) => {
                *theta = state.theta;
                habits.surprise(&coordinates) - state.evidence
            }
            None => f64::INFINITY,
        }
    });
    (whole(&found), value)
}
