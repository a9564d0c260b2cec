//! Quantities as types, read and shown as people write them: `70B`, `1.4T`, `5.76e23`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text or number is not a valid quantity.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuantityError {
    /// The text could not be read as a number with an optional size suffix.
    #[error("`{text}` is not a {quantity}: expected a positive number such as {example}")]
    Unreadable {
        /// What was being read.
        quantity: &'static str,
        /// The text as given.
        text: String,
        /// A text that would have been accepted.
        example: &'static str,
    },
    /// The number is zero, negative, infinite or not a number.
    #[error("{value} is not a {quantity}: expected a positive finite number such as {example}")]
    OutOfRange {
        /// What was being built.
        quantity: &'static str,
        /// The number as given.
        value: f64,
        /// A value that would have been accepted.
        example: &'static str,
    },
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $noun:literal, $example:literal, $show:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Wraps a positive finite number.
            ///
            /// # Errors
            /// [`QuantityError::OutOfRange`] for zero, negative, infinite or NaN values.
            pub fn new(value: f64) -> Result<Self, QuantityError> {
                if value.is_finite() && value > 0.0 {
                    Ok(Self(value))
                } else {
                    Err(QuantityError::OutOfRange {
                        quantity: $noun,
                        value,
                        example: $example,
                    })
                }
            }

            /// The plain number.
            #[must_use]
            pub fn get(self) -> f64 {
                self.0
            }

            /// Natural logarithm of the number.
            #[must_use]
            pub fn ln(self) -> f64 {
                self.0.ln()
            }
        }

        impl TryFrom<f64> for $name {
            type Error = QuantityError;
            fn try_from(value: f64) -> Result<Self, QuantityError> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(quantity: $name) -> f64 {
                quantity.0
            }
        }

        impl FromStr for $name {
            type Err = QuantityError;
            fn from_str(text: &str) -> Result<Self, QuantityError> {
                let value = read_sized(text).ok_or_else(|| QuantityError::Unreadable {
                    quantity: $noun,
                    text: text.to_owned(),
                    example: $example,
                })?;
                Self::new(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&$show(self.0))
            }
        }
    };
}

quantity! {
    /// Model size N: a number of parameters. Which ones it counts is a
    /// [`ParamCount`](crate::ParamCount).
    Params, "number of parameters", "7B or 1.3e9", show_sized
}
quantity! {
    /// Data D: a number of training tokens, seen or unique as the context says.
    Tokens, "number of tokens", "140B or 1.4e11", show_sized
}
quantity! {
    /// Training compute C in floating-point operations (multiply and add count as two).
    Flops, "number of FLOPs", "5.76e23", show_scientific
}
quantity! {
    /// Optimiser steps S.
    Steps, "number of steps", "100K", show_sized
}
quantity! {
    /// Peak learning rate of the optimiser.
    LearningRate, "learning rate", "3e-4", show_scientific
}
quantity! {
    /// Cross-entropy loss L in nats per token.
    Loss, "loss in nats per token", "2.53", show_loss
}
quantity! {
    /// Quality Q of training text relative to a reference with Q = 1.
    Quality, "quality of text", "0.8", show_plain
}

impl Flops {
    /// `C = 6 N D` (Kaplan et al. 2020, section 2.1).
    #[must_use]
    pub fn six_nd(params: Params, tokens: Tokens) -> Self {
        Self(6.0 * params.0 * tokens.0)
    }

    /// FLOPs in one petaFLOP/s-day, the unit of compute of Kaplan et al. 2020.
    pub const PER_PF_DAY: f64 = 8.64e19;
}

/// `70B`, `1.4T`, `5e6`, `1_000`; suffixes K, M, B or G, T, in either case. `None` if unreadable.
fn read_sized(text: &str) -> Option<f64> {
    let text: String = text
        .trim()
        .chars()
        .filter(|c| *c != '_' && *c != ',' && !c.is_whitespace())
        .collect();
    let (digits, power) = match text.chars().next_back()?.to_ascii_uppercase() {
        'K' => (&text[..text.len() - 1], 3),
        'M' => (&text[..text.len() - 1], 6),
        'B' | 'G' => (&text[..text.len() - 1], 9),
        'T' => (&text[..text.len() - 1], 12),
        _ => (text.as_str(), 0),
    };
    // `inf` and `nan` are numbers to Rust's parser, not to a person writing a size.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '-' || c == '+') {
        return None;
    }
    if digits.contains(['e', 'E']) {
        return digits
            .parse::<f64>()
            .ok()
            .map(|number| number * 10f64.powi(power));
    }
    // Not `number * scale`: 16.4 is no binary fraction, and 16.4 times 1e9 is not 16.4e9.
    format!("{digits}e{power}").parse().ok()
}

/// Three significant digits with a suffix people use: 1234567 is `1.23M`.
fn show_sized(value: f64) -> String {
    const SUFFIXES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")];
    if value >= 9.995e14 {
        return show_scientific(value);
    }
    for (scale, suffix) in SUFFIXES {
        // 999.5K and above rounds to 1000K: show it as 1M.
        if value >= scale * 0.9995 {
            return format!("{}{suffix}", three_digits(value / scale));
        }
    }
    three_digits(value)
}

fn three_digits(value: f64) -> String {
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn show_scientific(value: f64) -> String {
    format!("{value:.2e}")
}

fn show_loss(value: f64) -> String {
    format!("{value:.4}")
}

fn show_plain(value: f64) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_sizes_as_people_write_them() {
        for (text, value) in [
            ("70B", 70e9),
            ("1.4T", 1.4e12),
            ("300 B", 300e9),
            ("125m", 125e6),
            ("7e9", 7e9),
            ("1_000", 1000.0),
            ("12,000", 12000.0),
            ("10k", 1e4),
            ("16.4B", 16.4e9),
            ("8.2B", 8.2e9),
            ("1e3M", 1e9),
        ] {
            assert_eq!(text.parse::<Params>().unwrap().get(), value, "{text}");
        }
        assert_eq!("5.76e23".parse::<Flops>().unwrap().get(), 5.76e23);
    }

    #[test]
    fn refuses_what_is_not_a_positive_size_with_a_sentence() {
        for text in [
            "", "B", "seven", "nan", "inf", "-1B", "0", "1e999", "7BB", "é",
        ] {
            let error = text.parse::<Tokens>().unwrap_err().to_string();
            assert!(
                error.contains("number of tokens") && error.contains("140B"),
                "{error}"
            );
        }
    }

    #[test]
    fn shows_three_significant_digits_with_a_suffix() {
        for (value, text) in [
            (70e9, "70B"),
            (1.4e12, "1.4T"),
            (1_234_567.0, "1.23M"),
            (999_600.0, "1M"),
            (24_576.0, "24.6K"),
            (12.0, "12"),
        ] {
            assert_eq!(Params::new(value).unwrap().to_string(), text);
        }
        assert_eq!(Flops::new(5.76e23).unwrap().to_string(), "5.76e23");
    }

    proptest! {
        #[test]
        fn shown_sizes_read_back_within_rounding(value in 1.0f64..1e20) {
            let back: Params = Params::new(value).unwrap().to_string().parse().unwrap();
            prop_assert!((back.get() / value - 1.0).abs() < 0.006);
        }

        #[test]
        fn reading_any_text_never_panics(text in "\\PC*") {
            let _ = text.parse::<Params>();
        }
    }
}
