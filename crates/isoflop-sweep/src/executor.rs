//! Where attempts are made: one small interface, one file per engine.

mod engine_command;
mod local;
mod ray;
mod slurm;

use crate::folder::{AttemptFolder, SweepFolder};
use crate::journal::Attempt;
use crate::key::Nonce;
use crate::plan::{ExecutorKind, ExecutorPlan};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

pub use local::Local;
pub use ray::Ray;
pub use slurm::Slurm;

/// The executor that a plan asks for. `isoflop` is this program, `host` this machine's name.
///
/// # Errors
/// [`ExecutorError::Refused`] for options that it can't serve.
pub fn executor_for(
    plan: &ExecutorPlan,
    folder: &SweepFolder,
    isoflop: PathBuf,
    host: &str,
) -> Result<Box<dyn Executor>, ExecutorError> {
    Ok(match plan.kind {
        ExecutorKind::Local => Box::new(Local::new(plan, isoflop, host)),
        ExecutorKind::Slurm => Box::new(Slurm::new(plan, folder, isoflop)),
        ExecutorKind::Ray => Box::new(Ray::new(plan, isoflop)?),
    })
}

/// An attempt as an executor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What the journal says of it.
    pub attempt: Attempt,
    /// Where its worker finds its order.
    pub folder: AttemptFolder,
}

/// Jobs to be submitted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The batch's name, by which an engine finds it again.
    pub nonce: Nonce,
    /// Folder of the batch, for the executor's own files.
    pub folder: PathBuf,
    /// The jobs, in the order of [`Attempt::task`].
    pub jobs: Vec<Job>,
}

/// What an engine says of an attempt. None of it is the truth: that is the result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It waits for its turn.
    Waiting,
    /// It runs.
    Running,
    /// The engine says it ended, or does not know it.
    Missing,
    /// No process of it lives, beyond doubt.
    Gone,
    /// It was issued by another machine and can't be seen from here.
    Elsewhere,
}

/// What an engine said, all together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// By attempt; one that is not here is [`Sight::Missing`].
    pub sights: HashMap<Nonce, Sight>,
    /// The engine's names of attempts, where they were not known.
    pub handles: Vec<(Nonce, String)>,
    /// What people should know, such as a drained node.
    pub notes: Vec<String>,
}

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// It will not do it: asking again is of no use.
    #[error("{0}")]
    Refused(String),
    /// It did not answer, or not to the point: what it did is not known.
    #[error("{0}")]
    Unclear(String),
}

/// Something that makes attempts.
pub trait Executor {
    /// How many attempts may be begun now, besides those that are live.
    fn room(&mut self, live: &[Job]) -> usize;

    /// Begins the attempts of a batch, whose intents are committed; gives the engine's names.
    ///
    /// # Errors
    /// [`ExecutorError`]; after [`ExecutorError::Unclear`] some of them may have begun.
    fn submit(&mut self, batch: &Batch) -> Result<Vec<(Nonce, String)>, ExecutorError>;

    /// Looks at live attempts.
    ///
    /// # Errors
    /// [`ExecutorError`]: nothing is then concluded about any attempt.
    fn look(&mut self, live: &[Job]) -> Result<Seen, ExecutorError>;

    /// Tells the engine to end attempts, beside the files that tell their workers.
    ///
    /// # Errors
    /// [`ExecutorError`]: the workers' own files must do.
    fn cancel(&mut self, jobs: &[Job]) -> Result<(), ExecutorError>;

    /// Time between two looks.
    fn poll_every(&self) -> Duration;

    /// Time between two beats of a worker.
    fn beat(&self) -> Duration;
}
