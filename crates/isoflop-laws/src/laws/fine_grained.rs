//! Krajewski et al. 2024, fine-grained experts:
//! L(N, D, G) = c + (g / G^gamma + a) / N^alpha + b / D^beta.
//!
//! G is the granularity: how many small experts replace one of the size of the dense layer. L in
//! nats per token, N parameters, D tokens seen, natural logarithms; expansion fixed at 64.

use super::source::KRAJEWSKI_2024;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};
use crate::{LawError, ParamCount};

/// L(N, D, G) = c + (g / G^gamma + a) / N^alpha + b / D^beta (Krajewski et al. 2024, eq. 9).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FineGrained {
    /// Irreducible loss, nats per token.
    pub c: f64,
    /// Scale of what coarse experts cost.
    pub g: f64,
    /// Exponent of the granularity.
    pub gamma: f64,
    /// Scale of the loss from finite size.
    pub a: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Scale of the loss from finite data.
    pub b: f64,
    /// Exponent of D.
    pub beta: f64,
    /// ln G; zero for experts of the dense layer's size.
    ln_granularity: f64,
}

parameters!(
    FineGrained {
        c,
        g,
        gamma,
        a,
        alpha,
        b,
        beta
    },
    beside {
        ln_granularity: 0.0
    }
);
surface!(FineGrained, width 9);

impl SurfaceFormula<7> for FineGrained {
    fn formula<R: Real>(&self, [c, g, gamma, a, alpha, b, beta]: [R; 7], ln_n: R, ln_d: R) -> R {
        let of_grain = g * (-gamma * R::constant(self.ln_granularity)).exp();
        c + (of_grain + a) * (-alpha * ln_n).exp() + b * (-beta * ln_d).exp()
    }
}

impl FineGrained {
    /// The same law at granularity G, 1 or more.
    ///
    /// # Errors
    /// [`LawError::NoValue`] for a granularity below one.
    pub fn with_granularity(self, granularity: f64) -> Result<Self, LawError> {
        if granularity.is_finite() && granularity >= 1.0 {
            return Ok(Self {
                ln_granularity: granularity.ln(),
                ..self
            });
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as a granularity",
            at: "the experts given".to_owned(),
            value: granularity,
        })
    }
}

/// What the catalogue says about [`FineGrained`].
pub static CARD: LawCard = LawCard {
    name: "fine-grained",
    title: "Loss of a mixture of experts of a given granularity",
    formula: "L(N, D, G) = c + (g / G^gamma + a) / N^alpha + b / D^beta",
    units: "L nats per token; N parameters; D tokens seen; G granularity, 1 for experts of the dense layer's size",
    log_base: "e",
    citation: KRAJEWSKI_2024.at("eq. 9"),
    parameters: &[
        Parameter::new("c", "nats per token", "irreducible loss"),
        Parameter::new("g", "nats per token", "scale of what coarse experts cost"),
        Parameter::new("gamma", "1", "exponent of granularity"),
        Parameter::new("a", "nats per token", "scale of the loss from finite size"),
        Parameter::new("alpha", "1", "exponent of size"),
        Parameter::new("b", "nats per token", "scale of the loss from finite data"),
        Parameter::new("beta", "1", "exponent of data"),
    ],
    published: &[PublishedFit {
        name: "krajewski-2024",
        citation: KRAJEWSKI_2024.at("table 1"),
        counts: Counts {
            params: Some(ParamCount::NonEmbedding),
            flops: None,
        },
        fitted_on: FittedOn {
            data: "C4, more than 100 mixtures of experts, expansion 64, granularity 1 to 16",
            params: Range::new(1.29e8, 3.7e9),
            tokens: Range::new(1.6e10, 1.3e11),
            flops: None,
        },
        constants: &[
            Constant::printed("c", 0.47),
            Constant::printed("g", 2.1),
            Constant::printed("gamma", 0.58),
            Constant::printed("a", 18.1),
            Constant::printed("alpha", 0.115),
            Constant::printed("b", 30.8),
            Constant::printed("beta", 0.147),
        ],
        note: "That N counts no embeddings is at second hand: see the paper before converting.",
    }],
    valid: "Expansion 64; granularity up to 16.",
    criticism: &[
        "Small exponents and a small irreducible loss, found together: neither is determined alone.",
        "Holds for one expansion; the joint law of Ludziejewski et al. 2025 varies it.",
    ],
    build: |values| Ok(Box::new(FineGrained::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, params, tokens};

    #[test]
    fn finer_experts_lower_the_loss_and_ever_less() {
        let law = FineGrained::from_values(&CARD.fit("krajewski-2024").unwrap().values()).unwrap();
        let at = |granularity| {
            let law = law.with_granularity(granularity).unwrap();
            law.loss(params(1e9), tokens(1e11)).unwrap().get()
        };
        let by_hand =
            0.47 + (2.1 / 8f64.powf(0.58) + 18.1) / 1e9f64.powf(0.115) + 30.8 / 1e11f64.powf(0.147);
        assert_near(at(8.0), by_hand, 1e-12);
        assert!(at(1.0) - at(2.0) > at(8.0) - at(16.0));
        assert!(law.with_granularity(0.0).is_err());
    }
}
