//! Runs that others wrote: CSV, TSV, JSON and JSONL, plain or compressed.
//!
//! Every guess is in [`Imported::columns`], every row that is not a run in
//! [`Imported::dropped`], every cell that was left out in [`Imported::notes`].

mod cell;
mod compression;
mod csv;
mod error;
mod format;
mod json;
mod names;
mod recognise;
mod table;

use crate::column::Column;
use crate::run::{Run, Status};
use crate::selection::{Dropped, Selection, SelectionOptions, select};
use crate::store::Provenance;
use cell::CellError;
pub use error::ImportError;
pub use format::Format;
use recognise::{Assignment, Reading, recognise};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use table::TableRow;

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
}

/// What the rows of a file are, and so what each must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowsAre {
    /// Runs: a loss, and two of N, D and C.
    #[default]
    Runs,
    /// Points to forecast: N and D, or C; no loss is needed.
    Points,
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
    /// columns together.
    pub line: u64,
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
            dropped.line = Some(self.rows[index].line);
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
                source: self.source.clone(),
                line: row.line,
                note: guess.to_string(),
            })
        });
        read.collect()
    }
}

/// Imports a file.
///
/// # Errors
/// [`ImportError`] where the file as a whole is unusable; single rows that are unusable are
/// listed in [`Imported::dropped`].
pub fn import_file(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| ImportError::Unreadable {
        source_name: name.clone(),
        error,
    })?;
    import_bytes(&name, file, options)
}

/// Imports what `input` holds; `name` stands for it in messages and in the names of runs that
/// have none.
///
/// # Errors
/// Those of [`import_file`].
pub fn import_bytes(
    name: &str,
    input: impl Read,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let (table, decimal_comma) = format::read_table(name, input, options.format)?;
    let shown_columns = table
        .header
        .iter()
        .map(|column| format!("`{column}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let missing = options
        .map
        .0
        .iter()
        .find(|(theirs, ..)| !table.header.contains(theirs));
    if let Some((theirs, ..)) = missing {
        return Err(ImportError::NoSuchColumn {
            source_name: name.to_owned(),
            theirs: theirs.clone(),
            columns: shown_columns,
        });
    }
    let (mut assignments, columns) = recognise(&table, &options.map);
    let missing = match options.rows {
        RowsAre::Runs => missing_column(&assignments),
        RowsAre::Points => missing_of_point(&assignments),
    };
    if let Some(wanted) = missing {
        return Err(ImportError::NoColumn {
            source_name: name.to_owned(),
            wanted,
            columns: shown_columns,
        });
    }
    // A step belongs into the reason why a loss is NaN: it must be known before the loss.
    assignments.sort_by_key(|assignment| match assignment.column {
        Column::Step => 0,
        Column::Reason => 1,
        Column::Loss => 2,
        _ => 3,
    });
    let mut imported = Imported {
        source: name.to_owned(),
        rows: Vec::new(),
        dropped: table.broken,
        columns,
        notes: Vec::new(),
    };
    for row in &table.rows {
        add_row(&mut imported, row, &assignments, decimal_comma);
    }
    imported.dropped.sort_by_key(|dropped| dropped.line);
    imported.notes.extend(doubtful_sizes(&imported.rows));
    Ok(imported)
}

fn missing_column(assignments: &[Assignment]) -> Option<&'static str> {
    let has = |column: Column| assignments.iter().any(|a| a.column == column);
    let has_metric = assignments
        .iter()
        .any(|a| matches!(a.column, Column::Metric(_)));
    if !has(Column::Loss) && !has(Column::BitsPerByte) && !has_metric {
        return Some("loss");
    }
    let sizes = [
        has(Column::Params) || has(Column::ParamsNonEmbedding),
        has(Column::Tokens),
        has(Column::Flops),
    ];
    let known = sizes.into_iter().filter(|has| *has).count();
    (known < 2).then_some("two of params, tokens and flops")
}

fn missing_of_point(assignments: &[Assignment]) -> Option<&'static str> {
    let has = |column: Column| assignments.iter().any(|a| a.column == column);
    let has_params = has(Column::Params) || has(Column::ParamsNonEmbedding);
    let enough = has(Column::Flops) || (has_params && has(Column::Tokens));
    (!enough).then_some("flops, or params and tokens")
}

fn add_row(
    imported: &mut Imported,
    row: &TableRow,
    assignments: &[Assignment],
    decimal_comma: bool,
) {
    let mut run = Run {
        status: Status::Finished,
        ..Run::default()
    };
    for assignment in assignments {
        let Some(text) = row.cells.get(assignment.at).and_then(Option::as_deref) else {
            continue;
        };
        match cell::set(&mut run, assignment, text, decimal_comma) {
            Ok(()) => {}
            Err(CellError::LeftEmpty(note)) => {
                imported.notes.push(format!("line {}: {note}", row.line));
            }
            Err(CellError::Drop(reason)) => {
                return imported.dropped.push(Dropped {
                    run: run.run,
                    line: Some(row.line),
                    reason,
                });
            }
        }
    }
    if run.run.trim().is_empty() {
        run.run = name_by_line(imported, row.line);
    }
    if run.status == Status::Excluded && run.reason.is_none() {
        run.reason = Some("excluded in the file, without a reason".to_owned());
    }
    imported.rows.push(ImportedRow {
        run,
        line: row.line,
    });
}

/// `ladder.csv:7`; where several rows stand on one line, `ladder.json:1.2` for the second.
fn name_by_line(imported: &Imported, line: u64) -> String {
    let file = file_name(&imported.source);
    let earlier = imported.rows.iter().rev();
    match earlier.take_while(|row| row.line == line).count() {
        0 => format!("{file}:{line}"),
        k => format!("{file}:{line}.{}", k + 1),
    }
}

fn file_name(source: &str) -> &str {
    let name = Path::new(source).file_name().and_then(|name| name.to_str());
    name.unwrap_or(source)
}

/// Numbers such as 7 for a model of 7 billion parameters are not refused, but said.
fn doubtful_sizes(rows: &[ImportedRow]) -> Vec<String> {
    let small = |what: &str, size: fn(&Run) -> Option<f64>| {
        let mut sizes: Vec<f64> = rows.iter().filter_map(|row| size(&row.run)).collect();
        sizes.sort_by(f64::total_cmp);
        let median = *sizes.get(sizes.len() / 2)?;
        (median < 1e3).then(|| {
            format!(
                "the median number of {what} is {median}: is the column in millions or billions?"
            )
        })
    };
    let params = small("parameters", |run| run.params.map(f64::from));
    let tokens = small("tokens", |run| run.tokens.map(f64::from));
    [params, tokens].into_iter().flatten().collect()
}
