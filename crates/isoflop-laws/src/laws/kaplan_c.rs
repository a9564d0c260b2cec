//! Kaplan et al. 2020: L(C) = (Cc / C)^aC, at one fixed batch size.
//!
//! L in nats per token, C FLOPs by 6NBS with N without embeddings; the constant is in
//! petaFLOP/s-days (8.64e19 FLOPs), natural logarithms.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{Flops, LawError, Loss, LossCurve};

/// L(C) = (Cc / C)^aC (Kaplan et al. 2020, table 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanC {
    /// Cc, petaFLOP/s-days: the compute at which the loss would be one nat.
    pub cc: f64,
    /// Exponent of C.
    pub alpha_c: f64,
}

parameters!(KaplanC { cc, alpha_c });
curve!(KaplanC, of Flops, width 3);

impl CurveFormula<2> for KaplanC {
    fn formula<R: Real>(&self, [cc, alpha]: [R; 2], ln_c: R) -> R {
        let ln_pf_day = R::constant(Flops::PER_PF_DAY.ln());
        (alpha * (cc.ln() + ln_pf_day - ln_c)).exp()
    }
}

impl KaplanC {
    /// Kaplan et al. 2020, table 5.
    pub const KAPLAN_2020: Self = Self {
        cc: 1.6e7,
        alpha_c: 0.057,
    };

    /// The loss after this compute, nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, flops: Flops) -> Result<Loss, LawError> {
        Ok(self.gradient_at(flops.get())?.loss)
    }
}

/// What the catalogue says about [`KaplanC`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-c",
    title: "Loss of the best model for a compute, at a fixed batch size",
    formula: "L(C) = (Cc / C)^aC",
    units: "L nats per token; C FLOPs by 6NBS with N without embeddings, divided by Cc in petaFLOP/s-days of 8.64e19 FLOPs",
    log_base: "e",
    citation: KAPLAN_2020.at("table 5"),
    parameters: &[
        Parameter::new(
            "Cc",
            "petaFLOP/s-days",
            "compute at which the loss would be one nat",
        ),
        Parameter::new("aC", "1", "exponent of compute"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-c",
        citation: KAPLAN_2020.at("table 5"),
        counts: Counts::NON_EMBEDDING,
        fitted_on: WEB_TEXT,
        constants: &[
            Constant::printed("Cc", 1.6e7),
            Constant::printed("aC", 0.057),
        ],
        note: "A fixed batch wastes compute at small scale: see `kaplan-c-min`.",
    }],
    valid: "All runs at one batch size (524,288 tokens), each budget read at its best model size.",
    criticism: &[
        "One schedule length served all data sizes, so short runs were cut before their learning rate fell (Hoffmann et al. 2022).",
        "Warm-up too long for small runs, last-layer cost left out, hyperparameters not tuned by size (Porian et al. 2024).",
        "No irreducible loss: L(C) crosses L(D) near 1e4 petaFLOP/s-days, where the law must fail (Kaplan et al. 2020, section 6.3).",
    ],
    build: |values| Ok(Box::new(KaplanC::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    #[test]
    fn compute_of_cc_itself_leaves_one_nat() {
        let loss = KaplanC::KAPLAN_2020
            .loss(flops(1.6e7 * Flops::PER_PF_DAY))
            .unwrap();
        assert_near(loss.get(), 1.0, 1e-12);
    }
}
