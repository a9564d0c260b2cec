//! Runs that others wrote: tables (CSV, TSV, JSON, JSONL, Parquet), and what trackers and trainers
//! keep (Hugging Face, TensorBoard, W&B, MLflow, console logs).
//!
//! A tracker is one file in `sources/` behind one trait; what it read becomes a table with one row
//! a run, so that columns are recognised, reported and mapped in one way for all.
//!
//! Every guess is in [`Imported::columns`], every row that is not a run in
//! [`Imported::dropped`], every cell that was left out in [`Imported::notes`].

mod cell;
mod compression;
mod csv;
mod error;
mod final_loss;
mod format;
mod history;
mod json;
mod memory;
mod names;
mod open;
#[cfg(feature = "parquet")]
mod parquet;
mod python_dict;
mod recognise;
mod rows;
mod sources;
mod table;
mod units;

use crate::checkpoint::Checkpoint;
use crate::column::Column;
use crate::run::Run;
use crate::selection::{Dropped, Selection, SelectionOptions, select};
use crate::store::Provenance;
pub use error::ImportError;
pub use final_loss::{ANNEALED, FinalLoss, UnknownFinalLoss};
pub use format::{Format, UnknownFormat};
pub use memory::import_rows;
pub use open::{holds_logged_runs, import_bytes, import_file, import_source};
use recognise::Reading;
use std::fmt;

/// What the user says about columns: `theirs=ours`, or `theirs=ours:unit` with a unit such as
/// `M`, `B`, `bits` or `perplexity`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnMap(Vec<(String, Column, Option<Reading>)>);

impl ColumnMap {
    /// Adds a mapping written as `theirs=ours` or `theirs=ours:unit`.
    ///
    /// # Errors
    /// [`ImportError::BadMapping`], [`ImportError::UnknownColumn`] or
    /// [`ImportError::UnknownUnit`].
    pub fn add(&mut self, text: &str) -> Result<(), ImportError> {
        let pair = text
            .rsplit_once('=')
            .filter(|(theirs, _)| !theirs.is_empty());
        let Some((theirs, ours)) = pair else {
            return Err(ImportError::BadMapping(text.to_owned()));
        };
        let (ours, unit) = match ours.split_once(':') {
            Some((ours, unit)) => (ours, Some(unit)),
            None => (ours, None),
        };
        let unknown = |unit: &str| ImportError::UnknownUnit(unit.to_owned());
        let reading = unit
            .map(|unit| Reading::of_unit(unit).ok_or_else(|| unknown(unit)))
            .transpose()?;
        self.0
            .push((theirs.to_owned(), ours.trim().parse()?, reading));
        Ok(())
    }

    fn theirs(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(theirs, ..)| theirs)
    }

    fn get(&self, theirs: &str) -> Option<(&Column, Option<Reading>)> {
        let found = self.0.iter().find(|(name, ..)| name == theirs);
        found.map(|(_, column, reading)| (column, *reading))
    }
}

/// What the caller knows about the file.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The format; by default told from the name and the first sign.
    pub format: Option<Format>,
    /// Columns that need no guess.
    pub map: ColumnMap,
    /// What the rows are.
    pub rows: RowsAre,
    /// Values for runs whose source does not say them, as text: a TensorBoard file rarely knows
    /// the number of parameters. What the source says wins.
    pub set: Vec<(Column, String)>,
    /// How a learning curve becomes a final loss.
    pub final_loss: FinalLoss,
    /// Bytes of text per token of the tokeniser: with it, bits per byte become nats per token.
    pub bytes_per_token: Option<f64>,
    /// The lines of a console log, as a regular expression with groups named after columns, such
    /// as `step (?<step>\d+) .* loss (?<loss>\S+)`; in place of the known patterns.
    pub pattern: Option<String>,
}

/// What the rows of a table are, and so what each must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowsAre {
    /// Runs: a loss, and two of N, D and C.
    #[default]
    Runs,
    /// Points of learning curves: rows of one name are one run.
    Checkpoints,
    /// Points to forecast: N and D, or C; no loss is needed.
    Points,
}

impl ImportOptions {
    /// Adds a value for every run that has none, written as `column=value`: `params=19M`.
    ///
    /// # Errors
    /// [`ImportError::BadMapping`], [`ImportError::UnknownColumn`] or [`ImportError::BadValue`].
    pub fn add_value(&mut self, text: &str) -> Result<(), ImportError> {
        let Some((column, value)) = text.split_once('=') else {
            return Err(ImportError::BadMapping(text.to_owned()));
        };
        let column: Column = column.trim().parse()?;
        let assignment = recognise::Assignment::plain(column.clone());
        let suits = cell::set(&mut Run::default(), &assignment, value, false);
        suits.map_err(|error| ImportError::BadValue {
            text: text.to_owned(),
            error: match error {
                cell::CellError::Drop(reason) | cell::CellError::LeftEmpty(reason) => reason,
            },
        })?;
        self.set.push((column, value.to_owned()));
        Ok(())
    }
}

/// How a column of the file was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuessKind {
    /// The user said it.
    Mapped,
    /// It has our own name.
    Exact,
    /// It has a name that people use.
    Recognised,
    /// It is not read as a quantity, but kept as the label of its name.
    Kept,
}

/// One column of the file, and what it is read as.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnGuess {
    /// The name in the file.
    pub theirs: String,
    /// What it is read as.
    pub ours: Option<Column>,
    /// Why.
    pub kind: GuessKind,
    /// A conversion, or why it is not used.
    pub note: Option<String>,
}

impl fmt::Display for ColumnGuess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.ours, self.kind) {
            (Some(ours), GuessKind::Kept) => write!(f, "`{}` kept as {ours}", self.theirs)?,
            (Some(ours), GuessKind::Mapped) => write!(f, "`{}` mapped to {ours}", self.theirs)?,
            (Some(ours), _) => write!(f, "`{}` read as {ours}", self.theirs)?,
            (None, _) => write!(f, "`{}` is not read", self.theirs)?,
        }
        match &self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}

/// A run and the line that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedRow {
    /// The run.
    pub run: Run,
    /// Line where its row starts, counted from 1; the row's number where a JSON text keeps
    /// columns together; 0 where the source has no lines.
    pub line: u64,
    /// The file or address of this run, where [`Imported::source`] is a folder or a server.
    pub source: Option<String>,
    /// The learning curve in order of steps; empty where the source has none.
    pub curve: Vec<Checkpoint>,
}

/// Everything that a file held.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The file's name.
    pub source: String,
    /// The runs in the file's order.
    pub rows: Vec<ImportedRow>,
    /// Rows that are no runs.
    pub dropped: Vec<Dropped>,
    /// How each column was understood.
    pub columns: Vec<ColumnGuess>,
    /// Cells that were left empty, and numbers that look wrong.
    pub notes: Vec<String>,
}

impl Imported {
    /// The runs alone.
    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        self.rows.iter().map(|row| row.run.clone()).collect()
    }

    /// The column that the file's name for it, or our own name, stands for.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Column> {
        let guess = self.columns.iter().find(|guess| guess.theirs == name);
        let ours = guess.and_then(|guess| guess.ours.clone());
        ours.or_else(|| name.parse().ok())
    }

    /// [`select`] on the runs, with lines, and with the rows that were no runs.
    #[must_use]
    pub fn select(&self, options: SelectionOptions) -> Selection {
        let mut selection = select(&self.runs(), options);
        // `select` keeps the order of what it was given: unused runs in order are the dropped.
        let used: std::collections::HashSet<usize> = selection.used.iter().copied().collect();
        let unused = (0..self.rows.len()).filter(|index| !used.contains(index));
        for (dropped, index) in selection.dropped.iter_mut().zip(unused) {
            dropped.line = Some(self.rows[index].line).filter(|line| *line > 0);
        }
        selection.dropped.extend(self.dropped.iter().cloned());
        selection.dropped.sort_by_key(|dropped| dropped.line);
        selection.notes.extend(self.notes.iter().cloned());
        selection
    }

    /// Where each value of a row came from, for the store.
    #[must_use]
    pub fn provenance(&self, row: &ImportedRow) -> Vec<Provenance> {
        let read = self.columns.iter().filter_map(|guess| {
            let column = guess.ours.as_ref()?;
            (!column.value(&row.run).is_null()).then(|| Provenance {
                field: column.to_string(),
                source: row.source.as_ref().unwrap_or(&self.source).clone(),
                line: row.line,
                note: guess.to_string(),
            })
        });
        read.collect()
    }
}
