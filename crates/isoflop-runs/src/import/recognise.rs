//! Which of their columns is which of ours.

use super::names::{NAMES, PERPLEXITIES};
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

/// What a header cell could mean; lower ranks are better.
struct Candidate {
    assignment: Assignment,
    kind: GuessKind,
    rank: usize,
}

/// Assigns columns to the header: what `map` says first, then our own names, then known ones.
/// Every header cell gets a guess, used or not.
pub(super) fn recognise(header: &[String], map: &ColumnMap) -> (Vec<Assignment>, Vec<ColumnGuess>) {
    let candidates: Vec<Option<Candidate>> = header
        .iter()
        .enumerate()
        .map(|(at, name)| candidate(at, name, map))
        .collect();
    let mut assignments = Vec::new();
    let mut guesses = Vec::new();
    for (name, candidate) in header.iter().zip(&candidates) {
        let guess = match candidate {
            None => ColumnGuess::not_used(name, None),
            Some(candidate) => match better(candidate, &candidates) {
                Some(other) => ColumnGuess::not_used(
                    name,
                    Some(format!(
                        "{} is read from `{}`",
                        candidate.assignment.column, header[other]
                    )),
                ),
                None => {
                    assignments.push(candidate.assignment.clone());
                    ColumnGuess {
                        theirs: name.clone(),
                        ours: Some(candidate.assignment.column.clone()),
                        kind: candidate.kind,
                        note: candidate.assignment.reading.note(),
                    }
                }
            },
        };
        guesses.push(guess);
    }
    (assignments, guesses)
}

/// The header index of a better candidate for the same column.
fn better(candidate: &Candidate, all: &[Option<Candidate>]) -> Option<usize> {
    let order = |c: &Candidate| (c.rank, c.assignment.at);
    all.iter()
        .flatten()
        .filter(|other| other.assignment.column == candidate.assignment.column)
        .min_by_key(|other| order(other))
        .map(|best| best.assignment.at)
        .filter(|best| *best != candidate.assignment.at)
}

fn candidate(at: usize, name: &str, map: &ColumnMap) -> Option<Candidate> {
    let make = |column, reading, kind, rank| {
        let assignment = Assignment {
            at,
            column,
            reading,
        };
        Some(Candidate {
            assignment,
            kind,
            rank,
        })
    };
    let plain = Reading::Scaled(1.0);
    if let Some(column) = map.get(name) {
        return make(column.clone(), plain, GuessKind::Mapped, 0);
    }
    if let Ok(column) = name.trim().parse::<Column>() {
        return make(column, plain, GuessKind::Exact, 1);
    }
    let (stem, factor) = split_scale(name);
    let folded = fold(stem);
    for (column, names) in NAMES {
        if let Some(rank) = names.iter().position(|known| *known == folded) {
            let reading = Reading::Scaled(factor);
            return make(column.clone(), reading, GuessKind::Recognised, 2 + rank);
        }
    }
    let rank = PERPLEXITIES.iter().position(|known| *known == folded)?;
    make(
        Column::Loss,
        Reading::LogOfPerplexity,
        GuessKind::Recognised,
        1000 + rank,
    )
}

/// Lower case, with one `_` for every run of other signs. A single letter keeps its case.
fn fold(name: &str) -> String {
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

/// `tokens (B)`, `params [millions]`: the name without its unit, and the factor.
fn split_scale(name: &str) -> (&str, f64) {
    let name = name.trim();
    let inner = name
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once('('))
        .or_else(|| {
            name.strip_suffix(']')
                .and_then(|rest| rest.rsplit_once('['))
        });
    let Some((stem, unit)) = inner else {
        return (name, 1.0);
    };
    match unit.trim().to_lowercase().as_str() {
        "k" | "thousand" | "thousands" => (stem, 1e3),
        "m" | "million" | "millions" => (stem, 1e6),
        "b" | "g" | "bn" | "billion" | "billions" => (stem, 1e9),
        "t" | "trillion" | "trillions" => (stem, 1e12),
        "nats" | "nats/token" | "tokens" | "flops" => (stem, 1.0),
        _ => (name, 1.0),
    }
}

impl Reading {
    fn note(self) -> Option<String> {
        match self {
            Reading::Scaled(1.0) => None,
            Reading::Scaled(factor) => Some(format!("numbers times {factor:e}")),
            Reading::LogOfPerplexity => Some("natural logarithm of the perplexity".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &[&str]) -> Vec<String> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let (_, guesses) = recognise(&header, &ColumnMap::default());
        guesses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_that_people_write_are_recognised_and_reported() {
        insta::assert_snapshot!(names(&[
            "N", "D (billions)", "C", "val/loss", "Learning Rate", "n", "acc", "metric_humaneval",
        ]).join("\n"), @r#"
        `N` read as params
        `D (billions)` read as tokens: numbers times 1e9
        `C` read as flops
        `val/loss` read as loss
        `Learning Rate` read as lr
        `n` not used
        `acc` not used
        `metric_humaneval` read as metric_humaneval
        "#);
    }

    #[test]
    fn of_two_losses_the_held_out_one_is_read_and_the_other_reported() {
        insta::assert_snapshot!(names(&["train_loss", "eval_loss", "ppl"]).join("\n"), @r#"
        `train_loss` not used: loss is read from `eval_loss`
        `eval_loss` read as loss
        `ppl` not used: loss is read from `eval_loss`
        "#);
    }

    #[test]
    fn a_perplexity_is_read_as_a_loss_only_where_there_is_no_loss() {
        let header = ["ppl".to_owned()];
        let (assignments, _) = recognise(&header, &ColumnMap::default());
        assert_eq!(assignments[0].reading, Reading::LogOfPerplexity);
    }

    #[test]
    fn what_the_user_maps_wins_over_every_guess() {
        let mut map = ColumnMap::default();
        map.add("score=loss").unwrap();
        let header = ["loss".to_owned(), "score".to_owned()];
        let (assignments, guesses) = recognise(&header, &map);
        assert_eq!(assignments.len(), 1);
        assert_eq!(assignments[0].at, 1);
        assert_eq!(guesses[1].kind, GuessKind::Mapped);
    }
}
