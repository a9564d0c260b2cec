//! The controller's journal: which attempts were issued, and which result of a run was accepted.
//!
//! One SQLite file, in write-ahead mode with `synchronous = FULL`, that only the controller
//! opens. Every change is a transaction which first checks the controller's epoch: a controller
//! that was superseded while it slept cannot write.

mod read;
mod schema;

use crate::key::{Nonce, RunKey};
use crate::outcome::{Ending, Outcome};
use crate::plan::{KeyedRun, Limits};
pub use read::{Attempt, Counts, RunRow, Settled};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another controller took the sweep over.
    #[error(
        "another controller has taken this sweep over (epoch {found}, this one is {own}): nothing was written"
    )]
    Superseded {
        /// The epoch of this controller.
        own: i64,
        /// The epoch in the journal.
        found: i64,
    },
    /// The file belongs to another program or a later release.
    #[error("{0} is not a sweep's journal of this release: use the isoflop that made it")]
    Foreign(String),
    /// The journal has other runs than the plan.
    #[error("{0}")]
    OtherPlan(String),
    /// A stored text is damaged.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// SQLite failed.
    #[error("the journal could not be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl JournalError {
    /// What SQLite said, if it did.
    pub(crate) fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            JournalError::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}

/// What came of taking in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingested {
    /// It is now the result of its run.
    Accepted,
    /// The run had the same result already.
    Duplicate,
    /// The run had another result already, which stays.
    Conflict,
    /// The attempt failed.
    Failed,
    /// It was taken in before.
    Known,
    /// No such attempt was issued.
    NotIssued,
}

/// An attempt about to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Which run.
    pub key: RunKey,
    /// The attempt's name.
    pub nonce: Nonce,
    /// The submission that it is part of.
    pub batch: Nonce,
    /// Its place in the submission.
    pub task: u32,
}

/// The controller's journal.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    epoch: i64,
    host: String,
    limits: Limits,
}

impl Journal {
    /// Opens the journal and begins a new epoch: earlier controllers can't write from now on.
    ///
    /// # Errors
    /// [`JournalError`] where the file can't be used.
    pub fn open(path: &Path, host: &str, limits: &Limits) -> Result<Self, JournalError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        schema::create(&connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Committed by name: outside a transaction SQLite gives the row before it commits, and a
        // full disk then undoes the epoch without a word.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let epoch = transaction.query_row(
            "UPDATE controller SET epoch = epoch + 1, host = ? RETURNING epoch",
            params![host],
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(Journal {
            connection,
            epoch,
            host: host.to_owned(),
            limits: limits.clone(),
        })
    }

    /// The number of this controller among those of the sweep.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Checks that no other controller has taken the sweep over.
    ///
    /// # Errors
    /// [`JournalError::Superseded`] if one has.
    pub fn assert_current(&self) -> Result<(), JournalError> {
        let found = self
            .connection
            .query_row("SELECT epoch FROM controller", [], |row| row.get(0))?;
        if found == self.epoch {
            Ok(())
        } else {
            Err(JournalError::Superseded {
                own: self.epoch,
                found,
            })
        }
    }

    fn change<T>(
        &mut self,
        action: impl FnOnce(&Transaction<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = transaction.query_row("SELECT epoch FROM controller", [], |row| row.get(0))?;
        if found != self.epoch {
            return Err(JournalError::Superseded {
                own: self.epoch,
                found,
            });
        }
        let done = action(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Takes the runs of a plan in; runs that are there already stay as they are.
    ///
    /// # Errors
    /// [`JournalError::OtherPlan`] if the journal has runs that the plan has not: the plan, or a
    /// file that its runs depend on, was changed.
    pub fn enrol(&mut self, runs: &[KeyedRun]) -> Result<(), JournalError> {
        self.change(|transaction| {
            let known: i64 =
                transaction.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
            let mut add = transaction.prepare_cached(
                "INSERT INTO runs (key, place, name, flops) VALUES (?, ?, ?, ?)
                 ON CONFLICT (key) DO UPDATE SET place = excluded.place",
            )?;
            for (place, run) in runs.iter().enumerate() {
                add.execute(params![
                    run.key.as_str(),
                    place as i64,
                    run.spec.name,
                    run.spec.compute().get()
                ])?;
            }
            let now: i64 =
                transaction.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
            if known > 0 && now > runs.len() as i64 {
                return Err(other_plan(now as usize - runs.len(), known as usize));
            }
            Ok(())
        })
    }

    /// Checks that these runs are those of the journal and perhaps more.
    ///
    /// # Errors
    /// [`JournalError::OtherPlan`] if some of the journal's are missing.
    pub fn covers(&self, runs: &[KeyedRun]) -> Result<(), JournalError> {
        let keys: HashSet<&RunKey> = runs.iter().map(|run| &run.key).collect();
        let known = self.runs()?;
        let missing = known.iter().filter(|row| !keys.contains(&row.key)).count();
        match missing {
            0 => Ok(()),
            missing => Err(other_plan(missing, known.len())),
        }
    }

    /// Commits the intent to make these attempts, before any engine hears of them.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn intend(&mut self, intents: &[Intent]) -> Result<(), JournalError> {
        let host = self.host.clone();
        self.change(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO attempts (nonce, key, number, state, batch, task, host)
                 SELECT ?1, ?2, 1 + (SELECT count(*) FROM attempts WHERE key = ?2), 'intended', ?3, ?4, ?5",
            )?;
            let mut begin = transaction.prepare_cached(
                "UPDATE runs SET state = 'active' WHERE key = ? AND state = 'planned'",
            )?;
            for intent in intents {
                let key = intent.key.as_str();
                // Two live attempts at one run can't be: the state is the gate.
                if begin.execute(params![key])? != 1 {
                    return Err(JournalError::Damaged(format!("run {key} was to begin twice")));
                }
                add.execute(params![
                    intent.nonce.as_str(), key, intent.batch.as_str(), intent.task, host
                ])?;
            }
            Ok(())
        })
    }

    /// Notes that the engine acknowledged attempts, and its name for them.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn submitted(&mut self, handles: &[(Nonce, String)]) -> Result<(), JournalError> {
        self.change(|transaction| {
            let mut note = transaction.prepare_cached(
                "UPDATE attempts SET handle = ?2,
                 state = CASE state WHEN 'intended' THEN 'submitted' ELSE state END WHERE nonce = ?1",
            )?;
            for (nonce, handle) in handles {
                note.execute(params![nonce.as_str(), handle])?;
            }
            Ok(())
        })
    }

    /// Takes results in, in any order and as often as they come.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn ingest(&mut self, outcomes: &[Outcome]) -> Result<Vec<Ingested>, JournalError> {
        let limits = self.limits.clone();
        self.change(|transaction| {
            outcomes
                .iter()
                .map(|outcome| ingest(transaction, outcome, &limits))
                .collect()
        })
    }

    /// Gives attempts up that ended without a word. One that was never submitted is void.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn lose(&mut self, lost: &[(Nonce, String)]) -> Result<(), JournalError> {
        let limits = self.limits.clone();
        self.change(|transaction| {
            for (nonce, why) in lost {
                let key: Option<String> = transaction
                    .query_row(
                        "UPDATE attempts SET reason = ?2,
                         state = CASE state WHEN 'intended' THEN 'void' ELSE 'lost' END
                         WHERE nonce = ?1 AND state IN ('intended', 'submitted') RETURNING key",
                        params![nonce.as_str(), why],
                        |row| row.get(0),
                    )
                    .optional()?;
                if let Some(key) = key {
                    settle(transaction, &key, &limits)?;
                }
            }
            Ok(())
        })
    }

    /// Cancels runs that have not ended; a result that comes all the same is still accepted.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn cancel(&mut self, keys: &[RunKey]) -> Result<(), JournalError> {
        self.change(|transaction| {
            let mut cancel = transaction.prepare_cached(
                "UPDATE runs SET state = 'cancelled', reason = 'cancelled' WHERE key = ?
                 AND state IN ('planned', 'active')",
            )?;
            for key in keys {
                cancel.execute(params![key.as_str()])?;
            }
            Ok(())
        })
    }

    /// Ends attempts that the controller told to stop and that have stopped.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn stopped(&mut self, nonces: &[Nonce]) -> Result<(), JournalError> {
        self.change(|transaction| {
            let mut end = transaction.prepare_cached(
                "UPDATE attempts SET state = 'cancelled' WHERE nonce = ?
                 AND state IN ('intended', 'submitted')",
            )?;
            for nonce in nonces {
                end.execute(params![nonce.as_str()])?;
            }
            Ok(())
        })
    }

    /// Puts cancelled and failed runs back among the planned ones.
    ///
    /// # Errors
    /// [`JournalError`] where nothing could be committed.
    pub fn retry(&mut self) -> Result<usize, JournalError> {
        self.change(|transaction| {
            transaction.execute(
                "UPDATE attempts SET state = 'forgiven' WHERE state IN ('failed', 'lost')
                 AND key IN (SELECT key FROM runs WHERE state = 'failed')",
                [],
            )?;
            let changed = transaction.execute(
                "UPDATE runs SET reason = NULL, state = CASE WHEN EXISTS
                 (SELECT 1 FROM attempts WHERE attempts.key = runs.key
                  AND attempts.state IN ('intended', 'submitted')) THEN 'active' ELSE 'planned' END
                 WHERE state IN ('failed', 'cancelled')",
                [],
            )?;
            Ok(changed)
        })
    }
}

fn other_plan(missing: usize, known: usize) -> JournalError {
    JournalError::OtherPlan(format!(
        "{missing} of the {known} runs of this sweep are not in the plan any more: the plan, or a file under `depends_on`, was changed. Begin a new sweep folder, or undo the change"
    ))
}

/// The rule of [`Journal::ingest`] for one result.
fn ingest(
    transaction: &Transaction<'_>,
    outcome: &Outcome,
    limits: &Limits,
) -> Result<Ingested, JournalError> {
    let (key, nonce) = (outcome.key.as_str(), outcome.nonce.as_str());
    let issued: Option<Option<String>> = transaction
        .query_row(
            "SELECT outcome FROM attempts WHERE nonce = ? AND key = ?",
            params![nonce, key],
            |row| row.get(0),
        )
        .optional()?;
    match issued {
        None => return Ok(Ingested::NotIssued),
        Some(Some(_)) => return Ok(Ingested::Known),
        Some(None) => {}
    }
    let accepted: Option<String> = transaction
        .query_row(
            "SELECT outcome FROM attempts JOIN runs ON runs.accepted = nonce WHERE runs.key = ?",
            params![key],
            |row| row.get(0),
        )
        .optional()?;
    let ingested = match (outcome.ending, accepted) {
        (Ending::Failed, _) => Ingested::Failed,
        (_, None) => Ingested::Accepted,
        (_, Some(text)) if read::outcome(&text)?.agrees_with(outcome) => Ingested::Duplicate,
        (_, Some(_)) => Ingested::Conflict,
    };
    let state = match ingested {
        Ingested::Accepted => "accepted",
        Ingested::Duplicate => "duplicate",
        Ingested::Conflict => "conflict",
        _ => "failed",
    };
    let text =
        serde_json::to_string(outcome).map_err(|error| JournalError::Damaged(error.to_string()))?;
    transaction.execute(
        "UPDATE attempts SET state = ?2, outcome = ?3, reason = ?4 WHERE nonce = ?1",
        params![nonce, state, text, outcome.reason],
    )?;
    match ingested {
        Ingested::Accepted => {
            let state = if outcome.ending == Ending::Finished {
                "finished"
            } else {
                "diverged"
            };
            transaction.execute(
                "UPDATE runs SET state = ?2, accepted = ?3, reason = ?4 WHERE key = ?1",
                params![key, state, nonce, outcome.reason],
            )?;
        }
        Ingested::Conflict => {
            transaction.execute("UPDATE runs SET conflict = 1 WHERE key = ?", params![key])?;
        }
        _ => settle(transaction, key, limits)?,
    }
    Ok(ingested)
}

/// What a run without a result becomes when one of its attempts has ended.
fn settle(transaction: &Transaction<'_>, key: &str, limits: &Limits) -> Result<(), JournalError> {
    let count = |state: &str| -> Result<u32, JournalError> {
        Ok(transaction.query_row(
            "SELECT count(*) FROM attempts WHERE key = ? AND state = ?",
            params![key, state],
            |row| row.get(0),
        )?)
    };
    let live = count("intended")? + count("submitted")?;
    let (failed, lost) = (count("failed")?, count("lost")?);
    let given_up = failed >= limits.attempts || lost >= limits.lost_attempts;
    let (state, reason) = match (live > 0, given_up) {
        (true, _) => ("active", None),
        (false, false) => ("planned", None),
        (false, true) => {
            let last: Option<String> = transaction.query_row(
                "SELECT reason FROM attempts WHERE key = ? AND state IN ('failed', 'lost')
                 ORDER BY number DESC LIMIT 1",
                params![key],
                |row| row.get(0),
            )?;
            let last = last.unwrap_or_else(|| "no reason known".to_owned());
            (
                "failed",
                Some(format!("{last} ({} attempts)", failed + lost)),
            )
        }
    };
    transaction.execute(
        "UPDATE runs SET state = ?2, reason = ?3 WHERE key = ?1
         AND state IN ('planned', 'active', 'failed')",
        params![key, state, reason],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
