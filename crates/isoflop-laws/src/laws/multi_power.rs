//! Luo et al. 2025, the multi-power law of loss curves: L(t) = L0 + A (S1 + S_W)^(−alpha) − LD,
//! LD = B Σ_k (lr_(k−1) − lr_k) G(lr_k^(−gamma) S_k), G(x) = 1 − (1 + C x)^(−beta).
//!
//! S1 is the sum of the learning rates until step t after the warm-up, S_W that of the warm-up,
//! S_k the sum from step k to t. L in nats per token, one model size and batch, natural
//! logarithms.

use super::source::LUO_2025;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit};
use crate::dual::{Dual, Real};
use crate::formula::{law, parameters, split};
use crate::{LawError, LearningRates, LossGradient};

/// L(t) = L0 + A (S1 + S_W)^(−alpha) − LD(t) (Luo et al. 2025, eq. 2 to 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiPower {
    /// L0, nats per token: loss of infinite training.
    pub l0: f64,
    /// A, nats per token.
    pub a: f64,
    /// Exponent of the sum of learning rates.
    pub alpha: f64,
    /// B: nats per token for a unit of learning rate given up.
    pub b: f64,
    /// C: how soon a drop of the learning rate pays.
    pub c: f64,
    /// beta: exponent with which its gain saturates.
    pub beta: f64,
    /// gamma: how much sooner at a small learning rate.
    pub gamma: f64,
}

parameters!(MultiPower {
    l0,
    a,
    alpha,
    b,
    c,
    beta,
    gamma
});
law!(MultiPower);

/// LD: what the drops of the learning rate until now have gained.
fn gained<R: Real>([b, c, beta, gamma]: [R; 4], rates: &[f64]) -> R {
    let one = R::constant(1.0);
    let mut gained = R::constant(0.0);
    // S_k, the sum of the learning rates from step k on, grows as k goes back.
    let mut area = 0.0;
    for pair in rates.windows(2).rev() {
        let (before, rate) = (pair[0], pair[1]);
        area += rate;
        // A drop to zero has gained nothing until learning goes on.
        if rate == 0.0 || before == rate {
            continue;
        }
        let x = R::constant(area) * (-gamma * R::constant(rate.ln())).exp();
        let share = one - (-beta * (one + c * x).ln()).exp();
        gained = gained + R::constant(before - rate) * share;
    }
    b * gained
}

fn formula<R: Real>(parameters: [R; 7], run: &LearningRates, step: usize) -> R {
    let [l0, a, alpha, b, c, beta, gamma] = parameters;
    let rates = run.until(step);
    let forward = run.warm_up() + rates[1..].iter().sum::<f64>();
    let learnt = a * (-alpha * R::constant(forward.ln())).exp();
    l0 + learnt - gained([b, c, beta, gamma], rates)
}

impl MultiPower {
    /// The loss `step` steps after the peak of the learning rate, at most at the run's end, and
    /// its derivatives by the parameters.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn gradient(&self, run: &LearningRates, step: usize) -> Result<LossGradient, LawError> {
        let values = self.array();
        let parameters = std::array::from_fn(|index| Dual::<7>::variable(values[index], index));
        split(&CARD, formula(parameters, run, step), 7, || {
            format!("step {step}")
        })
    }
}

const fn fit(
    name: &'static str,
    constants: &'static [Constant],
    data: &'static str,
) -> PublishedFit {
    PublishedFit {
        name,
        citation: LUO_2025.at("table of the authors' repository"),
        counts: Counts::NONE,
        fitted_on: FittedOn::data(data),
        constants,
        note: "Refitted by the authors for their repository; the paper's own differ a little.",
    }
}

/// What the catalogue says about [`MultiPower`].
pub static CARD: LawCard = LawCard {
    name: "multi-power",
    title: "Loss of every step under any learning-rate schedule",
    formula: "L(t) = L0 + A (S1 + S_W)^(−alpha) − B Σ_(k ≤ t) (lr_(k−1) − lr_k) G(lr_k^(−gamma) S_k); G(x) = 1 − (1 + C x)^(−beta); S1 = Σ_(i ≤ t) lr_i; S_k = Σ_(k ≤ i ≤ t) lr_i",
    units: "L nats per token; lr_i learning rate of step i after the warm-up; S_W sum of the warm-up's learning rates; one model size and batch",
    log_base: "e",
    citation: LUO_2025.at("eq. 2 to 4"),
    parameters: &[
        Parameter::new("L0", "nats per token", "loss of infinite training"),
        Parameter::new(
            "A",
            "nats per token",
            "scale of the loss still to be learnt",
        ),
        Parameter::new("alpha", "1", "exponent of the sum of learning rates"),
        Parameter::new(
            "B",
            "nats per token",
            "what a drop of the rate gains in the end",
        ),
        Parameter::new("C", "1", "how soon it gains it"),
        Parameter::new("beta", "1", "exponent with which the gain saturates"),
        Parameter::new("gamma", "1", "how much sooner at a small rate"),
    ],
    published: &[
        fit(
            "luo-2025-25m",
            &[
                Constant::printed("L0", 3.040),
                Constant::printed("A", 0.525),
                Constant::printed("alpha", 0.508),
                Constant::printed("B", 363.788),
                Constant::printed("C", 2.066),
                Constant::printed("beta", 0.583),
                Constant::printed("gamma", 0.641),
            ],
            "curves of a 25M model under constant, cosine and two-stage schedules",
        ),
        fit(
            "luo-2025-100m",
            &[
                Constant::printed("L0", 2.651),
                Constant::printed("A", 0.601),
                Constant::printed("alpha", 0.453),
                Constant::printed("B", 437.946),
                Constant::printed("C", 2.132),
                Constant::printed("beta", 0.598),
                Constant::printed("gamma", 0.655),
            ],
            "curves of a 100M model under constant, cosine and two-stage schedules",
        ),
        fit(
            "luo-2025-400m",
            &[
                Constant::printed("L0", 2.375),
                Constant::printed("A", 0.654),
                Constant::printed("alpha", 0.429),
                Constant::printed("B", 523.425),
                Constant::printed("C", 2.025),
                Constant::printed("beta", 0.594),
                Constant::printed("gamma", 0.635),
            ],
            "curves of a 400M model under constant, cosine and two-stage schedules",
        ),
    ],
    valid: "One model, batch, corpus and peak learning rate, schedules that never rise after the warm-up.",
    criticism: &[
        "Fitted again for each model size: it does not say how its constants change with size.",
        "Seven parameters, of which B, C and beta trade against each other on a single schedule.",
    ],
    build: |values| Ok(Box::new(MultiPower::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::assert_near;

    fn law() -> MultiPower {
        let fit = CARD.fit("luo-2025-400m").unwrap();
        MultiPower::from_values(&fit.values()).unwrap()
    }

    /// The authors' runs: 2,160 steps of warm-up to 3e-4, then `steps` steps.
    fn run(steps: u32, rate: impl Fn(f64) -> f64) -> LearningRates {
        let rates = (0..=steps).map(|i| 3e-4 * rate(f64::from(i) / f64::from(steps)));
        LearningRates::new(0.5 * 2160.0 * 3e-4, rates.collect()).unwrap()
    }

    fn end(run: &LearningRates) -> f64 {
        law().gradient(run, run.steps()).unwrap().loss.get()
    }

    #[test]
    fn a_constant_rate_has_a_power_law_in_the_sum_of_the_rates() {
        let constant = run(24_000, |_| 1.0);
        let forward: f64 = 0.5 * 2160.0 * 3e-4 + 24_000.0 * 3e-4;
        assert_near(end(&constant), 2.375 + 0.654 * forward.powf(-0.429), 1e-9);
    }

    #[test]
    fn the_sum_over_drops_is_that_of_the_paper() {
        let rates = [3e-4, 3e-4, 2e-4, 5e-5, 5e-5];
        let mut gained = 0.0;
        for k in 1..rates.len() {
            let area: f64 = rates[k..].iter().sum();
            let x = rates[k].powf(-0.635) * area;
            gained += (rates[k - 1] - rates[k]) * (1.0 - (1.0 + 2.025 * x).powf(-0.594));
        }
        let forward: f64 = 1.0 + rates[1..].iter().sum::<f64>();
        let by_hand = 2.375 + 0.654 * forward.powf(-0.429) - 523.425 * gained;
        let run = LearningRates::new(1.0, rates.to_vec()).unwrap();
        assert_near(end(&run), by_hand, 1e-12);
    }

    #[test]
    fn constant_then_annealed_ends_below_cosine_which_ends_below_constant() {
        let cosine = |x: f64| 0.1 + 0.45 * (1.0 + (std::f64::consts::PI * x).cos());
        let stable = |x: f64| 0.1f64.powf(((x - 0.8) / 0.2).max(0.0));
        let losses = [
            end(&run(24_000, stable)),
            end(&run(24_000, cosine)),
            end(&run(24_000, |_| 1.0)),
        ];
        assert!(losses[0] < losses[1] && losses[1] < losses[2], "{losses:?}");
    }

    #[test]
    fn steps_at_a_rate_of_zero_change_nothing() {
        let mut rates = vec![3e-4; 100];
        rates.extend([1e-4, 1e-4, 0.0]);
        let run = LearningRates::new(0.3, rates).unwrap();
        let at = |step| law().gradient(&run, step).unwrap().loss.get();
        assert_near(at(102), at(101), 1e-12);
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let run = run(300, |x| 1.0 - 0.9 * x);
        let exact = law().gradient(&run, 250).unwrap();
        for index in 0..7 {
            let h = 1e-6 * law().array()[index];
            let moved = |by: f64| {
                let mut values = law().array();
                values[index] += by;
                let law = MultiPower::from_values(&values).unwrap();
                law.gradient(&run, 250).unwrap().loss.get()
            };
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            assert_near(exact.by_parameter[index], difference, 1e-6);
        }
    }
}
