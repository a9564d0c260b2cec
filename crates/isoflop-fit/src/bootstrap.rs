//! Refits to resampled runs (Efron 1979): whole training runs are drawn with replacement,
//! because checkpoints of one run err together.

use crate::errors::Errors;
use crate::estimate::{refit, scores};
use crate::one_step;
use crate::rows::Row;
use crate::{FittedLaw, Objective, Resampling};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// From this many rows on, one step from the estimate stands for a refit.
const MANY: usize = 20_000;

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

/// How refits are drawn.
pub(crate) struct Plan {
    pub law: FittedLaw,
    pub objective: Objective,
    pub resampling: Resampling,
    pub seed: u64,
    pub count: usize,
}

impl Plan {
    fn errors(&self, rows: &[Row], runs: usize, from: &[f64]) -> Option<Errors> {
        let errors = || Errors::of(rows, self.law, from);
        match self.resampling {
            Resampling::Runs => None,
            Resampling::Errors => errors(),
            Resampling::Auto if runs < rows.len() => None,
            Resampling::Auto => errors().filter(Errors::are_alike),
        }
    }
}

/// The law's parameters from refits, in the order of the resamples; those that do not determine
/// the law are left out.
pub(crate) fn draws(rows: &[Row], from: &[f64], plan: &Plan) -> Vec<Vec<f64>> {
    let clusters = Clusters::of(rows);
    if clusters.len() < 2 {
        return Vec::new();
    }
    if rows.len() > MANY
        && let Some(scores) = scores(&clusters.rows, plan.law, plan.objective, from)
    {
        return one_step::draws(&scores, plan.seed, plan.count);
    }
    let errors = plan.errors(rows, clusters.len(), from);
    let one = |replicate| {
        let resampled = match &errors {
            Some(errors) => errors.resample(rows, plan.seed, replicate),
            None => clusters.resample(plan.seed, replicate),
        };
        refit(&resampled, plan.law, plan.objective, from).ok()
    };
    let refits: Vec<_> = (0..plan.count).into_par_iter().map(one).collect();
    refits.into_iter().flatten().map(|fit| fit.values).collect()
}
