//! Which of their columns is which of ours.

use super::cell::is_missing;
use super::names::{
    NAMES, NOT_BEHIND_A_PATH, PERPLEXITIES, STAND_INS, is_held_out_loss, is_metric,
};
use super::table::{Table, TableRow};
use super::{ColumnGuess, ColumnMap, GuessKind};
use crate::column::Column;

/// How the numbers of a column become ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// As they are, times a factor that the column's name states.
    Scaled(f64),
    /// The loss is the natural logarithm of a perplexity.
    LogOfPerplexity,
}

/// One column of the file that is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    /// Index in the file's header.
    pub at: usize,
    /// What it is read as.
    pub column: Column,
    /// How its numbers are read.
    pub reading: Reading,
}

impl Assignment {
    /// A value that stands for itself.
    pub(super) fn plain(column: Column) -> Self {
        Assignment {
            at: 0,
            column,
            reading: Reading::Scaled(1.0),
        }
    }

    /// pandas leaves the name of its row numbers empty.
    fn label(at: usize, name: &str, earlier: &[String]) -> Self {
        let name = match name.trim() {
            "" => format!("column_{}", at + 1),
            name if earlier.iter().any(|other| other.trim() == name) => {
                format!("{name}.{}", at + 1)
            }
            name => name.to_owned(),
        };
        Assignment {
            at,
            column: Column::Label(name),
            reading: Reading::Scaled(1.0),
        }
    }
}

/// What a header cell could mean; lower ranks are better.
struct Candidate {
    assignment: Assignment,
    kind: GuessKind,
    rank: usize,
    is_empty: bool,
    note: Option<String>,
}

/// Assigns columns to the header: what `map` says first, then our own names, then known ones. A
/// column without a value is read only where there is no other for the same quantity. Every
/// header cell gets a guess; what is not read as a quantity is kept as a label.
pub(super) fn recognise(table: &Table, map: &ColumnMap) -> (Vec<Assignment>, Vec<ColumnGuess>) {
    let header = &table.header;
    let candidates: Vec<Option<Candidate>> = header
        .iter()
        .enumerate()
        .map(|(at, name)| candidate(at, name, map, &table.rows))
        .collect();
    let mut assignments = Vec::new();
    let mut guesses = Vec::new();
    for (at, (name, candidate)) in header.iter().zip(&candidates).enumerate() {
        let label = || Assignment::label(at, name, &header[..at]);
        let best = candidate.as_ref().map(|c| (c, better(c, &candidates)));
        let (assignment, kind, note) = match best {
            Some((candidate, None)) => (
                candidate.assignment.clone(),
                candidate.kind,
                candidate.note.clone(),
            ),
            Some((candidate, Some(other))) => {
                let column = &candidate.assignment.column;
                let note = format!("{column} is read from `{}`", header[other]);
                (label(), GuessKind::Kept, Some(note))
            }
            None => (label(), GuessKind::Kept, None),
        };
        guesses.push(ColumnGuess {
            theirs: name.clone(),
            ours: Some(assignment.column.clone()),
            kind,
            note,
        });
        assignments.push(assignment);
    }
    (assignments, guesses)
}

/// The header index of a better candidate for the same column.
fn better(candidate: &Candidate, all: &[Option<Candidate>]) -> Option<usize> {
    let order = |c: &Candidate| (c.is_empty, c.rank, c.assignment.at);
    all.iter()
        .flatten()
        .filter(|other| other.assignment.column == candidate.assignment.column)
        .min_by_key(|other| order(other))
        .map(|best| best.assignment.at)
        .filter(|best| *best != candidate.assignment.at)
}

fn candidate(at: usize, name: &str, map: &ColumnMap, rows: &[TableRow]) -> Option<Candidate> {
    let (column, reading, kind, rank) = meaning(name, map)?;
    let cells = || rows.iter().filter_map(|row| row.cells.get(at)?.as_deref());
    let is_empty = cells().all(is_missing);
    // `param_count` may hold the number of parameters, or the word for how they are counted.
    let is_words = kind == GuessKind::Recognised
        && is_number(&column)
        && !is_empty
        && !cells().any(|cell| !is_missing(cell) && starts_number(cell));
    if is_words {
        return None;
    }
    let note = if is_empty && !rows.is_empty() {
        Some("it has no value in any row".to_owned())
    } else {
        reading.note().or_else(|| stand_in(name))
    };
    Some(Candidate {
        assignment: Assignment {
            at,
            column,
            reading,
        },
        kind,
        rank,
        is_empty,
        note,
    })
}

/// What a column of this name could be, and how sure that is: lower ranks are better.
fn meaning(name: &str, map: &ColumnMap) -> Option<(Column, Reading, GuessKind, usize)> {
    let plain = Reading::Scaled(1.0);
    if let Some((column, reading)) = map.get(name) {
        return Some((
            column.clone(),
            reading.unwrap_or(plain),
            GuessKind::Mapped,
            0,
        ));
    }
    if let Ok(column) = name.trim().parse::<Column>() {
        return Some((column, plain, GuessKind::Exact, 1));
    }
    let (stem, reading) = split_unit(name);
    let stem = held(stem);
    let folded = fold(stem);
    if let Some((column, rank)) = known(&folded) {
        // A rate in a summary is the last one, after its decay: what was configured is the peak.
        let is_last = *column == Column::Lr && name.starts_with("summary.");
        let rank = 2 + rank + if is_last { 100 } else { 0 };
        return Some((column.clone(), reading, GuessKind::Recognised, rank));
    }
    if let Some(rank) = PERPLEXITIES.iter().position(|known| *known == folded) {
        let reading = Reading::LogOfPerplexity;
        return Some((Column::Loss, reading, GuessKind::Recognised, 1000 + rank));
    }
    // `config.learning_rate`, `throughput/total_tokens`
    let last = stem.rsplit(['/', '.']).next().unwrap_or(stem);
    let is_path = last.len() > 1 && last.len() < stem.len();
    if is_path && !NOT_BEHIND_A_PATH.contains(&last) {
        let behind = known(&fold(last)).filter(|(column, _)| is_number(column));
        if let Some((column, rank)) = behind {
            return Some((column.clone(), reading, GuessKind::Recognised, 200 + rank));
        }
    }
    if is_held_out_loss(&folded) && folded.ends_with("loss") {
        return Some((Column::Loss, reading, GuessKind::Recognised, 500));
    }
    is_metric(&folded).then(|| {
        let column = Column::Metric(held(name.trim()).to_owned());
        (column, plain, GuessKind::Recognised, 1000)
    })
}

/// The column of a known name, and the name's place among the others of that column.
pub(super) fn known(folded: &str) -> Option<(&'static Column, usize)> {
    NAMES.iter().find_map(|(column, names)| {
        let rank = names.iter().position(|known| *known == folded)?;
        Some((column, rank))
    })
}

fn stand_in(name: &str) -> Option<String> {
    let folded = fold(held(split_unit(name).0));
    let known = STAND_INS.iter().find(|(known, _)| *known == folded);
    known.map(|(_, note)| (*note).to_owned())
}

/// W&B puts a run's settings and results behind these: `config.lr`, `summary.val/loss`.
const HOLDERS: [&str; 2] = ["config.", "summary."];

/// A name without what holds it.
fn held(name: &str) -> &str {
    let held = HOLDERS.iter().find_map(|holder| name.strip_prefix(holder));
    held.unwrap_or(name)
}

/// Whether the column holds numbers only.
fn is_number(column: &Column) -> bool {
    !matches!(
        column,
        Column::Run
            | Column::FlopCount
            | Column::Schedule
            | Column::Dataset
            | Column::Family
            | Column::Status
            | Column::Reason
            | Column::CorpusFingerprint
            | Column::Spec
            | Column::Label(_)
    )
}

fn starts_number(cell: &str) -> bool {
    let cell = cell.trim();
    let digits = cell.trim_start_matches(['+', '-', '.']);
    digits.starts_with(|c: char| c.is_ascii_digit()) || cell.parse::<f64>().is_ok()
}

/// Lower case, with one `_` for every run of other signs. A single letter keeps its case.
pub(super) fn fold(name: &str) -> String {
    let name = name.trim();
    if name.chars().count() == 1 {
        return name.to_owned();
    }
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("_")
}

/// `tokens (B)`, `params [millions]`, `loss (bits)`: the name without its unit, and what the unit
/// means.
fn split_unit(name: &str) -> (&str, Reading) {
    let name = name.trim();
    let bracketed = |open: char, close: char| name.strip_suffix(close)?.rsplit_once(open);
    let inner = bracketed('(', ')').or_else(|| bracketed('[', ']'));
    match inner.and_then(|(stem, unit)| Some((stem, Reading::of_unit(unit)?))) {
        Some(found) => found,
        None => (name, Reading::Scaled(1.0)),
    }
}

impl Reading {
    /// What a unit says about the numbers; `None` for a word that is no unit.
    pub(super) fn of_unit(unit: &str) -> Option<Reading> {
        let factor = match unit.trim().to_lowercase().as_str() {
            "k" | "thousand" | "thousands" => 1e3,
            "m" | "million" | "millions" => 1e6,
            "b" | "g" | "bn" | "billion" | "billions" => 1e9,
            "t" | "trillion" | "trillions" => 1e12,
            "nats" | "nats/token" | "tokens" | "flops" => 1.0,
            "bits" | "bits/token" => std::f64::consts::LN_2,
            "ppl" | "perplexity" => return Some(Reading::LogOfPerplexity),
            _ => return None,
        };
        Some(Reading::Scaled(factor))
    }

    /// A number as it stands, in our unit.
    pub(super) fn apply(self, value: f64) -> f64 {
        match self {
            Reading::Scaled(factor) => value * factor,
            Reading::LogOfPerplexity => value.ln(),
        }
    }

    fn note(self) -> Option<String> {
        match self {
            Reading::Scaled(1.0) => None,
            Reading::Scaled(std::f64::consts::LN_2) => {
                Some("bits turned into nats, times ln 2".to_owned())
            }
            Reading::Scaled(factor) => Some(format!("numbers times {factor:e}")),
            Reading::LogOfPerplexity => Some("natural logarithm of the perplexity".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(header: &[&str], rows: &[&[&str]]) -> Table {
        let text = |cell: &&str| (*cell).to_owned();
        let rows = rows.iter().zip(2..).map(|(cells, line)| TableRow {
            line,
            cells: cells.iter().map(|cell| Some(text(cell))).collect(),
        });
        Table {
            header: header.iter().map(text).collect(),
            rows: rows.collect(),
            broken: Vec::new(),
        }
    }

    fn guesses(header: &[&str], rows: &[&[&str]]) -> String {
        let (_, guesses) = recognise(&table(header, rows), &ColumnMap::default());
        let shown: Vec<String> = guesses.iter().map(ToString::to_string).collect();
        shown.join("\n")
    }

    #[test]
    fn names_that_people_write_are_recognised_and_reported() {
        let header = [
            "N",
            "D (billions)",
            "C",
            "val/loss",
            "Learning Rate",
            "n",
            "acc_MMLU",
            "metric_humaneval",
        ];
        insta::assert_snapshot!(guesses(&header, &[]), @r#"
        `N` read as params
        `D (billions)` read as tokens: numbers times 1e9
        `C` read as flops
        `val/loss` read as loss
        `Learning Rate` read as lr
        `n` kept as label_n
        `acc_MMLU` read as metric_acc_MMLU
        `metric_humaneval` read as metric_humaneval
        "#);
    }

    #[test]
    fn of_two_losses_the_held_out_one_is_read_and_the_other_kept() {
        insta::assert_snapshot!(guesses(&["train_loss", "eval_loss", "ppl"], &[]), @r#"
        `train_loss` kept as label_train_loss: loss is read from `eval_loss`
        `eval_loss` read as loss
        `ppl` kept as label_ppl: loss is read from `eval_loss`
        "#);
    }

    #[test]
    fn a_column_without_values_or_with_words_gives_way_to_one_with_numbers() {
        let header = [
            "tokens",
            "seen_examples",
            "params",
            "param_count",
            "val_loss",
            "train_loss",
        ];
        let row: &[&str] = &["", "5e5", "", "kaplan", "n/a", "3.2"];
        insta::assert_snapshot!(guesses(&header, &[row]), @r#"
        `tokens` kept as label_tokens: tokens is read from `seen_examples`
        `seen_examples` read as tokens: examples stand for tokens; C = 6ND does not hold for them
        `params` read as params: it has no value in any row
        `param_count` kept as label_param_count
        `val_loss` kept as label_val_loss: loss is read from `train_loss`
        `train_loss` read as loss: a loss on training batches, for want of a held-out one
        "#);
    }

    #[test]
    fn a_perplexity_is_read_as_a_loss_only_where_there_is_no_loss() {
        let (assignments, _) = recognise(&table(&["ppl"], &[]), &ColumnMap::default());
        assert_eq!(assignments[0].reading, Reading::LogOfPerplexity);
    }

    #[test]
    fn a_loss_in_bits_is_turned_into_nats_where_its_name_says_so() {
        insta::assert_snapshot!(guesses(&["loss (bits)"], &[]), @r#"`loss (bits)` read as loss: bits turned into nats, times ln 2"#);
    }

    #[test]
    fn what_the_user_maps_wins_over_every_guess() {
        let mut map = ColumnMap::default();
        map.add("score=loss:perplexity").unwrap();
        let (assignments, guesses) = recognise(&table(&["loss", "score"], &[]), &map);
        assert_eq!(assignments[0].column, Column::Label("loss".into()));
        assert_eq!(assignments[1].column, Column::Loss);
        assert_eq!(assignments[1].reading, Reading::LogOfPerplexity);
        assert_eq!(guesses[1].kind, GuessKind::Mapped);
    }
}
