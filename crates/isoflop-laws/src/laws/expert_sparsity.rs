//! Abnar et al. 2025, mixtures of experts by their sparsity:
//! L(N, D, S) = a / N^alpha + b / D^beta + c / (1 − S)^lambda + d / ((1 − S)^delta N^gamma) + e.
//!
//! S is the share of experts that a token leaves idle, N all parameters, D tokens seen; L in nats
//! per token, natural logarithms.

use super::source::ABNAR_2025;
use crate::LawError;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};

/// L(N, D, S) = a / N^alpha + b / D^beta + c / (1 − S)^lambda + d / ((1 − S)^delta N^gamma) + e
/// (Abnar et al. 2025, eq. 6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpertSparsity {
    /// Scale of the loss from finite size.
    pub a: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Scale of the loss from finite data.
    pub b: f64,
    /// Exponent of D.
    pub beta: f64,
    /// Scale of the term of sparsity alone.
    pub c: f64,
    /// Exponent of the density 1 − S; negative where sparsity alone helps.
    pub lambda: f64,
    /// Scale of the interaction of sparsity and size.
    pub d: f64,
    /// Exponent of the density in the interaction.
    pub delta: f64,
    /// Exponent of N in the interaction.
    pub gamma: f64,
    /// Irreducible loss, nats per token.
    pub e: f64,
    /// ln(1 − S); zero for a dense model.
    ln_density: f64,
}

parameters!(
    ExpertSparsity {
        a,
        alpha,
        b,
        beta,
        c,
        lambda,
        d,
        delta,
        gamma,
        e
    },
    beside { ln_density: 0.0 }
);
surface!(ExpertSparsity, width 12);

impl SurfaceFormula<10> for ExpertSparsity {
    fn formula<R: Real>(
        &self,
        [a, alpha, b, beta, c, lambda, d, delta, gamma, e]: [R; 10],
        ln_n: R,
        ln_d: R,
    ) -> R {
        let ln_density = R::constant(self.ln_density);
        let of_sparsity = c * (-lambda * ln_density).exp();
        let of_both = d * (-delta * ln_density - gamma * ln_n).exp();
        a * (-alpha * ln_n).exp() + b * (-beta * ln_d).exp() + of_sparsity + of_both + e
    }
}

impl ExpertSparsity {
    /// The same law at sparsity S, from 0 to below 1: idle experts over all experts.
    ///
    /// # Errors
    /// [`LawError::NoValue`] for another sparsity.
    pub fn with_sparsity(self, sparsity: f64) -> Result<Self, LawError> {
        if (0.0..1.0).contains(&sparsity) {
            return Ok(Self {
                ln_density: (1.0 - sparsity).ln(),
                ..self
            });
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as a sparsity from 0 to below 1",
            at: "the experts given".to_owned(),
            value: sparsity,
        })
    }
}

const SECOND_HAND: &str = "as a summary of the paper quotes table 3";

const fn quoted(symbol: &'static str, value: f64) -> Constant {
    Constant::printed(symbol, value).unverified(SECOND_HAND)
}

/// What the catalogue says about [`ExpertSparsity`].
pub static CARD: LawCard = LawCard {
    name: "expert-sparsity",
    title: "Loss of a mixture of experts from size, data and idle experts",
    formula: "L(N, D, S) = a / N^alpha + b / D^beta + c / (1 − S)^lambda + d / ((1 − S)^delta N^gamma) + e",
    units: "L nats per token; N all parameters; D tokens seen; S share of experts that a token leaves idle",
    log_base: "e",
    citation: ABNAR_2025.at("eq. 6"),
    parameters: &[
        Parameter::new("a", "nats per token", "scale of the loss from finite size"),
        Parameter::new("alpha", "1", "exponent of size"),
        Parameter::new("b", "nats per token", "scale of the loss from finite data"),
        Parameter::new("beta", "1", "exponent of data"),
        Parameter::new("c", "nats per token", "scale of sparsity alone"),
        Parameter::new("lambda", "1", "exponent of density alone"),
        Parameter::new("d", "nats per token", "scale of the interaction"),
        Parameter::new("delta", "1", "exponent of density in the interaction"),
        Parameter::new("gamma", "1", "exponent of size in the interaction"),
        Parameter::new("e", "nats per token", "irreducible loss"),
    ],
    published: &[PublishedFit {
        name: "abnar-2025",
        citation: ABNAR_2025.at("table 3"),
        counts: Counts::TOTAL,
        fitted_on: FittedOn::data("mixtures of experts of sparsity 0 to 0.95; 0.98 held out"),
        constants: &[
            quoted("a", 16_612.50),
            quoted("alpha", 0.5962),
            quoted("b", 5_455.67),
            quoted("beta", 0.3954),
            quoted("c", 0.4598),
            quoted("lambda", -0.1666),
            quoted("d", 17.26),
            quoted("delta", 0.1603),
            quoted("gamma", 0.1595),
            quoted("e", 0.94),
        ],
        note: "",
    }],
    valid: "Sparsity up to 0.95 on the data it was fitted on.",
    criticism: &[
        "Explains 99 % of the variance of the runs it was fitted to and 68 % of those held out at sparsity 0.98 (Abnar et al. 2025).",
        "At equal N a sparser model computes less for each token: compare at equal compute, not at equal N.",
    ],
    build: |values| Ok(Box::new(ExpertSparsity::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, check_surface_gradient, params, tokens};

    #[test]
    fn at_equal_total_size_idle_experts_cost_some_loss() {
        let values = CARD.fit("abnar-2025").unwrap().values();
        let law = ExpertSparsity::from_values(&values).unwrap();
        let at = |sparsity: f64| {
            let law = law.with_sparsity(sparsity).unwrap();
            law.loss(params(1e10), tokens(1e11)).unwrap().get()
        };
        let by_hand = 16_612.5 / 1e10f64.powf(0.5962)
            + 5_455.67 / 1e11f64.powf(0.3954)
            + 0.4598 * 0.5f64.powf(0.1666)
            + 17.26 / (0.5f64.powf(0.1603) * 1e10f64.powf(0.1595))
            + 0.94;
        assert_near(at(0.5), by_hand, 1e-12);
        assert!(at(0.95) > at(0.0) && law.with_sparsity(1.0).is_err());
        check_surface_gradient(&CARD, &values, 1e10, 1e11);
    }
}
