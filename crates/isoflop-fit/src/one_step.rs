//! Refits to resampled runs by one Newton step each, for ladders of many observations, where a
//! step from the estimate is as good as a refit (Davidson and MacKinnon 1999) and a refit takes
//! as long as the fit itself.

use crate::estimate::Scores;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;

/// The law's parameters after a step for each replicate. Runs are drawn by Poisson weights of
/// mean one, which is drawing with replacement when there are many (Hanley and MacGibbon 2006).
/// Replicate k draws from stream k of the seed.
pub(crate) fn draws(scores: &Scores, seed: u64, count: usize) -> Vec<Vec<f64>> {
    let Ok(poisson) = Poisson::new(1.0) else {
        return Vec::new();
    };
    let one = |replicate: usize| {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(replicate as u64);
        let mut pull = vec![0.0; scores.width()];
        for run in scores.runs() {
            let times: f64 = poisson.sample(&mut stream);
            for (sum, score) in pull.iter_mut().zip(run) {
                *sum += (times - 1.0) * score;
            }
        }
        scores.values_after(&pull)
    };
    let drawn: Vec<Option<Vec<f64>>> = (0..count).into_par_iter().map(one).collect();
    drawn.into_iter().flatten().collect()
}
