//! The run record: its columns, where runs come from, and the store that keeps them.
//!
//! - [`Run`] is one training run with the columns that every command reads and writes.
//! - [`Store`] keeps runs, learning curves and provenance in one SQLite file.
//!
//! Invariant: no row is dropped and no value changed without a line that says so.

mod atomic_file;
mod checkpoint;
mod column;
mod run;
mod store;

pub use atomic_file::write_atomically;
pub use checkpoint::Checkpoint;
pub use column::{Column, UnknownColumn};
pub use run::{InvalidRun, Run, Status};
pub use store::{Provenance, Recorded, Store, StoreError};
