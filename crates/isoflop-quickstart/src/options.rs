//! What a quickstart is asked to do.

use isoflop_corpus::CorpusOptions;
use isoflop_train::{CHECKPOINT_EVERY, Device, Recipe};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where the training text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorpusChoice {
    /// The Rust sources that cargo has unpacked on this machine.
    Registry,
    /// A source whose entropy rate is known exactly.
    Synthetic,
    /// A folder or file of text, or of tokens as nanoGPT and llm.c write them.
    Folder(PathBuf),
}

impl FromStr for CorpusChoice {
    type Err = Infallible;

    /// `registry`, `synthetic`, or a folder; `./synthetic` is a folder of that name.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "registry" => CorpusChoice::Registry,
            "synthetic" => CorpusChoice::Synthetic,
            folder => CorpusChoice::Folder(folder.into()),
        })
    }
}

impl fmt::Display for CorpusChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CorpusChoice::Registry => f.write_str("registry"),
            CorpusChoice::Synthetic => f.write_str("synthetic"),
            CorpusChoice::Folder(path) => path.display().fmt(f),
        }
    }
}

/// What a quickstart is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Minutes for everything, from the corpus to the report.
    pub minutes: f64,
    /// Compute of the target ÷ that of the largest small run.
    pub ratio: f64,
    /// Where the text comes from.
    pub corpus: CorpusChoice,
    /// The folder that everything is written to.
    pub out: PathBuf,
    /// Seed of initial weights, of the order of the data, and of the synthetic source.
    pub seed: u64,
    /// How runs are trained.
    pub recipe: Recipe,
    /// How much text is gathered, and from which field.
    pub text: CorpusOptions,
    /// A `tokenizer.json` to encode the text by; one is trained without.
    pub tokenizer: Option<PathBuf>,
    /// Where runs are trained.
    pub device: Device,
    /// Time between checkpoints: what a kill costs at most.
    pub checkpoint_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            minutes: 5.0,
            ratio: 10.0,
            corpus: CorpusChoice::Registry,
            out: "isoflop-out".into(),
            seed: 0,
            recipe: Recipe::default(),
            text: CorpusOptions::default(),
            tokenizer: None,
            device: Device::Cpu,
            checkpoint_every: CHECKPOINT_EVERY,
        }
    }
}

/// An option that can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`--{option}` is {given}: give {expected}")]
pub struct OptionError {
    /// The option's name.
    pub option: &'static str,
    /// Its value.
    pub given: f64,
    /// What would have been accepted.
    pub expected: &'static str,
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OptionError> {
        let refused = |option, given, expected| OptionError {
            option,
            given,
            expected,
        };
        // A week is the longest that anyone has asked a laptop for.
        if !(self.minutes > 0.0 && self.minutes <= 10_080.0) {
            let expected = "a number of minutes above 0 and up to 10080, such as 5";
            return Err(refused("minutes", self.minutes, expected));
        }
        if !(2.0..=10_000.0).contains(&self.ratio) {
            let expected = "a leap in compute from 2 to 10000, such as 10";
            return Err(refused("ratio", self.ratio, expected));
        }
        Ok(())
    }

    /// The command that repeats the job.
    #[must_use]
    pub fn command(&self) -> String {
        let out = self.out.display();
        format!("isoflop quickstart {} --out {out}", self.asked())
    }

    /// The options that decide the job, as they are given.
    pub(crate) fn asked(&self) -> String {
        format!(
            "--minutes {} --ratio {} {}",
            self.minutes,
            self.ratio,
            self.training_arguments()
        )
    }

    /// Of them those that every command which trains runs is given: text, seed and device.
    #[must_use]
    pub fn training_arguments(&self) -> String {
        let mut text = format!("--corpus {} --seed {}", self.corpus, self.seed);
        if let Some(field) = &self.text.text_field {
            text += &format!(" --text-field {field}");
        }
        if let Some(tokenizer) = &self.tokenizer {
            text += &format!(" --tokenizer {}", tokenizer.display());
        }
        if self.device != Device::Cpu {
            text += &format!(" --device {}", self.device);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_numbers_are_refused_with_what_to_give() {
        for minutes in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let options = Options {
                minutes,
                ..Options::default()
            };
            let sentence = options.check().unwrap_err().to_string();
            assert!(sentence.starts_with("`--minutes` is"), "{sentence}");
            assert!(sentence.contains("such as 5"), "{sentence}");
        }
        let options = Options {
            ratio: 1.0,
            ..Options::default()
        };
        assert!(options.check().is_err());
        assert_eq!(Options::default().check(), Ok(()));
    }

    #[test]
    fn a_corpus_is_a_known_name_or_a_folder() {
        for text in ["registry", "synthetic", "./synthetic", "/home/me/text"] {
            let choice: CorpusChoice = text.parse().unwrap();
            assert_eq!(choice.to_string(), text);
            let is_folder = matches!(choice, CorpusChoice::Folder(_));
            assert_eq!(is_folder, text.contains('/'));
        }
    }
}
