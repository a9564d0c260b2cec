//! GPT-4 technical report 2023: −E_P[ln pass_rate(C)] = alpha C^(−k).
//!
//! The mean over problems P of the negative natural logarithm of the pass rate; C training
//! FLOPs. The report published no constants.

use super::source::OPENAI_2023;
use crate::card::{LawCard, Parameter};
use crate::formula::{law, parameters};
use crate::{Flops, LawError};

/// −E[ln pass rate] = alpha C^(−k) (GPT-4 technical report 2023, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capability {
    /// alpha: −E[ln pass rate] at one FLOP.
    pub alpha: f64,
    /// Exponent of C, positive where compute helps.
    pub k: f64,
}

parameters!(Capability { alpha, k });
law!(Capability);

impl Capability {
    /// The mean of −ln(pass rate) over the problems; zero when all pass.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives a negative or infinite number.
    pub fn mean_neg_ln_pass(&self, flops: Flops) -> Result<f64, LawError> {
        let value = self.alpha * (-self.k * flops.ln()).exp();
        if value.is_finite() && value >= 0.0 {
            return Ok(value);
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as the mean of −ln(pass rate)",
            at: format!("C = {flops}"),
            value,
        })
    }

    /// The geometric mean of the pass rates, between 0 and 1: at most their mean.
    ///
    /// # Errors
    /// As [`Capability::mean_neg_ln_pass`].
    pub fn pass_rate(&self, flops: Flops) -> Result<f64, LawError> {
        Ok((-self.mean_neg_ln_pass(flops)?).exp())
    }

    /// The derivatives of the mean by (alpha, k) and by ln C.
    ///
    /// # Errors
    /// As [`Capability::mean_neg_ln_pass`].
    pub fn gradient(&self, flops: Flops) -> Result<([f64; 2], f64), LawError> {
        let value = self.mean_neg_ln_pass(flops)?;
        let by_alpha = (-self.k * flops.ln()).exp();
        Ok(([by_alpha, -value * flops.ln()], -self.k * value))
    }
}

/// What the catalogue says about [`Capability`].
pub static CARD: LawCard = LawCard {
    name: "capability",
    title: "Pass rate of a task from compute",
    formula: "−E_P[ln pass_rate(C)] = alpha C^(−k)",
    units: "pass_rate between 0 and 1, averaged over problems P of like difficulty; C FLOPs of training",
    log_base: "e",
    citation: OPENAI_2023.at("section 3.2, figure 2"),
    parameters: &[
        Parameter::new("alpha", "1 at one FLOP", "scale"),
        Parameter::new("k", "1", "exponent of compute"),
    ],
    published: &[],
    valid: "Problems that the smallest models pass sometimes; the report groups them by difficulty and leaves out the hardest bucket.",
    criticism: &[
        "A single problem that no small model passes makes the mean infinite: problems must be grouped or left out, which chooses the outcome.",
        "Some capabilities fall with scale before they rise (the report's own remark on inverse scaling).",
    ],
    build: |values| Ok(Box::new(Capability::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    #[test]
    fn a_thousandfold_compute_divides_the_mean_by_a_thousand_to_the_k() {
        let law = Capability { alpha: 3e4, k: 0.2 };
        let small = law.mean_neg_ln_pass(flops(1e20)).unwrap();
        let large = law.mean_neg_ln_pass(flops(1e23)).unwrap();
        assert_near(small / large, 1000f64.powf(0.2), 1e-9);
        assert_near(law.pass_rate(flops(1e20)).unwrap(), (-small).exp(), 1e-15);
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let law = Capability { alpha: 3e4, k: 0.2 };
        let c = flops(1e22);
        let at = |alpha, k, c: f64| Capability { alpha, k }.mean_neg_ln_pass(flops(c)).unwrap();
        let (by_parameter, by_ln_c) = law.gradient(c).unwrap();
        let h = 1e-6;
        let by_k = (at(3e4, 0.2 + h, 1e22) - at(3e4, 0.2 - h, 1e22)) / (2.0 * h);
        let by_alpha = (at(3e4 + 1.0, 0.2, 1e22) - at(3e4 - 1.0, 0.2, 1e22)) / 2.0;
        let by_c = (at(3e4, 0.2, 1e22 * h.exp()) - at(3e4, 0.2, 1e22 / h.exp())) / (2.0 * h);
        assert_near(by_parameter[0] / by_alpha, 1.0, 1e-6);
        assert_near(by_parameter[1] / by_k, 1.0, 1e-6);
        assert_near(by_ln_c / by_c, 1.0, 1e-6);
    }

    #[test]
    fn a_negative_scale_is_no_capability() {
        let law = Capability {
            alpha: -1.0,
            k: 0.1,
        };
        assert!(law.pass_rate(flops(1e20)).is_err());
    }
}
