//! Two steps from scale to accuracy: a law of the task's loss, then
//! accuracy = a / (1 + e^(−k (L − L0))) + b.
//!
//! L is the task's loss (nats per token of the right answer), natural logarithms. Bhagia et al.
//! 2024 take L from E + A / N^alpha + B / D^beta fitted to that loss; Grattafiori et al. 2024
//! (Llama 3) take it from compute. No constants are published for tasks in general.

use super::source::BHAGIA_2024;
use crate::card::{LawCard, Parameter};
use crate::formula::{law, parameters};
use crate::{LawError, Loss, LossSurface, Params, Tokens};

/// accuracy = a / (1 + e^(−k (L − L0))) + b (Bhagia et al. 2024, eq. 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoStep {
    /// Span of the accuracy, between −1 and 1.
    pub a: f64,
    /// Steepness, per nat; negative if `a` is positive and a smaller loss helps.
    pub k: f64,
    /// Loss at the middle of the rise, nats per token.
    pub l0: f64,
    /// Accuracy on the far side of the rise.
    pub b: f64,
}

parameters!(TwoStep { a, k, l0, b });
law!(TwoStep);

impl TwoStep {
    /// Accuracy at a task loss, and its derivatives by (a, k, L0, b) and by the loss.
    #[must_use]
    pub fn gradient(&self, task_loss: Loss) -> (f64, [f64; 4], f64) {
        let off = task_loss.get() - self.l0;
        let share = 1.0 / (1.0 + (-self.k * off).exp());
        let slope = self.a * share * (1.0 - share);
        let accuracy = self.a * share + self.b;
        let by_parameter = [share, slope * off, -slope * self.k, 1.0];
        (accuracy, by_parameter, slope * self.k)
    }

    /// Accuracy at a task loss, between 0 and 1.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula leaves the range from 0 to 1.
    pub fn accuracy(&self, task_loss: Loss) -> Result<f64, LawError> {
        let (accuracy, _, _) = self.gradient(task_loss);
        if (0.0..=1.0).contains(&accuracy) {
            return Ok(accuracy);
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as an accuracy between 0 and 1",
            at: format!("a task loss of {task_loss}"),
            value: accuracy,
        })
    }

    /// Both steps: accuracy of a model of this size and data, with `loss` the law of the task's
    /// loss.
    ///
    /// # Errors
    /// As [`LossSurface::loss`] and [`TwoStep::accuracy`].
    pub fn accuracy_of(
        &self,
        loss: &dyn LossSurface,
        params: Params,
        tokens: Tokens,
    ) -> Result<f64, LawError> {
        self.accuracy(loss.loss(params, tokens)?)
    }
}

/// What the catalogue says about [`TwoStep`].
pub static CARD: LawCard = LawCard {
    name: "two-step",
    title: "Accuracy of a task from its loss, by a sigmoid",
    formula: "accuracy = a / (1 + e^(−k (L − L0))) + b",
    units: "accuracy between 0 and 1; L the task's loss, nats per token of the right answer",
    log_base: "e",
    citation: BHAGIA_2024.at("section 3.2"),
    parameters: &[
        Parameter::new("a", "1", "span of the accuracy"),
        Parameter::new("k", "1 per nat", "steepness, negative"),
        Parameter::new("L0", "nats per token", "loss at the middle of the rise"),
        Parameter::new("b", "1", "accuracy on the far side of the rise"),
    ],
    published: &[],
    valid: "One task, with models on both sides of the rise: the sigmoid's far end cannot be seen from before it.",
    criticism: &[
        "The second step's error dominates: some tasks are noisy or have no sigmoid at all (Bhagia et al. 2024).",
        "Models of other data mixes have another relation of loss to accuracy.",
    ],
    build: |values| Ok(Box::new(TwoStep::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::Chinchilla;
    use crate::laws::testing::{assert_near, params, tokens};

    const LAW: TwoStep = TwoStep {
        a: 0.75,
        k: -6.0,
        l0: 1.0,
        b: 0.25,
    };

    fn loss(value: f64) -> Loss {
        Loss::new(value).unwrap()
    }

    #[test]
    fn accuracy_runs_from_chance_to_one_with_its_middle_at_l0() {
        assert_near(LAW.accuracy(loss(1.0)).unwrap(), 0.625, 1e-12);
        assert_near(LAW.accuracy(loss(9.0)).unwrap(), 0.25, 1e-9);
        assert!(LAW.accuracy(loss(0.01)).unwrap() > 0.99);
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let h = 1e-6;
        let (_, by_parameter, by_loss) = LAW.gradient(loss(1.3));
        let at = |a, k, l0, b, l: f64| TwoStep { a, k, l0, b }.gradient(loss(l)).0;
        let differences = [
            at(0.75 + h, -6.0, 1.0, 0.25, 1.3) - at(0.75 - h, -6.0, 1.0, 0.25, 1.3),
            at(0.75, -6.0 + h, 1.0, 0.25, 1.3) - at(0.75, -6.0 - h, 1.0, 0.25, 1.3),
            at(0.75, -6.0, 1.0 + h, 0.25, 1.3) - at(0.75, -6.0, 1.0 - h, 0.25, 1.3),
            at(0.75, -6.0, 1.0, 0.25 + h, 1.3) - at(0.75, -6.0, 1.0, 0.25 - h, 1.3),
        ];
        for (exact, difference) in by_parameter.iter().zip(differences) {
            assert_near(*exact, difference / (2.0 * h), 1e-8);
        }
        let by_l = at(0.75, -6.0, 1.0, 0.25, 1.3 + h) - at(0.75, -6.0, 1.0, 0.25, 1.3 - h);
        assert_near(by_loss, by_l / (2.0 * h), 1e-8);
    }

    #[test]
    fn a_larger_model_on_more_data_is_more_accurate() {
        let law = TwoStep { l0: 2.2, ..LAW };
        let task = Chinchilla::BESIROGLU_2024;
        let small = law.accuracy_of(&task, params(1e9), tokens(2e10)).unwrap();
        let large = law
            .accuracy_of(&task, params(7e10), tokens(1.4e12))
            .unwrap();
        assert!(0.25 < small && small < large && large < 1.0);
    }
}
