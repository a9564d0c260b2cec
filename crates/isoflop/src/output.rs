//! How answers are written: text for people, or one JSON object for scripts.

use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};

/// Where a command writes its answer and its remarks.
#[derive(Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// `json`: answers are one JSON object.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether answers are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes the answer to standard output: as one JSON object, or as `text` tells it.
    ///
    /// # Errors
    /// The stream's own; a closed pipe is one of them.
    pub fn answer<A: Serialize>(
        &mut self,
        answer: &A,
        text: impl FnOnce(&A) -> String,
    ) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut stdout, answer)?;
            writeln!(stdout)?;
        } else {
            stdout.write_all(text(answer).as_bytes())?;
        }
        stdout.flush()
    }

    /// Writes bytes that are neither text nor JSON, such as a script, to standard output.
    ///
    /// # Errors
    /// The stream's own; a closed pipe is one of them.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Says something that is not the answer, on standard error.
    pub fn note(&mut self, text: impl fmt::Display) {
        let style = anstyle::Style::new().bold();
        // Nothing is left to do where standard error itself is closed.
        let _ = writeln!(anstream::stderr(), "{style}note:{style:#} {text}");
    }
}

/// A table in plain columns: the first to the left, the others to the right.
///
/// Every row must have as many cells as `header`.
pub fn columns(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 2 } else { 0 }, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}
