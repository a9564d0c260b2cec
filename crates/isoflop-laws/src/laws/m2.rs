//! Alabdulmohsin et al. 2022, M2: L = b x^(−c) + e_inf.
//!
//! x is the data, D tokens (the paper: examples seen); L in nats per token, natural logarithms.

use super::source::ALABDULMOHSIN_2022;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};

/// L = b x^(−c) + e_inf. (Alabdulmohsin et al. 2022, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct M2 {
    /// Scale, nats per token.
    pub b: f64,
    /// Exponent of x.
    pub c: f64,
    /// Loss of infinite data, nats per token.
    pub e_inf: f64,
}

parameters!(M2 { b, c, e_inf });
curve!(M2, of Tokens, width 4);

impl CurveFormula<3> for M2 {
    fn formula<R: Real>(&self, [b, c, e_inf]: [R; 3], ln_x: R) -> R {
        b * (-c * ln_x).exp() + e_inf
    }
}

/// What the catalogue says about [`M2`].
pub static CARD: LawCard = LawCard {
    name: "m2",
    title: "Power law of data with a floor (M2)",
    formula: "L = b x^(−c) + e_inf",
    units: "L nats per token; x = D tokens seen",
    log_base: "e",
    citation: ALABDULMOHSIN_2022.at("section 3, M2"),
    parameters: &[
        Parameter::new("b", "nats per token", "scale"),
        Parameter::new("c", "1", "exponent"),
        Parameter::new("e_inf", "nats per token", "loss of infinite data"),
    ],
    published: &[],
    valid: "From the middle of the curve to its floor.",
    criticism: &[
        "The floor is poorly determined by a short ladder, and the exponent with it.",
        "Fits in sample do not rank forms: extrapolation does (Alabdulmohsin et al. 2022).",
    ],
    build: |values| Ok(Box::new(M2::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossCurve;
    use crate::laws::testing::assert_near;

    #[test]
    fn infinite_data_leave_the_floor() {
        let law = M2 {
            b: 20.0,
            c: 0.1,
            e_inf: 1.7,
        };
        let loss = law.gradient_at(1e200).unwrap().loss.get();
        assert_near(loss, 1.7, 1e-12);
    }
}
