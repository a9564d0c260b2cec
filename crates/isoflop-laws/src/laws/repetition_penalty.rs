//! Lovelace et al. 2026: the parametric loss with a penalty for repeated data, which grows with the
//! repetitions and with the size of the model beside its data:
//! L = E + A / N^alpha + B / D^beta + P R_D^delta (N / U)^kappa.
//!
//! R_D = D / U − 1 repetitions of U unique tokens, D tokens seen. L in nats per token, N parameters,
//! natural logarithms. Unlike the law of Muennighoff et al. 2023 it says that more epochs can hurt.

use super::source::LOVELACE_2026;
use crate::Tokens;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};

/// L = E + A / N^alpha + B / D^beta + P R_D^delta (N / U)^kappa (Lovelace et al. 2026, the form with
/// an exponent of its own for repetitions).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RepetitionPenalty {
    /// E, nats per token.
    pub e: f64,
    /// A, nats per token.
    pub a: f64,
    /// B, nats per token.
    pub b: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Exponent of D.
    pub beta: f64,
    /// P, nats per token: the penalty of two epochs of a model with one parameter a unique token.
    pub p: f64,
    /// Exponent of the repetitions.
    pub delta: f64,
    /// Exponent of the parameters a unique token.
    pub kappa: f64,
    /// U, unique tokens; `None` where every token seen is new.
    pub unique: Option<Tokens>,
}

parameters!(
    RepetitionPenalty {
        e,
        a,
        b,
        alpha,
        beta,
        p,
        delta,
        kappa
    },
    beside { unique: None }
);
surface!(RepetitionPenalty, width 10);

/// Repetitions that are rounding: tokens seen once have none.
const ONCE: f64 = 1e-9;

impl SurfaceFormula<8> for RepetitionPenalty {
    fn formula<R: Real>(
        &self,
        [e, a, b, alpha, beta, p, delta, kappa]: [R; 8],
        ln_n: R,
        ln_d: R,
    ) -> R {
        let plain = e + a * (-alpha * ln_n).exp() + b * (-beta * ln_d).exp();
        let Some(unique) = self.unique else {
            return plain;
        };
        let ln_unique = R::constant(unique.ln());
        let repetitions = (ln_d - ln_unique).exp() - R::constant(1.0);
        // Not a number compares as false: such inputs make such a loss.
        if repetitions.value() <= ONCE {
            return plain;
        }
        plain + p * (delta * repetitions.ln() + kappa * (ln_n - ln_unique)).exp()
    }
}

impl RepetitionPenalty {
    /// The same law on a corpus of `unique` tokens.
    #[must_use]
    pub fn with_unique(self, unique: Tokens) -> Self {
        Self {
            unique: Some(unique),
            ..self
        }
    }
}

/// What the catalogue says about [`RepetitionPenalty`].
pub static CARD: LawCard = LawCard {
    name: "repetition-penalty",
    title: "Loss of size and data with a penalty for repeated data",
    formula: "L = E + A / N^alpha + B / D^beta + P (D/U − 1)^delta (N/U)^kappa",
    units: "L nats per token; N parameters; D tokens seen; U unique tokens, at most D; C = 6ND FLOPs",
    log_base: "e",
    citation: LOVELACE_2026.at("the form with exponents delta and kappa"),
    parameters: &[
        Parameter::new("E", "nats per token", "irreducible loss"),
        Parameter::new("A", "nats per token", "scale of the loss from finite size"),
        Parameter::new("B", "nats per token", "scale of the loss from finite data"),
        Parameter::new("alpha", "1", "exponent of size"),
        Parameter::new("beta", "1", "exponent of data"),
        Parameter::new("P", "nats per token", "scale of the penalty"),
        Parameter::new("delta", "1", "exponent of repetitions"),
        Parameter::new("kappa", "1", "exponent of parameters a unique token"),
    ],
    published: &[],
    valid: "Fitted by its authors to models of 15M to 1B parameters on 50M to 6B unique tokens, up to 16 epochs.",
    criticism: &[
        "The penalty has no end: far beyond the runs a large model on few tokens gets losses above chance.",
        "It takes a token seen again for as good as a new one but for the penalty; where repetition only helps less, `data-constrained` says so with one constant.",
        "The penalty depends on regularisation: its authors' weight decay of 1 lowered it by about 70 %.",
    ],
    build: |values| Ok(Box::new(RepetitionPenalty::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, params, tokens};
    use crate::laws::{Chinchilla, DataConstrained};
    use crate::{Law, LossSurface};
    use proptest::prelude::*;

    const LAW: RepetitionPenalty = RepetitionPenalty {
        e: 1.8,
        a: 480.0,
        b: 2000.0,
        alpha: 0.35,
        beta: 0.37,
        p: 0.05,
        delta: 0.6,
        kappa: 0.8,
        unique: None,
    };

    fn loss(law: &impl LossSurface, n: f64, d: f64) -> f64 {
        law.loss(params(n), tokens(d)).unwrap().get()
    }

    #[test]
    fn tokens_seen_once_have_no_penalty() {
        let plain = Chinchilla::from_values(&LAW.values()[..5]).unwrap();
        for law in [LAW, LAW.with_unique(tokens(2e10))] {
            assert_near(loss(&law, 1e9, 2e10), loss(&plain, 1e9, 2e10), 1e-12);
        }
        // Two epochs and one parameter a unique token: P by its definition.
        let twice = LAW.with_unique(tokens(1e9));
        assert_near(loss(&twice, 1e9, 2e9) - loss(&plain, 1e9, 2e9), 0.05, 1e-12);
    }

    #[test]
    fn more_epochs_hurt_large_models_and_help_small_ones_unlike_in_the_law_without_penalty() {
        let law = LAW.with_unique(tokens(1e8));
        let without = DataConstrained::MUENNIGHOFF_2023.with_unique(tokens(1e8));
        assert!(loss(&law, 4e8, 3e10) > loss(&law, 4e8, 3e9));
        assert!(loss(&law, 5e6, 3e10) < loss(&law, 5e6, 3e9));
        assert!(loss(&without, 4e8, 3e10) < loss(&without, 4e8, 3e9));
    }

    proptest! {
        #[test]
        fn gradients_hold_with_repeated_data(log_n in 7.0f64..10.0, epochs in 1.2f64..1e3) {
            let law = LAW.with_unique(tokens(1e9));
            let (n, d) = (10f64.powf(log_n), 1e9 * epochs);
            let exact = law.gradient(params(n), tokens(d)).unwrap();
            let h = 1e-5f64;
            let by_n = (loss(&law, n * h.exp(), d) - loss(&law, n / h.exp(), d)) / (2.0 * h);
            let by_d = (loss(&law, n, d * h.exp()) - loss(&law, n, d / h.exp())) / (2.0 * h);
            prop_assert!((exact.by_ln_input[0] - by_n).abs() < 1e-6 * (1.0 + by_n.abs()));
            prop_assert!((exact.by_ln_input[1] - by_d).abs() < 1e-6 * (1.0 + by_d.abs()));
            for k in 5..8 {
                let moved = |by: f64| {
                    let mut values = law.values();
                    values[k] += by;
                    let moved = RepetitionPenalty::from_values(&values).unwrap();
                    loss(&moved.with_unique(tokens(1e9)), n, d)
                };
                let difference = (moved(h) - moved(-h)) / (2.0 * h);
                let error = (exact.by_parameter[k] - difference).abs();
                prop_assert!(error < 1e-6 * (1.0 + difference.abs()), "{k}");
            }
        }
    }
}
