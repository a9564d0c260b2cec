//! DeepSeek LLM, 2024: the best peak learning rate lr1 C^lr and batch B1 C^b for a budget.
//!
//! C training FLOPs without embeddings and head (C = M D), the batch in tokens per step, natural
//! logarithms.

use super::source::DEEPSEEK_2024;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::formula::{law, parameters, quantity_or_error};
use crate::{FlopCount, Flops, LawError, LearningRate, Tokens};

/// lr_opt = lr1 C^lr and B_opt = B1 C^b (Bi et al. 2024, eq. 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeepseekHyperparameters {
    /// Learning rate at one FLOP.
    pub lr1: f64,
    /// Exponent of the learning rate, negative.
    pub lr: f64,
    /// Batch at one FLOP, tokens.
    pub b1: f64,
    /// Exponent of the batch.
    pub b: f64,
}

parameters!(DeepseekHyperparameters { lr1, lr, b1, b });
law!(DeepseekHyperparameters);

impl DeepseekHyperparameters {
    /// Bi et al. 2024, eq. 1.
    pub const DEEPSEEK_2024: Self = Self {
        lr1: 0.3118,
        lr: -0.1250,
        b1: 0.2920,
        b: 0.3271,
    };

    /// The best peak learning rate.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn learning_rate(&self, flops: Flops) -> Result<LearningRate, LawError> {
        let value = self.lr1 * (self.lr * flops.ln()).exp();
        quantity_or_error(&CARD, "as a learning rate", value, || {
            format!("C = {flops}")
        })
    }

    /// The best batch, tokens per step.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn batch(&self, flops: Flops) -> Result<Tokens, LawError> {
        let value = self.b1 * (self.b * flops.ln()).exp();
        quantity_or_error(&CARD, "tokens per step", value, || format!("C = {flops}"))
    }
}

/// What the catalogue says about [`DeepseekHyperparameters`].
pub static CARD: LawCard = LawCard {
    name: "deepseek-hyperparameters",
    title: "Best learning rate and batch from compute",
    formula: "lr_opt(C) = lr1 C^lr; B_opt(C) = B1 C^b",
    units: "lr peak learning rate of AdamW; B tokens per step; C = M D FLOPs, embeddings and head left out",
    log_base: "e",
    citation: DEEPSEEK_2024.at("eq. 1"),
    parameters: &[
        Parameter::new("lr1", "1", "learning rate at one FLOP"),
        Parameter::new("lr", "1", "exponent of the learning rate"),
        Parameter::new("B1", "tokens", "batch at one FLOP"),
        Parameter::new("b", "1", "exponent of the batch"),
    ],
    published: &[PublishedFit {
        name: "deepseek-2024-hyperparameters",
        citation: DEEPSEEK_2024.at("eq. 1"),
        counts: Counts {
            params: None,
            flops: Some(FlopCount::Counted),
        },
        fitted_on: FittedOn {
            data: "DeepSeek's corpus, grids of learning rates and batches, multi-step schedule, AdamW",
            params: None,
            tokens: None,
            flops: Range::new(1e17, 2e20),
        },
        constants: &[
            Constant::printed("lr1", 0.3118),
            Constant::printed("lr", -0.1250),
            Constant::printed("B1", 0.2920),
            Constant::printed("b", 0.3271),
        ],
        note: "The valley is flat: settings within 0.25 % of the best loss span a wide band.",
    }],
    valid: "Near the best share of size and data for the budget, with a standard initialisation (not muP).",
    criticism: &[
        "Compute alone does not say enough away from the best share: at equal C the best learning rate falls with N and rises with D (StepLaw, Li et al. 2025).",
        "The exponent of the learning rate differs from others' by 0.11, a factor of two to three at scale (Porian et al. 2024).",
    ],
    build: |values| Ok(Box::new(DeepseekHyperparameters::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    #[test]
    fn at_a_hundred_quintillion_flops_a_million_tokens_a_step_at_a_thousandth() {
        let law = DeepseekHyperparameters::DEEPSEEK_2024;
        let rate = law.learning_rate(flops(1e20)).unwrap();
        assert_near(rate.get() * 1e4, 9.86, 5e-3);
        assert_near(law.batch(flops(1e20)).unwrap().get() / 1e6, 1.017, 5e-4);
    }

    #[test]
    fn constants_of_the_card_are_those_of_the_type() {
        let values = CARD.fit("deepseek-2024-hyperparameters").unwrap().values();
        let law = DeepseekHyperparameters::DEEPSEEK_2024;
        assert_eq!(values, law.array());
    }
}
