//! Rows of one value in a column: kept, or fitted on their own.

use super::{Row, RunRows};
use crate::failure::Failure;
use isoflop_runs::Dropped;

/// Rows that share a value.
pub struct Group {
    /// The value.
    pub value: String,
    /// The rows that have it.
    pub rows: RunRows,
}

impl RunRows {
    /// Keeps the rows with this value; the others are listed as left out.
    ///
    /// # Errors
    /// Status 2 if there is no such column, status 1 if no row has the value.
    pub(super) fn keep_where(&mut self, column: &str, value: &str) -> Result<(), Failure> {
        self.check_column(column)?;
        let rows = std::mem::take(&mut self.rows);
        let has = |row: &Row| {
            self.cell(row, column)
                .is_some_and(|cell| same(&cell, value))
        };
        let (kept, left): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(has);
        if kept.is_empty() {
            let values = values(left.iter().filter_map(|row| self.cell(row, column)));
            let sentence = format!("no row of {} has {column} = {value}", self.source);
            return Err(Failure::no(sentence).hint(format!("it has {values}")));
        }
        let reason = format!("left out by --where {column}={value}");
        self.dropped
            .extend(left.into_iter().map(|row| left_out(row, reason.clone())));
        self.rows = kept;
        Ok(())
    }

    /// The rows of each value of a column, in the order in which values appear.
    ///
    /// # Errors
    /// Status 2 if there is no such column, or no row has a value in it.
    pub fn groups(&self, column: &str) -> Result<Vec<Group>, Failure> {
        self.check_column(column)?;
        let mut groups: Vec<Group> = Vec::new();
        for row in &self.rows {
            let Some(value) = self.cell(row, column) else {
                continue;
            };
            let found = groups.iter_mut().find(|group| group.value == value);
            match found {
                Some(group) => group.rows.rows.push(row.clone()),
                None => groups.push(Group {
                    rows: RunRows {
                        rows: vec![row.clone()],
                        dropped: vec![],
                        notes: vec![],
                        guesses: vec![],
                        ..self.clone_head()
                    },
                    value,
                }),
            }
        }
        if groups.is_empty() {
            let sentence = format!("no row of {} has a value in `{column}`", self.source);
            return Err(Failure::misuse(sentence));
        }
        Ok(groups)
    }

    /// The rows without a value in a column.
    pub fn without(&self, column: &str) -> Vec<Dropped> {
        let missing = self
            .rows
            .iter()
            .filter(|row| self.cell(row, column).is_none());
        missing
            .map(|row| left_out(row.clone(), format!("`{column}` is empty")))
            .collect()
    }

    /// Everything but the rows.
    fn clone_head(&self) -> RunRows {
        RunRows {
            source: self.source.clone(),
            rows: vec![],
            dropped: self.dropped.clone(),
            guesses: self.guesses.clone(),
            notes: self.notes.clone(),
            columns: self.columns.clone(),
            count: self.count,
        }
    }

    /// # Errors
    /// Status 2 if the source has no such column, neither by its name nor by ours.
    pub fn check_column(&self, column: &str) -> Result<(), Failure> {
        let has_text = |row: &Row| row.run.text(column).is_some();
        if self.columns.contains_key(column) || self.rows.iter().any(has_text) {
            return Ok(());
        }
        let known = self.columns.keys().map(String::as_str);
        Err(Failure::unknown(
            "column",
            column,
            known.collect::<Vec<_>>(),
        ))
    }
}

fn left_out(row: Row, reason: String) -> Dropped {
    Dropped {
        run: row.run.run,
        line: row.line,
        reason,
    }
}

/// Whether two cells mean the same: the same text, or the same number.
fn same(cell: &str, value: &str) -> bool {
    let equal = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    cell == value || matches!((cell.parse(), value.parse()), (Ok(a), Ok(b)) if equal(a, b))
}

/// The values of a column for a sentence.
fn values(cells: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 6;
    let mut values: Vec<String> = Vec::new();
    for cell in cells {
        if !values.contains(&cell) {
            values.push(cell);
        }
        if values.len() > SHOWN {
            break;
        }
    }
    match values.len() {
        0 => "no value there at all".to_owned(),
        len if len > SHOWN => values[..SHOWN].join(", ") + ", …",
        _ => values.join(", "),
    }
}
