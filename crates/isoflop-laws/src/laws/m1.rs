//! Alabdulmohsin et al. 2022, M1: L = b x^(−c).
//!
//! x is the data, D tokens (the paper: examples seen); L in nats per token, natural logarithms.

use super::source::ALABDULMOHSIN_2022;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};

/// L = b x^(−c). (Alabdulmohsin et al. 2022, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct M1 {
    /// Scale, nats per token.
    pub b: f64,
    /// Exponent of x.
    pub c: f64,
}

parameters!(M1 { b, c });
curve!(M1, of Tokens, width 3);

impl CurveFormula<2> for M1 {
    fn formula<R: Real>(&self, [b, c]: [R; 2], ln_x: R) -> R {
        b * (-c * ln_x).exp()
    }
}

/// What the catalogue says about [`M1`].
pub static CARD: LawCard = LawCard {
    name: "m1",
    title: "Plain power law of data (M1)",
    formula: "L = b x^(−c)",
    units: "L nats per token; x = D tokens seen",
    log_base: "e",
    citation: ALABDULMOHSIN_2022.at("section 3, M1"),
    parameters: &[
        Parameter::new("b", "nats per token", "scale"),
        Parameter::new("c", "1", "exponent"),
    ],
    published: &[],
    valid: "The middle of the curve, far from the floor and from chance.",
    criticism: &[
        "Judged by extrapolation it loses to forms with a floor (Alabdulmohsin et al. 2022).",
    ],
    build: |values| Ok(Box::new(M1::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossCurve;
    use crate::laws::testing::assert_near;

    #[test]
    fn ten_times_the_data_multiply_the_loss_by_ten_to_the_minus_c() {
        let law = M1 { b: 20.0, c: 0.1 };
        let at = |x: f64| law.gradient_at(x).unwrap().loss.get();
        assert_near(at(1e10) / at(1e9), 10f64.powf(-0.1), 1e-12);
    }
}
