//! A cell of a table as a value of a run.

use super::recognise::{Assignment, Reading};
use crate::column::{Column, read_flop_count};
use crate::run::{Run, Status};
use crate::selection::as_loss;
use isoflop_laws::QuantityError;
use std::str::FromStr;

/// What became of a cell.
#[derive(Debug, PartialEq)]
pub(super) enum CellError {
    /// The row cannot be used.
    Drop(String),
    /// The row is usable without this cell.
    LeftEmpty(String),
}

/// Words that people write for "no value".
const MISSING: [&str; 7] = ["", "na", "n/a", "null", "none", "-", "--"];

/// Whether the text says that there is no value. `nan` is a value: it says that a run diverged.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.trim().to_ascii_lowercase().as_str())
}

/// Puts the cell into its column of the run.
///
/// `decimal_comma` is whether `1,234` could mean 1.234, as in files separated by semicolons.
pub(super) fn set(
    run: &mut Run,
    assignment: &Assignment,
    text: &str,
    decimal_comma: bool,
) -> Result<(), CellError> {
    let column = &assignment.column;
    if is_missing(text) && !matches!(column, Column::Run) {
        return Ok(());
    }
    let cell = Cell {
        text,
        column,
        reading: assignment.reading,
        decimal_comma,
    };
    match column {
        Column::Params => run.params = Some(cell.size()?),
        Column::ParamsNonEmbedding => run.params_non_embedding = Some(cell.size()?),
        Column::Tokens => run.tokens = Some(cell.size()?),
        Column::Flops => run.flops = Some(cell.size()?),
        Column::Loss => set_loss(run, &cell)?,
        Column::UniqueTokens => run.unique_tokens = Some(cell.optional(cell.size())?),
        Column::BatchTokens => run.batch_tokens = Some(cell.optional(cell.size())?),
        Column::LossStd => run.loss_std = Some(cell.measure()?),
        Column::BitsPerByte => run.bits_per_byte = Some(cell.measure()?),
        Column::Lr => run.lr = Some(cell.measure()?),
        Column::WallSecs => run.wall_secs = Some(cell.measure()?),
        Column::Step => run.step = Some(cell.whole()?),
        Column::Seed => run.seed = Some(cell.whole()?),
        Column::Metric(name) => {
            let value = cell.finite()?;
            run.metrics.insert(name.clone(), value);
        }
        Column::Label(name) => {
            run.labels.insert(name.clone(), cell.words());
        }
        Column::FlopCount => match read_flop_count(text) {
            Some(count) => run.flop_count = Some(count),
            None => return Err(cell.left_empty("six-nd or counted")),
        },
        Column::Status => set_status(run, &cell)?,
        Column::Run => run.run = cell.words(),
        Column::Schedule => run.schedule = Some(cell.words()),
        Column::Dataset => run.dataset = Some(cell.words()),
        Column::Family => run.family = Some(cell.words()),
        Column::Reason => run.reason = Some(cell.words()),
        Column::CorpusFingerprint => run.corpus_fingerprint = Some(cell.words()),
        Column::Spec => {
            run.spec = serde_json::from_str(text).map_err(|_| cell.left_empty("a JSON value"))?;
        }
    }
    Ok(())
}

/// A NaN or infinite loss is a result: the run diverged.
fn set_loss(run: &mut Run, cell: &Cell<'_>) -> Result<(), CellError> {
    let value = cell.number().map_err(CellError::Drop)?;
    if !value.is_finite() {
        run.status = Status::Diverged;
        let at_step = run
            .step
            .map_or_else(String::new, |step| format!(" at step {step}"));
        let shown = cell.text.trim();
        run.reason = Some(format!("loss is {shown}{at_step}"));
        return Ok(());
    }
    let loss = cell.reading.apply(value);
    run.loss = Some(as_loss(loss).map_err(CellError::Drop)?);
    Ok(())
}

/// The words of W&B, Slurm and people for a run's end.
fn set_status(run: &mut Run, cell: &Cell<'_>) -> Result<(), CellError> {
    if run.status == Status::Diverged {
        return Ok(());
    }
    let word = cell.text.trim().to_ascii_lowercase();
    run.status = match word.as_str() {
        "completed" | "complete" | "done" | "success" | "ok" => Status::Finished,
        "crashed" | "killed" | "error" | "timeout" => {
            run.reason.get_or_insert_with(|| word.clone());
            Status::Failed
        }
        "pending" | "queued" => Status::Planned,
        other => other.parse().map_err(|_| {
            cell.left_empty("planned, running, finished, diverged, failed or excluded")
        })?,
    };
    Ok(())
}

struct Cell<'a> {
    text: &'a str,
    column: &'a Column,
    reading: Reading,
    decimal_comma: bool,
}

impl Cell<'_> {
    fn words(&self) -> String {
        self.text.to_owned()
    }

    fn left_empty(&self, expected: &str) -> CellError {
        let text = self.text.trim();
        CellError::LeftEmpty(format!(
            "{} `{text}` is left empty: expected {expected}",
            self.column
        ))
    }

    fn optional<T>(&self, value: Result<T, CellError>) -> Result<T, CellError> {
        value.map_err(|_| self.left_empty("a positive number"))
    }

    /// A positive size such as `7B`.
    fn size<Q>(&self) -> Result<Q, CellError>
    where
        Q: FromStr<Err = QuantityError> + TryFrom<f64, Error = QuantityError> + Into<f64>,
    {
        let drop = |error: String| CellError::Drop(format!("{}: {error}", self.column));
        let text = self.without_thousands().map_err(CellError::Drop)?;
        let value: f64 = match text.parse::<f64>() {
            Ok(number) => number,
            Err(_) => text
                .parse::<Q>()
                .map(Into::into)
                .map_err(|error| drop(error.to_string()))?,
        };
        let Reading::Scaled(factor) = self.reading else {
            return Err(drop("a perplexity is no size".to_owned()));
        };
        Q::try_from(value * factor).map_err(|error| drop(error.to_string()))
    }

    fn number(&self) -> Result<f64, String> {
        let text = self.text.trim();
        text.parse::<f64>()
            .map_err(|_| format!("{} `{text}` is not a number", self.column))
    }

    fn finite(&self) -> Result<f64, CellError> {
        match self.number() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(self.left_empty("a finite number")),
        }
    }

    fn measure(&self) -> Result<f64, CellError> {
        match self.finite() {
            Ok(value) if value >= 0.0 => Ok(value),
            _ => Err(self.left_empty("a number, zero or more")),
        }
    }

    fn whole(&self) -> Result<u64, CellError> {
        let text = self.text.trim();
        let exact = text.parse::<u64>().ok();
        // pandas writes whole numbers of a column with gaps as `12.0`.
        let rounded = text.strip_suffix(".0").and_then(|whole| whole.parse().ok());
        exact
            .or(rounded)
            .filter(|value| i64::try_from(*value).is_ok())
            .ok_or_else(|| self.left_empty("a whole number"))
    }

    /// The text without commas between thousands. A comma that could be a decimal point is
    /// refused: read wrongly it changes a value by a thousand.
    fn without_thousands(&self) -> Result<String, String> {
        let text = self.text.trim();
        if !text.contains(',') {
            return Ok(text.to_owned());
        }
        let whole = text.split(['.', 'e', 'E']).next().unwrap_or(text);
        let groups: Vec<&str> = whole
            .trim_end_matches(|c: char| c.is_alphabetic() || c.is_whitespace())
            .split(',')
            .collect();
        let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
        let first = (1..=3).contains(&groups[0].len()) && is_digits(groups[0]);
        let rest = groups[1..]
            .iter()
            .all(|group| group.len() == 3 && is_digits(group));
        if first && rest && !self.decimal_comma {
            return Ok(text.replace(',', ""));
        }
        Err(format!(
            "{} `{text}` has a comma that could be a decimal point: write a point instead",
            self.column
        ))
    }
}
