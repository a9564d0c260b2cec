//! What came of an attempt: read from the trainer's own JSON, sealed with key and nonce.

use crate::folder::{AttemptFolder, read_limited};
use crate::key::{Nonce, RunKey};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// With a final loss.
    Finished,
    /// The loss became NaN, infinite, or ran away.
    Diverged,
    /// Without a result, by the trainer's own fault.
    Failed,
}

/// What a trainer measured. Nothing here depends on the clock, so that two attempts at one run
/// can be compared.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// Final loss on held-out data, nats per token.
    pub loss: Option<Loss>,
    /// Standard error of `loss`.
    pub loss_std: Option<f64>,
    /// Bits per byte of the held-out text.
    pub bits_per_byte: Option<f64>,
    /// Parameters N as counted by the trainer.
    pub params: Option<Params>,
    /// Parameters without embeddings.
    pub params_non_embedding: Option<Params>,
    /// Training tokens seen.
    pub tokens: Option<Tokens>,
    /// Distinct training tokens.
    pub unique_tokens: Option<Tokens>,
    /// Training compute as counted by the trainer.
    pub flops: Option<Flops>,
    /// Optimiser steps taken.
    pub step: Option<u64>,
    /// Learning-rate schedule in words.
    pub schedule: Option<String>,
    /// What was trained on.
    pub dataset: Option<String>,
    /// Hash of the corpus.
    pub corpus_fingerprint: Option<String>,
    /// Further measurements.
    pub metrics: BTreeMap<String, f64>,
}

/// The truth about an attempt: the contents of its `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which run.
    pub key: RunKey,
    /// Which attempt.
    pub nonce: Nonce,
    /// How it ended.
    pub ending: Ending,
    /// Why, unless it finished.
    pub reason: Option<String>,
    /// What was measured.
    pub measured: Measured,
    /// Wall-clock time of the trainer, seconds.
    pub wall_secs: f64,
}

/// Why what a trainer or worker wrote can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// The file can't be read.
    #[error("the result can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is not what it should be.
    #[error("the result is not valid: {0}")]
    Invalid(String),
}

/// Bytes of a result that are read at most.
const LARGEST: u64 = 1 << 20;

/// The trainer's fields that hold numbers.
const NUMBERS: [&str; 9] = [
    "loss",
    "loss_std",
    "bits_per_byte",
    "params",
    "params_non_embedding",
    "tokens",
    "unique_tokens",
    "flops",
    "step",
];

/// Reads what the trainer wrote. A loss of NaN or infinity, bare or as text, is a divergence.
///
/// # Errors
/// [`OutcomeError`] says which field is wrong; no file at all is one too.
pub fn read_output(
    folder: &AttemptFolder,
) -> Result<(Ending, Option<String>, Measured), OutcomeError> {
    let bytes = read_limited(&folder.output(), LARGEST)?
        .ok_or_else(|| OutcomeError::Invalid("the command wrote no result file".to_owned()))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| OutcomeError::Invalid("it is not UTF-8 text".to_owned()))?;
    understand(&text)
}

fn understand(text: &str) -> Result<(Ending, Option<String>, Measured), OutcomeError> {
    let mut value: Value = serde_json::from_str(&with_quoted_non_numbers(text))
        .map_err(|error| OutcomeError::Invalid(format!("it is not JSON: {error}")))?;
    let Some(members) = value.as_object_mut() else {
        return Err(OutcomeError::Invalid("expected one JSON object".to_owned()));
    };
    let not_finite = unusable_loss(members.get("loss"));
    let step = members.get("step").and_then(Value::as_u64);
    for name in NUMBERS {
        // JSON has no NaN; whoever measured one says so in the loss.
        if unusable_loss(members.get(name)).is_some() {
            members.insert(name.to_owned(), Value::Null);
        }
    }
    if let Some(metrics) = members.get_mut("metrics").and_then(Value::as_object_mut) {
        metrics.retain(|_, value| value.is_f64() || value.is_i64() || value.is_u64());
    }
    let status = members
        .get("status")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let reason = members
        .get("reason")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let measured: Measured =
        serde_json::from_value(value).map_err(|error| OutcomeError::Invalid(error.to_string()))?;
    let at = step.map_or_else(String::new, |step| format!(" at step {step}"));
    match (status.as_deref(), not_finite) {
        (Some("diverged"), _) => {
            let reason = reason.unwrap_or_else(|| format!("the trainer reported a divergence{at}"));
            Ok((Ending::Diverged, Some(reason), measured))
        }
        (Some("failed"), _) => {
            let reason = reason.unwrap_or_else(|| "the trainer reported a failure".to_owned());
            Ok((Ending::Failed, Some(reason), measured))
        }
        (None | Some("finished"), Some(what)) => Ok((
            Ending::Diverged,
            Some(format!("the loss is {what}{at}")),
            measured,
        )),
        (None | Some("finished"), None) if measured.loss.is_some() => {
            Ok((Ending::Finished, None, measured))
        }
        (None | Some("finished"), None) => Err(OutcomeError::Invalid(
            "it has no `loss`: expected nats per token, such as 3.21".to_owned(),
        )),
        (Some(other), _) => Err(OutcomeError::Invalid(format!(
            "its `status` is `{other}`: expected finished, diverged or failed"
        ))),
    }
}

/// `NaN` or `infinite` where a value is that.
pub(crate) fn unusable_loss(value: Option<&Value>) -> Option<&'static str> {
    let text = value?.as_str()?.trim().to_ascii_lowercase();
    match text.trim_start_matches(['+', '-']) {
        "nan" => Some("NaN"),
        "inf" | "infinity" | "1e999" => Some("infinite"),
        _ => None,
    }
}

/// Puts quotes around bare `NaN`, `Infinity` and numbers beyond the range of `f64` outside
/// strings, as Python's `json` writes them.
pub(crate) fn with_quoted_non_numbers(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) =
        rest.find(|c: char| c == '"' || c == '-' || c == '+' || c.is_ascii_alphanumeric())
    {
        result.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = if rest.starts_with('"') {
            end_of_string(rest)
        } else {
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
                .unwrap_or(rest.len())
        };
        let token = &rest[..end];
        if !token.starts_with('"') && is_non_number(token) {
            result.push_str(&format!("\"{}\"", non_number_name(token)));
        } else {
            result.push_str(token);
        }
        rest = &rest[end..];
    }
    result + rest
}

fn is_non_number(token: &str) -> bool {
    token.parse::<f64>().is_ok_and(|number| !number.is_finite())
}

fn non_number_name(token: &str) -> &'static str {
    match token.parse::<f64>() {
        Ok(number) if number.is_infinite() => "inf",
        _ => "nan",
    }
}

/// Bytes of the JSON string that `text` begins with; all of it where it does not end.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

impl Outcome {
    /// The sealed result of an attempt; `None` while there is none.
    ///
    /// # Errors
    /// [`OutcomeError`] for a file that is not the result of this very attempt.
    pub fn read(
        folder: &AttemptFolder,
        key: &RunKey,
        nonce: &Nonce,
    ) -> Result<Option<Self>, OutcomeError> {
        let Some(bytes) = read_limited(&folder.result(), LARGEST)? else {
            return Ok(None);
        };
        let outcome: Outcome = serde_json::from_slice(&bytes)
            .map_err(|error| OutcomeError::Invalid(error.to_string()))?;
        if outcome.key != *key || outcome.nonce != *nonce {
            let message = "it bears the key or nonce of another attempt".to_owned();
            return Err(OutcomeError::Invalid(message));
        }
        Ok(Some(outcome))
    }

    /// Whether two attempts at one run came to the same: ending and measurements, not time.
    #[must_use]
    pub fn agrees_with(&self, other: &Outcome) -> bool {
        self.ending == other.ending && self.measured == other.measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_result_is_a_loss_and_what_else_was_measured() {
        let text = r#"{"loss": 3.25, "tokens": 1000, "metrics": {"accuracy": 0.5, "note": "x"}, "extra": [1]}"#;
        let (ending, reason, measured) = understand(text).unwrap();
        assert_eq!((ending, reason), (Ending::Finished, None));
        assert_eq!(measured.loss.unwrap().get(), 3.25);
        assert_eq!(measured.metrics.len(), 1);
    }

    #[test]
    fn losses_that_are_no_numbers_are_divergences_with_their_step() {
        for (loss, what) in [
            ("NaN", "NaN"),
            ("Infinity", "infinite"),
            ("-Infinity", "infinite"),
            ("1e999", "infinite"),
            ("\"nan\"", "NaN"),
            ("\"inf\"", "infinite"),
        ] {
            let text = format!("{{\"loss\": {loss}, \"step\": 17}}");
            let (ending, reason, measured) = understand(&text).unwrap();
            assert_eq!(ending, Ending::Diverged, "{loss}");
            assert_eq!(reason.unwrap(), format!("the loss is {what} at step 17"));
            assert_eq!(measured.loss, None);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for (text, said) in [
            ("{}", "no `loss`"),
            ("[1]", "one JSON object"),
            ("{\"loss\":", "not JSON"),
            ("{\"loss\": null}", "no `loss`"),
            ("{\"loss\": -1}", "loss in nats"),
            ("{\"loss\": 1, \"status\": \"ok\"}", "`ok`"),
        ] {
            let error = understand(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn strings_that_speak_of_nan_are_left_alone() {
        let text = r#"{"loss": 2.0, "dataset": "NaN \" Infinity, NaN"}"#;
        let (_, _, measured) = understand(text).unwrap();
        assert_eq!(measured.dataset.as_deref(), Some("NaN \" Infinity, NaN"));
    }
}
