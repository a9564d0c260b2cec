//! Llama 3, 2024: D_opt(C) = A C^alpha training tokens, N_opt(C) = C / (6 D_opt).
//!
//! From isoFLOP parabolas; D tokens seen, C FLOPs, natural logarithms.

use super::source::LLAMA_3_2024;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::formula::{allocate_size, law, parameters, quantity_or_error};
use crate::{Allocation, BestAllocation, Flops, LawError, Tokens};

/// D_opt(C) = A C^alpha (Grattafiori et al. 2024, section 3.2.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Llama3 {
    /// A: the best data at one FLOP, tokens.
    pub a: f64,
    /// Exponent of C.
    pub alpha: f64,
}

parameters!(Llama3 { a, alpha });
law!(Llama3, with best_allocation: BestAllocation);

impl Llama3 {
    /// The constants in the label of figure 3, which give the paper's own choice within 2 %.
    pub const FIGURE: Self = Self {
        a: 0.299,
        alpha: 0.537,
    };

    /// The constants of the text, rounded so that they miss the paper's own choice by a third.
    pub const PRINTED: Self = Self {
        a: 0.29,
        alpha: 0.53,
    };

    /// The best D, tokens.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn tokens(&self, flops: Flops) -> Result<Tokens, LawError> {
        let tokens = self.a * (self.alpha * flops.ln()).exp();
        quantity_or_error(&CARD, "tokens", tokens, || format!("C = {flops}"))
    }
}

impl BestAllocation for Llama3 {
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        let ln_params = flops.ln() - 6f64.ln() - self.tokens(flops)?.ln();
        allocate_size(&CARD, ln_params, flops)
    }
}

const RUNS: FittedOn = FittedOn {
    data: "Llama 3 data mix, 40M to 16B parameters, cosine schedule",
    params: Range::new(4e7, 1.6e10),
    tokens: None,
    flops: Range::new(6e18, 1e22),
};

/// What the catalogue says about [`Llama3`].
pub static CARD: LawCard = LawCard {
    name: "llama-3",
    title: "Best training tokens for a budget, Llama 3",
    formula: "D_opt(C) = A C^alpha; N_opt(C) = C / (6 D_opt)",
    units: "D tokens seen; N parameters; C = 6ND FLOPs",
    log_base: "e",
    citation: LLAMA_3_2024.at("section 3.2.1"),
    parameters: &[
        Parameter::new("A", "tokens at one FLOP", "scale of the best data"),
        Parameter::new("alpha", "1", "exponent of the best data"),
    ],
    published: &[
        PublishedFit {
            name: "llama-3-2024",
            citation: LLAMA_3_2024.at("figure 3, label"),
            counts: Counts::TOTAL,
            fitted_on: RUNS,
            constants: &[
                Constant::printed("A", 0.299),
                Constant::printed("alpha", 0.537),
            ],
            note: "At 3.8e25 FLOPs 16.3T tokens; the paper says 16.55T for 402B parameters.",
        },
        PublishedFit {
            name: "llama-3-2024-printed",
            citation: LLAMA_3_2024.at("section 3.2.1, text"),
            counts: Counts::TOTAL,
            fitted_on: RUNS,
            constants: &[
                Constant::printed("A", 0.29),
                Constant::printed("alpha", 0.53),
            ],
            note: "Rounded: at 3.8e25 FLOPs 10.4T tokens, a third below the paper's own 16.55T. Prefer `llama-3-2024`.",
        },
    ],
    valid: "The Llama 3 data mix; the paper extrapolates from 1e22 to 3.8e25 FLOPs.",
    criticism: &[
        "Printed exponents have two digits, which moves the extrapolated optimum by a third.",
        "The valley flattens with the budget, so the optimum is poorly determined (the paper's own remark).",
    ],
    build: |values| Ok(Box::new(Llama3::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    #[test]
    fn the_flagships_budget_suits_sixteen_trillion_tokens_and_four_hundred_billion_parameters() {
        let best = Llama3::FIGURE.best(flops(3.8e25)).unwrap();
        assert_near(best.tokens.get() / 16.55e12, 1.0, 0.02);
        assert_near(best.params.get() / 402e9, 1.0, 0.04);
    }

    #[test]
    fn the_printed_exponent_misses_the_papers_own_choice() {
        let printed = Llama3::PRINTED.tokens(flops(3.8e25)).unwrap();
        assert_near(printed.get() / 1e12, 10.4, 0.1);
        let exponent = Llama3 {
            alpha: 0.537,
            ..Llama3::PRINTED
        };
        let tokens = exponent.tokens(flops(3.8e25)).unwrap();
        assert_near(tokens.get() / 1e13, 1.58, 0.005);
    }
}
