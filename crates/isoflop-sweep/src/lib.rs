//! Ladders of training runs on local processes, Slurm and Ray, each accepted exactly once.
//!
//! - [`SweepPlan`] is the file that people write and review.
//! - [`Controller`] begins attempts through an [`Executor`] and takes results in.
//! - [`work`] is the worker that makes one attempt, wherever it was started.
//! - [`Status`] is what everyone may know without asking an engine.
//!
//! Invariant: no engine's word is the truth. A run has a result when a file with its own key and
//! nonce says so; exactly one result of a run is accepted; only the controller opens the journal.

#![warn(clippy::unwrap_used)]

mod added;
mod advice;
mod controller;
mod curve;
mod executor;
mod failpoint;
mod folder;
mod journal;
mod key;
mod ladder;
mod lock;
mod order;
mod outcome;
mod plan;
mod request;
mod results;
mod status;
mod worker;

pub use added::{Added, Round};
pub use advice::{Advice, Known, advise};
pub use controller::{Beginning, Controller, ControllerError, Ended, begin};
pub use curve::{CurvePoint, CurveReader};
pub use executor::{
    Batch, Executor, ExecutorError, Job, Local, Ray, Seen, Sight, Slurm, executor_for,
};
pub use failpoint::{FAILPOINTS, RESULT_SEALED, ROUND_FAILPOINTS};
pub use folder::{AttemptFolder, SweepFolder};
pub use journal::{Attempt, Counts, Ingested, Intent, Journal, JournalError, RunRow, Settled};
pub use key::{Nonce, NotAKey, RunKey, canonical};
pub use ladder::{
    CENTRAL_RATIO, LadderError, Shared, duration_secs, from_design, grid, isoflop_sets, levels,
    runs,
};
pub use lock::{ControllerLock, Holder, LockError};
pub use order::{Order, Places, arguments};
pub use outcome::{Ending, Measured, Outcome, OutcomeError};
pub use plan::{
    AdaptivePlan, ENVIRONMENT, ExecutorKind, ExecutorPlan, KeyedRun, Limits, PlanError, RayPlan,
    RunSpec, SlurmPlan, SweepPlan, Trainer, built_in_trainer, specification, write_plan,
};
pub use request::Request;
pub use results::ResultsError;
pub use status::{AdaptiveStatus, Status};
pub use worker::{Lock, Worked, WorkerError, is_locked, work};
