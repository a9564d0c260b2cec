//! The process's traits integrated out: places among those that are plausible, each with its weight.
//!
//! Lengths and sizes of a discrepancy are known to a factor of two at best. To take the most
//! plausible ones for the truth made the intervals of small ladders too narrow by a fifth to a half.
//! Places are drawn from a normal density about the most plausible one and weighed by how much more
//! plausible they are than that density has them (importance sampling; Rue, Martino & Chopin 2009
//! integrate such traits alike). Under each the law's parameters are normal (Laplace), which sampling
//! them as well did not change by more than its own scatter.

use super::discrepancy::{Coordinates, Habits, TRAITS, Traits};
use super::mean_law::MeanLaw;
use super::sample::Sample;
use super::state::State;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Places that are tried, in pairs to both sides of the most plausible one. Other draws of as many
/// move a forecast by three per cent of its standard deviation, and that by as much.
const PAIRS: usize = 32;
/// The draws are the same each time.
const SEED: u64 = 1;
/// The normal density is wider than the plausible one seems to be by this factor: weights of places
/// that are plausible and seldom drawn would be large.
const STRETCH: f64 = 1.1;
/// Places with a smaller weight are left out.
const LEAST: f64 = 1e-5;

/// What the measurements are believed to come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Problem<'a> {
    pub law: &'a MeanLaw,
    pub sample: &'a Sample,
    /// Share of trust in each measurement.
    pub trust: &'a [f64],
}

/// What is known under some traits, and how plausible those are; weights add up to one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighed {
    pub weight: f64,
    pub state: State,
}

/// Traits about the most plausible ones, at `best`, where `state` has the law's parameters.
pub(super) fn about(problem: Problem<'_>, best: &Coordinates, state: &State) -> Vec<Weighed> {
    let Problem { law, sample, trust } = problem;
    let habits = Habits::of(sample);
    let widths = widths(problem, habits, best, state);
    let tried = draws(habits).into_par_iter().filter_map(|normal| {
        let at: Coordinates = std::array::from_fn(|k| best[k] + STRETCH * widths[k] * normal[k]);
        let traits = Traits::at(&at, sample.largest());
        let there = State::at(law, sample, trust, traits, state.theta, 8)?;
        let drawn: f64 = normal.iter().map(|z| -0.5 * z * z).sum();
        Some((there.evidence - habits.surprise(&at) - drawn, there))
    });
    let tried: Vec<(f64, State)> = tried.collect();
    let largest = tried
        .iter()
        .map(|one| one.0)
        .fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = tried.iter().map(|one| (one.0 - largest).exp()).collect();
    // No place counts for more than the root of their number (Ionides 2008): one lucky draw would
    // decide alone.
    let count = weights.len() as f64;
    let most = weights.iter().sum::<f64>() / count.sqrt();
    let weights = weights.iter().map(|weight| weight.min(most));
    let total: f64 = weights.clone().sum();
    tried
        .into_iter()
        .zip(weights)
        .map(|((_, state), weight)| Weighed {
            weight: weight / total,
            state,
        })
        .filter(|one| one.weight > LEAST)
        .collect()
}

/// Places that are standard normal where a coordinate is not held, each with its mirror image.
fn draws(habits: &Habits) -> Vec<Coordinates> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut place = || {
        let mut place = [0.0; TRAITS];
        habits
            .open()
            .for_each(|k| place[k] = random.sample(StandardNormal));
        place
    };
    (0..PAIRS)
        .map(|_| place())
        .flat_map(|normal| [normal, normal.map(|z| -z)])
        .collect()
}

/// Standard deviations of the coordinates about the most plausible ones, each by itself: from how
/// much less plausible half a standard deviation of the prior to both sides is.
fn widths(problem: Problem<'_>, habits: &Habits, best: &Coordinates, state: &State) -> Coordinates {
    let Problem { law, sample, trust } = problem;
    let cost = |coordinates: &Coordinates| {
        let traits = Traits::at(coordinates, sample.largest());
        let there = State::at(law, sample, trust, traits, state.theta, 6);
        there.map_or(f64::INFINITY, |there| {
            habits.surprise(coordinates) - there.evidence
        })
    };
    let here = cost(best);
    let mut widths = [0.0; TRAITS];
    for k in habits.open() {
        let spread = habits.spread[k];
        let step = 0.5 * spread;
        let moved = |by: f64| {
            let mut to = *best;
            to[k] += by;
            cost(&to)
        };
        let curvature = (moved(step) + moved(-step) - 2.0 * here) / (step * step);
        let width = curvature.recip().sqrt();
        widths[k] = if width.is_finite() {
            width.clamp(0.1 * spread, spread)
        } else {
            spread
        };
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_standard_normal_and_in_pairs_where_nothing_is_held() {
        let habits = Habits::of(&Sample::default());
        let all = draws(habits);
        assert_eq!(all.len(), 2 * PAIRS);
        for k in 0..TRAITS {
            let mean: f64 = all.iter().map(|z| z[k]).sum();
            let square = all.iter().map(|z| z[k] * z[k]).sum::<f64>() / all.len() as f64;
            assert!(mean.abs() < 1e-12, "{k}: {mean}");
            let expected = f64::from(u8::from(habits.open().any(|open| open == k)));
            // 32 squares have a standard deviation of 0.25.
            assert!(
                (square - expected).abs() < 0.75 * expected + 1e-12,
                "{k}: {square}"
            );
        }
    }
}
