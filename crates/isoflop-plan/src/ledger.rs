//! A team's track record: forecasts sealed before a run, scored when the result arrives.
//!
//! The ledger is a text with one JSON entry a line. Each entry carries the hash of the one
//! before it, so that no entry can be changed, moved or taken out of the middle unnoticed. What
//! a chain cannot show is that entries are missing at its *end*: keep the hash of the last entry
//! ([`Ledger::head`]) somewhere else if that matters.

mod score;

pub use score::{Score, TrackRecord};

use crate::sealed::{ForecastBody, SealError, SealedForecast};
use isoflop_laws::Loss;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the first entry names as the one before it.
const GENESIS: &str = "isoflop-ledger-1";

/// Why a ledger is not accepted, or an entry not added.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// A line is no entry.
    #[error("line {line} of the ledger is not an entry: {reason}")]
    Unreadable {
        /// Line, counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// An entry does not have the hash it carries, or does not follow the one before it.
    #[error("the ledger was changed: line {line} {reason}")]
    Changed {
        /// Line, counted from 1.
        line: usize,
        /// What does not agree.
        reason: &'static str,
    },
    /// The forecast itself cannot be sealed or does not verify.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No forecast, or several, with a hash that starts so.
    #[error(
        "{matches} forecasts in the ledger have a name or hash that starts with `{prefix}`: expected exactly one"
    )]
    NotOne {
        /// As given.
        prefix: String,
        /// How many do.
        matches: usize,
    },
    /// The forecast has fewer points.
    #[error("forecast `{name}` has {points} points: there is no point {index}")]
    NoSuchPoint {
        /// The forecast's name.
        name: String,
        /// Points it has.
        points: usize,
        /// Point asked for, counted from 1.
        index: usize,
    },
    /// Another forecast has the name.
    #[error("there is a forecast named `{0}` already: each needs a name of its own")]
    NameTaken(String),
    /// The point was scored before, with another loss.
    #[error(
        "point {index} of forecast `{name}` was recorded before with loss {loss}: an outcome is recorded once"
    )]
    AlreadyScored {
        /// The forecast's name.
        name: String,
        /// The point, counted from 1.
        index: usize,
        /// The loss on record.
        loss: Loss,
    },
}

/// What an entry records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)] // A ledger has tens of entries.
pub enum Event {
    /// A forecast, before the run.
    Sealed(SealedForecast),
    /// What came.
    Outcome(Outcome),
}

/// The measured loss of a run that was forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Hash of the forecast.
    pub forecast: String,
    /// Which of its points, counted from 1.
    pub point: usize,
    /// The loss that was measured, nats per token.
    pub loss: Loss,
}

/// One line of a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Position, counted from 1; order is by this, never by the clock.
    pub sequence: u64,
    /// When it was added; the caller's clock.
    pub recorded_at: Timestamp,
    /// Hash of the entry before.
    pub previous: String,
    /// What it records.
    pub event: Event,
    /// BLAKE3 over the JSON of this entry while `hash` is the empty text.
    pub hash: String,
}

/// A verified chain of forecasts and outcomes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// Reads a ledger and verifies every entry; the empty text is the empty ledger.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] or [`LedgerError::Changed`] with the first line that is wrong.
    pub fn from_jsonl(text: &str) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        for (index, line) in text.lines().enumerate() {
            let at = index + 1;
            let entry: LedgerEntry =
                serde_json::from_str(line).map_err(|error| LedgerError::Unreadable {
                    line: at,
                    reason: error.to_string(),
                })?;
            ledger.accept(entry, line, at)?;
        }
        if ledger.to_jsonl() != text {
            return Err(LedgerError::Changed {
                line: ledger.entries.len(),
                reason: "does not end as it was written",
            });
        }
        Ok(ledger)
    }

    fn accept(&mut self, entry: LedgerEntry, line: &str, at: usize) -> Result<(), LedgerError> {
        let changed = |reason| Err(LedgerError::Changed { line: at, reason });
        if entry.previous != self.head() || entry.sequence != at as u64 {
            return changed("does not follow the line before it");
        }
        if entry_hash(&entry) != entry.hash {
            return changed("does not have the hash that it carries");
        }
        if line_of(&entry) != line {
            return changed("is not written as it was sealed");
        }
        if let Event::Sealed(forecast) = &entry.event {
            forecast.verify()?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The text to keep.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        self.entries
            .iter()
            .map(|entry| line_of(entry) + "\n")
            .collect()
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// Hash of the last entry; who keeps it elsewhere can tell whether entries are missing.
    #[must_use]
    pub fn head(&self) -> &str {
        self.entries.last().map_or(GENESIS, |entry| &entry.hash)
    }

    /// Seals a forecast and adds it; its own `sealed_at` is the time of the entry.
    ///
    /// # Errors
    /// [`LedgerError::Seal`] if a number of the forecast is not finite.
    pub fn seal(&mut self, body: ForecastBody) -> Result<SealedForecast, LedgerError> {
        let now = body.sealed_at;
        let sealed = SealedForecast::seal(body)?;
        self.push(Event::Sealed(sealed.clone()), now);
        Ok(sealed)
    }

    /// Records what came for point `point` (counted from 1) of the forecast whose name is, or
    /// whose hash starts with, `which`.
    ///
    /// # Errors
    /// [`LedgerError::NotOne`], [`LedgerError::NoSuchPoint`] or [`LedgerError::AlreadyScored`].
    pub fn record(
        &mut self,
        which: &str,
        point: usize,
        loss: Loss,
        now: Timestamp,
    ) -> Result<Score, LedgerError> {
        let (forecast, name) = self.find(which)?;
        let scores = self.scores();
        let mut of_forecast = scores.iter().filter(|score| score.forecast == forecast);
        let points = of_forecast.clone().count();
        let score = point
            .checked_sub(1)
            .and_then(|index| of_forecast.nth(index))
            .ok_or(LedgerError::NoSuchPoint {
                name: name.clone(),
                points,
                index: point,
            })?;
        if let Some(loss) = score.actual {
            return Err(LedgerError::AlreadyScored {
                name,
                index: point,
                loss,
            });
        }
        let mut score = score.clone();
        score.come(loss, now);
        let outcome = Outcome {
            forecast,
            point,
            loss,
        };
        self.push(Event::Outcome(outcome), now);
        Ok(score)
    }

    /// Hash and name of the one forecast that is meant.
    fn find(&self, which: &str) -> Result<(String, String), LedgerError> {
        let found: Vec<&SealedForecast> = self
            .sealed()
            .filter(|f| f.body().name == which || f.hash().starts_with(which))
            .collect();
        match found.as_slice() {
            [one] => Ok((one.hash().to_owned(), one.body().name.clone())),
            several => Err(LedgerError::NotOne {
                prefix: which.to_owned(),
                matches: several.len(),
            }),
        }
    }

    fn sealed(&self) -> impl Iterator<Item = &SealedForecast> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Sealed(forecast) => Some(forecast),
            Event::Outcome(_) => None,
        })
    }

    fn push(&mut self, event: Event, now: Timestamp) {
        let mut entry = LedgerEntry {
            sequence: self.entries.len() as u64 + 1,
            recorded_at: now,
            previous: self.head().to_owned(),
            event,
            hash: String::new(),
        };
        entry.hash = entry_hash(&entry);
        self.entries.push(entry);
    }

    /// How good the forecasts were.
    #[must_use]
    pub fn track_record(&self) -> TrackRecord {
        TrackRecord::of(&self.scores())
    }

    /// Every point that was forecast, in order, with its outcome where there is one.
    #[must_use]
    pub fn scores(&self) -> Vec<Score> {
        let mut scores: Vec<Score> = self.sealed().flat_map(score::awaited).collect();
        for entry in &self.entries {
            if let Event::Outcome(outcome) = &entry.event {
                let scored = scores
                    .iter_mut()
                    .filter(|score| score.forecast == outcome.forecast)
                    .nth(outcome.point.saturating_sub(1));
                if let Some(score) = scored {
                    score.come(outcome.loss, entry.recorded_at);
                }
            }
        }
        scores
    }
}

fn line_of(entry: &LedgerEntry) -> String {
    // Strings and numbers that have been read or sealed: there is nothing serde_json refuses.
    serde_json::to_string(entry).unwrap_or_default()
}

fn entry_hash(entry: &LedgerEntry) -> String {
    let unhashed = LedgerEntry {
        hash: String::new(),
        ..entry.clone()
    };
    blake3::hash(line_of(&unhashed).as_bytes())
        .to_hex()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::tests::body;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.seal(body()).unwrap();
        let mut second = body();
        second.name = "second".into();
        ledger.seal(second).unwrap();
        let loss = Loss::new(1.96).unwrap();
        ledger
            .record("target", 1, loss, at("2026-03-01T00:00:00Z"))
            .unwrap();
        ledger
    }

    #[test]
    fn a_ledger_reads_back_as_it_was_written() {
        let ledger = ledger();
        assert_eq!(Ledger::from_jsonl(&ledger.to_jsonl()).unwrap(), ledger);
        assert_eq!(Ledger::from_jsonl("").unwrap(), Ledger::default());
    }

    #[test]
    fn every_changed_byte_is_detected() {
        let text = ledger().to_jsonl();
        for position in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[position] ^= 1;
            let accepted =
                String::from_utf8(bytes).is_ok_and(|changed| Ledger::from_jsonl(&changed).is_ok());
            assert!(!accepted, "byte {position}");
        }
    }

    #[test]
    fn an_entry_taken_out_or_moved_is_detected_and_its_line_named() {
        let text = ledger().to_jsonl();
        let lines: Vec<&str> = text.lines().collect();
        for (kept, line) in [(vec![1, 2], 1), (vec![0, 2], 2), (vec![1, 0, 2], 1)] {
            let changed: String = kept.iter().map(|&k| lines[k].to_owned() + "\n").collect();
            let error = Ledger::from_jsonl(&changed).unwrap_err();
            assert!(
                matches!(error, LedgerError::Changed { line: found, .. } if found == line),
                "{error}"
            );
        }
    }

    #[test]
    fn an_entry_missing_at_the_end_shows_in_the_head_alone() {
        let ledger = ledger();
        let text = ledger.to_jsonl();
        let lines: Vec<&str> = text.lines().collect();
        let shortened = Ledger::from_jsonl(&(lines[..2].join("\n") + "\n")).unwrap();
        assert_ne!(shortened.head(), ledger.head());
    }

    #[test]
    fn an_outcome_is_scored_against_what_was_said() {
        let ledger = ledger();
        let scores = ledger.scores();
        assert_eq!(scores.len(), 2);
        assert_eq!(scores[0].inside, Some(true));
        assert!((scores[0].relative_error.unwrap() - (1.9739 / 1.96 - 1.0)).abs() < 1e-12);
        assert_eq!(scores[1].actual, None);
        let record = ledger.track_record();
        assert_eq!((record.n_forecasts, record.n_scored), (2, 1));
        assert_eq!(record.coverage, Some(1.0));
    }

    #[test]
    fn an_outcome_is_recorded_once_for_one_known_point() {
        let mut ledger = ledger();
        let loss = Loss::new(2.5).unwrap();
        let now = at("2026-03-02T00:00:00Z");
        let mut error = |which: &str, point| ledger.record(which, point, loss, now).unwrap_err();
        assert!(matches!(
            error("target", 1),
            LedgerError::AlreadyScored { .. }
        ));
        assert!(matches!(
            error("target", 0),
            LedgerError::NoSuchPoint { .. }
        ));
        assert!(matches!(
            error("second", 2),
            LedgerError::NoSuchPoint { .. }
        ));
        assert!(matches!(
            error("nothing", 1),
            LedgerError::NotOne { matches: 0, .. }
        ));
        assert!(matches!(
            error("", 1),
            LedgerError::NotOne { matches: 2, .. }
        ));
        let score = ledger.record("second", 1, loss, now).unwrap();
        assert_eq!(score.inside, Some(false));
    }
}
