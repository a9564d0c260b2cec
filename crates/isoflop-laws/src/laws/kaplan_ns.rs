//! Kaplan et al. 2020: L(N, Smin) = (Nc / N)^aN + (Sc / Smin)^aS, one pass over the data.
//!
//! L in nats per token, N parameters without embeddings, Smin the steps that a batch far above
//! the critical size would need, natural logarithms.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, law, pair_gradient, parameters, quantity_or_error};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{LawError, Loss, LossGradient, Params, Steps};

/// L(N, Smin) = (Nc / N)^aN + (Sc / Smin)^aS (Kaplan et al. 2020, eq. 1.6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanNs {
    /// Nc, parameters without embeddings.
    pub nc: f64,
    /// Sc, steps.
    pub sc: f64,
    /// Exponent of N.
    pub alpha_n: f64,
    /// Exponent of Smin.
    pub alpha_s: f64,
}

parameters!(KaplanNs {
    nc,
    sc,
    alpha_n,
    alpha_s
});
law!(KaplanNs);

impl SurfaceFormula<4> for KaplanNs {
    fn formula<R: Real>(&self, [nc, sc, alpha_n, alpha_s]: [R; 4], ln_n: R, ln_s: R) -> R {
        (alpha_n * (nc.ln() - ln_n)).exp() + (alpha_s * (sc.ln() - ln_s)).exp()
    }
}

impl KaplanNs {
    /// Kaplan et al. 2020, table 3.
    pub const KAPLAN_2020: Self = Self {
        nc: 6.5e13,
        sc: 2.1e3,
        alpha_n: 0.077,
        alpha_s: 0.76,
    };

    /// L(N, Smin), nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, params: Params, min_steps: Steps) -> Result<Loss, LawError> {
        Ok(self.gradient(params, min_steps)?.loss)
    }

    /// L(N, Smin) and its exact derivatives by (ln N, ln Smin) and by each parameter.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn gradient(&self, params: Params, min_steps: Steps) -> Result<LossGradient, LawError> {
        let inputs = [params.ln(), min_steps.ln()];
        pair_gradient::<4, 6>(&CARD, self, self.array(), inputs, || {
            format!("N = {params}, Smin = {min_steps}")
        })
    }

    /// Exponent of the loss in the least compute that these exponents imply,
    /// 1 / (1 / aS + 1 / aB + 1 / aN), with aB that of the critical batch size (Kaplan et al.
    /// 2020, eq. 1.7).
    #[must_use]
    pub fn compute_exponent(&self, alpha_b: f64) -> f64 {
        1.0 / (1.0 / self.alpha_s + 1.0 / alpha_b + 1.0 / self.alpha_n)
    }

    /// Excess over the converged loss at which compute-efficient training stops, a share of that
    /// loss: f = aN / aS (Kaplan et al. 2020, appendix B).
    #[must_use]
    pub fn efficient_stop(&self) -> f64 {
        self.alpha_n / self.alpha_s
    }

    /// Smin that brings a model of this size to `(1 + excess)` times its converged loss.
    ///
    /// # Errors
    /// [`LawError::NoValue`] if `excess` is not positive or no number of steps is that large.
    pub fn steps_to_excess(&self, params: Params, excess: f64) -> Result<Steps, LawError> {
        let converged = self.alpha_n * (self.nc.ln() - params.ln());
        let ln_steps = self.sc.ln() - (excess.ln() + converged) / self.alpha_s;
        quantity_or_error(&CARD, "steps", ln_steps.exp(), || {
            format!("N = {params} and {excess} above the converged loss")
        })
    }

    /// Least steps after which a run on `D` tokens overfits: Sc / [L(N, D) − L(N, ∞)]^(1 / aS)
    /// (Kaplan et al. 2020, eq. 5.7).
    ///
    /// # Errors
    /// [`LawError::NoValue`] if `limited` is not above `unlimited`.
    pub fn early_stopping_bound(&self, limited: Loss, unlimited: Loss) -> Result<Steps, LawError> {
        let steps = self.sc * (limited.get() - unlimited.get()).powf(-1.0 / self.alpha_s);
        quantity_or_error(&CARD, "steps before early stopping", steps, || {
            format!("L(N, D) = {limited}, L(N, infinity) = {unlimited}")
        })
    }
}

/// What the catalogue says about [`KaplanNs`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-ns",
    title: "Loss of size and steps in one pass over the data",
    formula: "L(N, Smin) = (Nc / N)^aN + (Sc / Smin)^aS",
    units: "L nats per token; N parameters without embeddings; Smin optimiser steps with a batch far above the critical size: Smin = S / (1 + Bcrit / B)",
    log_base: "e",
    citation: KAPLAN_2020.at("eq. 1.6"),
    parameters: &[
        Parameter::new("Nc", "non-embedding parameters", "scale of size"),
        Parameter::new("Sc", "steps", "scale of steps"),
        Parameter::new("aN", "1", "exponent of size"),
        Parameter::new("aS", "1", "exponent of steps"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-ns",
        citation: KAPLAN_2020.at("table 3"),
        counts: Counts::NON_EMBEDDING,
        fitted_on: WEB_TEXT,
        constants: &[
            Constant::printed("Nc", 6.5e13),
            Constant::printed("Sc", 2.1e3),
            Constant::printed("aN", 0.077),
            Constant::printed("aS", 0.76),
        ],
        note: "",
    }],
    valid: "After the warm-up, in one pass over the data.",
    criticism: &[
        "Fitted to learning curves whose schedule ends later: the loss before the learning rate falls is above that of a run that ends there (Hoffmann et al. 2022).",
        "No irreducible loss (Henighan et al. 2020).",
    ],
    build: |values| Ok(Box::new(KaplanNs::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, params};

    const LAW: KaplanNs = KaplanNs::KAPLAN_2020;

    #[test]
    fn a_billion_parameters_reach_two_point_four_nats_in_a_hundred_thousand_steps() {
        let loss = LAW.loss(params(1e9), Steps::new(1e5).unwrap()).unwrap();
        assert_near(loss.get(), 2.4005, 5e-5);
    }

    #[test]
    fn the_exponents_imply_an_exponent_of_compute_near_one_twentieth() {
        let with_exponent_of_size_alone = KaplanNs {
            alpha_n: 0.076,
            ..LAW
        };
        assert_near(
            with_exponent_of_size_alone.compute_exponent(0.21),
            0.0520,
            5e-5,
        );
        assert_near(LAW.compute_exponent(0.21), 0.0525, 5e-5);
    }

    #[test]
    fn training_stops_a_tenth_above_the_converged_loss() {
        let excess = LAW.efficient_stop();
        assert_near(excess, 0.10, 0.002);
        let steps = LAW.steps_to_excess(params(1e9), excess).unwrap();
        let converged = (LAW.nc / 1e9).powf(LAW.alpha_n);
        let loss = LAW.loss(params(1e9), steps).unwrap().get();
        assert_near(loss / converged, 1.0 + excess, 1e-12);
    }

    #[test]
    fn early_stopping_has_no_bound_where_data_do_not_limit() {
        let loss = |value| Loss::new(value).unwrap();
        let steps = LAW.early_stopping_bound(loss(2.5), loss(2.4)).unwrap();
        assert_near(steps.get(), 2.1e3 * 0.1f64.powf(-1.0 / 0.76), 1.0);
        assert!(LAW.early_stopping_bound(loss(2.4), loss(2.4)).is_err());
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let at = |ln_n: f64, ln_s: f64| {
            let law = LAW.loss(params(ln_n.exp()), Steps::new(ln_s.exp()).unwrap());
            law.unwrap().get()
        };
        let (n, s) = (1e9f64.ln(), 1e5f64.ln());
        let exact = LAW.gradient(params(1e9), Steps::new(1e5).unwrap()).unwrap();
        let h = 1e-5;
        assert_near(
            exact.by_ln_input[0],
            (at(n + h, s) - at(n - h, s)) / (2.0 * h),
            1e-8,
        );
        assert_near(
            exact.by_ln_input[1],
            (at(n, s + h) - at(n, s - h)) / (2.0 * h),
            1e-8,
        );
        let more = KaplanNs {
            alpha_s: LAW.alpha_s + h,
            ..LAW
        };
        let less = KaplanNs {
            alpha_s: LAW.alpha_s - h,
            ..LAW
        };
        let slope = |law: KaplanNs| {
            let loss = law.loss(params(1e9), Steps::new(1e5).unwrap());
            loss.unwrap().get()
        };
        assert_near(
            exact.by_parameter[3],
            (slope(more) - slope(less)) / (2.0 * h),
            1e-8,
        );
    }
}
