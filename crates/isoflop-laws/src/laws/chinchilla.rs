//! Hoffmann et al. 2022, approach 3: L(N, D) = E + A / N^alpha + B / D^beta.
//!
//! L in nats per token, N parameters, D tokens seen, natural logarithms. E is the loss of an
//! infinite model on infinite data; A and B carry the units that make their terms nats.

use super::source::{BESIROGLU_2024, HOFFMANN_2022};
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};
use crate::{Allocation, BestAllocation, Flops, LawError, Loss, Params, Tokens};

/// L(N, D) = E + A / N^alpha + B / D^beta (Hoffmann et al. 2022, eq. 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chinchilla {
    /// E, nats per token: the loss that neither size nor data can lower.
    pub e: f64,
    /// A: scale of the loss from finite size.
    pub a: f64,
    /// B: scale of the loss from finite data.
    pub b: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Exponent of D.
    pub beta: f64,
}

parameters!(Chinchilla {
    e,
    a,
    b,
    alpha,
    beta
});
surface!(Chinchilla, width 7, with best_allocation: BestAllocation);

impl SurfaceFormula<5> for Chinchilla {
    fn formula<R: Real>(&self, [e, a, b, alpha, beta]: [R; 5], ln_n: R, ln_d: R) -> R {
        e + a * (-alpha * ln_n).exp() + b * (-beta * ln_d).exp()
    }
}

impl BestAllocation for Chinchilla {
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        self.optimum(flops)
    }
}

impl Chinchilla {
    /// Hoffmann et al. 2022, approach 3, with all published digits.
    pub const HOFFMANN_2022: Self = Self {
        e: 1.693_373_68,
        a: 406.401_018,
        b: 410.722_827,
        alpha: 0.339_170_84,
        beta: 0.284_908_3,
    };

    /// Hoffmann et al. 2022, approach 3, as eq. 10 prints it: two digits of the exponents.
    pub const HOFFMANN_2022_PRINTED: Self = Self {
        e: 1.69,
        a: 406.4,
        b: 410.7,
        alpha: 0.34,
        beta: 0.28,
    };

    /// Besiroglu et al. 2024: the refit of Hoffmann's reconstructed data.
    pub const BESIROGLU_2024: Self = Self {
        e: 1.8172,
        a: 482.01,
        b: 2085.43,
        alpha: 0.3478,
        beta: 0.3658,
    };

    /// Exponent of C in `N_opt`: beta / (alpha + beta) (Hoffmann et al. 2022, eq. 4).
    #[must_use]
    pub fn params_exponent(&self) -> f64 {
        self.beta / (self.alpha + self.beta)
    }

    /// G of Hoffmann et al. 2022, eq. 4: (alpha A / (beta B))^(1 / (alpha + beta)).
    #[must_use]
    pub fn g(&self) -> f64 {
        (self.ln_ratio() / (self.alpha + self.beta)).exp()
    }

    fn ln_ratio(&self) -> f64 {
        (self.alpha * self.a).ln() - (self.beta * self.b).ln()
    }

    fn require_optimum(&self) -> Result<(), LawError> {
        for (symbol, value) in [
            ("A", self.a),
            ("B", self.b),
            ("alpha", self.alpha),
            ("beta", self.beta),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(LawError::NoOptimum {
                    law: CARD.name,
                    reason: format!("{symbol} = {value}"),
                });
            }
        }
        Ok(())
    }

    /// An allocation from ln N and ln D, C = 6ND.
    fn allocation(ln_params: f64, ln_tokens: f64) -> Result<Allocation, LawError> {
        let out_of_range = |_| LawError::NoValue {
            law: CARD.name,
            what: "as the best size or data",
            at: format!("ln N = {ln_params}, ln D = {ln_tokens}"),
            value: ln_params.exp(),
        };
        let params = Params::new(ln_params.exp()).map_err(out_of_range)?;
        let tokens = Tokens::new(ln_tokens.exp()).map_err(out_of_range)?;
        let flops = Flops::new((6f64.ln() + ln_params + ln_tokens).exp()).map_err(out_of_range)?;
        Ok(Allocation {
            params,
            tokens,
            flops,
        })
    }

    /// The N and D with the smallest loss at C = 6ND (Hoffmann et al. 2022, eq. 4).
    ///
    /// # Errors
    /// [`LawError::NoOptimum`] unless A, B, alpha and beta are positive;
    /// [`LawError::NoValue`] if N or D is too large for a number.
    pub fn optimum(&self, flops: Flops) -> Result<Allocation, LawError> {
        self.require_optimum()?;
        let sum = self.alpha + self.beta;
        let ln_product = flops.ln() - 6f64.ln();
        let ln_params = (self.ln_ratio() + self.beta * ln_product) / sum;
        let best = Self::allocation(ln_params, ln_product - ln_params)?;
        Ok(Allocation { flops, ..best })
    }

    /// The optimum whose size is `params`: the D that suits N, from
    /// alpha A / N^alpha = beta B / D^beta.
    ///
    /// # Errors
    /// As [`Chinchilla::optimum`].
    pub fn optimum_for_params(&self, params: Params) -> Result<Allocation, LawError> {
        self.require_optimum()?;
        let ln_tokens = (self.alpha * params.ln() - self.ln_ratio()) / self.beta;
        Self::allocation(params.ln(), ln_tokens)
    }

    /// The optimum whose data are `tokens`: the N that suits D.
    ///
    /// # Errors
    /// As [`Chinchilla::optimum`].
    pub fn optimum_for_tokens(&self, tokens: Tokens) -> Result<Allocation, LawError> {
        self.require_optimum()?;
        let ln_params = (self.beta * tokens.ln() + self.ln_ratio()) / self.alpha;
        Self::allocation(ln_params, tokens.ln())
    }

    /// The cheapest N and D that reach `loss`, C = 6ND.
    ///
    /// At the optimum A / N^alpha is the share beta / (alpha + beta) of L − E.
    ///
    /// # Errors
    /// [`LawError::NoOptimum`] if `loss` is not above E, and as [`Chinchilla::optimum`].
    pub fn cheapest_for(&self, loss: Loss) -> Result<Allocation, LawError> {
        self.require_optimum()?;
        let reducible = loss.get() - self.e;
        if reducible <= 0.0 {
            return Err(LawError::NoOptimum {
                law: CARD.name,
                reason: format!("a loss of {loss}, which is not above E = {}", self.e),
            });
        }
        let of_size = reducible * self.params_exponent();
        let of_data = reducible - of_size;
        Self::allocation(
            (self.a / of_size).ln() / self.alpha,
            (self.b / of_data).ln() / self.beta,
        )
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter::new("E", "nats per token", "irreducible loss"),
    Parameter::new("A", "nats per token", "scale of the loss from finite size"),
    Parameter::new("B", "nats per token", "scale of the loss from finite data"),
    Parameter::new("alpha", "1", "exponent of size"),
    Parameter::new("beta", "1", "exponent of data"),
];

pub(crate) const MASSIVE_TEXT: FittedOn = FittedOn {
    data: "MassiveText, over 400 Chinchilla-style transformers, cosine schedule matched to D",
    params: Range::new(7e7, 1.6e10),
    tokens: Range::new(5e9, 5e11),
    flops: Range::new(6e18, 3e21),
};

const RECOMPUTED: &str =
    "refitting the 240 reconstructed runs with the paper's objective returns it";
const LONG: &str = "all digits, from the source file of the paper as public refits quote them";

const HOFFMANN: &[Constant] = &[
    Constant::printed("E", 1.693_373_68).confirmed(LONG),
    Constant::printed("A", 406.401_018).confirmed(LONG),
    Constant::printed("B", 410.722_827).confirmed(LONG),
    Constant::printed("alpha", 0.339_170_84).confirmed(LONG),
    Constant::printed("beta", 0.284_908_3).confirmed(LONG),
];

const HOFFMANN_PRINTED: &[Constant] = &[
    Constant::printed("E", 1.69),
    Constant::printed("A", 406.4),
    Constant::printed("B", 410.7),
    Constant::printed("alpha", 0.34),
    Constant::printed("beta", 0.28),
];

const BESIROGLU: &[Constant] = &[
    Constant::printed("E", 1.8172)
        .give_or_take(0.03)
        .confirmed(RECOMPUTED),
    Constant::printed("A", 482.01)
        .give_or_take(124.58)
        .confirmed(RECOMPUTED),
    Constant::printed("B", 2085.43)
        .give_or_take(1293.23)
        .confirmed(RECOMPUTED),
    Constant::printed("alpha", 0.3478)
        .give_or_take(0.02)
        .confirmed(RECOMPUTED),
    Constant::printed("beta", 0.3658)
        .give_or_take(0.02)
        .confirmed(RECOMPUTED),
];

/// What the catalogue says about [`Chinchilla`].
pub static CARD: LawCard = LawCard {
    name: "chinchilla",
    title: "Parametric loss of size and data (approach 3)",
    formula: "L(N, D) = E + A / N^alpha + B / D^beta",
    units: "L nats per token; N parameters, embeddings included; D tokens seen; C = 6ND FLOPs",
    log_base: "e",
    citation: HOFFMANN_2022.at("eq. 2; fit in eq. 10 and appendix D.3"),
    parameters: PARAMETERS,
    published: &[
        PublishedFit {
            name: "hoffmann-2022",
            citation: HOFFMANN_2022.at("eq. 10"),
            counts: Counts::TOTAL,
            fitted_on: MASSIVE_TEXT,
            constants: HOFFMANN,
            note: "All digits; the printed ones are `hoffmann-2022-printed`. The optimum moves with the rounding: at 5.76e23 FLOPs these give 59 tokens a parameter, the printed ones 93.",
        },
        PublishedFit {
            name: "hoffmann-2022-printed",
            citation: HOFFMANN_2022.at("eq. 10"),
            counts: Counts::TOTAL,
            fitted_on: MASSIVE_TEXT,
            constants: HOFFMANN_PRINTED,
            note: "Rounded exponents: they contradict the paper's own 20 tokens a parameter. Prefer `hoffmann-2022` or `besiroglu-2024`.",
        },
        PublishedFit {
            name: "besiroglu-2024",
            citation: BESIROGLU_2024.at("section 3"),
            counts: Counts::TOTAL,
            fitted_on: FittedOn {
                data: "240 runs reconstructed from a figure of Hoffmann et al. 2022 (MassiveText)",
                ..MASSIVE_TEXT
            },
            constants: BESIROGLU,
            note: "Standard errors from 4,000 bootstraps. The objective is the likelihood of a Huber density with a free scale; the plain Huber sum on ln L gives A 477.8, B 2143 and nearly the same optimum.",
        },
    ],
    valid: "One epoch of fresh data, a learning-rate schedule that ends with the run, hyperparameters tuned for each size, dense transformers. Read it near the sizes and budgets it was fitted on.",
    criticism: &[
        "The published approach-3 constants disagree with approaches 1 and 2 and with the model trained from them; the optimiser had stopped early on a mean instead of a sum of losses, and the intervals are far too narrow (Besiroglu et al. 2024).",
        "A, B and the exponents are nearly collinear: many sets of constants fit alike and differ when extrapolated (Besiroglu et al. 2024).",
        "Size and data do not interact in this form; larger models use data better than it says (Farseer, Li et al. 2025).",
    ],
    build: |values| Ok(Box::new(Chinchilla::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops, params, tokens};
    use crate::{Law, LossSurface};
    use proptest::prelude::*;

    fn loss_at(law: &Chinchilla, n: f64, d: f64) -> f64 {
        law.loss(params(n), tokens(d)).unwrap().get()
    }

    #[test]
    fn printed_constants_give_the_losses_of_chinchilla_gpt3_and_gopher() {
        let law = Chinchilla::HOFFMANN_2022_PRINTED;
        assert_near(loss_at(&law, 70e9, 1.4e12), 1.9366, 5e-5);
        assert_near(loss_at(&law, 175e9, 300e9), 2.0023, 5e-5);
        assert_near(loss_at(&law, 280e9, 300e9), 1.9933, 5e-5);
        assert_near(law.g(), 1.34471, 5e-6);
    }

    #[test]
    fn rounding_the_published_constants_moves_the_optimum_at_chinchillas_compute() {
        let printed = Chinchilla::HOFFMANN_2022_PRINTED
            .optimum(flops(5.76e23))
            .unwrap();
        assert_near(printed.params.get() / 1e10, 3.219, 5e-4);
        assert_near(printed.tokens.get() / 1e12, 2.982, 5e-4);
        let long = Chinchilla::HOFFMANN_2022.optimum(flops(5.76e23)).unwrap();
        assert_near(long.params.get() / 1e10, 4.036, 5e-4);
        assert_near(long.tokens.get() / 1e12, 2.379, 5e-4);
    }

    #[test]
    fn besiroglus_constants_give_eighteen_tokens_a_parameter() {
        let law = Chinchilla::BESIROGLU_2024;
        assert_near(loss_at(&law, 70e9, 1.4e12), 1.9739, 5e-5);
        assert_near(loss_at(&law, 175e9, 300e9), 2.0085, 5e-5);
        assert_near(law.g(), 0.119630, 5e-7);
        assert_near(law.params_exponent(), 0.5126, 5e-5);
        let best = law.optimum(flops(5.76e23)).unwrap();
        assert_near(best.params.get() / 1e10, 7.2249, 5e-5);
        assert_near(best.tokens.get() / 1e12, 1.3287, 5e-5);
        assert_near(best.tokens_per_param(), 18.4, 0.05);
        assert_near(
            law.loss(best.params, best.tokens).unwrap().get(),
            1.9744,
            5e-5,
        );
    }

    #[test]
    fn gpt3_was_too_large_for_its_data_by_besiroglus_constants() {
        let law = Chinchilla::BESIROGLU_2024;
        let best = law.optimum(flops(3.15e23)).unwrap();
        assert_near(best.params.get() / 1e10, 5.302, 5e-4);
        assert_near(best.tokens.get() / 1e11, 9.901, 5e-4);
        assert_near(
            law.loss(best.params, best.tokens).unwrap().get(),
            1.9923,
            5e-5,
        );
        let seven = law.optimum_for_params(params(7e9)).unwrap();
        assert_near(seven.tokens.get() / 1e11, 1.444, 5e-4);
    }

    #[test]
    fn constants_of_the_card_are_those_of_the_type() {
        for (name, law) in [
            ("hoffmann-2022", Chinchilla::HOFFMANN_2022),
            ("hoffmann-2022-printed", Chinchilla::HOFFMANN_2022_PRINTED),
            ("besiroglu-2024", Chinchilla::BESIROGLU_2024),
        ] {
            assert_eq!(CARD.fit(name).unwrap().values(), law.values(), "{name}");
        }
    }

    #[test]
    fn a_law_without_a_data_term_has_no_optimum_and_says_so() {
        let flat = Chinchilla {
            b: 0.0,
            ..Chinchilla::BESIROGLU_2024
        };
        let error = flat.optimum(flops(1e21)).unwrap_err().to_string();
        assert!(
            error.contains("chinchilla") && error.contains("B = 0"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn every_question_about_one_optimum_has_one_answer(
            ln_a in 3.0f64..9.0, ln_b in 3.0f64..9.0, alpha in 0.15f64..0.7, beta in 0.15f64..0.7,
            log_c in 17.0f64..27.0,
        ) {
            let law = Chinchilla { e: 1.7, a: ln_a.exp(), b: ln_b.exp(), alpha, beta };
            let best = law.optimum(flops(10f64.powf(log_c))).unwrap();
            let by_size = law.optimum_for_params(best.params).unwrap();
            let by_data = law.optimum_for_tokens(best.tokens).unwrap();
            let by_loss = law.cheapest_for(law.loss(best.params, best.tokens).unwrap()).unwrap();
            for other in [by_size, by_data] {
                prop_assert!((other.flops.get() / best.flops.get() - 1.0).abs() < 1e-9);
            }
            prop_assert!((by_loss.params.get() / best.params.get() - 1.0).abs() < 1e-4);
        }

        #[test]
        fn no_other_size_at_the_same_compute_is_better_than_the_optimum(
            ln_a in 3.0f64..9.0, ln_b in 3.0f64..9.0, alpha in 0.15f64..0.7, beta in 0.15f64..0.7,
            log_c in 17.0f64..27.0, off in -2.0f64..2.0,
        ) {
            let law = Chinchilla { e: 1.7, a: ln_a.exp(), b: ln_b.exp(), alpha, beta };
            let best = law.optimum(flops(10f64.powf(log_c))).unwrap();
            let lowest = loss_at(&law, best.params.get(), best.tokens.get());
            let other = loss_at(&law, best.params.get() * off.exp(), best.tokens.get() / off.exp());
            prop_assert!(other >= lowest * (1.0 - 1e-14));
            let slope = law.gradient(best.params, best.tokens).unwrap().by_ln_input;
            prop_assert!((slope[0] - slope[1]).abs() < 1e-9 * lowest);
        }
    }
}
