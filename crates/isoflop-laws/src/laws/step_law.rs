//! StepLaw, Li et al. 2025: the best peak learning rate lr1 N^n D^d and batch B1 D^b.
//!
//! N parameters without embeddings and head, D tokens seen, the batch in tokens per step, natural
//! logarithms.

use super::source::STEP_LAW_2025;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::formula::{law, parameters, point, quantity_or_error};
use crate::{LawError, LearningRate, ParamCount, Params, Tokens};

/// lr_opt = lr1 N^n D^d and B_opt = B1 D^b (Li et al. 2025, eq. 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepLaw {
    /// Learning rate at one parameter and one token.
    pub lr1: f64,
    /// Exponent of N in the learning rate, negative.
    pub n: f64,
    /// Exponent of D in the learning rate.
    pub d: f64,
    /// Batch at one token, tokens.
    pub b1: f64,
    /// Exponent of D in the batch.
    pub b: f64,
}

parameters!(StepLaw { lr1, n, d, b1, b });
law!(StepLaw);

impl StepLaw {
    /// Li et al. 2025, eq. 1.
    pub const STEP_LAW_2025: Self = Self {
        lr1: 1.79,
        n: -0.713,
        d: 0.307,
        b1: 0.58,
        b: 0.571,
    };

    /// The best peak learning rate; N without embeddings and head.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn learning_rate(&self, params: Params, tokens: Tokens) -> Result<LearningRate, LawError> {
        let value = self.lr1 * (self.n * params.ln() + self.d * tokens.ln()).exp();
        quantity_or_error(&CARD, "as a learning rate", value, || point(params, tokens))
    }

    /// The best batch, tokens per step.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn batch(&self, tokens: Tokens) -> Result<Tokens, LawError> {
        let value = self.b1 * (self.b * tokens.ln()).exp();
        quantity_or_error(&CARD, "tokens per step", value, || format!("D = {tokens}"))
    }
}

/// What the catalogue says about [`StepLaw`].
pub static CARD: LawCard = LawCard {
    name: "step-law",
    title: "Best learning rate and batch from size and data",
    formula: "lr_opt(N, D) = lr1 N^n D^d; B_opt(D) = B1 D^b",
    units: "lr peak learning rate of AdamW; N parameters without embeddings and head; D tokens seen; B tokens per step",
    log_base: "e",
    citation: STEP_LAW_2025.at("eq. 1"),
    parameters: &[
        Parameter::new("lr1", "1", "learning rate at one parameter and one token"),
        Parameter::new("n", "1", "exponent of size in the learning rate"),
        Parameter::new("d", "1", "exponent of data in the learning rate"),
        Parameter::new("B1", "tokens", "batch at one token"),
        Parameter::new("b", "1", "exponent of data in the batch"),
    ],
    published: &[PublishedFit {
        name: "step-law-2025",
        citation: STEP_LAW_2025.at("eq. 1"),
        counts: Counts {
            params: Some(ParamCount::NonEmbedding),
            flops: None,
        },
        fitted_on: FittedOn {
            data: "about 3,700 transformers, dense and mixtures of experts, cosine schedule to a fixed small final rate",
            params: Range::new(6e7, 1e9),
            tokens: None,
            flops: None,
        },
        constants: &[
            Constant::printed("lr1", 1.79),
            Constant::printed("n", -0.713),
            Constant::printed("d", 0.307),
            Constant::printed("B1", 0.58),
            Constant::printed("b", 0.571),
        ],
        note: "N leaves out the vocabulary; with embeddings counted the learning rate comes out too small for small models.",
    }],
    valid: "A standard initialisation (not muP), AdamW with betas 0.9 and 0.95, a final learning rate of 1e-5.",
    criticism: &[
        "With muP the best learning rate does not fall with width, so this law does not apply (Yang et al. 2022).",
        "Weight decay is held fixed; with it tuned the best batch and learning rate move (Bergsma et al. 2025).",
    ],
    build: |values| Ok(Box::new(StepLaw::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, params, tokens};

    const LAW: StepLaw = StepLaw::STEP_LAW_2025;

    #[test]
    fn a_billion_parameters_on_a_hundred_billion_tokens_take_a_million_tokens_a_step() {
        let rate = LAW.learning_rate(params(1e9), tokens(1e11)).unwrap();
        assert_near(rate.get() * 1e3, 1.632, 5e-4);
        assert_near(LAW.batch(tokens(1e11)).unwrap().get() / 1e6, 1.108, 5e-4);
    }

    #[test]
    fn larger_models_want_a_smaller_rate_and_more_data_a_larger_one() {
        let at = |n: f64, d: f64| LAW.learning_rate(params(n), tokens(d)).unwrap().get();
        assert!(at(1e10, 1e11) < at(1e9, 1e11) && at(1e9, 1e11) < at(1e9, 1e12));
        assert_eq!(CARD.fit("step-law-2025").unwrap().values(), LAW.array());
    }
}
