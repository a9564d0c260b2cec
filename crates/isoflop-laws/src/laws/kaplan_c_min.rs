//! Kaplan et al. 2020: L(Cmin) = (Cc / Cmin)^aC, batch far below critical.
//!
//! L in nats per token, C FLOPs by 6NBS with N without embeddings; the constant is in
//! petaFLOP/s-days (8.64e19 FLOPs), natural logarithms.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{Flops, LawError, Loss, LossCurve};

/// L(Cmin) = (Cc / Cmin)^aC (Kaplan et al. 2020, eq. 1.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanCMin {
    /// Cc, petaFLOP/s-days: the compute at which the loss would be one nat.
    pub cc: f64,
    /// Exponent of C.
    pub alpha_c_min: f64,
}

parameters!(KaplanCMin { cc, alpha_c_min });
curve!(KaplanCMin, of Flops, width 3);

impl CurveFormula<2> for KaplanCMin {
    fn formula<R: Real>(&self, [cc, alpha]: [R; 2], ln_c: R) -> R {
        let ln_pf_day = R::constant(Flops::PER_PF_DAY.ln());
        (alpha * (cc.ln() + ln_pf_day - ln_c)).exp()
    }
}

impl KaplanCMin {
    /// Kaplan et al. 2020, eq. 1.3.
    pub const KAPLAN_2020: Self = Self {
        cc: 3.1e8,
        alpha_c_min: 0.050,
    };

    /// The loss after this compute, nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, flops: Flops) -> Result<Loss, LawError> {
        Ok(self.gradient_at(flops.get())?.loss)
    }
}

/// What the catalogue says about [`KaplanCMin`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-c-min",
    title: "Loss of the best model for the least compute",
    formula: "L(Cmin) = (Cc / Cmin)^aC",
    units: "L nats per token; C FLOPs by 6NBS with N without embeddings, divided by Cc in petaFLOP/s-days of 8.64e19 FLOPs",
    log_base: "e",
    citation: KAPLAN_2020.at("eq. 1.3"),
    parameters: &[
        Parameter::new(
            "Cc",
            "petaFLOP/s-days",
            "compute at which the loss would be one nat",
        ),
        Parameter::new("aC", "1", "exponent of compute"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-c-min",
        citation: KAPLAN_2020.at("eq. 1.3, table 5"),
        counts: Counts::NON_EMBEDDING,
        fitted_on: WEB_TEXT,
        constants: &[
            Constant::printed("Cc", 3.1e8),
            Constant::printed("aC", 0.050),
        ],
        note: "Cmin = C / (1 + B / Bcrit); the exponents of `kaplan-ns` imply 0.052.",
    }],
    valid: "Compute as it would be with a batch far below the critical size, each budget at its best model size.",
    criticism: &[
        "One schedule length served all data sizes, so short runs were cut before their learning rate fell (Hoffmann et al. 2022).",
        "Warm-up too long for small runs, last-layer cost left out, hyperparameters not tuned by size (Porian et al. 2024).",
        "No irreducible loss: L(C) crosses L(D) near 1e4 petaFLOP/s-days, where the law must fail (Kaplan et al. 2020, section 6.3).",
    ],
    build: |values| Ok(Box::new(KaplanCMin::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    #[test]
    fn one_petaflop_day_buys_two_point_six_six_nats() {
        let loss = KaplanCMin::KAPLAN_2020
            .loss(flops(1.0 * Flops::PER_PF_DAY))
            .unwrap();
        assert_near(loss.get(), 2.6581, 5e-5);
    }
}
