//! Tao et al. 2024, the best vocabulary: N_nv = k1 C^a1, N_v = k2 C^a2, H = k3 C^a3, so that
//! N_v grows as N_nv^(a2 / a1), more slowly than the rest of the model.
//!
//! N_nv parameters without the vocabulary, N_v = V d parameters of the vocabulary (V tokens of
//! width d), H characters of data, C FLOPs, natural logarithms.

use super::source::TAO_2024;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::formula::{law, parameters, quantity_or_error};
use crate::{Flops, LawError, ParamCount, Params};

/// Power laws of the best size, vocabulary and data (Tao et al. 2024, section 4.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vocabulary {
    /// N_nv at one FLOP.
    pub k1: f64,
    /// Exponent of N_nv.
    pub a1: f64,
    /// N_v at one FLOP.
    pub k2: f64,
    /// Exponent of N_v.
    pub a2: f64,
    /// H at one FLOP, characters.
    pub k3: f64,
    /// Exponent of H.
    pub a3: f64,
}

parameters!(Vocabulary {
    k1,
    a1,
    k2,
    a2,
    k3,
    a3
});
law!(Vocabulary);

impl Vocabulary {
    /// Tao et al. 2024, isoFLOP fits.
    pub const TAO_2024: Self = Self {
        k1: 0.08,
        a1: 0.50,
        k2: 0.20,
        a2: 0.42,
        k3: 6.42,
        a3: 0.50,
    };

    /// gamma = a2 / a1, the exponent of N_v in N_nv: below one.
    #[must_use]
    pub fn exponent(&self) -> f64 {
        self.a2 / self.a1
    }

    /// The best parameters without the vocabulary, for a budget.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn non_vocabulary(&self, flops: Flops) -> Result<Params, LawError> {
        let value = self.k1 * (self.a1 * flops.ln()).exp();
        quantity_or_error(&CARD, "parameters", value, || format!("C = {flops}"))
    }

    /// The best parameters of the vocabulary, V d, beside `non_vocabulary` others.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn vocabulary(&self, non_vocabulary: Params) -> Result<Params, LawError> {
        let ln_flops = (non_vocabulary.ln() - self.k1.ln()) / self.a1;
        let value = self.k2 * (self.a2 * ln_flops).exp();
        quantity_or_error(&CARD, "parameters", value, || {
            format!("N_nv = {non_vocabulary}")
        })
    }
}

const SECOND_HAND: &str = "as summaries of the paper quote it, with two digits";

const fn quoted(symbol: &'static str, value: f64) -> Constant {
    Constant::printed(symbol, value).unverified(SECOND_HAND)
}

/// What the catalogue says about [`Vocabulary`].
pub static CARD: LawCard = LawCard {
    name: "vocabulary",
    title: "Best size of the vocabulary",
    formula: "N_nv = k1 C^a1; N_v = k2 C^a2; H = k3 C^a3; N_v ∝ N_nv^(a2 / a1)",
    units: "N_nv parameters without the vocabulary; N_v = V d parameters of a vocabulary of V tokens at width d; H characters of data; C FLOPs",
    log_base: "e",
    citation: TAO_2024.at("section 4.1"),
    parameters: &[
        Parameter::new(
            "k1",
            "parameters",
            "best size without vocabulary at one FLOP",
        ),
        Parameter::new("a1", "1", "exponent of that size"),
        Parameter::new("k2", "parameters", "best vocabulary parameters at one FLOP"),
        Parameter::new("a2", "1", "exponent of the vocabulary"),
        Parameter::new("k3", "characters", "best data at one FLOP"),
        Parameter::new("a3", "1", "exponent of data"),
    ],
    published: &[PublishedFit {
        name: "tao-2024",
        citation: TAO_2024.at("section 4.1"),
        counts: Counts {
            params: Some(ParamCount::NonEmbedding),
            flops: Some(crate::FlopCount::SixNd),
        },
        fitted_on: FittedOn {
            data: "SlimPajama, transformers of several vocabularies at equal budgets",
            params: Range::new(3.3e7, 3e9),
            tokens: None,
            flops: None,
        },
        constants: &[
            quoted("k1", 0.08),
            quoted("a1", 0.50),
            quoted("k2", 0.20),
            quoted("a2", 0.42),
            quoted("k3", 6.42),
            quoted("a3", 0.50),
        ],
        note: "The paper's three methods agree on an exponent near 0.83. Llama-2-70B would suit some 216K tokens instead of 32K.",
    }],
    valid: "Losses compared across vocabularies by dividing out a unigram model: loss per token is of no use for that.",
    criticism: &[
        "Two printed digits move the vocabulary of a 70B model by a quarter.",
        "Data, languages and the speed of the output layer matter as much for the choice.",
    ],
    build: |values| Ok(Box::new(Vocabulary::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops, params};

    const LAW: Vocabulary = Vocabulary::TAO_2024;

    #[test]
    fn the_vocabulary_grows_more_slowly_than_the_model() {
        assert_near(LAW.exponent(), 0.83, 0.011);
        let size = LAW.non_vocabulary(flops(1e22)).unwrap();
        let by_budget = 0.20 * 1e22f64.powf(0.42);
        assert_near(LAW.vocabulary(size).unwrap().get() / by_budget, 1.0, 1e-9);
    }

    #[test]
    fn a_seventy_billion_model_suits_about_two_hundred_thousand_tokens() {
        // Llama-2-70B has a width of 8,192; the paper names at least 216K.
        let best = LAW.vocabulary(params(69e9)).unwrap().get() / 8192.0;
        assert_near(best / 216e3, 1.0, 0.25);
    }
}
