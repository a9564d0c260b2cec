//! The columns of a run: one name everywhere, in CSV, JSONL and the store.

use crate::run::Run;
use isoflop_laws::FlopCount;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

macro_rules! columns {
    ($($variant:ident => $name:literal),+ $(,)?) => {
        /// A column of a run. Measurements beyond these are columns `metric_NAME`, words are
        /// columns `label_NAME`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Column {
            $(#[doc = concat!("The column `", $name, "`.")] $variant,)+
            /// The column `metric_NAME`; holds the name.
            Metric(String),
            /// The column `label_NAME`; holds the name.
            Label(String),
        }

        impl Column {
            /// Every column but the metrics and labels, in the order in which they are written.
            pub const FIXED: &'static [Column] = &[$(Column::$variant),+];
        }

        impl fmt::Display for Column {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Column::$variant => f.write_str($name),)+
                    Column::Metric(name) => write!(f, "metric_{name}"),
                    Column::Label(name) => write!(f, "label_{name}"),
                }
            }
        }

        impl FromStr for Column {
            type Err = UnknownColumn;
            fn from_str(name: &str) -> Result<Self, UnknownColumn> {
                match name {
                    $($name => Ok(Column::$variant),)+
                    _ => match (name.strip_prefix("metric_"), name.strip_prefix("label_")) {
                        (Some(metric), _) if !metric.is_empty() => {
                            Ok(Column::Metric(metric.to_owned()))
                        }
                        (_, Some(label)) if !label.is_empty() => {
                            Ok(Column::Label(label.to_owned()))
                        }
                        _ => Err(UnknownColumn(name.to_owned())),
                    },
                }
            }
        }
    };
}

columns! {
    Run => "run",
    Params => "params",
    ParamsNonEmbedding => "params_non_embedding",
    Tokens => "tokens",
    UniqueTokens => "unique_tokens",
    Flops => "flops",
    FlopCount => "flop_count",
    Loss => "loss",
    LossStd => "loss_std",
    BitsPerByte => "bits_per_byte",
    Step => "step",
    BatchTokens => "batch_tokens",
    Lr => "lr",
    Schedule => "schedule",
    Seed => "seed",
    Dataset => "dataset",
    Family => "family",
    Status => "status",
    Reason => "reason",
    CorpusFingerprint => "corpus_fingerprint",
    WallSecs => "wall_secs",
    Spec => "spec",
}

/// A name that is no column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a column: expected one of {list}, or metric_NAME or label_NAME", list = column_list())]
pub struct UnknownColumn(pub String);

fn column_list() -> String {
    let names: Vec<String> = Column::FIXED.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl Column {
    /// The value of this column in a run, `null` where it is unknown.
    #[must_use]
    pub fn value(&self, run: &Run) -> Value {
        match self {
            Column::Run => Value::from(run.run.as_str()),
            Column::Params => number(run.params),
            Column::ParamsNonEmbedding => number(run.params_non_embedding),
            Column::Tokens => number(run.tokens),
            Column::UniqueTokens => number(run.unique_tokens),
            Column::Flops => number(run.flops),
            Column::FlopCount => Value::from(run.flop_count.map(flop_count_name)),
            Column::Loss => number(run.loss),
            Column::LossStd => Value::from(run.loss_std),
            Column::BitsPerByte => Value::from(run.bits_per_byte),
            Column::Step => Value::from(run.step),
            Column::BatchTokens => number(run.batch_tokens),
            Column::Lr => Value::from(run.lr),
            Column::Schedule => Value::from(run.schedule.as_deref()),
            Column::Seed => Value::from(run.seed),
            Column::Dataset => Value::from(run.dataset.as_deref()),
            Column::Family => Value::from(run.family.as_deref()),
            Column::Status => Value::from(run.status.name()),
            Column::Reason => Value::from(run.reason.as_deref()),
            Column::CorpusFingerprint => Value::from(run.corpus_fingerprint.as_deref()),
            Column::WallSecs => Value::from(run.wall_secs),
            Column::Spec => run.spec.clone(),
            Column::Metric(name) => Value::from(run.metrics.get(name).copied()),
            Column::Label(name) => Value::from(run.labels.get(name).map(String::as_str)),
        }
    }

    /// [`Column::value`] as text, `None` where it is unknown.
    #[must_use]
    pub fn text(&self, run: &Run) -> Option<String> {
        match self.value(run) {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }
}

/// A quantity as a JSON number; counts below 2^53 without a decimal point.
fn number(quantity: Option<impl Into<f64>>) -> Value {
    match quantity.map(Into::into) {
        Some(value) if value.fract() == 0.0 && value < 9_007_199_254_740_992.0 => {
            Value::from(value as u64)
        }
        other => Value::from(other),
    }
}

/// The word for a FLOP count in files.
pub(crate) fn flop_count_name(count: FlopCount) -> &'static str {
    match count {
        FlopCount::SixNd => "six-nd",
        FlopCount::Counted => "counted",
    }
}

/// Reads [`flop_count_name`] back.
pub(crate) fn read_flop_count(text: &str) -> Option<FlopCount> {
    match text.trim().to_ascii_lowercase().as_str() {
        "six-nd" | "6nd" => Some(FlopCount::SixNd),
        "counted" => Some(FlopCount::Counted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_reads_back_from_its_name() {
        for column in Column::FIXED {
            assert_eq!(&column.to_string().parse::<Column>().unwrap(), column);
        }
        assert_eq!(
            "metric_pass_rate".parse::<Column>().unwrap(),
            Column::Metric("pass_rate".into())
        );
        assert_eq!(
            "label_config".parse::<Column>().unwrap(),
            Column::Label("config".into())
        );
    }

    #[test]
    fn an_unknown_column_is_answered_with_the_known_ones() {
        let error = "parms".parse::<Column>().unwrap_err().to_string();
        assert!(
            error.starts_with("`parms` is not a column") && error.contains("params"),
            "{error}"
        );
    }
}
