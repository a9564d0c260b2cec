//! The store of accepted runs, which every other command reads.

use crate::curve::{CurvePoint, CurveReader};
use crate::folder::SweepFolder;
use crate::journal::Settled;
use crate::key::{Nonce, RunKey};
use crate::outcome::Ending;
use crate::plan::{KeyedRun, specification};
use isoflop_laws::FlopCount;
use isoflop_runs::{Checkpoint, Run, Status, Store, StoreError};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Why the store of results can't be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep results: {0}")]
pub struct ResultsError(#[from] StoreError);

impl ResultsError {
    /// What SQLite said, if it did.
    pub(crate) fn sqlite(&self) -> Option<&rusqlite::Error> {
        match &self.0 {
            StoreError::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}

/// The store of accepted runs.
#[derive(Debug)]
pub struct Results {
    store: Store,
    stored: HashSet<Nonce>,
}

impl Results {
    /// Opens the store, created if there is none.
    ///
    /// # Errors
    /// [`ResultsError`] where the file can't be used.
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        Ok(Results {
            store: Store::open(path)?,
            stored: HashSet::new(),
        })
    }

    /// Adds accepted results; what is there already stays as it is.
    ///
    /// # Errors
    /// [`ResultsError`] where nothing could be written.
    pub fn add(
        &mut self,
        settled: &[Settled],
        runs: &HashMap<RunKey, KeyedRun>,
        folder: &SweepFolder,
    ) -> Result<(), ResultsError> {
        let mut records = Vec::new();
        for result in settled {
            let outcome = &result.outcome;
            let Some(run) = runs.get(&outcome.key) else {
                continue;
            };
            if self.stored.contains(&outcome.nonce) {
                continue;
            }
            let curve = curve(folder, &outcome.key, &outcome.nonce);
            // The curve first: a run that is in the store has its curve there too.
            if !curve.is_empty() && self.store.run(&result.name)?.is_none() {
                self.store.record_checkpoints(&result.name, &curve)?;
            }
            records.push(record(result, run));
        }
        self.store
            .record_all(records.iter().map(|run| (run, &[][..])))?;
        self.stored
            .extend(settled.iter().map(|result| result.outcome.nonce.clone()));
        Ok(())
    }
}

/// The curve of an attempt; a step that a restart repeated counts once, as last written.
fn curve(folder: &SweepFolder, key: &RunKey, nonce: &Nonce) -> Vec<Checkpoint> {
    let points = CurveReader::new(&folder.attempt(key, nonce).curve()).more();
    let by_step: BTreeMap<u64, Checkpoint> = points
        .into_iter()
        .filter_map(|point| match point {
            CurvePoint::Measured(point) => Some((point.step, point)),
            CurvePoint::NotFinite { .. } => None,
        })
        .collect();
    by_step.into_values().collect()
}

pub(crate) fn record(result: &Settled, run: &KeyedRun) -> Run {
    let (outcome, spec) = (&result.outcome, &run.spec);
    let measured = &outcome.measured;
    let stated = measured.flops.or(spec.flops);
    Run {
        params: measured.params.or(Some(spec.params)),
        params_non_embedding: measured.params_non_embedding,
        tokens: measured.tokens.or(Some(spec.tokens)),
        unique_tokens: measured.unique_tokens,
        flops: stated.or_else(|| Some(spec.compute())),
        flop_count: stated.is_none().then_some(FlopCount::SixNd),
        loss: measured.loss,
        loss_std: measured
            .loss_std
            .filter(|value| value.is_finite() && *value >= 0.0),
        bits_per_byte: measured
            .bits_per_byte
            .filter(|value| value.is_finite() && *value >= 0.0),
        step: measured.step.filter(|step| i64::try_from(*step).is_ok()),
        batch_tokens: spec.batch_tokens,
        lr: spec.learning_rate,
        schedule: measured.schedule.clone(),
        seed: Some(spec.seed),
        dataset: measured.dataset.clone(),
        metrics: measured.metrics.clone(),
        status: match outcome.ending {
            Ending::Finished => Status::Finished,
            Ending::Diverged => Status::Diverged,
            Ending::Failed => Status::Failed,
        },
        reason: outcome.reason.clone(),
        corpus_fingerprint: measured.corpus_fingerprint.clone(),
        wall_secs: Some(outcome.wall_secs),
        spec: serde_json::from_str(&specification(run)).unwrap_or_default(),
        ..Run::new(&result.name)
    }
}
