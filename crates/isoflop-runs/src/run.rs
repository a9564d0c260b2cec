//! One training run, as every command reads and writes it.

use crate::column::Column;
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The metric that is a property of the text and not of the model: its quality relative to a
/// reference of 1, in the column `metric_quality`. Laws of data quality read it.
pub const QUALITY: &str = "quality";

/// Where a run is in its life.
///
/// The order is the order in which a record may replace another of the same run (see
/// [`Store::record`](crate::Store::record)): later variants win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// Decided on, not started.
    #[default]
    Planned,
    /// Started, not ended.
    Running,
    /// Ended without a result; `reason` says why. A later attempt may still finish.
    Failed,
    /// The loss became NaN, infinite or ran away; `reason` says at which step.
    Diverged,
    /// Ended with a final loss.
    Finished,
    /// Kept out of fits by a person; `reason` says why.
    Excluded,
}

impl Status {
    /// Every status, in order.
    pub const ALL: [Status; 6] = [
        Status::Planned,
        Status::Running,
        Status::Failed,
        Status::Diverged,
        Status::Finished,
        Status::Excluded,
    ];

    /// The word in files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Planned => "planned",
            Status::Running => "running",
            Status::Failed => "failed",
            Status::Diverged => "diverged",
            Status::Finished => "finished",
            Status::Excluded => "excluded",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Status {
    type Err = InvalidRun;
    fn from_str(text: &str) -> Result<Self, InvalidRun> {
        let lower = text.trim().to_ascii_lowercase();
        Status::ALL
            .into_iter()
            .find(|status| status.name() == lower)
            .ok_or_else(|| InvalidRun::UnknownStatus(text.to_owned()))
    }
}

/// Why a record is not a run that can be kept.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidRun {
    /// The key is empty.
    #[error("a run has no name: give each run a name of its own in the column `run`")]
    NoName,
    /// A field holds a number that cannot be kept.
    #[error("`{field}` of run `{run}` is {value}: expected {expected}")]
    Field {
        /// The run's name.
        run: String,
        /// The column.
        field: String,
        /// The value as given.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A status that is none of [`Status::ALL`].
    #[error(
        "`{0}` is not a status: expected planned, running, failed, diverged, finished or excluded"
    )]
    UnknownStatus(String),
    /// An excluded run without a reason.
    #[error("run `{0}` is excluded without a reason: say why in the column `reason`")]
    ExcludedWithoutReason(String),
}

/// One training run: what was trained, on what, and what came out.
///
/// `params` and `params_non_embedding` are never used one for the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// The run's name, its key in a store.
    pub run: String,
    /// All parameters, embeddings and head included.
    pub params: Option<Params>,
    /// Parameters without token and position embeddings.
    pub params_non_embedding: Option<Params>,
    /// Training tokens seen D, repetitions included.
    pub tokens: Option<Tokens>,
    /// Unique training tokens U.
    pub unique_tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Option<Flops>,
    /// How `flops` was obtained, where it is known.
    pub flop_count: Option<FlopCount>,
    /// Final loss on held-out data, nats per token.
    pub loss: Option<Loss>,
    /// Standard error of `loss`, nats per token.
    pub loss_std: Option<f64>,
    /// The same loss in bits per byte of text, comparable between tokenisers.
    pub bits_per_byte: Option<f64>,
    /// Optimiser steps taken.
    pub step: Option<u64>,
    /// Batch size B in tokens.
    pub batch_tokens: Option<Tokens>,
    /// Peak learning rate.
    pub lr: Option<f64>,
    /// Learning-rate schedule, in words such as `cosine to 10%`.
    pub schedule: Option<String>,
    /// Random seed.
    pub seed: Option<u64>,
    /// What was trained on.
    pub dataset: Option<String>,
    /// Runs of one family differ in size and data only.
    pub family: Option<String>,
    /// Further measurements by name; columns `metric_NAME`.
    pub metrics: BTreeMap<String, f64>,
    /// Further words by name; columns `label_NAME`. What an imported file says beyond the
    /// columns that are read, and tags.
    pub labels: BTreeMap<String, String>,
    /// Where the run is in its life.
    pub status: Status,
    /// Why it failed, diverged or was excluded.
    pub reason: Option<String>,
    /// Hash of the corpus that was trained on.
    pub corpus_fingerprint: Option<String>,
    /// Wall-clock time of the training, seconds.
    pub wall_secs: Option<f64>,
    /// Whatever is needed to repeat the run; `null` if unknown.
    pub spec: serde_json::Value,
}

impl Run {
    /// A planned run of this name, everything else unknown.
    #[must_use]
    pub fn new(run: impl Into<String>) -> Self {
        Run {
            run: run.into(),
            ..Run::default()
        }
    }

    /// The run's name, and the line of its file where the name does not say it.
    #[must_use]
    pub fn at_line(&self, line: Option<u64>) -> String {
        match line {
            Some(line) if !self.run.ends_with(&format!(":{line}")) => {
                format!("{}, line {line}", self.run)
            }
            _ => self.run.clone(),
        }
    }

    /// The compute C: as recorded, or 6ND with N counted as `count` says.
    #[must_use]
    pub fn compute(&self, count: ParamCount) -> Option<Flops> {
        let params = match count {
            ParamCount::Total => self.params,
            ParamCount::NonEmbedding => self.params_non_embedding,
        };
        let six_nd = || Some(Flops::six_nd(params?, self.tokens?));
        self.flops.or_else(six_nd)
    }

    /// Checks what the types do not: a name, finite numbers, a reason where one is due.
    ///
    /// # Errors
    /// [`InvalidRun`] names the field and what was expected.
    pub fn validate(&self) -> Result<(), InvalidRun> {
        if self.run.trim().is_empty() {
            return Err(InvalidRun::NoName);
        }
        if self.status == Status::Excluded && is_blank(self.reason.as_deref()) {
            return Err(InvalidRun::ExcludedWithoutReason(self.run.clone()));
        }
        for (field, value) in [
            ("loss_std", self.loss_std),
            ("bits_per_byte", self.bits_per_byte),
            ("lr", self.lr),
            ("wall_secs", self.wall_secs),
        ] {
            if value.is_some_and(|value| !(value.is_finite() && value >= 0.0)) {
                return Err(self.invalid(field, value, "a finite number, zero or more"));
            }
        }
        for (name, value) in &self.metrics {
            if !value.is_finite() {
                let field = format!("metric_{name}");
                return Err(self.invalid(&field, Some(*value), "a finite number"));
            }
        }
        for (field, value) in [("step", self.step), ("seed", self.seed)] {
            // SQLite's integers are signed 64-bit.
            if value.is_some_and(|value| i64::try_from(value).is_err()) {
                return Err(self.invalid(field, value, "a whole number below 2^63"));
            }
        }
        Ok(())
    }

    /// What the run says under `name`, as text: a label, with or without `label_` in front, or
    /// a column by its name. Sorting runs by such a text is what `--by` and `--split` do.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        if let Some(label) = self.labels.get(name) {
            return Some(label.clone());
        }
        name.parse::<Column>().ok()?.text(self)
    }

    fn invalid(
        &self,
        field: &str,
        value: Option<impl fmt::Display>,
        expected: &'static str,
    ) -> InvalidRun {
        InvalidRun::Field {
            run: self.run.clone(),
            field: field.to_owned(),
            value: value.map_or_else(String::new, |value| value.to_string()),
            expected,
        }
    }
}

pub(crate) fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_back_from_its_name() {
        for status in Status::ALL {
            assert_eq!(status.name().parse::<Status>().unwrap(), status);
        }
        let error = "done".parse::<Status>().unwrap_err().to_string();
        assert!(
            error.contains("`done`") && error.contains("finished"),
            "{error}"
        );
    }

    #[test]
    fn numbers_that_cannot_be_kept_are_refused_by_field() {
        let mut run = Run::new("a");
        assert_eq!(run.validate(), Ok(()));
        run.lr = Some(f64::NAN);
        assert!(run.validate().unwrap_err().to_string().contains("`lr`"));
        run.lr = None;
        run.metrics.insert("humaneval".into(), f64::INFINITY);
        assert!(
            run.validate()
                .unwrap_err()
                .to_string()
                .contains("`metric_humaneval`")
        );
        run.metrics.clear();
        run.seed = Some(u64::MAX);
        assert!(run.validate().unwrap_err().to_string().contains("`seed`"));
        assert_eq!(Run::new(" ").validate(), Err(InvalidRun::NoName));
    }

    #[test]
    fn labels_and_columns_are_found_by_name_as_text() {
        let mut run = Run::new("a");
        run.seed = Some(7);
        run.labels.insert("config".into(), "base".into());
        assert_eq!(run.text("config").as_deref(), Some("base"));
        assert_eq!(run.text("label_config").as_deref(), Some("base"));
        assert_eq!(run.text("seed").as_deref(), Some("7"));
        assert_eq!(run.text("loss"), None);
        assert_eq!(run.text("nothing"), None);
    }

    #[test]
    fn an_excluded_run_needs_a_reason() {
        let mut run = Run::new("a");
        run.status = Status::Excluded;
        run.reason = Some("  ".into());
        assert!(matches!(
            run.validate(),
            Err(InvalidRun::ExcludedWithoutReason(_))
        ));
    }
}
