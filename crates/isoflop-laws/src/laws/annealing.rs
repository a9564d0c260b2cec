//! Tissue et al. 2024, the loss at every step of a run: L(s) = L0 + A S1^(−alpha) − C S2.
//!
//! S1 is the sum of the learning rates until step s; S2 the sum of the momentum of their fall,
//! m_i = lambda m_(i−1) + (lr_(i−1) − lr_i). L in nats per token, one model size and batch,
//! natural logarithms. The constants are of one model each; none could be confirmed.

use super::source::TISSUE_2024;
use crate::card::{LawCard, Parameter};
use crate::dual::{Dual, Real};
use crate::formula::{law, parameters, split};
use crate::{LawError, LearningRates, LossGradient};

/// L(s) = L0 + A S1^(−alpha) − C S2 (Tissue et al. 2024, eq. 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Annealing {
    /// L0, nats per token: loss of infinite training.
    pub l0: f64,
    /// A, nats per token.
    pub a: f64,
    /// Exponent of S1.
    pub alpha: f64,
    /// C: nats per token for a unit of S2.
    pub c: f64,
    /// lambda: decay of the momentum for each step; the paper fixes 0.999.
    pub lambda: f64,
}

parameters!(Annealing {
    l0,
    a,
    alpha,
    c,
    lambda
});
law!(Annealing);

fn formula<R: Real>([l0, a, alpha, c, lambda]: [R; 5], run: &LearningRates, step: usize) -> R {
    let mut forward = run.warm_up();
    let mut momentum = R::constant(0.0);
    let mut annealed = R::constant(0.0);
    for pair in run.until(step).windows(2) {
        forward += pair[1];
        momentum = lambda * momentum + R::constant(pair[0] - pair[1]);
        annealed = annealed + momentum;
    }
    l0 + a * (-alpha * R::constant(forward.ln())).exp() - c * annealed
}

impl Annealing {
    /// The loss `step` steps after the peak of the learning rate, at most at the run's end, and
    /// its derivatives by the parameters.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn gradient(&self, run: &LearningRates, step: usize) -> Result<LossGradient, LawError> {
        let values = self.array();
        let parameters = std::array::from_fn(|index| Dual::<5>::variable(values[index], index));
        split(&CARD, formula(parameters, run, step), 5, || {
            format!("step {step}")
        })
    }
}

/// What the catalogue says about [`Annealing`].
pub static CARD: LawCard = LawCard {
    name: "annealing",
    title: "Loss of every step from the learning rates until then",
    formula: "L(s) = L0 + A S1^(−alpha) − C S2; S1 = Σ_(i ≤ s) lr_i; S2 = Σ_(i ≤ s) m_i; m_i = lambda m_(i−1) + lr_(i−1) − lr_i",
    units: "L nats per token; lr_i learning rate of step i; s steps after the warm-up, whose learning rates count into S1; one model size and batch",
    log_base: "e",
    citation: TISSUE_2024.at("eq. 1"),
    parameters: &[
        Parameter::new("L0", "nats per token", "loss of infinite training"),
        Parameter::new(
            "A",
            "nats per token",
            "scale of the loss still to be learnt",
        ),
        Parameter::new("alpha", "1", "exponent of the sum of learning rates"),
        Parameter::new("C", "nats per token", "what annealing gains"),
        Parameter::new(
            "lambda",
            "1",
            "decay of the annealing's momentum; 0.999 in the paper",
        ),
    ],
    published: &[],
    valid: "One model, batch and corpus under several schedules with the same peak.",
    criticism: &[
        "Steps at a learning rate of zero after the end keep lowering the predicted loss, though nothing is learnt.",
        "A gain in proportion to S2 overrates sudden drops; the multi-power law saturates it (Luo et al. 2025).",
    ],
    build: |values| Ok(Box::new(Annealing::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::assert_near;

    const LAW: Annealing = Annealing {
        l0: 2.6,
        a: 0.5,
        alpha: 0.5,
        c: 0.4,
        lambda: 0.999,
    };

    fn run(rates: impl IntoIterator<Item = f64>) -> LearningRates {
        LearningRates::new(0.1, rates.into_iter().collect()).unwrap()
    }

    fn loss(law: Annealing, run: &LearningRates) -> f64 {
        law.gradient(run, run.steps()).unwrap().loss.get()
    }

    #[test]
    fn a_constant_rate_has_a_power_law_in_steps() {
        let constant = run(vec![1e-3; 4001]);
        assert_near(loss(LAW, &constant), 2.6 + 0.5 / 4.1f64.sqrt(), 1e-9);
    }

    #[test]
    fn the_double_sum_of_the_paper_is_the_momentum() {
        let rates = [1e-3, 9e-4, 7e-4, 7e-4, 1e-4];
        let mut annealed = 0.0;
        for i in 1..rates.len() {
            for k in 1..=i {
                annealed += (rates[k - 1] - rates[k]) * 0.999f64.powi((i - k) as i32);
            }
        }
        let forward: f64 = 0.1 + rates[1..].iter().sum::<f64>();
        let by_hand = 2.6 + 0.5 / forward.sqrt() - 0.4 * annealed;
        assert_near(loss(LAW, &run(rates)), by_hand, 1e-12);
    }

    #[test]
    fn annealing_ends_below_a_constant_rate_of_as_many_steps() {
        let constant = run(vec![1e-3; 10_001]);
        let annealed = run((0..=10_000).map(|i| 1e-3 * f64::min(1.0, (10_000 - i) as f64 / 2e3)));
        assert!(loss(LAW, &annealed) < loss(LAW, &constant));
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let run = run((0..500).map(|i| 1e-3 * (1.0 - f64::from(i) / 600.0)));
        let exact = LAW.gradient(&run, 400).unwrap();
        for index in 0..5 {
            let moved = |by: f64| {
                let mut values = LAW.array();
                values[index] += by;
                let law = Annealing::from_values(&values).unwrap();
                law.gradient(&run, 400).unwrap().loss.get()
            };
            let h = 1e-6;
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            assert_near(exact.by_parameter[index], difference, 1e-6);
        }
    }
}
