//! Hoffmann et al. 2022, approach 1: N_opt(C) = k C^a, D_opt(C) = C / (6 N_opt).
//!
//! The envelope: at each of 1,500 budgets, the run with the smallest loss of all training curves.
//! N parameters with embeddings, D tokens, C = 6ND FLOPs, natural logarithms.

use super::source::HOFFMANN_2022;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::formula::{allocate_size, law, parameters};
use crate::laws::chinchilla::MASSIVE_TEXT;
use crate::{Allocation, BestAllocation, Flops, LawError};

/// N_opt(C) = k C^a from the envelope of training curves (Hoffmann et al. 2022, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Envelope {
    /// k: the best size at one FLOP, parameters.
    pub k: f64,
    /// Exponent of C.
    pub a: f64,
}

parameters!(Envelope { k, a });
law!(Envelope, with best_allocation: BestAllocation);

impl Envelope {
    /// The line through the paper's table of best budgets, table 3.
    pub const HOFFMANN_2022: Self = Self {
        k: 0.099357,
        a: 0.49809,
    };

    /// Exponent of the best D: 1 − a.
    #[must_use]
    pub fn tokens_exponent(&self) -> f64 {
        1.0 - self.a
    }
}

impl BestAllocation for Envelope {
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        allocate_size(&CARD, self.k.ln() + self.a * flops.ln(), flops)
    }
}

/// What the catalogue says about [`Envelope`].
pub static CARD: LawCard = LawCard {
    name: "envelope",
    title: "Best size from the envelope of training curves (approach 1)",
    formula: "N_opt(C) = k C^a; D_opt(C) = C / (6 N_opt)",
    units: "N parameters, embeddings included; D tokens seen; C = 6ND FLOPs",
    log_base: "e",
    citation: HOFFMANN_2022.at("section 3.1"),
    parameters: &[
        Parameter::new("k", "parameters at one FLOP", "scale of the best size"),
        Parameter::new("a", "1", "exponent of the best size"),
    ],
    published: &[PublishedFit {
        name: "hoffmann-2022-envelope",
        citation: HOFFMANN_2022.at("table 3, table 2"),
        counts: Counts::TOTAL,
        fitted_on: MASSIVE_TEXT,
        constants: &[
            Constant::derived(
                "k",
                0.099357,
                "the line through table 3, its 67B row left out, which is rounded to two digits",
            ),
            Constant::derived(
                "a",
                0.49809,
                "the line through table 3; table 2 prints 0.50 and for D 0.50 (0.501–0.512)",
            )
            .within(0.488, 0.502, 0.8),
        ],
        note: "The interval is from the 10th to the 90th percentile of bootstraps.",
    }],
    valid: "Training curves of many sizes, each with several schedule lengths.",
    criticism: &[
        "Losses in the middle of a schedule are above those of a run that ends there; only the last 15 % of each curve may count.",
        "The envelope is read off a few sizes: its steps are as wide as their spacing.",
    ],
    build: |values| Ok(Box::new(Envelope::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    /// (N, C, D in billions): table 3.
    const TABLE: [(f64, f64, f64); 9] = [
        (400e6, 1.92e19, 8.0),
        (1e9, 1.21e20, 20.2),
        (10e9, 1.23e22, 205.1),
        (67e9, 5.76e23, 1500.0),
        (175e9, 3.85e24, 3700.0),
        (280e9, 9.90e24, 5900.0),
        (520e9, 3.43e25, 11000.0),
        (1e12, 1.27e26, 21200.0),
        (10e12, 1.30e28, 216_200.0),
    ];

    #[test]
    fn the_papers_table_is_reproduced_within_its_rounding() {
        for (params, compute, billions) in TABLE {
            let best = Envelope::HOFFMANN_2022.best(flops(compute)).unwrap();
            // The 67B row is printed with two digits of N, all others with three of C.
            let within = if params == 67e9 { 0.015 } else { 0.005 };
            assert_near(best.params.get() / params, 1.0, within);
            // 1.5T has two digits, and so has its N.
            let digits = if params == 67e9 { 0.06 } else { 0.02 };
            assert_near(best.tokens.get() / (billions * 1e9), 1.0, digits);
        }
    }

    #[test]
    fn seven_billion_parameters_suit_about_a_hundred_and_forty_billion_tokens() {
        // The budget at which 7e9 parameters are best.
        let law = Envelope::HOFFMANN_2022;
        let compute = ((7e9f64 / law.k).ln() / law.a).exp();
        let best = law.best(flops(compute)).unwrap();
        assert_near(best.params.get() / 7e9, 1.0, 1e-9);
        assert_near(best.tokens.get() / 1.4e11, 1.0, 0.1);
    }
}
