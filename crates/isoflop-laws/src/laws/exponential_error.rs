//! Gadre et al. 2024: Err(L) = epsilon − k e^(−gamma L), the mean top-1 error of many tasks.
//!
//! L in nats per token on a held-out set, natural logarithms. The constants depend on the set of
//! tasks; none are given here, because the paper's could not be read.

use super::source::GADRE_2024;
use crate::card::{LawCard, Parameter};
use crate::formula::{law, parameters};
use crate::{LawError, Loss};

/// Err(L) = epsilon − k e^(−gamma L) (Gadre et al. 2024, eq. 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialError {
    /// Error of an uninformed model.
    pub epsilon: f64,
    /// Scale of what a small loss gains.
    pub k: f64,
    /// Rate, per nat.
    pub gamma: f64,
}

parameters!(ExponentialError { epsilon, k, gamma });
law!(ExponentialError);

impl ExponentialError {
    /// The error at a loss, and its derivatives by (epsilon, k, gamma) and by the loss.
    #[must_use]
    pub fn gradient(&self, loss: Loss) -> (f64, [f64; 3], f64) {
        let decay = (-self.gamma * loss.get()).exp();
        let gain = self.k * decay;
        let by_parameter = [1.0, -decay, gain * loss.get()];
        (self.epsilon - gain, by_parameter, self.gamma * gain)
    }

    /// The mean top-1 error, between 0 and 1.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula leaves the range from 0 to 1.
    pub fn error(&self, loss: Loss) -> Result<f64, LawError> {
        let (error, _, _) = self.gradient(loss);
        if (0.0..=1.0).contains(&error) {
            return Ok(error);
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as an error rate between 0 and 1",
            at: format!("L = {loss}"),
            value: error,
        })
    }
}

/// What the catalogue says about [`ExponentialError`].
pub static CARD: LawCard = LawCard {
    name: "exponential-error",
    title: "Mean error of many tasks from the loss",
    formula: "Err(L) = epsilon − k e^(−gamma L)",
    units: "Err mean top-1 error between 0 and 1; L nats per token on a held-out set",
    log_base: "e",
    citation: GADRE_2024.at("eq. 5"),
    parameters: &[
        Parameter::new("epsilon", "1", "error of an uninformed model"),
        Parameter::new("k", "1", "scale of the gain"),
        Parameter::new("gamma", "1 per nat", "rate"),
    ],
    published: &[],
    valid: "The mean of tasks on which small models are already better than chance; the paper keeps 17 of 46.",
    criticism: &[
        "Holds for means of tasks; single tasks scatter far more (Gadre et al. 2024).",
        "The tasks are chosen by the outcome of small models.",
    ],
    build: |values| Ok(Box::new(ExponentialError::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::assert_near;

    const LAW: ExponentialError = ExponentialError {
        epsilon: 0.86,
        k: 2.0,
        gamma: 0.7,
    };

    #[test]
    fn the_error_falls_with_the_loss_from_that_of_an_uninformed_model() {
        let at = |loss| LAW.error(Loss::new(loss).unwrap()).unwrap();
        assert_near(at(50.0), 0.86, 1e-12);
        assert!(at(2.0) < at(3.0));
        assert!(LAW.error(Loss::new(0.1).unwrap()).is_err());
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let h = 1e-6;
        let at = |epsilon, k, gamma, loss| {
            let law = ExponentialError { epsilon, k, gamma };
            law.gradient(Loss::new(loss).unwrap()).0
        };
        let (_, by_parameter, by_loss) = LAW.gradient(Loss::new(2.5).unwrap());
        let by_k = at(0.86, 2.0 + h, 0.7, 2.5) - at(0.86, 2.0 - h, 0.7, 2.5);
        let by_gamma = at(0.86, 2.0, 0.7 + h, 2.5) - at(0.86, 2.0, 0.7 - h, 2.5);
        let by_l = at(0.86, 2.0, 0.7, 2.5 + h) - at(0.86, 2.0, 0.7, 2.5 - h);
        assert_near(by_parameter[1], by_k / (2.0 * h), 1e-8);
        assert_near(by_parameter[2], by_gamma / (2.0 * h), 1e-8);
        assert_near(by_loss, by_l / (2.0 * h), 1e-8);
    }
}
