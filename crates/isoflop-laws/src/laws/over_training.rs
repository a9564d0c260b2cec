//! Gadre et al. 2024: L(C, M) = E + (a M^eta + b M^(−eta)) C^(−eta) with M = D / N.
//!
//! L in nats per token, M tokens per parameter, C = 6ND FLOPs, natural logarithms. It is
//! E + A / N^alpha + B / D^alpha with eta = alpha / 2: the exponents of size and data are one.

use super::source::GADRE_2024;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, allocate_size, parameters, surface};
use crate::{Allocation, BestAllocation, Flops, LawError};

/// L(C, M) = E + (a M^eta + b M^(−eta)) C^(−eta) (Gadre et al. 2024, eq. 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverTraining {
    /// E, nats per token.
    pub e: f64,
    /// Scale of the loss from finite size.
    pub a: f64,
    /// Scale of the loss from finite data.
    pub b: f64,
    /// Half the common exponent of size and data.
    pub eta: f64,
}

parameters!(OverTraining { e, a, b, eta });
surface!(OverTraining, width 6, with best_allocation: BestAllocation);

impl SurfaceFormula<4> for OverTraining {
    fn formula<R: Real>(&self, [e, a, b, eta]: [R; 4], ln_n: R, ln_d: R) -> R {
        let ln_m = ln_d - ln_n;
        let ln_c = R::constant(6f64.ln()) + ln_n + ln_d;
        e + (a * (eta * ln_m).exp() + b * (-eta * ln_m).exp()) * (-eta * ln_c).exp()
    }
}

impl OverTraining {
    /// M at which the loss is smallest for every budget: (b / a)^(1 / (2 eta)), tokens per
    /// parameter.
    ///
    /// # Errors
    /// [`LawError::NoOptimum`] unless a, b and eta are positive.
    pub fn best_ratio(&self) -> Result<f64, LawError> {
        let ratio = (self.b / self.a).powf(0.5 / self.eta);
        if self.a > 0.0 && self.eta > 0.0 && ratio.is_finite() && ratio > 0.0 {
            return Ok(ratio);
        }
        Err(LawError::NoOptimum {
            law: CARD.name,
            reason: format!("a = {}, b = {}, eta = {}", self.a, self.b, self.eta),
        })
    }
}

impl BestAllocation for OverTraining {
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        let ln_params = 0.5 * (flops.ln() - 6f64.ln() - self.best_ratio()?.ln());
        allocate_size(&CARD, ln_params, flops)
    }
}

/// What the catalogue says about [`OverTraining`].
pub static CARD: LawCard = LawCard {
    name: "over-training",
    title: "Loss of compute and tokens per parameter",
    formula: "L(C, M) = E + (a M^eta + b M^(−eta)) C^(−eta); M = D / N",
    units: "L nats per token; C = 6ND FLOPs; M tokens per parameter",
    log_base: "e",
    citation: GADRE_2024.at("eq. 4"),
    parameters: &[
        Parameter::new("E", "nats per token", "irreducible loss"),
        Parameter::new("a", "nats per token", "scale of the loss from finite size"),
        Parameter::new("b", "nats per token", "scale of the loss from finite data"),
        Parameter::new("eta", "1", "half the exponent of size and data"),
    ],
    published: &[],
    valid: "Over-trained models: the paper's runs have 20 to 640 tokens a parameter.",
    criticism: &[
        "Sets the exponents of size and data equal, so the best ratio never moves with compute.",
        "Hyperparameters were tuned at 20 tokens a parameter only (Gadre et al. 2024).",
    ],
    build: |values| Ok(Box::new(OverTraining::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::Chinchilla;
    use crate::laws::testing::{assert_near, flops, params, tokens};

    #[test]
    fn it_is_the_parametric_law_with_equal_exponents() {
        let additive = Chinchilla {
            e: 1.87,
            a: 521.0,
            b: 1488.0,
            alpha: 0.353,
            beta: 0.353,
        };
        let eta: f64 = 0.353 / 2.0;
        let sixth = 6f64.powf(eta);
        let law = OverTraining {
            e: 1.87,
            a: 521.0 * sixth,
            b: 1488.0 * sixth,
            eta,
        };
        for (n, d) in [(1e8, 2e9), (1e9, 6e11), (7e10, 1.4e12)] {
            let one = law.loss(params(n), tokens(d)).unwrap().get();
            let other = additive.loss(params(n), tokens(d)).unwrap().get();
            assert_near(one, other, 1e-12);
        }
        let best = law.best(flops(1e22)).unwrap();
        let expected = additive.best(flops(1e22)).unwrap();
        assert_near(best.params.get() / expected.params.get(), 1.0, 1e-9);
        assert_near(best.tokens_per_param(), law.best_ratio().unwrap(), 1e-9);
    }
}
