//! Which experiments there are, and the claim that each of them puts to the test.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// Power laws in C, D and N.
    KaplanPanels,
    /// Tokens to a given loss against N.
    SampleEfficiency,
    /// L(N, S) and where compute-efficient training stops.
    EarlyStopping,
    /// Steps and tokens to a loss at several batch sizes.
    CriticalBatch,
    /// Parabolas at fixed compute.
    Valleys,
    /// Clean and corrupted text.
    DataQuality,
    /// Few unique tokens, many epochs.
    Repetition,
    /// The best D/N, and what moves it.
    TokensPerParameter,
    /// Several lengths from one run.
    Wsd,
}

/// What a paper says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The claim in a sentence.
    pub sentence: &'static str,
    /// Where it is made.
    pub source: &'static str,
}

/// The text names no experiment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no experiment: choose one of {names}", names = Name::ALL.map(Name::text).join(", "))]
pub struct UnknownName(String);

impl Name {
    /// Every experiment.
    pub const ALL: [Name; 9] = [
        Name::KaplanPanels,
        Name::SampleEfficiency,
        Name::EarlyStopping,
        Name::CriticalBatch,
        Name::Valleys,
        Name::DataQuality,
        Name::Repetition,
        Name::TokensPerParameter,
        Name::Wsd,
    ];

    /// The name as it is written.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Name::KaplanPanels => "kaplan-panels",
            Name::SampleEfficiency => "sample-efficiency",
            Name::EarlyStopping => "early-stopping",
            Name::CriticalBatch => "critical-batch",
            Name::Valleys => "valleys",
            Name::DataQuality => "data-quality",
            Name::Repetition => "repetition",
            Name::TokensPerParameter => "tokens-per-parameter",
            Name::Wsd => "wsd",
        }
    }

    /// The folder of its runs. Experiments that ask different questions of the same runs share one.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Name::KaplanPanels | Name::SampleEfficiency | Name::EarlyStopping => "grid",
            other => other.text(),
        }
    }

    /// What is claimed.
    #[must_use]
    pub fn claim(self) -> Claim {
        let (sentence, source) = match self {
            Name::KaplanPanels => (
                "Loss falls as a power of compute C, of data D and of size N while the other two \
                 do not limit it.",
                "Kaplan et al. 2020, figure 1",
            ),
            Name::SampleEfficiency => (
                "Larger models need fewer tokens for the same loss.",
                "Kaplan et al. 2020, figure 2",
            ),
            Name::EarlyStopping => (
                "Compute is best spent on models that stop well before they converge.",
                "Kaplan et al. 2020, section 6 and appendix B",
            ),
            Name::CriticalBatch => (
                "Steps and tokens to a loss trade off along a hyperbola with one critical batch \
                 size: S = Smin (1 + Bcrit / B).",
                "McCandlish et al. 2018, eq. 2.11; Kaplan et al. 2020, section 5.1",
            ),
            Name::Valleys => (
                "At each compute budget one size is best, and best size and data grow alike: \
                 N ~ C^0.5, D ~ C^0.5.",
                "Hoffmann et al. 2022, approach 2",
            ),
            Name::DataQuality => (
                "Larger data help only if they are good.",
                "Hoffmann et al. 2022, conclusion; law of Subramanyam et al. 2025",
            ),
            Name::Repetition => (
                "Up to four epochs are nearly as good as new data; with many more the worth of \
                 repetition decays.",
                "Muennighoff et al. 2023",
            ),
            Name::TokensPerParameter => (
                "A model is best trained on about 20 tokens a parameter.",
                "Hoffmann et al. 2022; reasons of another answer: Porian et al. 2024",
            ),
            Name::Wsd => (
                "One run that is annealed from several of its checkpoints gives the losses of as \
                 many separate runs.",
                "Hu et al. 2024; Hägele et al. 2024",
            ),
        };
        Claim { sentence, source }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl FromStr for Name {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let wanted = text.trim().to_lowercase().replace('_', "-");
        let found = Name::ALL.into_iter().find(|name| name.text() == wanted);
        found.ok_or_else(|| UnknownName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused_with_the_list() {
        for name in Name::ALL {
            assert_eq!(name.text().parse(), Ok(name));
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(json, format!("\"{name}\""));
        }
        let refused = "valley".parse::<Name>().unwrap_err().to_string();
        assert!(
            refused.contains("`valley`") && refused.contains("valleys"),
            "{refused}"
        );
    }
}
