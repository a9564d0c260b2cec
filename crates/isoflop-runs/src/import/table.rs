//! What every text format comes down to: named columns, and rows with their lines.

use crate::selection::Dropped;

/// Cells as text under a header.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table {
    /// Column names as they stand in the file.
    pub header: Vec<String>,
    /// Rows that could be read.
    pub rows: Vec<TableRow>,
    /// Rows that could not.
    pub broken: Vec<Dropped>,
}

/// One row of a [`Table`].
#[derive(Debug, PartialEq)]
pub(super) struct TableRow {
    /// Line where the row starts, counted from 1.
    pub line: u64,
    /// One cell for each column; `None` where there is none, or null.
    pub cells: Vec<Option<String>>,
}

impl Table {
    pub(super) fn break_run(&mut self, run: &str, reason: &str) {
        self.broken.push(Dropped {
            run: run.to_owned(),
            line: None,
            reason: reason.to_owned(),
        });
    }

    pub(super) fn break_row(&mut self, line: u64, reason: impl Into<String>) {
        self.broken.push(Dropped {
            run: String::new(),
            line: Some(line),
            reason: reason.into(),
        });
    }
}
