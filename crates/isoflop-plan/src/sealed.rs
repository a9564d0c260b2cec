//! Forecasts that cannot be changed afterwards without being noticed.
//!
//! A forecast is worth what it was worth before the result was known. Sealing writes everything
//! that it rests on, with the time, under one hash.

use crate::forecast::{Conventions, LawForecast};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The layout that this version writes.
const FORMAT: &str = "isoflop-forecast-1";

/// Why a sealed forecast is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not a sealed forecast at all.
    #[error("this is not a sealed forecast: {0}")]
    Unreadable(String),
    /// Another layout, written by a later version.
    #[error("the sealed forecast has the format `{0}`: expected `{FORMAT}`")]
    Format(String),
    /// The contents do not have the hash that they carry.
    #[error("the seal is broken: the contents hash to {found}, the forecast says {written}")]
    Broken {
        /// Hash of the contents as they are.
        found: String,
        /// Hash as written when sealed.
        written: String,
    },
    /// The contents agree with the hash, but the text is not the text that was sealed.
    #[error(
        "the seal is broken: the text is not as it was written (byte {0} is the first changed)"
    )]
    Rewritten(usize),
}

/// A run that a sealed forecast rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SealedRun {
    /// The run's name.
    pub run: String,
    /// Model size N.
    pub params: Option<Params>,
    /// Training tokens D.
    pub tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Flops,
    /// Final loss, nats per token.
    pub loss: Loss,
    /// Standard error of `loss`, nats per token.
    pub loss_std: Option<f64>,
}

/// Everything that a forecast says and rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastBody {
    /// What is forecast, in the words of whoever seals it.
    pub name: String,
    /// When it was sealed; the caller's clock.
    pub sealed_at: Timestamp,
    /// What N and C count.
    pub conventions: Conventions,
    /// Hash of the corpus, where it is known.
    pub corpus_fingerprint: Option<String>,
    /// Coverage that the intervals claim, such as 0.9.
    pub level: f64,
    /// The forecast that will be scored.
    pub stated: LawForecast,
    /// What other laws say, for the record.
    pub others: Vec<LawForecast>,
    /// The runs that the fit used, in its order.
    pub inputs: Vec<SealedRun>,
}

/// A forecast under a hash.
///
/// The hash is BLAKE3 over the JSON of `format` and all fields of [`ForecastBody`], in their
/// order, without white space, numbers in their shortest form that reads back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SealedForecast {
    format: String,
    #[serde(flatten)]
    body: ForecastBody,
    hash: String,
}

/// What is hashed: all but the hash.
#[derive(Serialize)]
struct Hashed<'a> {
    format: &'a str,
    #[serde(flatten)]
    body: &'a ForecastBody,
}

impl SealedForecast {
    /// Seals a forecast.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] if a number is not finite, for then it would not read back.
    pub fn seal(body: ForecastBody) -> Result<Self, SealError> {
        let hash = hash_of(FORMAT, &body)?;
        let sealed = Self {
            format: FORMAT.to_owned(),
            body,
            hash,
        };
        // NaN and infinity become `null`, which would not verify later.
        Self::from_json(&sealed.to_json())?;
        Ok(sealed)
    }

    /// What was forecast, and from what.
    #[must_use]
    pub fn body(&self) -> &ForecastBody {
        &self.body
    }

    /// The hash, 64 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Checks that the contents are those that were sealed.
    ///
    /// # Errors
    /// [`SealError::Format`] or [`SealError::Broken`].
    pub fn verify(&self) -> Result<(), SealError> {
        if self.format != FORMAT {
            return Err(SealError::Format(self.format.clone()));
        }
        let found = hash_of(&self.format, &self.body)?;
        if found != self.hash {
            return Err(SealError::Broken {
                found,
                written: self.hash.clone(),
            });
        }
        Ok(())
    }

    /// The text of the file to keep.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists only: there is nothing that serde_json refuses.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads [`to_json`](Self::to_json) back and verifies it to the byte.
    ///
    /// # Errors
    /// Any [`SealError`]; a single changed byte is one.
    pub fn from_json(text: &str) -> Result<Self, SealError> {
        let sealed: Self =
            serde_json::from_str(text).map_err(|error| SealError::Unreadable(error.to_string()))?;
        sealed.verify()?;
        let written = sealed.to_json();
        if written != text {
            let same = written
                .bytes()
                .zip(text.bytes())
                .take_while(|(a, b)| a == b);
            return Err(SealError::Rewritten(same.count() + 1));
        }
        Ok(sealed)
    }
}

fn hash_of(format: &str, body: &ForecastBody) -> Result<String, SealError> {
    let canonical = serde_json::to_vec(&Hashed { format, body })
        .map_err(|error| SealError::Unreadable(error.to_string()))?;
    Ok(blake3::hash(&canonical).to_hex().to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::forecast::ForecastPoint;
    use isoflop_laws::{FlopCount, ParamCount};
    use proptest::prelude::*;

    pub(crate) fn body() -> ForecastBody {
        let flops = Flops::new(5.76e23).unwrap();
        ForecastBody {
            name: "target".into(),
            sealed_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            conventions: Conventions {
                param_count: ParamCount::Total,
                flop_count: FlopCount::SixNd,
            },
            corpus_fingerprint: Some("c0ffee".into()),
            level: 0.9,
            stated: LawForecast {
                law: "chinchilla".into(),
                constants: [("E".into(), 1.8172), ("alpha".into(), 0.1 + 0.2)].into(),
                forecasts: vec![ForecastPoint {
                    params: Params::new(70e9).ok(),
                    tokens: Tokens::new(1.4e12).ok(),
                    flops,
                    loss: Loss::new(1.9739).unwrap(),
                    lo: Loss::new(1.95).ok(),
                    hi: Loss::new(2.0).ok(),
                    extrapolation: Some(27.4),
                }],
            },
            others: vec![],
            inputs: vec![SealedRun {
                run: "a \"quoted\" name\n".into(),
                params: Params::new(1e8).ok(),
                tokens: None,
                flops,
                loss: Loss::new(2.5).unwrap(),
                loss_std: Some(0.004),
            }],
        }
    }

    #[test]
    fn a_sealed_forecast_reads_back_and_verifies() {
        let sealed = SealedForecast::seal(body()).unwrap();
        assert_eq!(
            SealedForecast::from_json(&sealed.to_json()).unwrap(),
            sealed
        );
        assert_eq!(sealed.hash().len(), 64);
    }

    #[test]
    fn the_hash_is_blake3_of_the_compact_text_without_the_hash() {
        let sealed = SealedForecast::seal(body()).unwrap();
        let compact = serde_json::to_string(&sealed).unwrap();
        let without = compact.replace(&format!(",\"hash\":\"{}\"", sealed.hash()), "");
        assert_eq!(
            sealed.hash(),
            blake3::hash(without.as_bytes()).to_hex().as_str()
        );
    }

    #[test]
    fn every_changed_byte_is_detected() {
        let text = SealedForecast::seal(body()).unwrap().to_json();
        for position in 0..text.len() {
            for flip in [1u8, 2, 16, 32] {
                let mut bytes = text.clone().into_bytes();
                bytes[position] ^= flip;
                let accepted = String::from_utf8(bytes)
                    .is_ok_and(|changed| SealedForecast::from_json(&changed).is_ok());
                assert!(!accepted, "byte {position} of {text}");
            }
        }
    }

    #[test]
    fn every_lost_or_added_byte_is_detected() {
        let text = SealedForecast::seal(body()).unwrap().to_json();
        for position in 0..text.len() {
            assert!(SealedForecast::from_json(&text[..position]).is_err());
            let added = format!("{} {}", &text[..position], &text[position..]);
            assert!(SealedForecast::from_json(&added).is_err());
        }
    }

    #[test]
    fn a_forecast_changed_by_hand_is_named_as_broken() {
        let text = SealedForecast::seal(body()).unwrap().to_json();
        let better = text.replace("1.9739", "1.9740");
        let error = SealedForecast::from_json(&better).unwrap_err();
        assert!(matches!(error, SealError::Broken { .. }));
        assert!(error.to_string().starts_with("the seal is broken"));
    }

    #[test]
    fn numbers_that_would_not_read_back_are_refused() {
        let mut body = body();
        body.level = f64::NAN;
        assert!(SealedForecast::seal(body).is_err());
    }

    proptest! {
        #[test]
        fn any_finite_numbers_and_names_survive(level in proptest::num::f64::NORMAL, name in ".*") {
            let mut body = body();
            body.level = level;
            body.name = name;
            let sealed = SealedForecast::seal(body).unwrap();
            prop_assert_eq!(SealedForecast::from_json(&sealed.to_json()).unwrap(), sealed);
        }
    }
}
