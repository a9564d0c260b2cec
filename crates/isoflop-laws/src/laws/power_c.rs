//! GPT-4 technical report 2023: L(C) = a C^b + c.
//!
//! L in nats per token, C FLOPs, natural logarithms; b is negative and c is the loss that no
//! compute can lower. The report draws C divided by the large run's C; [`PowerC::normalised`]
//! gives the scale in those units. It published no constants.

use super::source::OPENAI_2023;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};
use crate::{Flops, LawError, Loss, LossCurve};

/// L(C) = a C^b + c (GPT-4 technical report 2023, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerC {
    /// Scale of the loss that compute lowers, nats per token at 1 FLOP.
    pub a: f64,
    /// Exponent of C; negative where compute helps.
    pub b: f64,
    /// Loss that no compute can lower, nats per token.
    pub c: f64,
}

parameters!(PowerC { a, b, c });
curve!(PowerC, of Flops, width 4);

impl CurveFormula<3> for PowerC {
    fn formula<R: Real>(&self, [a, b, c]: [R; 3], ln_c: R) -> R {
        a * (b * ln_c).exp() + c
    }
}

impl PowerC {
    /// L(C), nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, flops: Flops) -> Result<Loss, LawError> {
        Ok(self.gradient_at(flops.get())?.loss)
    }

    /// The scale a when C is divided by that of a reference run, as the report's figure does:
    /// the reducible loss of that run.
    #[must_use]
    pub fn normalised(&self, reference: Flops) -> f64 {
        self.a * (self.b * reference.ln()).exp()
    }
}

/// What the catalogue says about [`PowerC`].
pub static CARD: LawCard = LawCard {
    name: "power-c",
    title: "Final loss from compute alone",
    formula: "L(C) = a C^b + c",
    units: "L nats per token (the report: bits per word of an internal code base); C FLOPs of training",
    log_base: "e",
    citation: OPENAI_2023.at("section 3.1, figure 1"),
    parameters: &[
        Parameter::new(
            "a",
            "nats per token at 1 FLOP",
            "scale of the loss that compute lowers",
        ),
        Parameter::new("b", "1", "exponent of compute, negative"),
        Parameter::new("c", "nats per token", "irreducible loss"),
    ],
    published: &[],
    valid: "Runs of one recipe that are each near the best size for their compute. The report used models with at most 1/10,000 of the target's compute.",
    criticism: &[
        "Says nothing of size and data: runs away from the best size for their compute bias it.",
        "The report gives neither constants, sizes nor errors, so its figure cannot be checked.",
    ],
    build: |values| Ok(Box::new(PowerC::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    #[test]
    fn the_normalised_scale_is_the_reducible_loss_of_the_reference_run() {
        let law = PowerC {
            a: 50.0,
            b: -0.07,
            c: 1.6,
        };
        let reference = flops(2e25);
        let loss = law.loss(reference).unwrap().get();
        assert_near(law.normalised(reference) + law.c, loss, 1e-12);
    }

    #[test]
    fn no_loss_is_given_where_it_would_be_negative() {
        let law = PowerC {
            a: 1.0,
            b: -0.1,
            c: -1.0,
        };
        let error = law.loss(flops(1e20)).unwrap_err().to_string();
        assert!(error.contains("power-c"), "{error}");
    }
}
