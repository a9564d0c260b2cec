//! Where runs come from: a file in any format that is read, a directory, a store, or `-`.

mod grouping;
mod reading;
mod report;

pub use grouping::Group;
pub use reading::stores_in;

use crate::failure::Failure;
use clap::ValueEnum;
use isoflop_laws::ParamCount;
use isoflop_runs::{Column, ColumnMap, Dropped, Run, Selection, SelectionOptions, select};
use std::collections::BTreeMap;
use std::path::Path;

/// Title of these arguments in `--help`.
const READING: &str = "Reading RUNS";

/// How runs are read; the same for every command that takes RUNS.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ReadingArguments {
    /// Read their column as ours, such as valid_ce=loss
    #[arg(long = "map", help_heading = READING, value_name = "THEIRS=OURS")]
    map: Vec<String>,
    /// Use only rows with this value in this column
    #[arg(long = "where", help_heading = READING, value_name = "COLUMN=VALUE")]
    filter: Vec<String>,
    /// N: total or non-embedding [default: what more runs give]
    #[arg(long, help_heading = READING, value_name = "WHICH", hide_possible_values = true)]
    count: Option<Count>,
}

/// Which parameters N counts, as people name it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Count {
    /// All parameters, embeddings included.
    Total,
    /// Without token and position embeddings.
    NonEmbedding,
}

impl From<Count> for ParamCount {
    fn from(count: Count) -> ParamCount {
        match count {
            Count::Total => ParamCount::Total,
            Count::NonEmbedding => ParamCount::NonEmbedding,
        }
    }
}

impl ReadingArguments {
    /// Reads the runs at `path`.
    ///
    /// # Errors
    /// Status 2 if nothing there can be read as runs.
    pub fn read(&self, path: &Path) -> Result<RunRows, Failure> {
        let mut rows = reading::read(path, self.column_map()?)?;
        rows.count = self.count.map(ParamCount::from);
        for (column, value) in &self.filters()? {
            rows.keep_where(column, value)?;
        }
        Ok(rows)
    }

    fn column_map(&self) -> Result<ColumnMap, Failure> {
        let mut map = ColumnMap::default();
        for pair in &self.map {
            map.add(pair).map_err(Failure::misuse)?;
        }
        Ok(map)
    }

    fn filters(&self) -> Result<Vec<(String, String)>, Failure> {
        let pair = |text: &String| {
            let (column, value) = text
                .split_once('=')
                .filter(|(column, _)| !column.is_empty())?;
            Some((column.trim().to_owned(), value.trim().to_owned()))
        };
        let unreadable = |text: &String| {
            Failure::misuse(format!(
                "`--where {text}` does not say which rows: expected COLUMN=VALUE, such as split=fit"
            ))
        };
        let read = |text| pair(text).ok_or_else(|| unreadable(text));
        self.filter.iter().map(read).collect()
    }
}

/// A run, and where it came from.
#[derive(Debug, Clone)]
pub struct Row {
    /// The run.
    pub run: Run,
    /// Line of its file, counted from 1; `None` for a run of a store.
    pub line: Option<u64>,
}

/// The runs of one source, with all that must be said of how they were read.
#[derive(Debug, Clone)]
pub struct RunRows {
    /// File, directory or store.
    pub source: String,
    /// The runs in their order.
    pub rows: Vec<Row>,
    /// Rows that are no runs, or that were left out on request.
    pub dropped: Vec<Dropped>,
    /// How columns were understood, where that was a guess.
    guesses: Vec<String>,
    /// Cells left empty, numbers that look wrong.
    notes: Vec<String>,
    /// What each column of the source is read as, by the source's name for it.
    columns: BTreeMap<String, Column>,
    /// Which parameters N counts, if the user insists.
    count: Option<ParamCount>,
}

impl RunRows {
    /// The text of a row in a column, by the source's name for it or by ours; `None` if empty.
    pub fn cell(&self, row: &Row, column: &str) -> Option<String> {
        match self.columns.get(column) {
            Some(ours) => ours.text(&row.run),
            None => row.run.text(column),
        }
    }

    /// The runs in one convention; every other row is listed with its line and reason.
    pub fn select(&self) -> Selection {
        let runs: Vec<Run> = self.rows.iter().map(|row| row.run.clone()).collect();
        let options = SelectionOptions {
            param_count: self.count,
        };
        let mut selection = select(&runs, options);
        let used: std::collections::HashSet<usize> = selection.used.iter().copied().collect();
        // `select` lists the unused in the order in which they were given.
        let unused = (0..runs.len()).filter(|index| !used.contains(index));
        for (dropped, index) in selection.dropped.iter_mut().zip(unused) {
            dropped.line = self.rows[index].line;
        }
        selection.dropped.extend(self.dropped.iter().cloned());
        selection.dropped.sort_by_key(|dropped| dropped.line);
        selection.notes.extend(self.notes.iter().cloned());
        selection
    }
}
