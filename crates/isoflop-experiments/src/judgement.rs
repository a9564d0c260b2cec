//! A verdict with its numbers, and the record of an experiment.

use isoflop_laws::ParamCount;
use isoflop_report::Figure;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Whether a claim holds on these runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The runs show it.
    Held,
    /// The runs show the contrary.
    DidNotHold,
    /// The intervals allow both.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Held => "held",
            Verdict::DidNotHold => "did not hold",
            Verdict::Undecided => "undecided",
        })
    }
}

impl Verdict {
    /// Held if the whole interval is at least `least`, not if all of it is below.
    pub(crate) fn at_least((lo, hi): (f64, f64), least: f64) -> Self {
        match (lo >= least, hi < least) {
            (true, _) => Verdict::Held,
            (_, true) => Verdict::DidNotHold,
            _ => Verdict::Undecided,
        }
    }

    /// Held if the whole interval is at most `most`, not if all of it is above.
    pub(crate) fn at_most((lo, hi): (f64, f64), most: f64) -> Self {
        Verdict::at_least((-hi, -lo), -most)
    }

    /// Held if all hold, not if any does not.
    pub(crate) fn all(parts: impl IntoIterator<Item = Verdict>) -> Self {
        parts
            .into_iter()
            .fold(Verdict::Held, |all, part| match (all, part) {
                (Verdict::DidNotHold, _) | (_, Verdict::DidNotHold) => Verdict::DidNotHold,
                (Verdict::Undecided, _) | (_, Verdict::Undecided) => Verdict::Undecided,
                _ => Verdict::Held,
            })
    }
}

/// A number that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// Its value.
    pub value: f64,
    /// Lower end of its interval.
    pub lo: Option<f64>,
    /// Upper end of its interval.
    pub hi: Option<f64>,
    /// Its unit; empty for a pure number.
    pub unit: String,
    /// What the paper says, where it gives a number.
    pub paper: Option<f64>,
}

impl Finding {
    /// A number without an interval.
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &str) -> Self {
        Self {
            what: what.into(),
            value,
            lo: None,
            hi: None,
            unit: unit.to_owned(),
            paper: None,
        }
    }

    pub(crate) fn within(mut self, (lo, hi): (f64, f64)) -> Self {
        (self.lo, self.hi) = (finite(lo), finite(hi));
        self
    }

    pub(crate) fn paper(mut self, value: f64) -> Self {
        self.paper = Some(value);
        self
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// What a judge says of records.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub verdict: Verdict,
    /// The verdict in plain words, with its numbers.
    pub sentence: String,
    pub findings: Vec<Finding>,
    /// The law or comparison that was used.
    pub law: String,
    /// Which parameters N counts.
    pub param_count: ParamCount,
    /// Measurements that were used.
    pub n_used: usize,
    pub figures: Vec<Figure>,
    /// What must be known before using it.
    pub warnings: Vec<String>,
}

/// Coverage that intervals claim.
pub(crate) const LEVEL: f64 = 0.9;

/// The record of an experiment: `record.json`, and what `--json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name.
    pub experiment: String,
    /// What was claimed.
    pub claim: String,
    /// By whom.
    pub source: String,
    /// Whether it held here.
    pub verdict: Verdict,
    /// The verdict in plain words.
    pub sentence: String,
    /// The numbers behind it.
    pub findings: Vec<Finding>,
    /// Coverage that their intervals claim.
    pub level: f64,
    /// The law or comparison that was used.
    pub law: String,
    /// Which parameters N counts, and how C was obtained.
    pub conventions: Conventions,
    /// What the loss is.
    pub loss: String,
    /// Runs that were trained.
    pub n_runs: usize,
    /// Measurements that were used.
    pub n_used: usize,
    /// Runs without a result.
    pub n_lost: usize,
    /// The text.
    pub corpus: String,
    /// Its hash.
    pub corpus_fingerprint: String,
    /// Seed.
    pub seed: u64,
    /// Training compute of all runs, FLOPs.
    pub flops: f64,
    /// Threads, a run on each.
    pub workers: usize,
    /// Minutes asked for.
    pub minutes: f64,
    /// Seconds that this start took.
    pub seconds: f64,
    /// Actual over planned time of training; above one where other work ran beside. `null` where
    /// nothing was trained by this start.
    pub pace: Option<f64>,
    /// What must be known before using it.
    pub warnings: Vec<String>,
    /// All measurements as CSV.
    pub runs: PathBuf,
    /// The pictures.
    pub figures: Vec<PathBuf>,
    /// The command that repeats it.
    pub command: String,
    /// Program and version.
    pub program: String,
}

/// How an outcome counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Conventions {
    /// Which parameters N counts.
    pub param_count: ParamCount,
    /// How C was obtained.
    pub flop_count: isoflop_laws::FlopCount,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_decides_only_as_a_whole() {
        assert_eq!(Verdict::at_least((0.2, 0.4), 0.1), Verdict::Held);
        assert_eq!(Verdict::at_least((0.0, 0.05), 0.1), Verdict::DidNotHold);
        assert_eq!(Verdict::at_least((0.0, 0.4), 0.1), Verdict::Undecided);
        assert_eq!(Verdict::at_most((0.0, 0.4), 0.5), Verdict::Held);
        assert_eq!(Verdict::at_most((0.6, 0.7), 0.5), Verdict::DidNotHold);
        assert_eq!(
            Verdict::at_least((f64::NAN, f64::NAN), 0.1),
            Verdict::Undecided
        );
    }

    #[test]
    fn a_claim_of_several_parts_fails_with_any_of_them() {
        use Verdict::{DidNotHold, Held, Undecided};
        assert_eq!(Verdict::all([Held, Held]), Held);
        assert_eq!(Verdict::all([Held, Undecided]), Undecided);
        assert_eq!(Verdict::all([Undecided, DidNotHold, Held]), DidNotHold);
    }
}
