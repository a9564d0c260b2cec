//! Sardana et al. 2023, models that will be served: minimise 6 N D + 2 N D_inf over all N and D
//! with L(N, D) = E + A / N^alpha + B / D^beta = l.
//!
//! N parameters, D tokens of training, D_inf tokens served over the model's life, L in nats per
//! token, natural logarithms. The constants are those of the parametric law.

use super::source::SARDANA_2023;
use crate::card::{LawCard, Parameter};
use crate::formula::{law, parameters, quantity_or_error};
use crate::laws::Chinchilla;
use crate::{Flops, LawError, Loss, Params, Tokens};

/// The parametric law with the cost 6 N D + 2 N D_inf (Sardana et al. 2023, eq. 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
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
}

parameters!(Served {
    e,
    a,
    b,
    alpha,
    beta
});
law!(Served);

/// The cheapest model of a given loss over its whole life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lifetime {
    /// Model size N.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// Training and serving together, 6 N D + 2 N D_inf.
    pub flops: Flops,
}

impl From<Chinchilla> for Served {
    fn from(law: Chinchilla) -> Self {
        Self {
            e: law.e,
            a: law.a,
            b: law.b,
            alpha: law.alpha,
            beta: law.beta,
        }
    }
}

impl Served {
    fn additive(&self) -> Chinchilla {
        Chinchilla {
            e: self.e,
            a: self.a,
            b: self.b,
            alpha: self.alpha,
            beta: self.beta,
        }
    }

    /// The cheapest N and D that reach `loss` when D_inf tokens will be served.
    ///
    /// With x = A / N^alpha the share of the loss that size leaves, the condition of first order
    /// is (D + D_inf / 3) beta B / D^beta = D alpha x; x grows with D_inf.
    ///
    /// # Errors
    /// As [`Chinchilla::cheapest_for`]; [`LawError::NoValue`] where a number is too large.
    pub fn cheapest(&self, loss: Loss, served: Tokens) -> Result<Lifetime, LawError> {
        // Without serving the optimum is known, and serving only makes the model smaller.
        let unserved = self.additive().cheapest_for(loss)?;
        let reducible = loss.get() - self.e;
        let ln_tokens = |of_size: f64| (self.b / (reducible - of_size)).ln() / self.beta;
        let excess = |of_size: f64| {
            let serving = served.get() / 3.0 / ln_tokens(of_size).exp();
            (1.0 + serving) * self.beta * (reducible - of_size) - self.alpha * of_size
        };
        let (mut lo, mut hi) = (
            self.a * (-self.alpha * unserved.params.ln()).exp(),
            reducible,
        );
        for _ in 0..200 {
            let middle = f64::midpoint(lo, hi);
            if excess(middle) > 0.0 {
                lo = middle;
            } else {
                hi = middle;
            }
        }
        self.lifetime((self.a / lo).ln() / self.alpha, ln_tokens(lo), served)
    }

    fn lifetime(
        &self,
        ln_params: f64,
        ln_tokens: f64,
        served: Tokens,
    ) -> Result<Lifetime, LawError> {
        let at = || format!("D_inf = {served}");
        let params: Params = quantity_or_error(&CARD, "parameters", ln_params.exp(), at)?;
        let tokens: Tokens = quantity_or_error(&CARD, "tokens", ln_tokens.exp(), at)?;
        let total = params.get() * (6.0 * tokens.get() + 2.0 * served.get());
        Ok(Lifetime {
            params,
            tokens,
            flops: quantity_or_error(&CARD, "FLOPs", total, at)?,
        })
    }
}

/// What the catalogue says about [`Served`].
pub static CARD: LawCard = LawCard {
    name: "served",
    title: "Cheapest size and data of a loss when the model will be served",
    formula: "minimise 6 N D + 2 N D_inf where E + A / N^alpha + B / D^beta = l",
    units: "l nats per token; N parameters; D tokens of training; D_inf tokens served; cost in FLOPs",
    log_base: "e",
    citation: SARDANA_2023.at("eq. 2"),
    parameters: &[
        Parameter::new("E", "nats per token", "irreducible loss"),
        Parameter::new("A", "nats per token", "scale of the loss from finite size"),
        Parameter::new("B", "nats per token", "scale of the loss from finite data"),
        Parameter::new("alpha", "1", "exponent of size"),
        Parameter::new("beta", "1", "exponent of data"),
    ],
    published: &[],
    valid: "Any constants of the parametric law (`chinchilla`); `isoflop plan` does the same for every law of size and data.",
    criticism: &[
        "FLOPs are not money: serving uses hardware less well than training, which makes still smaller models best (Sardana et al. 2023, section 3).",
        "It leans on the loss far beyond 20 tokens a parameter, where the parametric law was hardly fitted.",
    ],
    build: |values| Ok(Box::new(Served::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, flops, tokens};

    fn law() -> Served {
        Served::from(Chinchilla::BESIROGLU_2024)
    }

    fn at_a_budget(budget: f64) -> (crate::Allocation, Loss) {
        let surface = Chinchilla::BESIROGLU_2024;
        let best = surface.optimum(flops(budget)).unwrap();
        (best, surface.loss(best.params, best.tokens).unwrap())
    }

    #[test]
    fn a_model_that_is_hardly_served_is_the_optimum() {
        let (best, loss) = at_a_budget(1e23);
        let found = law().cheapest(loss, tokens(1.0)).unwrap();
        assert_near(found.params.get() / best.params.get(), 1.0, 1e-6);
        assert_near(found.flops.get() / 1e23, 1.0, 1e-6);
    }

    #[test]
    fn no_other_model_of_the_same_loss_costs_less_over_its_life() {
        let (_, loss) = at_a_budget(1e23);
        let served = tokens(5e12);
        let found = law().cheapest(loss, served).unwrap();
        let surface = Chinchilla::BESIROGLU_2024;
        let reached = surface.loss(found.params, found.tokens).unwrap();
        assert_near(reached.get(), loss.get(), 1e-9);
        for factor in [0.9, 0.99, 1.01, 1.1] {
            let size = found.params.get() * factor;
            let left = loss.get() - surface.e - surface.a * size.powf(-surface.alpha);
            let data = (surface.b / left).powf(1.0 / surface.beta);
            let cost = size * (6.0 * data + 2.0 * served.get());
            assert!(cost > found.flops.get(), "{factor}");
        }
    }

    #[test]
    fn the_more_a_model_is_served_the_smaller_it_should_be() {
        let (best, loss) = at_a_budget(1e23);
        let mut last = best.params;
        for served in [1e11, 1e12, 1e13, 1e15] {
            let found = law().cheapest(loss, tokens(served)).unwrap();
            assert!(found.params < last && found.tokens > best.tokens);
            last = found.params;
        }
        assert!(
            law()
                .cheapest(Loss::new(1.8).unwrap(), tokens(1.0))
                .is_err()
        );
    }
}
