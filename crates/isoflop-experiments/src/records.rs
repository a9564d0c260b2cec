//! What was measured: one row a measurement, as runs that every command reads.

use crate::design::PlannedRun;
use crate::error::ExperimentError;
use crate::text::Reading;
use isoflop_fit::{Dataset, Observation};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Quality, Tokens};
use isoflop_quickstart::{LoadedCorpus, run_record};
use isoflop_report::RunPoint;
use isoflop_runs::{QUALITY, Run, Status, Store};
use isoflop_train::TrainSpec;
use std::collections::BTreeMap;

/// Label: the set of runs that a run belongs to.
const SET: &str = "set";
/// Label: what was read.
const READING: &str = "reading";
/// Label: the run that a branch was annealed from.
const TRUNK: &str = "trunk";
/// Metric: share of corrupted tokens.
const CORRUPTED: &str = "corrupted_share";
/// Metric: width of the model.
const WIDTH: &str = "width";

/// The name of a branch.
pub(crate) fn branch_name(trunk: &str, steps: u64) -> String {
    format!("{trunk}-annealed-{steps}")
}

/// The record of a run before it starts.
pub(crate) fn planned(
    run: &PlannedRun,
    name: &str,
    spec: &TrainSpec,
    corpus: &LoadedCorpus,
    trunk: Option<&str>,
) -> Result<Run, ExperimentError> {
    Ok(Run {
        dataset: Some(format!("{}, {}", corpus.facts.description, run.reading)),
        corpus_fingerprint: Some(corpus.facts.fingerprint.to_string()),
        ..described(run, name, spec, trunk)?
    })
}

/// The same without the corpus.
pub(crate) fn described(
    run: &PlannedRun,
    name: &str,
    spec: &TrainSpec,
    trunk: Option<&str>,
) -> Result<Run, ExperimentError> {
    let mut labels = BTreeMap::from([(READING.to_owned(), run.reading.to_string())]);
    if !run.set.is_empty() {
        labels.insert(SET.to_owned(), run.set.clone());
    }
    if let Some(trunk) = trunk {
        labels.insert(TRUNK.to_owned(), trunk.to_owned());
    }
    let corrupted = match run.reading {
        Reading::Corrupted(share) => share,
        _ => 0.0,
    };
    let mut metrics = BTreeMap::from([
        (WIDTH.to_owned(), spec.shape.width as f64),
        (QUALITY.to_owned(), 1.0 - corrupted),
    ]);
    if corrupted > 0.0 {
        metrics.insert(CORRUPTED.to_owned(), corrupted);
    }
    Ok(Run {
        labels,
        metrics,
        ..run_record(name, spec, "isoflop experiment")?
    })
}

/// Everything that was measured in an experiment.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    /// One row a measurement; those of one run share its name.
    pub rows: Vec<Run>,
    /// Runs without a result.
    pub lost: Vec<Run>,
    /// Seed of resampling.
    pub seed: u64,
}

impl Records {
    /// What the store has of the planned runs.
    pub fn load(store: &Store, runs: &[PlannedRun], seed: u64) -> Result<Self, ExperimentError> {
        let (mut rows, mut lost) = (Vec::new(), Vec::new());
        for run in runs {
            let Some(last) = store.run(&run.name)? else {
                continue;
            };
            for point in store.checkpoints(&run.name)? {
                rows.extend(at_step(&last, &run.spec, &point)?);
            }
            for branch in &run.branches {
                rows.extend(store.run(&branch_name(&run.name, branch.steps))?);
            }
            match last.status {
                Status::Finished => rows.push(last),
                _ => lost.push(last),
            }
        }
        rows.retain(|row| row.status == Status::Finished && row.loss.is_some());
        Ok(Self { rows, lost, seed })
    }

    /// How many runs they come from: a branch belongs to its trunk.
    pub fn runs(&self) -> usize {
        let mut names: Vec<&str> = self.rows.iter().map(trunk).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// The rows as observations, N counted as said, C counted from the architecture.
    pub fn dataset(&self, param_count: ParamCount) -> Result<Dataset, ExperimentError> {
        let mut clusters: BTreeMap<&str, usize> = BTreeMap::new();
        let observation = |row| {
            let next = clusters.len();
            let cluster = *clusters.entry(trunk(row)).or_insert(next);
            Ok(Observation {
                params: match param_count {
                    ParamCount::Total => row.params,
                    ParamCount::NonEmbedding => row.params_non_embedding,
                }
                .ok_or_else(|| incomplete(row))?,
                tokens: row.tokens.ok_or_else(|| incomplete(row))?,
                unique_tokens: row.unique_tokens,
                quality: Quality::new(quality(row)).ok(),
                flops: row.flops.ok_or_else(|| incomplete(row))?,
                loss: row.loss.ok_or_else(|| incomplete(row))?,
                // All runs are measured on the same windows: their errors are alike.
                loss_std: None,
                cluster,
            })
        };
        let observations: Result<Vec<_>, ExperimentError> =
            self.rows.iter().map(observation).collect();
        Ok(Dataset {
            param_count,
            flop_count: FlopCount::Counted,
            observations: observations?,
        })
    }
}

fn incomplete(row: &Run) -> ExperimentError {
    ExperimentError::Insufficient(format!("run `{}` lacks a size or a loss", row.run))
}

fn trunk(row: &Run) -> &str {
    row.labels
        .get(TRUNK)
        .map_or(row.run.as_str(), String::as_str)
}

/// The set of a row; empty for none.
pub(crate) fn set(row: &Run) -> &str {
    row.labels.get(SET).map_or("", String::as_str)
}

/// Whether a row is of a branch.
pub(crate) fn is_branch(row: &Run) -> bool {
    row.labels.contains_key(TRUNK)
}

/// Share of the tokens that were replaced in what a row's run read.
pub(crate) fn corrupted_share(row: &Run) -> f64 {
    row.metrics.get(CORRUPTED).copied().unwrap_or(0.0)
}

/// Quality of the text that a row's run read: the share that was left as it was.
pub(crate) fn quality(row: &Run) -> f64 {
    1.0 - corrupted_share(row)
}

/// The width of a row's model.
pub(crate) fn width(row: &Run) -> usize {
    row.metrics.get(WIDTH).map_or(0, |width| *width as usize)
}

/// A row's numbers; 0 for what it lacks, which no record does.
pub(crate) fn loss(row: &Run) -> f64 {
    row.loss.map_or(0.0, Loss::get)
}
pub(crate) fn tokens(row: &Run) -> f64 {
    row.tokens.map_or(0.0, Tokens::get)
}
pub(crate) fn params(row: &Run) -> f64 {
    row.params.map_or(0.0, Params::get)
}
pub(crate) fn flops(row: &Run) -> f64 {
    row.flops.map_or(0.0, Flops::get)
}

/// The row as a point of a figure.
pub(crate) fn point(row: &Run, param_count: ParamCount) -> Option<RunPoint> {
    Some(RunPoint {
        run: row.run.clone(),
        params: match param_count {
            ParamCount::Total => row.params?,
            ParamCount::NonEmbedding => row.params_non_embedding?,
        },
        tokens: row.tokens?,
        flops: row.flops?,
        loss: row.loss?,
    })
}

/// The row of a measurement on the way.
pub(crate) fn at_step(
    run: &Run,
    spec: &TrainSpec,
    point: &isoflop_runs::Checkpoint,
) -> Result<Option<Run>, ExperimentError> {
    let Some(loss) = point.loss else {
        return Ok(None);
    };
    Ok(Some(Run {
        loss: Some(loss),
        loss_std: None,
        bits_per_byte: None,
        unique_tokens: None,
        tokens: Some(point.tokens),
        flops: Some(spec.shape.counted_flops(point.tokens)?),
        step: Some(point.step),
        status: Status::Finished,
        ..run.clone()
    }))
}

#[cfg(test)]
pub(crate) mod simulated {
    //! Records of a law whose truth is known, in place of trained runs.

    use super::*;
    use isoflop_runs::Checkpoint;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// What every run of a plan would measure if the loss were `law` of its row, with normal errors
    /// of `noise` in ln L.
    pub(crate) fn records(
        runs: &[PlannedRun],
        noise: f64,
        seed: u64,
        law: impl Fn(&Run) -> f64,
    ) -> Records {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut rows = Vec::new();
        for run in runs {
            let last = Run {
                status: Status::Finished,
                ..described(run, &run.name, &run.spec, None).unwrap()
            };
            for step in &run.measured_at {
                let tokens = (step * run.spec.batch_tokens() as u64) as f64;
                let point = Checkpoint {
                    step: *step,
                    tokens: Tokens::new(tokens).unwrap(),
                    loss: Loss::new(1.0).ok(),
                    train_loss: None,
                    lr: None,
                };
                rows.extend(at_step(&last, &run.spec, &point).unwrap());
            }
            for branch in &run.branches {
                let spec = TrainSpec {
                    schedule: *branch,
                    ..run.spec.clone()
                };
                let name = branch_name(&run.name, branch.steps);
                rows.push(Run {
                    status: Status::Finished,
                    ..described(run, &name, &spec, Some(&run.name)).unwrap()
                });
            }
            rows.push(last);
        }
        for row in &mut rows {
            let uniform = |random: &mut ChaCha8Rng| random.random_range(1e-12..1.0_f64);
            // Box and Muller 1958.
            let (u, v) = (uniform(&mut random), uniform(&mut random));
            let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            row.loss = Loss::new(law(row) * (noise * normal).exp()).ok();
        }
        Records {
            rows,
            lost: Vec::new(),
            seed: 0,
        }
    }
}
