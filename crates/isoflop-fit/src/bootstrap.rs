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
const MANY: usize = 5_000;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::estimate;
    use crate::quantiles::standard_deviation;

    /// Five checkpoints of each run, off by what the run and the checkpoint are off.
    fn rows() -> Vec<Row> {
        let row = |index: usize| {
            let (run, checkpoint) = (index / 5, index % 5);
            let n = 1e7 * 300f64.powf((run as f64 * 0.618).fract());
            let d = n * 8.0 * (checkpoint + 1) as f64;
            let loss = 1.8 + 480.0 / n.powf(0.35) + 2000.0 / d.powf(0.37);
            let off = 0.004 * (run as f64 * 2.3).sin() + 0.002 * (index as f64 * 1.7).sin();
            Row {
                x: [n.ln(), d.ln(), (6.0 * n * d).ln(), 0.0, d.ln(), 0.0],
                ln_loss: loss.ln() + off,
                weight: 1.0,
                cluster: run,
                index,
            }
        };
        (0..1500).map(row).collect()
    }

    #[test]
    fn one_step_is_as_good_as_a_refit_when_there_are_many_runs() {
        let (rows, law, objective) = (rows(), FittedLaw::Chinchilla, Objective::LeastSquares);
        let best = estimate(&rows, law, objective).unwrap();
        let plan = Plan {
            law,
            objective,
            resampling: Resampling::Runs,
            seed: 1,
            count: 400,
        };
        let refits = draws(&rows, &best.values, &plan);
        let scores = scores(&Clusters::of(&rows).rows, law, objective, &best.values).unwrap();
        let steps = one_step::draws(&scores, 1, 400);
        for index in [0, 3, 4] {
            let spread = |draws: &[Vec<f64>]| {
                let column: Vec<f64> = draws.iter().map(|draw| draw[index]).collect();
                standard_deviation(&column)
            };
            let ratio = spread(&steps) / spread(&refits);
            assert!((0.8..1.25).contains(&ratio), "parameter {index}: {ratio}");
        }
    }
}
