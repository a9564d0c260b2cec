//! The run record: its columns, where runs come from, and the store that keeps them.
//!
//! - [`Run`] is one training run with the columns that every command reads and writes.
//! - [`Store`] keeps runs, learning curves and provenance in one SQLite file.
//! - [`import_source`] reads runs that other people wrote, reporting every guess it makes.
//! - [`select`] turns runs into the [`Dataset`](isoflop_fit::Dataset) that laws are fitted to.
//!
//! Invariant: no row is dropped and no value changed without a line that says so.

#![warn(clippy::unwrap_used)]

mod atomic_file;
mod checkpoint;
mod column;
mod compression;
mod export;
mod import;
#[cfg(feature = "parquet")]
mod parquet_file;
mod run;
mod selection;
mod store;

pub use atomic_file::write_atomically;
pub use checkpoint::Checkpoint;
pub use column::{Column, UnknownColumn};
pub use compression::Packing;
pub use export::{write_csv, write_jsonl};
pub use import::{
    ANNEALED, ColumnGuess, ColumnMap, FinalLoss, Format, GuessKind, ImportError, ImportOptions,
    Imported, ImportedRow, RowsAre, UnknownFinalLoss, UnknownFormat, holds_logged_runs,
    import_bytes, import_file, import_rows, import_source,
};
#[cfg(feature = "parquet")]
pub use parquet_file::{guard_parquet, open_parquet};
pub use run::{InvalidRun, QUALITY, Run, Status};
pub use selection::{Dropped, Selection, SelectionOptions, select};
pub use store::{Provenance, Recorded, Store, StoreError, is_store};
