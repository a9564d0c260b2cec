//! Alabdulmohsin et al. 2022, M3: L = b (1 / x + g)^c + e_inf.
//!
//! x is the data, D tokens (the paper: examples seen); L in nats per token, natural logarithms.

use super::source::ALABDULMOHSIN_2022;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};

/// L = b (1 / x + g)^c + e_inf. (Alabdulmohsin et al. 2022, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct M3 {
    /// Scale, nats per token.
    pub b: f64,
    /// Exponent of x.
    pub c: f64,
    /// Loss of infinite data, nats per token.
    pub e_inf: f64,
    /// 1 / x at which the curve starts to flatten towards small x.
    pub g: f64,
}

parameters!(M3 { b, c, e_inf, g });
curve!(M3, of Tokens, width 5);

impl CurveFormula<4> for M3 {
    fn formula<R: Real>(&self, [b, c, e_inf, g]: [R; 4], ln_x: R) -> R {
        b * ((-ln_x).exp() + g).pow(c) + e_inf
    }
}

/// What the catalogue says about [`M3`].
pub static CARD: LawCard = LawCard {
    name: "m3",
    title: "Power law of data, shifted, with a floor (M3)",
    formula: "L = b (1 / x + g)^c + e_inf",
    units: "L nats per token; x = D tokens seen",
    log_base: "e",
    citation: ALABDULMOHSIN_2022.at("section 3, M3"),
    parameters: &[
        Parameter::new("b", "nats per token", "scale"),
        Parameter::new("c", "1", "exponent"),
        Parameter::new("e_inf", "nats per token", "loss of infinite data"),
        Parameter::new("g", "1 per token", "inverse data at which the curve bends"),
    ],
    published: &[],
    valid: "Curves that flatten before they reach the floor.",
    criticism: &["g and e_inf both flatten the curve, so data rarely tell them apart."],
    build: |values| Ok(Box::new(M3::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossCurve;
    use crate::laws::testing::assert_near;

    #[test]
    fn with_g_zero_it_is_m2() {
        let law = M3 {
            b: 20.0,
            c: 0.1,
            e_inf: 1.7,
            g: 0.0,
        };
        let loss = law.gradient_at(1e9).unwrap().loss.get();
        assert_near(loss, 20.0 * 1e9f64.powf(-0.1) + 1.7, 1e-12);
    }
}
