//! Refits to resampled runs (Efron 1979): whole training runs are drawn with replacement,
//! because checkpoints of one run err together.

use crate::estimate::refit;
use crate::rows::Row;
use crate::{FittedLaw, Objective};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Rows by the run that they came from.
pub(crate) struct Clusters {
    /// Rows, those of one run next to each other.
    rows: Vec<Row>,
    /// Where each run's rows start; one more at the end.
    starts: Vec<usize>,
}

impl Clusters {
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| (row.cluster, row.index));
        let starts = (0..rows.len())
            .filter(|&i| i == 0 || rows[i].cluster != rows[i - 1].cluster)
            .chain([rows.len()])
            .collect();
        Self { rows, starts }
    }

    /// How many runs there are.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// As many runs drawn with replacement; a run drawn k times has k times its weight. Replicate
    /// k draws from stream k of the seed, so that it does not depend on the others.
    pub(crate) fn resample(&self, seed: u64, replicate: usize) -> Vec<Row> {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(replicate as u64);
        let mut times = vec![0u32; self.len()];
        for _ in 0..self.len() {
            times[stream.random_range(0..self.len())] += 1;
        }
        let mut drawn = Vec::with_capacity(self.rows.len());
        for (run, &count) in times.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let rows = &self.rows[self.starts[run]..self.starts[run + 1]];
            drawn.extend(rows.iter().map(|row| Row {
                weight: row.weight * f64::from(count),
                ..*row
            }));
        }
        drawn
    }
}

/// The law's parameters from refits to `count` resamples, in the order of the resamples; those
/// that do not determine the law are left out.
pub(crate) fn draws(
    rows: &[Row],
    law: FittedLaw,
    objective: Objective,
    from: &[f64],
    seed: u64,
    count: usize,
) -> Vec<Vec<f64>> {
    let clusters = Clusters::of(rows);
    if clusters.len() < 2 {
        return Vec::new();
    }
    let one = |replicate| {
        let resampled = clusters.resample(seed, replicate);
        refit(&resampled, law, objective, from).ok()
    };
    let refits: Vec<_> = (0..count).into_par_iter().map(one).collect();
    refits.into_iter().flatten().map(|fit| fit.values).collect()
}
