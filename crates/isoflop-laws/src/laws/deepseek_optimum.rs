//! DeepSeek LLM, 2024: M_opt(C) = M1 C^m FLOPs a token, D_opt(C) = D1 C^d tokens, C = M D.
//!
//! M replaces N: the FLOPs of training on one token, attention included, embeddings and head left
//! out (72 n_layer d² + 12 n_layer d l_seq). D tokens seen, natural logarithms. A size N follows
//! only from an architecture, because M counts attention.

use super::source::DEEPSEEK_2024;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::formula::{law, parameters, quantity_or_error};
use crate::{FlopCount, Flops, LawError, Tokens};

/// M_opt = M1 C^m and D_opt = D1 C^d (Bi et al. 2024, eq. 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeepseekOptimum {
    /// M at one FLOP, FLOPs a token.
    pub m1: f64,
    /// Exponent of M.
    pub m: f64,
    /// D at one FLOP, tokens.
    pub d1: f64,
    /// Exponent of D.
    pub d: f64,
}

parameters!(DeepseekOptimum { m1, m, d1, d });
law!(DeepseekOptimum);

impl DeepseekOptimum {
    /// Bi et al. 2024, eq. 4.
    pub const DEEPSEEK_2024: Self = Self {
        m1: 0.1715,
        m: 0.5243,
        d1: 5.8316,
        d: 0.4757,
    };

    /// M_opt: the best training FLOPs for each token, embeddings and head left out.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn flops_per_token(&self, flops: Flops) -> Result<Flops, LawError> {
        let value = self.m1 * (self.m * flops.ln()).exp();
        quantity_or_error(&CARD, "FLOPs a token", value, || format!("C = {flops}"))
    }

    /// D_opt: the best data.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn tokens(&self, flops: Flops) -> Result<Tokens, LawError> {
        let value = self.d1 * (self.d * flops.ln()).exp();
        quantity_or_error(&CARD, "tokens", value, || format!("C = {flops}"))
    }
}

/// What the catalogue says about [`DeepseekOptimum`].
pub static CARD: LawCard = LawCard {
    name: "deepseek-optimum",
    title: "Best compute a token and data for a budget",
    formula: "M_opt(C) = M1 C^m; D_opt(C) = D1 C^d; C = M D",
    units: "M training FLOPs a token, attention included, embeddings and head left out; D tokens seen; C = M D FLOPs",
    log_base: "e",
    citation: DEEPSEEK_2024.at("eq. 4"),
    parameters: &[
        Parameter::new("M1", "FLOPs a token", "best compute a token at one FLOP"),
        Parameter::new("m", "1", "exponent of compute a token"),
        Parameter::new("D1", "tokens", "best data at one FLOP"),
        Parameter::new("d", "1", "exponent of data"),
    ],
    published: &[PublishedFit {
        name: "deepseek-2024-optimum",
        citation: DEEPSEEK_2024.at("eq. 4"),
        counts: Counts {
            params: None,
            flops: Some(FlopCount::Counted),
        },
        fitted_on: FittedOn {
            data: "DeepSeek's second corpus, isoFLOP parabolas at eight budgets, multi-step schedule",
            params: None,
            tokens: None,
            flops: Range::new(1e17, 3e20),
        },
        constants: &[
            Constant::printed("M1", 0.1715),
            Constant::printed("m", 0.5243),
            Constant::printed("D1", 5.8316),
            Constant::printed("d", 0.4757),
        ],
        note: "The exponent m is 0.450 on the earlier corpus, 0.524 on this one and 0.578 on OpenWebText2: the better the data, the more of the budget goes to size.",
    }],
    valid: "Dense transformers on DeepSeek's data; the paper extrapolates to 67B parameters on 2T tokens.",
    criticism: &[
        "The exponent moves with the corpus, so it should not be taken over to another (the paper's own finding).",
        "On OpenWebText2 others find 0.5 and suspect that DeepSeek repeated it (Porian et al. 2024).",
    ],
    build: |values| Ok(Box::new(DeepseekOptimum::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    const LAW: DeepseekOptimum = DeepseekOptimum::DEEPSEEK_2024;

    #[test]
    fn at_a_hundred_quintillion_flops_the_optimum_is_that_of_the_formula() {
        let budget = flops(1e20);
        assert_near(
            LAW.flops_per_token(budget).unwrap().get() / 1e9,
            5.251,
            5e-4,
        );
        assert_near(LAW.tokens(budget).unwrap().get() / 1e10, 1.905, 5e-4);
    }

    #[test]
    fn compute_a_token_times_data_is_the_budget() {
        for budget in [1e18, 1e21, 1e24] {
            let m = LAW.flops_per_token(flops(budget)).unwrap().get();
            let d = LAW.tokens(flops(budget)).unwrap().get();
            assert_near(m * d / budget, 1.0, 2e-4);
        }
    }
}
