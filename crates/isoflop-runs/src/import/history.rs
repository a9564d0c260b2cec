//! A run as a tracker logged it: settings, and series of values by step.

use super::final_loss::FinalLoss;
use super::names::{is_held_out_loss, is_training_loss};
use super::recognise::{Assignment, fold, known};
use super::table::{Table, TableRow};
use crate::checkpoint::Checkpoint;
use crate::column::Column;
use isoflop_laws::{Loss, Tokens};
use std::collections::{BTreeMap, HashMap};

/// Values of one key: (step, value), in the order in which they were logged.
pub(super) type Series = Vec<(u64, f64)>;

/// One run of a tracker.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LoggedRun {
    /// The run's name.
    pub name: String,
    /// The file, folder or address that it was read from.
    pub source: String,
    /// Settings by name, as text.
    pub settings: BTreeMap<String, String>,
    /// Everything that was logged more than once, by key.
    pub series: BTreeMap<String, Series>,
    /// How the tracker says that the run ended, in its own word.
    pub status: Option<String>,
    /// Line of its last row, where the source has lines.
    pub line: u64,
    /// Why the run cannot be used, where the tracker says so.
    pub unusable: Option<String>,
}

impl LoggedRun {
    /// Adds a value to a series.
    pub fn log(&mut self, key: &str, step: u64, value: f64) {
        match self.series.get_mut(key) {
            Some(series) => series.push((step, value)),
            None => {
                self.series.insert(key.to_owned(), vec![(step, value)]);
            }
        }
    }

    /// Orders every series by step. A step that was logged again, as after a restart from a
    /// checkpoint, keeps its later value.
    pub fn tidy(&mut self) {
        for series in self.series.values_mut() {
            series.sort_by_key(|(step, _)| *step);
            series.reverse();
            series.dedup_by_key(|(step, _)| *step);
            series.reverse();
        }
    }

    /// A series called plainly `loss` beside one that says it is held out is the training loss.
    fn name_training_loss(&mut self) {
        let mut keys = self.series.keys();
        if keys.any(|key| is_held_out_loss(&fold(key)))
            && !self.series.contains_key("train_loss")
            && let Some(series) = self.series.remove("loss")
        {
            self.series.insert("train_loss".to_owned(), series);
        }
    }
}

/// The runs as a table with one row each: settings first, then the last value of each series.
/// The row's number is its line.
pub(super) fn table_of(runs: &mut [LoggedRun], rule: FinalLoss) -> Table {
    let mut table = Table::default();
    let mut index = HashMap::new();
    let runs_with_lines = runs.iter_mut().zip(1..);
    for (run, line) in runs_with_lines {
        run.tidy();
        run.name_training_loss();
        let mut cells = Vec::new();
        let mut set = |key: &str, value: String| {
            let at = *index.entry(key.to_owned()).or_insert_with(|| {
                table.header.push(key.to_owned());
                table.header.len() - 1
            });
            if cells.len() <= at {
                cells.resize(at + 1, None);
            }
            cells[at] = Some(value);
        };
        set("run", run.name.clone());
        for (key, value) in &run.settings {
            set(key, value.clone());
        }
        let end = last_loss_step(&run.series);
        for (key, series) in &run.series {
            if let Some(value) = final_value(key, series, end, rule) {
                set(key, value.to_string());
            }
        }
        if let Some(step) = end.filter(|_| !run.series.contains_key("step")) {
            set("step", step.to_string());
        }
        if let Some(status) = &run.status {
            set("status", status.clone());
        }
        if rule == FinalLoss::Annealed && run.unusable.is_none() {
            let rates = run.series.iter().find(|(key, _)| means(key, &Column::Lr));
            run.unusable = FinalLoss::not_annealed(rates.map(|(_, series)| &series[..]));
        }
        match &run.unusable {
            Some(reason) => table.break_run(&run.name, reason),
            None => table.rows.push(TableRow { line, cells }),
        }
    }
    let width = table.header.len();
    for row in &mut table.rows {
        row.cells.resize(width, None);
    }
    table
}

/// The step of the last held-out loss, or of the last training loss where there is none.
fn last_loss_step(series: &BTreeMap<String, Series>) -> Option<u64> {
    let last_of = |is_wanted: fn(&str) -> bool| {
        let wanted = series.iter().filter(|(key, _)| is_wanted(&fold(key)));
        wanted.filter_map(|(_, s)| Some(s.last()?.0)).max()
    };
    last_of(is_held_out_loss)
        .or_else(|| last_of(is_training_loss))
        .or_else(|| series.values().filter_map(|s| Some(s.last()?.0)).max())
}

/// What a series comes to: a loss by the rule, a learning rate at its peak, everything else as
/// it stood when the final loss was measured.
fn final_value(key: &str, series: &Series, end: Option<u64>, rule: FinalLoss) -> Option<f64> {
    let folded = fold(key);
    if is_held_out_loss(&folded) || is_training_loss(&folded) {
        return rule.of(series);
    }
    if means(key, &Column::Lr) {
        return series.iter().map(|(_, value)| *value).reduce(f64::max);
    }
    let end = end.unwrap_or(u64::MAX);
    let known = series.partition_point(|(step, _)| *step <= end);
    // A value that was logged once, after the end, is a summary of the run.
    let at = known.saturating_sub(1);
    series.get(at).map(|(_, value)| *value)
}

/// Whether a key, or its last part, is a known name of a column.
fn means(key: &str, column: &Column) -> bool {
    let last = key.rsplit(['/', '.']).next().unwrap_or(key);
    [key, last]
        .iter()
        .any(|name| known(&fold(name)).is_some_and(|(found, _)| found == column))
}

/// The learning curve of a run, under the columns that its table was read with.
///
/// A point needs tokens: as logged, or as step times `batch`.
pub(super) fn curve(
    run: &LoggedRun,
    header: &[String],
    assignments: &[Assignment],
    batch: Option<Tokens>,
) -> Vec<Checkpoint> {
    let assigned = |column: &Column| {
        let found = assignments.iter().find(|a| &a.column == column)?;
        let series = run.series.get(header.get(found.at)?)?;
        Some((series, found.reading))
    };
    let loss = assigned(&Column::Loss);
    let training = run
        .series
        .iter()
        .find(|(key, _)| is_training_loss(&fold(key)));
    let rates = run.series.iter().find(|(key, _)| means(key, &Column::Lr));
    let tokens = assigned(&Column::Tokens);
    let tokens_at = |step: u64| {
        let seen = match tokens {
            Some((series, reading)) => reading.apply(at_or_before(series, step)?),
            None => step as f64 * batch?.get(),
        };
        Tokens::new(seen).ok()
    };
    let mut points = BTreeMap::<u64, Checkpoint>::new();
    let held_out = loss.map(|(series, reading)| {
        let points = series
            .iter()
            .map(move |(step, value)| (*step, reading.apply(*value)));
        points.collect::<Vec<_>>()
    });
    for (step, value) in held_out.into_iter().flatten() {
        if let Some(point) = point_at(&mut points, step, tokens_at(step)) {
            point.loss = Loss::new(value).ok();
        }
    }
    for (step, value) in training.into_iter().flat_map(|(_, series)| series) {
        if let Some(point) = point_at(&mut points, *step, tokens_at(*step)) {
            point.train_loss = Loss::new(*value).ok();
        }
    }
    for (step, value) in rates.into_iter().flat_map(|(_, series)| series) {
        if let Some(point) = points.get_mut(step) {
            point.lr = value.is_finite().then_some(*value);
        }
    }
    points.into_values().collect()
}

fn point_at(
    points: &mut BTreeMap<u64, Checkpoint>,
    step: u64,
    tokens: Option<Tokens>,
) -> Option<&mut Checkpoint> {
    let tokens = tokens?;
    Some(points.entry(step).or_insert(Checkpoint {
        step,
        tokens,
        loss: None,
        train_loss: None,
        lr: None,
    }))
}

fn at_or_before(series: &Series, step: u64) -> Option<f64> {
    let known = series.partition_point(|(at, _)| *at <= step);
    series.get(known.checked_sub(1)?).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> LoggedRun {
        let mut run = LoggedRun {
            name: "a".into(),
            ..LoggedRun::default()
        };
        for (step, loss) in [(10, 5.0), (20, 4.0), (30, 3.5), (20, 4.1)] {
            run.log("val/loss", step, loss);
            run.log("tokens", step, step as f64 * 100.0);
            run.log("lr", step, 1.0 / step as f64);
        }
        run.log("loss", 35, 3.4);
        run.log("tokens", 35, 3500.0);
        run
    }

    #[test]
    fn tokens_are_those_at_the_last_held_out_loss_and_the_rate_is_the_peak() {
        let table = table_of(&mut [run()], FinalLoss::Last);
        let row: Vec<String> = table
            .header
            .iter()
            .zip(&table.rows[0].cells)
            .map(|(name, cell)| format!("{name}={}", cell.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(
            row.join(" "),
            "run=a lr=0.1 tokens=3000 train_loss=3.4 val/loss=3.5 step=30"
        );
    }

    #[test]
    fn a_step_that_was_logged_again_keeps_its_later_value() {
        let mut run = run();
        run.tidy();
        assert_eq!(run.series["val/loss"], [(10, 5.0), (20, 4.1), (30, 3.5)]);
    }
}
