//! How answers are written: text for people, or one JSON object for scripts.

use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

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

    /// Shows that work goes on, and for how long, until it is dropped; on a terminal only.
    pub fn working(&self, what: impl Into<String>) -> Working {
        // Drawn on standard error, and by indicatif only if that is a terminal.
        let bar = ProgressBar::new_spinner().with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Working { bar }
    }

    /// Shows how many of `total` are done and how long the rest will take; on a terminal only.
    pub fn counting(&self, what: impl Into<String>, total: usize) -> Working {
        let bar = ProgressBar::new(total as u64).with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{msg}: {pos} of {len}, {eta} left") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Working { bar }
    }

    /// Says something that is not the answer, on standard error.
    pub fn note(&mut self, text: impl fmt::Display) {
        let style = anstyle::Style::new().bold();
        // Nothing is left to do where standard error itself is closed.
        let _ = writeln!(anstream::stderr(), "{style}note:{style:#} {text}");
    }
}

/// Work that goes on; the line is gone once it is done or dropped.
#[derive(Debug)]
pub struct Working {
    bar: ProgressBar,
}

impl Working {
    /// One more is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// All is done.
    pub fn done(self) {}
}

impl Drop for Working {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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

/// [`columns`] for rows whose first cell may be a long name: names that would push the table over
/// 80 columns stand on a line of their own, above their row.
pub fn named_rows(header: &[&str], rows: Vec<Vec<String>>) -> String {
    const LONGEST: usize = 30;
    let is_long = |row: &Vec<String>| row[0].chars().count() > LONGEST;
    if !rows.iter().any(is_long) {
        return columns(header, rows);
    }
    let names: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    let unnamed = rows.into_iter().map(|mut row| {
        row[0].clear();
        row
    });
    let table = columns(header, unnamed);
    let mut lines = table.lines();
    let mut text = lines.next().unwrap_or_default().to_owned() + "\n";
    for (name, line) in names.iter().zip(lines) {
        text += &format!("  {name}\n{line}\n");
    }
    text
}
