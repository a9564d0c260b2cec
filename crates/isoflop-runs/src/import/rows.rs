//! Rows of a table as runs, chunk by chunk.

use super::cell::{self, CellError};
use super::final_loss::FinalLoss;
use super::history::{self, LoggedRun};
use super::recognise::{Assignment, recognise};
use super::table::{Table, TableRow};
use super::units::unit_notes;
use super::{ImportError, ImportOptions, Imported, ImportedRow, RowsAre};
use crate::checkpoint::Checkpoint;
use crate::column::Column;
use crate::run::{Run, Status};
use crate::selection::Dropped;
use isoflop_laws::{Loss, Tokens};
use std::collections::HashMap;
use std::path::Path;

/// Reads rows under columns that were recognised once, from the header and a first chunk.
pub(super) struct RowReader<'a> {
    options: &'a ImportOptions,
    header: Vec<String>,
    assignments: Vec<Assignment>,
    decimal_comma: bool,
    imported: Imported,
    /// Where checkpoints of one name are gathered: name to row.
    gathered: HashMap<String, usize>,
    from_batch: usize,
    from_bytes: usize,
    /// Rows of checkpoints that say no step.
    without_step: usize,
}

impl<'a> RowReader<'a> {
    /// Recognises the columns. Errors where a column that every fit needs is nowhere.
    pub fn new(
        name: &str,
        first: &Table,
        options: &'a ImportOptions,
        decimal_comma: bool,
    ) -> Result<Self, ImportError> {
        let header = &first.header;
        let shown = header.iter().map(|column| format!("`{column}`"));
        let shown_columns = shown.collect::<Vec<_>>().join(", ");
        let missing = options.map.theirs().find(|theirs| !header.contains(theirs));
        if let Some(theirs) = missing {
            return Err(ImportError::NoSuchColumn {
                source_name: name.to_owned(),
                theirs: theirs.clone(),
                columns: shown_columns,
            });
        }
        let (mut assignments, columns) = recognise(first, &options.map);
        if let Some(wanted) = missing_column(&assignments, options) {
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
        Ok(RowReader {
            options,
            header: header.clone(),
            assignments,
            decimal_comma,
            imported: Imported {
                source: name.to_owned(),
                rows: Vec::new(),
                dropped: Vec::new(),
                columns,
                notes: Vec::new(),
            },
            gathered: HashMap::new(),
            from_batch: 0,
            from_bytes: 0,
            without_step: 0,
        })
    }

    /// Adds the rows of a table of this header; `logged` are the trackers' runs, by line from 1.
    pub fn add(&mut self, table: Table, logged: &[LoggedRun]) {
        self.imported.dropped.extend(table.broken);
        for row in table.rows {
            let logged = logged.get((row.line as usize).wrapping_sub(1));
            self.add_row(&row, logged);
        }
    }

    /// Everything that was read, with notes on what was derived or looks wrong.
    pub fn finish(mut self) -> Imported {
        if self.options.rows == RowsAre::Checkpoints {
            for row in &mut self.imported.rows {
                finish_curve(row, self.options.final_loss);
            }
        }
        let derived = |count: usize, what: &str, rule: &str| {
            let runs = if count == 1 { "run" } else { "runs" };
            (count > 0).then(|| format!("{what} of {count} {runs} is derived as {rule}"))
        };
        let notes = [
            derived(self.from_batch, "D", "steps times tokens per batch"),
            derived(
                self.from_bytes,
                "the loss",
                "bits per byte times ln 2 times the bytes per token that were given",
            ),
        ];
        self.imported.notes.extend(notes.into_iter().flatten());
        if self.without_step > 0 {
            self.imported.notes.push(format!(
                "{} rows say no step and make no learning curve, only the last of a run is kept: add a column `step`, or the tokens per batch with `--set batch_tokens=SIZE`",
                self.without_step
            ));
        }
        self.imported.dropped.sort_by_key(|dropped| dropped.line);
        let notes = unit_notes(&self.imported.rows);
        self.imported.notes.extend(notes);
        self.imported
    }

    fn add_row(&mut self, row: &TableRow, logged: Option<&LoggedRun>) {
        let mut run = Run {
            status: Status::Finished,
            ..Run::default()
        };
        for assignment in &self.assignments {
            let Some(text) = row.cells.get(assignment.at).and_then(Option::as_deref) else {
                continue;
            };
            match cell::set(&mut run, assignment, text, self.decimal_comma) {
                Ok(()) => {}
                Err(CellError::LeftEmpty(note)) => {
                    let notes = &mut self.imported.notes;
                    notes.push(format!("line {}: {note}", row.line));
                }
                Err(CellError::Drop(reason)) => {
                    return self.imported.dropped.push(Dropped {
                        run: run.run,
                        line: Some(row.line),
                        reason,
                    });
                }
            }
        }
        self.complete(&mut run, row.line);
        let curve = logged.map(|logged| {
            history::curve(logged, &self.header, &self.assignments, run.batch_tokens)
        });
        let imported = ImportedRow {
            run,
            line: logged.map_or(row.line, |logged| logged.line),
            source: logged.map(|logged| logged.source.clone()),
            curve: curve.unwrap_or_default(),
        };
        if self.options.rows == RowsAre::Checkpoints && logged.is_none() {
            self.gather(imported);
        } else {
            self.imported.rows.push(imported);
        }
    }

    /// What the row does not say itself: given values, a name, tokens, loss.
    fn complete(&mut self, run: &mut Run, line: u64) {
        for (column, text) in &self.options.set {
            if column.value(run).is_null() {
                let assignment = Assignment::plain(column.clone());
                // A value that does not suit its column was refused when it was given.
                let _ = cell::set(run, &assignment, text, false);
            }
        }
        if run.run.trim().is_empty() {
            run.run = name_by_line(&self.imported, line);
        }
        if run.status == Status::Excluded && run.reason.is_none() {
            run.reason = Some("excluded in the file, without a reason".to_owned());
        }
        if let (None, Some(step), Some(batch)) = (run.tokens, run.step, run.batch_tokens) {
            run.tokens = Tokens::new(step as f64 * batch.get()).ok();
            self.from_batch += usize::from(run.tokens.is_some());
        }
        if let (RowsAre::Checkpoints, None, Some(tokens), Some(batch)) =
            (self.options.rows, run.step, run.tokens, run.batch_tokens)
        {
            run.step = Some((tokens.get() / batch.get()).round() as u64);
        }
        let bytes = self.options.bytes_per_token;
        if let (None, Some(bits), Some(bytes)) = (run.loss, run.bits_per_byte, bytes) {
            run.loss = Loss::new(bits * std::f64::consts::LN_2 * bytes).ok();
            self.from_bytes += usize::from(run.loss.is_some());
        }
    }

    /// Adds a row to the curve of its run.
    fn gather(&mut self, row: ImportedRow) {
        let point = point_of(&row.run);
        let rows = &mut self.imported.rows;
        let at = *self.gathered.entry(row.run.run.clone()).or_insert_with(|| {
            rows.push(row.clone());
            rows.len() - 1
        });
        let known = &mut rows[at];
        self.without_step += usize::from(row.run.step.is_none());
        known.curve.extend(point);
        // A point that lies later is nearer to the final state. Equal steps: the later row.
        let order = |run: &Run| (run.step, run.tokens.map(f64::from).unwrap_or(0.0));
        let has_result = row.run.loss.is_some() || row.run.status != Status::Finished;
        if has_result && order(&row.run) >= order(&known.run) {
            (known.run, known.line) = (row.run, row.line);
        }
    }
}

fn point_of(run: &Run) -> Option<Checkpoint> {
    let training = run
        .labels
        .get("train_loss")
        .and_then(|text| text.parse().ok());
    Some(Checkpoint {
        step: run.step?,
        tokens: run.tokens?,
        loss: run.loss,
        train_loss: training.and_then(|value: f64| Loss::new(value).ok()),
        lr: run.lr,
    })
}

/// Orders a gathered curve and applies the rule for the final loss.
fn finish_curve(row: &mut ImportedRow, rule: FinalLoss) {
    row.curve.sort_by_key(|point| point.step);
    row.curve.reverse();
    row.curve.dedup_by_key(|point| point.step);
    row.curve.reverse();
    let losses: Vec<(u64, f64)> = row
        .curve
        .iter()
        .filter_map(|point| Some((point.step, point.loss?.get())))
        .collect();
    // Rows without steps make no curve: the last one is the result as it stands.
    if row.run.loss.is_some() && !losses.is_empty() {
        row.run.loss = rule.of(&losses).and_then(|value| Loss::new(value).ok());
    }
    let rates: Vec<(u64, f64)> = row
        .curve
        .iter()
        .filter_map(|point| Some((point.step, point.lr?)))
        .collect();
    if let Some(peak) = rates.iter().map(|(_, rate)| *rate).reduce(f64::max) {
        row.run.lr = Some(peak);
    }
    let reason = FinalLoss::not_annealed((!rates.is_empty()).then_some(&rates));
    if let (FinalLoss::Annealed, Status::Finished, Some(reason)) = (rule, row.run.status, reason) {
        row.run.status = Status::Running;
        row.run.reason = Some(reason);
    }
}

fn missing_column(assignments: &[Assignment], options: &ImportOptions) -> Option<&'static str> {
    let has = |column: Column| {
        assignments.iter().any(|a| a.column == column)
            || options.set.iter().any(|(set, _)| *set == column)
    };
    if options.rows == RowsAre::Points {
        let has_params = has(Column::Params) || has(Column::ParamsNonEmbedding);
        let enough = has(Column::Flops) || (has_params && has(Column::Tokens));
        return (!enough).then_some("flops, or params and tokens");
    }
    let has_metric = assignments
        .iter()
        .any(|a| matches!(a.column, Column::Metric(_)));
    if !has(Column::Loss) && !has(Column::BitsPerByte) && !has_metric {
        return Some("loss");
    }
    let sizes = [
        has(Column::Params) || has(Column::ParamsNonEmbedding),
        has(Column::Tokens) || (has(Column::Step) && has(Column::BatchTokens)),
        has(Column::Flops),
    ];
    let known = sizes.into_iter().filter(|has| *has).count();
    (known < 2).then_some("two of params, tokens and flops")
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
