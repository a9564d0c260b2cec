//! The controller of a sweep: begins attempts, takes results in, and survives everything.
//!
//! Whatever it knows is in the journal and in result files; its own memory holds nothing that a
//! restart would miss. Each turn of the loop may end anywhere and be done again.

mod begin;
mod extend;
mod judge;
mod report;

use crate::added::Added;
use crate::executor::{Executor, ExecutorError, Job};
use crate::failpoint;
use crate::folder::{SweepFolder, is_disk_full};
use crate::journal::{Attempt, Ingested, Journal, JournalError};
use crate::key::{Nonce, RunKey};
use crate::lock::{ControllerLock, LockError};
use crate::outcome::Outcome;
use crate::plan::{KeyedRun, PlanError, SweepPlan};
use crate::request::Request;
use crate::results::{Results, ResultsError};
use crate::status::Status;
use crate::worker::is_full;
use isoflop_runs::write_atomically;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use begin::{Beginning, begin};
use extend::Extending;

/// Why a sweep can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The plan can't be run.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Another controller is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store of results can't be used.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The engine will not do what it is asked.
    #[error("the engine refuses: {0}")]
    Refused(String),
    /// The sweep's folder can't be used.
    #[error("cannot use the sweep's folder: {0}")]
    Folder(#[from] io::Error),
}

impl ControllerError {
    /// Whether a full disk is to blame, so that trying again may help.
    fn is_full(&self, folder: &SweepFolder) -> bool {
        // SQLite calls a full disk an input or output error where a file of its own can't grow.
        let by_sqlite = |error: &rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => true,
            Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::CannotOpen) => {
                is_disk_full(folder.root())
            }
            _ => false,
        };
        match self {
            ControllerError::Journal(error) => error.sqlite().is_some_and(by_sqlite),
            ControllerError::Results(error) => error.sqlite().is_some_and(by_sqlite),
            ControllerError::Folder(error) | ControllerError::Lock(LockError::Unusable(error)) => {
                is_full(error)
            }
            _ => false,
        }
    }
}

/// How a controller's work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every run has ended.
    Done,
    /// Nothing more is begun, for a reason that [`Status::held`] states.
    Held,
    /// It was told to leave; live attempts go on.
    Left,
}

/// The controller of a sweep.
pub struct Controller {
    folder: SweepFolder,
    /// With the runs that were added.
    plan: SweepPlan,
    added: Added,
    extending: Extending,
    base: PathBuf,
    runs: HashMap<RunKey, KeyedRun>,
    journal: Journal,
    results: Results,
    executor: Box<dyn Executor>,
    told: Arc<AtomicBool>,
    /// For attempts that the engine does not know: their progress, and looks since it changed.
    silence: HashMap<Nonce, (Vec<u8>, u32)>,
    stopping: HashSet<Nonce>,
    notes: Vec<String>,
    held: Option<String>,
    failed_looks: u32,
    next_look: Instant,
    next_submission: Instant,
    pause: Duration,
    began: Instant,
    ended_before: f64,
    snapshot: Option<Instant>,
    changed: bool,
    only_end: bool,
    _lock: ControllerLock,
}

/// Time between two turns of the loop.
const TURN: Duration = Duration::from_millis(50);
/// Longest pause after submissions that went wrong.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Time between two snapshots.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(500);
/// Attempts that are submitted together at most: Slurm's arrays hold 1001 by default.
const LARGEST_BATCH: usize = 1000;

impl Controller {
    /// Runs until every run has ended, or a signal says to leave. `watch` is called with every
    /// snapshot.
    ///
    /// # Errors
    /// [`ControllerError`]; a full disk is not one: it is waited out.
    pub fn run(&mut self, watch: &mut dyn FnMut(&Status)) -> Result<Ended, ControllerError> {
        let mut full = false;
        loop {
            let ended = self.turn(watch).and_then(|ended| {
                if ended.is_some() {
                    // A last look sweeps waiting jobs away that nothing waits for any more.
                    let _ = self.executor.look(&[]);
                    self.snapshot(true, watch)?;
                }
                Ok(ended)
            });
            match ended {
                Ok(Some(ended)) => return Ok(ended),
                Ok(None) => full = false,
                Err(error) if error.is_full(&self.folder) => {
                    wait_for_space(&mut full);
                }
                Err(error) => {
                    // The message matters more than a last snapshot.
                    let _ = self.snapshot(true, watch);
                    return Err(error);
                }
            }
            if self.told.load(Ordering::Relaxed) {
                self.snapshot(true, watch)?;
                return Ok(Ended::Left);
            }
            sleep(TURN);
        }
    }

    /// From now on begins nothing; the run ends when nothing is live.
    pub fn only_end(&mut self) {
        self.only_end = true;
    }

    /// The flag that makes [`Controller::run`] leave at its next turn.
    #[must_use]
    pub fn leave_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.told)
    }

    /// The runs as they stand in the journal.
    ///
    /// # Errors
    /// [`ControllerError`] where the journal is damaged.
    pub fn status(&self) -> Result<Status, ControllerError> {
        report::status(self)
    }

    fn turn(&mut self, watch: &mut dyn FnMut(&Status)) -> Result<Option<Ended>, ControllerError> {
        self.take_requests()?;
        let awaited = self.journal.awaited()?;
        self.take_results(&awaited)?;
        if Instant::now() >= self.next_look {
            self.look()?;
            self.next_look = Instant::now() + self.executor.poll_every();
        }
        self.extend()?;
        let live = self.live()?;
        if self.failed_looks == 0 && !self.only_end && Instant::now() >= self.next_submission {
            self.submit(&live)?;
        }
        self.snapshot(false, watch)?;
        self.whether_ended()
    }

    fn whether_ended(&self) -> Result<Option<Ended>, ControllerError> {
        if !self.live()?.is_empty() {
            return Ok(None);
        }
        let counts = self.journal.counts()?;
        Ok(match (counts.open(), &self.held, self.only_end) {
            (0, ..) => Some(Ended::Done),
            (_, Some(_), _) | (.., true) => Some(Ended::Held),
            _ => None,
        })
    }

    fn job(&self, attempt: Attempt) -> Job {
        let folder = self.folder.attempt(&attempt.key, &attempt.nonce);
        Job { attempt, folder }
    }

    fn live(&self) -> Result<Vec<Job>, ControllerError> {
        let awaited = self.journal.awaited()?.into_iter();
        Ok(awaited
            .filter(Attempt::is_live)
            .map(|attempt| self.job(attempt))
            .collect())
    }

    fn take_requests(&mut self) -> Result<(), ControllerError> {
        for (path, request) in Request::waiting(&self.folder)? {
            let keys: Vec<RunKey> = match request {
                Request::Cancel(keys) => keys,
                Request::CancelAll => {
                    let rows = self.journal.runs()?.into_iter();
                    rows.filter(|row| matches!(row.state.as_str(), "planned" | "active"))
                        .map(|row| row.key)
                        .collect()
                }
            };
            self.journal.cancel(&keys)?;
            // What is to be ended is ended now, not at the next look.
            self.next_look = Instant::now();
            // The file goes only when what it asks for is committed.
            self.snapshot_now()?;
            std::fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Takes the results in that lie in the folders of attempts.
    fn take_results(&mut self, awaited: &[Attempt]) -> Result<(), ControllerError> {
        let mut found = Vec::new();
        for attempt in awaited {
            let folder = self.folder.attempt(&attempt.key, &attempt.nonce);
            match Outcome::read(&folder, &attempt.key, &attempt.nonce) {
                Ok(Some(outcome)) => found.push(outcome),
                Ok(None) => {}
                Err(error) => self.note(format!("attempt {}: {error}", attempt.nonce)),
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        failpoint::pass("results-read");
        let ingested = self.journal.ingest(&found)?;
        failpoint::pass("results-committed");
        self.changed = true;
        for (outcome, ingested) in found.iter().zip(ingested) {
            if ingested == Ingested::Conflict {
                let name = self
                    .runs
                    .get(&outcome.key)
                    .map_or("?", |run| &run.spec.name);
                self.note(format!(
                    "two attempts at run {name} came to different results; the first one stays"
                ));
            }
        }
        self.store_results()
    }

    fn store_results(&mut self) -> Result<(), ControllerError> {
        self.journal.assert_current()?;
        self.results
            .add(&self.journal.accepted()?, &self.runs, &self.folder)?;
        failpoint::pass("store-written");
        Ok(())
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
            self.changed = true;
        }
    }

    fn snapshot(
        &mut self,
        now: bool,
        watch: &mut dyn FnMut(&Status),
    ) -> Result<(), ControllerError> {
        let due = self
            .snapshot
            .is_none_or(|last| last.elapsed() >= SNAPSHOT_EVERY);
        if now || (self.changed && due) {
            let status = self.snapshot_now()?;
            watch(&status);
        }
        Ok(())
    }

    fn snapshot_now(&mut self) -> Result<Status, ControllerError> {
        self.journal.assert_current()?;
        let status = self.status()?;
        let bytes = serde_json::to_vec(&status).map_err(io::Error::from)?;
        write_atomically(&self.folder.status(), &bytes)?;
        self.changed = false;
        self.snapshot = Some(Instant::now());
        Ok(status)
    }
}

/// Says once that the disk is full, and waits a little.
fn wait_for_space(said: &mut bool) {
    if !std::mem::replace(said, true) {
        eprintln!("isoflop: the disk is full; the sweep pauses until there is space");
    }
    sleep(Duration::from_secs(1));
}

impl From<ExecutorError> for ControllerError {
    fn from(error: ExecutorError) -> Self {
        ControllerError::Refused(error.to_string())
    }
}
