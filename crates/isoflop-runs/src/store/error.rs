//! Why a store could not be opened, read or written.

use crate::run::{InvalidRun, Run, Status};
use isoflop_laws::QuantityError;
use std::path::{Path, PathBuf};

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened at all.
    #[error("cannot open the store {}: {source}", path.display())]
    Unreadable {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no file.
    #[error("there is no store at {}: create one with `isoflop import`", path.display())]
    Missing {
        /// The store.
        path: PathBuf,
    },
    /// The file is not SQLite, or another program's database.
    #[error("{} is not an isoflop store: name another file", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The store was written by a later release; it was left untouched.
    #[error(
        "{} has schema {found}, newer than this program's {known}: use a newer isoflop",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// The latest schema version known here.
        known: i32,
    },
    /// The record is not one that can be kept.
    #[error(transparent)]
    InvalidRun(#[from] InvalidRun),
    /// Another record of the same run and status says something else.
    #[error(
        "run `{run}` is already in the store as {status} with a different {}: \
         give the new run another name, or replace the old one",
        columns.join(", ")
    )]
    Conflict {
        /// The run's name.
        run: String,
        /// The status of both records.
        status: Status,
        /// The columns that differ.
        columns: Vec<String>,
    },
    /// Another checkpoint of the same run and step says something else.
    #[error("step {step} of run `{run}` is already in the store with other values")]
    CheckpointConflict {
        /// The run's name.
        run: String,
        /// The step.
        step: u64,
    },
    /// No run of this name.
    #[error("there is no run `{0}` in the store: `isoflop runs list` shows their names")]
    NoSuchRun(String),
    /// A stored quantity is out of range: the file was edited by another program.
    #[error("the store holds a number that is out of range: {0}")]
    OutOfRange(#[from] QuantityError),
    /// A stored JSON text could not be read or written.
    #[error("the spec, metrics or labels of run `{run}` are not readable JSON: {source}")]
    Json {
        /// The run's name.
        run: String,
        /// What the reader said.
        source: serde_json::Error,
    },
    /// SQLite failed: a full disk, a damaged file, a lock held too long.
    #[error("the store could not be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    pub(super) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        StoreError::Unreadable {
            path: path.into(),
            source,
        }
    }

    pub(super) fn json(run: &Run, source: serde_json::Error) -> Self {
        StoreError::Json {
            run: run.run.clone(),
            source,
        }
    }
}
