//! The laws that can be fitted, by name.

use crate::FitError;
use isoflop_laws::{Law, LawCard, LawError, catalogue};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A law that can be fitted to runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FittedLaw {
    /// L = E + A / N^alpha + B / D^beta (Hoffmann et al. 2022, approach 3).
    Chinchilla,
    /// L = E + (a M^eta + b M^−eta) C^−eta, M = D / N (Gadre et al. 2024): the former with one
    /// exponent.
    OverTraining,
    /// L = E + A / N'^alpha + B / D'^beta, of effective size and data where data are repeated
    /// (Muennighoff et al. 2023).
    DataConstrained,
    /// L = E + A / N^alpha + B / D^beta + P (D / U − 1)^delta (N / U)^kappa: more epochs can hurt
    /// (Lovelace et al. 2026).
    RepetitionPenalty,
    /// L = E + A / N^alpha + B / (D Q^gamma)^beta, Q the quality of the text (Subramanyam et al.
    /// 2025).
    DataQuality,
    /// L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(−exp(a1 N^alpha + b1)): the exponent of
    /// data depends on size (Farseer, Li et al. 2025).
    Farseer,
    /// Parabolas at fixed budgets (Hoffmann et al. 2022, approach 2).
    Isoflop,
    /// Envelope of training curves (Hoffmann et al. 2022, approach 1).
    Envelope,
    /// L = (Nc / N)^aN (Kaplan et al. 2020).
    KaplanN,
    /// L = (Dc / D)^aD (Kaplan et al. 2020).
    KaplanD,
    /// L = (Cc / C)^aC (Kaplan et al. 2020).
    KaplanC,
    /// L = [(Nc / N)^(aN / aD) + Dc / D]^aD (Kaplan et al. 2020).
    KaplanNd,
    /// L = (Nc / N)^aN + (Sc / Smin)^aS (Kaplan et al. 2020).
    KaplanNs,
    /// L = a C^b + c (GPT-4 technical report 2023).
    PowerC,
}

/// Every law that can be fitted, in the order in which they are listed.
pub const FITTED_LAWS: &[FittedLaw] = &[
    FittedLaw::Chinchilla,
    FittedLaw::OverTraining,
    FittedLaw::DataConstrained,
    FittedLaw::RepetitionPenalty,
    FittedLaw::DataQuality,
    FittedLaw::Farseer,
    FittedLaw::Isoflop,
    FittedLaw::Envelope,
    FittedLaw::KaplanN,
    FittedLaw::KaplanD,
    FittedLaw::KaplanC,
    FittedLaw::KaplanNd,
    FittedLaw::KaplanNs,
    FittedLaw::PowerC,
];

impl FittedLaw {
    /// The law's name in the catalogue of laws.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FittedLaw::Chinchilla => "chinchilla",
            FittedLaw::OverTraining => "over-training",
            FittedLaw::DataConstrained => "data-constrained",
            FittedLaw::RepetitionPenalty => "repetition-penalty",
            FittedLaw::DataQuality => "data-quality",
            FittedLaw::Farseer => "farseer",
            FittedLaw::Isoflop => "isoflop",
            FittedLaw::Envelope => "envelope",
            FittedLaw::KaplanN => "kaplan-n",
            FittedLaw::KaplanD => "kaplan-d",
            FittedLaw::KaplanC => "kaplan-c",
            FittedLaw::KaplanNd => "kaplan-nd",
            FittedLaw::KaplanNs => "kaplan-ns",
            FittedLaw::PowerC => "power-c",
        }
    }

    /// The law with these values of its parameters, in the order of its card.
    ///
    /// # Errors
    /// [`LawError`] unless there is one finite value for each parameter.
    pub fn build(self, values: &[f64]) -> Result<Box<dyn Law>, LawError> {
        (self.card().build)(values)
    }

    /// What the catalogue says about the law.
    #[must_use]
    pub fn card(self) -> &'static LawCard {
        let card = catalogue().iter().find(|card| card.name == self.name());
        card.expect("every fitted law is in the catalogue, as a test checks")
    }
}

impl fmt::Display for FittedLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which law to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawChoice {
    /// The one that forecasts best from smaller to larger compute within the runs.
    #[default]
    Auto,
    /// This one.
    Named(FittedLaw),
}

impl FromStr for LawChoice {
    type Err = FitError;

    /// `auto`, or the name of a law that can be fitted; case and `_` for `-` do not matter.
    fn from_str(text: &str) -> Result<Self, FitError> {
        let wanted = text.trim().to_lowercase().replace('_', "-");
        if wanted == "auto" {
            return Ok(LawChoice::Auto);
        }
        if let Some(law) = FITTED_LAWS.iter().find(|law| law.name() == wanted) {
            return Ok(LawChoice::Named(*law));
        }
        let entry = isoflop_laws::find(text)?;
        Err(FitError::NotFitted {
            law: entry.name().to_owned(),
        })
    }
}

/// The names of all laws that can be fitted, for a sentence.
pub(crate) fn names() -> String {
    let names: Vec<_> = FITTED_LAWS.iter().map(|law| law.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fitted_law_is_in_the_catalogue() {
        for law in FITTED_LAWS {
            assert_eq!(law.card().name, law.name());
        }
    }
}
