//! What the journal is asked.

use super::{Journal, JournalError};
use crate::key::{Nonce, RunKey};
use crate::outcome::Outcome;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

/// An attempt that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which run.
    pub key: RunKey,
    /// Which attempt.
    pub nonce: Nonce,
    /// Counted from 1 within the run.
    pub number: u32,
    /// `intended`, `submitted`, `lost`, and so on.
    pub state: String,
    /// The submission that it is part of.
    pub batch: Nonce,
    /// Its place in the submission.
    pub task: u32,
    /// The machine whose controller issued it.
    pub host: String,
    /// The engine's name for it.
    pub handle: Option<String>,
    /// Whether its run still waits for a result.
    pub wanted: bool,
}

impl Attempt {
    /// Whether it may be running.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "intended" | "submitted")
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its name in the plan.
    pub name: String,
    /// Its key.
    pub key: RunKey,
    /// `planned`, `active`, `finished`, `diverged`, `failed` or `cancelled`.
    pub state: String,
    /// Attempts issued so far.
    pub attempts: u32,
    /// The attempt accepted, or else the latest.
    pub nonce: Option<Nonce>,
    /// Why it diverged, failed or was cancelled.
    pub reason: Option<String>,
    /// Whether two attempts came to different results.
    pub conflict: bool,
    /// Final loss of the accepted attempt.
    pub loss: Option<f64>,
}

/// How many runs are in each state, and their compute.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Not begun.
    pub planned: u64,
    /// With an attempt under way.
    pub active: u64,
    /// With an accepted loss.
    pub finished: u64,
    /// With an accepted divergence.
    pub diverged: u64,
    /// Given up.
    pub failed: u64,
    /// Cancelled by a person.
    pub cancelled: u64,
    /// Runs whose attempts came to different results.
    pub conflicts: u64,
    /// FLOPs of all runs.
    pub planned_flops: f64,
    /// FLOPs of runs that have ended.
    pub ended_flops: f64,
    /// FLOPs of all attempts that were issued, each in full: as planned, or as measured where
    /// that is more.
    pub spent_flops: f64,
}

impl Counts {
    /// All runs.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.open() + self.finished + self.diverged + self.failed + self.cancelled
    }

    /// Runs that have not ended.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.planned + self.active
    }
}

/// An accepted result.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The run's name in the plan.
    pub name: String,
    /// The result.
    pub outcome: Outcome,
}

pub(super) fn outcome(text: &str) -> Result<Outcome, JournalError> {
    serde_json::from_str(text).map_err(|error| JournalError::Damaged(error.to_string()))
}

fn parse<T: TryFrom<String>>(text: String) -> Result<T, JournalError>
where
    T::Error: std::fmt::Display,
{
    T::try_from(text).map_err(|error| JournalError::Damaged(error.to_string()))
}

const ATTEMPT: &str = "SELECT attempts.key, nonce, number, attempts.state, batch, task, host,
    handle, runs.state IN ('planned', 'active') FROM attempts JOIN runs USING (key)";

fn attempt(row: &Row<'_>) -> Result<Attempt, JournalError> {
    Ok(Attempt {
        key: parse(row.get(0)?)?,
        nonce: parse(row.get(1)?)?,
        number: row.get(2)?,
        state: row.get(3)?,
        batch: parse(row.get(4)?)?,
        task: row.get(5)?,
        host: row.get(6)?,
        handle: row.get(7)?,
        wanted: row.get(8)?,
    })
}

impl Journal {
    /// Attempts that have no result yet and may still get one, live or lost, in order of issue.
    ///
    /// # Errors
    /// [`JournalError`] where the file is damaged.
    pub fn awaited(&self) -> Result<Vec<Attempt>, JournalError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{ATTEMPT} WHERE outcome IS NULL AND attempts.state IN
             ('intended', 'submitted', 'lost', 'void', 'cancelled') ORDER BY attempts.rowid"
        ))?;
        let mut rows = statement.query([])?;
        let mut attempts = Vec::new();
        while let Some(row) = rows.next()? {
            attempts.push(attempt(row)?);
        }
        Ok(attempts)
    }

    /// The latest attempt at a run.
    ///
    /// # Errors
    /// [`JournalError`] where the file is damaged.
    pub fn latest_attempt(&self, key: &RunKey) -> Result<Option<Attempt>, JournalError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{ATTEMPT} WHERE attempts.key = ? ORDER BY number DESC LIMIT 1"
        ))?;
        let mut rows = statement.query(params![key.as_str()])?;
        rows.next()?.map(attempt).transpose()
    }

    /// The next `most` runs to begin, with their compute, in the plan's order.
    ///
    /// # Errors
    /// [`JournalError`] where the file is damaged.
    pub fn next_runs(&self, most: usize) -> Result<Vec<(RunKey, f64)>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, flops FROM runs WHERE state = 'planned' ORDER BY place LIMIT ?",
        )?;
        let mut rows = statement.query(params![most as i64])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            runs.push((parse(row.get(0)?)?, row.get(1)?));
        }
        Ok(runs)
    }

    /// Every run, in the plan's order.
    ///
    /// # Errors
    /// [`JournalError`] where the file is damaged.
    pub fn runs(&self) -> Result<Vec<RunRow>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT runs.name, runs.key, runs.state, coalesce(tried.number, 0),
                coalesce(runs.accepted, latest.nonce), runs.reason, conflict,
                json_extract(best.outcome, '$.measured.loss')
             FROM runs
             LEFT JOIN (SELECT key, max(number) AS number FROM attempts GROUP BY key) AS tried USING (key)
             LEFT JOIN attempts AS latest ON latest.key = runs.key AND latest.number = tried.number
             LEFT JOIN attempts AS best ON best.nonce = runs.accepted
             ORDER BY place",
        )?;
        let mut rows = statement.query([])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            runs.push(RunRow {
                name: row.get(0)?,
                key: parse(row.get(1)?)?,
                state: row.get(2)?,
                attempts: row.get(3)?,
                nonce: row.get::<_, Option<String>>(4)?.map(parse).transpose()?,
                reason: row.get(5)?,
                conflict: row.get(6)?,
                loss: row.get(7)?,
            });
        }
        Ok(runs)
    }

    /// How many runs are in each state.
    ///
    /// # Errors
    /// [`JournalError`] where the file is damaged.
    pub fn counts(&self) -> Result<Counts, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT state, count(*), total(flops), total(conflict) FROM runs GROUP BY state",
        )?;
        let mut rows = statement.query([])?;
        let mut counts = Counts::default();
        while let Some(row) = rows.next()? {
            let (state, number, flops): (String, i64, f64) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let number = number.cast_unsigned();
            counts.planned_flops += flops;
            counts.conflicts += row.get::<_, f64>(3)? as u64;
            if !matches!(state.as_str(), "planned" | "active") {
                counts.ended_flops += flops;
            }
            match state.as_str() {
                "planned" => counts.planned = number,
                "active" => counts.active = number,
                "finished" => counts.finished = number,
                "diverged" => counts.diverged = number,
                "failed" => counts.failed = number,
                _ => counts.cancelled = number,
            }
        }
        counts.spent_flops = self.connection.query_row(
            "SELECT total(max(flops, coalesce(json_extract(outcome, '$.measured.flops'), 0)))
             FROM attempts JOIN runs USING (key) WHERE attempts.state != 'void'",
            [],
            |row| row.get(0),
        )?;
        Ok(counts)
    }

    /// Every accepted result, in the plan's order.
    ///
    /// # Errors
    /// [`JournalError`] where the file is damaged.
    pub fn accepted(&self) -> Result<Vec<Settled>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT runs.name, outcome FROM runs JOIN attempts ON nonce = accepted ORDER BY place",
        )?;
        let mut rows = statement.query([])?;
        let mut settled = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            settled.push(Settled {
                name: row.get(0)?,
                outcome: outcome(&text)?,
            });
        }
        Ok(settled)
    }
}
