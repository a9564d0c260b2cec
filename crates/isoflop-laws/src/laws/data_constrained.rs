//! Muennighoff et al. 2023: the parametric loss with repeated data and excess parameters worth
//! less: L = E + A / N'^alpha + B / D'^beta.
//!
//! D' = U + U R_D* (1 − e^(−R_D / R_D*)) with R_D = D / U − 1 repetitions of U unique tokens;
//! N' = U_N + U_N R_N* (1 − e^(−R_N / R_N*)) with U_N = min(N, N_opt(U)), R_N = N / U_N − 1.
//! L in nats per token, N parameters, D tokens seen, natural logarithms.

use super::source::MUENNIGHOFF_2023;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};
use crate::{Params, Tokens};

/// L = E + A / N'^alpha + B / D'^beta with effective N' and D' (Muennighoff et al. 2023, eq. 5
/// and 6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DataConstrained {
    /// E, nats per token.
    pub e: f64,
    /// A, nats per token.
    pub a: f64,
    /// B, nats per token.
    pub b: f64,
    /// Exponent of N'.
    pub alpha: f64,
    /// Exponent of D'.
    pub beta: f64,
    /// R_D*: repetitions after which a token's further worth has fallen to 1/e.
    pub rd_star: f64,
    /// R_N*: the like for excess parameters.
    pub rn_star: f64,
    /// U, unique tokens; `None` where every token seen is new.
    pub unique: Option<Tokens>,
}

parameters!(
    DataConstrained {
        e,
        a,
        b,
        alpha,
        beta,
        rd_star,
        rn_star
    },
    beside { unique: None }
);
surface!(DataConstrained, width 9);

/// ln of unit + unit R* (1 − e^(−R / R*)), with ln unit given and R = amount / unit − 1.
fn ln_effective<R: Real>(ln_unit: R, ln_amount: R, star: R) -> R {
    let one = R::constant(1.0);
    let repetitions = (ln_amount - ln_unit).exp() - one;
    let worth = star * (one - (-repetitions / star).exp());
    ln_unit + (one + worth).ln()
}

impl SurfaceFormula<7> for DataConstrained {
    fn formula<R: Real>(
        &self,
        [e, a, b, alpha, beta, rd_star, rn_star]: [R; 7],
        ln_n: R,
        ln_d: R,
    ) -> R {
        let ln_unique = match self.unique {
            Some(unique) => ln_d.min(R::constant(unique.ln())),
            None => ln_d,
        };
        // The size for which U tokens are best: alpha A / N^alpha = beta B / U^beta.
        let ln_ratio = (alpha * a).ln() - (beta * b).ln();
        let ln_suited = (ln_ratio + beta * ln_unique) / alpha;
        let ln_n_effective = ln_effective(ln_n.min(ln_suited), ln_n, rn_star);
        let ln_d_effective = ln_effective(ln_unique, ln_d, rd_star);
        e + a * (-alpha * ln_n_effective).exp() + b * (-beta * ln_d_effective).exp()
    }
}

impl DataConstrained {
    /// Muennighoff et al. 2023, with every token new until `unique` is set.
    pub const MUENNIGHOFF_2023: Self = Self {
        e: 1.869_143_678_405_485_8,
        a: 520.824_951_659_918_7,
        b: 1_487.716_093_782_861,
        alpha: 0.352_659_6,
        beta: 0.352_659_6,
        rd_star: 15.387_756,
        rn_star: 5.309_743,
        unique: None,
    };

    /// The same law on a corpus of `unique` tokens.
    #[must_use]
    pub fn with_unique(self, unique: Tokens) -> Self {
        Self {
            unique: Some(unique),
            ..self
        }
    }

    /// D': the tokens of fresh data that are worth as much as D seen tokens.
    #[must_use]
    pub fn effective_tokens(&self, tokens: Tokens) -> Tokens {
        let ln_unique = self.unique.map_or(tokens.ln(), |u| u.ln().min(tokens.ln()));
        let ln_tokens = ln_effective(ln_unique, tokens.ln(), self.rd_star);
        Tokens::new(ln_tokens.exp()).unwrap_or(tokens)
    }

    /// N': the parameters without excess that are worth as much as N.
    #[must_use]
    pub fn effective_params(&self, params: Params, tokens: Tokens) -> Params {
        let ln_unique = self.unique.map_or(tokens.ln(), |u| u.ln().min(tokens.ln()));
        let ln_ratio = (self.alpha * self.a).ln() - (self.beta * self.b).ln();
        let ln_suited = (ln_ratio + self.beta * ln_unique) / self.alpha;
        let ln_params = ln_effective(params.ln().min(ln_suited), params.ln(), self.rn_star);
        Params::new(ln_params.exp()).unwrap_or(params)
    }
}

const CONFIRMED: &str = "e to the power of the constant in the authors' own code";
const AS_IN_CODE: &str = "as in the authors' own code";

/// What the catalogue says about [`DataConstrained`].
pub static CARD: LawCard = LawCard {
    name: "data-constrained",
    title: "Loss of size and data when data are repeated",
    formula: "L = E + A / N'^alpha + B / D'^beta; D' = U + U R_D* (1 − e^(−(D/U − 1) / R_D*)); N' = U_N + U_N R_N* (1 − e^(−(N/U_N − 1) / R_N*)); U_N = min(N, N_opt(U))",
    units: "L nats per token; N parameters; D tokens seen; U unique tokens, at most D; C = 6ND FLOPs",
    log_base: "e",
    citation: MUENNIGHOFF_2023.at("eq. 5 and 6"),
    parameters: &[
        Parameter::new("E", "nats per token", "irreducible loss"),
        Parameter::new("A", "nats per token", "scale of the loss from finite size"),
        Parameter::new("B", "nats per token", "scale of the loss from finite data"),
        Parameter::new("alpha", "1", "exponent of effective size"),
        Parameter::new("beta", "1", "exponent of effective data"),
        Parameter::new("R_D*", "repetitions", "how fast repeated data lose worth"),
        Parameter::new("R_N*", "multiples", "how fast excess parameters lose worth"),
    ],
    published: &[PublishedFit {
        name: "muennighoff-2023",
        citation: MUENNIGHOFF_2023.at("appendix A"),
        counts: Counts::TOTAL,
        fitted_on: FittedOn {
            data: "C4, GPT-2-like transformers, up to 1,500 epochs; the base law on 54 runs, R_D* and R_N* on 182",
            params: Range::new(7e6, 9e9),
            tokens: Range::new(1e8, 9e11),
            flops: None,
        },
        constants: &[
            Constant::printed("E", 1.869_143_678_405_485_8).confirmed(CONFIRMED),
            Constant::printed("A", 520.824_951_659_918_7).confirmed(CONFIRMED),
            Constant::printed("B", 1_487.716_093_782_861).confirmed(CONFIRMED),
            Constant::printed("alpha", 0.352_659_6).confirmed(AS_IN_CODE),
            Constant::printed("beta", 0.352_659_6).confirmed(AS_IN_CODE),
            Constant::printed("R_D*", 15.387_756).confirmed(AS_IN_CODE),
            Constant::printed("R_N*", 5.309_743).confirmed(AS_IN_CODE),
        ],
        note: "alpha and beta were set equal, so size and data grow alike with the budget.",
    }],
    valid: "Up to about 16 epochs; up to 4 are nearly as good as new data.",
    criticism: &[
        "Never says that more epochs hurt, though runs in which they did were left out of the fit.",
        "Repetition lowers the exponent instead of the amount of data in another law (Goyal et al. 2024).",
        "The decay depends on regularisation and on the share of the data that is repeated.",
    ],
    build: |values| Ok(Box::new(DataConstrained::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, params, tokens};
    use crate::{Law, LossSurface};
    use proptest::prelude::*;

    fn law() -> DataConstrained {
        DataConstrained::MUENNIGHOFF_2023.with_unique(tokens(1e10))
    }

    #[test]
    fn the_constants_are_the_exponentials_of_the_published_logarithms() {
        let law = DataConstrained::MUENNIGHOFF_2023;
        assert_near(law.a.ln(), 6.255_414, 1e-12);
        assert_near(law.b.ln(), 7.304_997_4, 1e-12);
        assert_near(law.e.ln(), 0.625_480_4, 1e-12);
        assert_eq!(CARD.fit("muennighoff-2023").unwrap().values(), law.values());
    }

    #[test]
    fn repeating_ten_billion_tokens_four_and_forty_times_gives_the_published_losses() {
        for (seen, expected) in [(1e10, 2.6659), (4e10, 2.5017), (4e11, 2.3930)] {
            let loss = law().loss(params(1e9), tokens(seen)).unwrap();
            assert_near(loss.get(), expected, 5e-5);
        }
    }

    #[test]
    fn four_epochs_are_nearly_as_good_as_new_data_and_forty_are_not() {
        let worth = |seen: f64| law().effective_tokens(tokens(seen)).get() / seen;
        assert_near(worth(1e10), 1.0, 1e-12);
        assert!(worth(4e10) > 0.9);
        assert!(worth(4e11) < 0.5);
        assert_near(worth(5e9), 1.0, 1e-12);
    }

    #[test]
    fn a_size_that_suits_the_unique_data_has_no_excess() {
        let small = params(1e8);
        let effective = law().effective_params(small, tokens(4e10));
        assert_near(effective.get() / 1e8, 1.0, 1e-12);
        let large = law().effective_params(params(1e10), tokens(4e10));
        assert!(large.get() < 1e10);
    }

    proptest! {
        #[test]
        fn gradients_hold_with_repeated_data_and_excess_parameters(
            log_n in 7.0f64..11.0, epochs in 1.2f64..60.0,
        ) {
            let (n, d) = (10f64.powf(log_n), 1e10 * epochs);
            let exact = law().gradient(params(n), tokens(d)).unwrap();
            let at = |n: f64, d: f64, law: DataConstrained| {
                law.loss(params(n), tokens(d)).unwrap().get()
            };
            let h = 1e-5f64;
            let by_n = (at(n * h.exp(), d, law()) - at(n / h.exp(), d, law())) / (2.0 * h);
            let by_d = (at(n, d * h.exp(), law()) - at(n, d / h.exp(), law())) / (2.0 * h);
            prop_assert!((exact.by_ln_input[0] - by_n).abs() < 1e-7);
            prop_assert!((exact.by_ln_input[1] - by_d).abs() < 1e-7);
            let moved = |by: f64| DataConstrained { rd_star: law().rd_star + by, ..law() };
            let by_star = (at(n, d, moved(h)) - at(n, d, moved(-h))) / (2.0 * h);
            prop_assert!((exact.by_parameter[5] - by_star).abs() < 1e-7);
        }
    }
}
