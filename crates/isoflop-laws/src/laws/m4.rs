//! Alabdulmohsin et al. 2022, M4: (L − e_inf) / (e_0 − L)^a = b x^(−c).
//!
//! A sigmoid between chance e_0 and the floor e_inf. x is the data, D tokens (the paper:
//! examples seen); L in nats per token, natural logarithms.

use super::source::ALABDULMOHSIN_2022;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};

/// (L − e_inf) / (e_0 − L)^a = b x^(−c) (Alabdulmohsin et al. 2022, eq. 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct M4 {
    /// Exponent of the distance from chance.
    pub a: f64,
    /// Scale.
    pub b: f64,
    /// Exponent of x.
    pub c: f64,
    /// Loss of infinite data, nats per token.
    pub e_inf: f64,
    /// Loss of an uninformed model, nats per token: ln of the vocabulary for tokens alike.
    pub e_0: f64,
}

parameters!(M4 {
    a,
    b,
    c,
    e_inf,
    e_0
});
curve!(M4, of Tokens, width 6);

/// ln(L − e_inf) − a ln(e_0 − L) − ln b + c ln x, which rises with L and is zero at the loss.
fn residual<R: Real>([a, b, c, e_inf, e_0]: [R; 5], ln_x: R, loss: R) -> R {
    (loss - e_inf).ln() - a * (e_0 - loss).ln() - b.ln() + c * ln_x
}

/// The loss by way of its odds, which keep every digit near both ends.
fn solve(values: [f64; 5], ln_x: f64) -> f64 {
    let [a, b, c, e_inf, e_0] = values;
    let span = e_0 - e_inf;
    if !(span > 0.0 && b > 0.0 && a >= 0.0) {
        return f64::NAN;
    }
    if a == 0.0 {
        return e_inf + b * (-c * ln_x).exp();
    }
    // With s = (L − e_inf) / span: ln(L − e_inf) − a ln(e_0 − L) = ln s − a ln(1 − s) + (1 − a) ln span.
    let ln_odds = M4::ln_odds(a, b.ln() - c * ln_x + (a - 1.0) * span.ln());
    e_inf + span / (1.0 + (-ln_odds).exp())
}

impl M4 {
    /// ln (s / (1 − s)) for the place s between the floor (0) and chance (1) where
    /// ln s − `a` ln (1 − s) is `target`; `a` is positive.
    ///
    /// Newton's method: the left side rises with the odds, with a slope between 1 and `a` that
    /// goes one way, so that after one step it closes in from one side.
    #[must_use]
    pub fn ln_odds(a: f64, target: f64) -> f64 {
        let mut ln_odds = if target < 0.0 { target } else { target / a };
        for _ in 0..60 {
            let place = 1.0 / (1.0 + (-ln_odds).exp());
            let level = -ln_1p_exp(-ln_odds) + a * ln_1p_exp(ln_odds);
            let step = (level - target) / (1.0 - place + a * place);
            ln_odds -= step;
            if step.abs() <= 1e-14 * (1.0 + ln_odds.abs()) {
                break;
            }
        }
        ln_odds
    }
}

/// ln(1 + e^z) without overflow.
fn ln_1p_exp(z: f64) -> f64 {
    if z > 0.0 {
        z + (-z).exp().ln_1p()
    } else {
        z.exp().ln_1p()
    }
}

impl CurveFormula<5> for M4 {
    /// The root as a number, and one step of Newton's method with derivatives: by the theorem of
    /// implicit functions that step carries the root's exact derivatives.
    fn formula<R: Real>(&self, parameters: [R; 5], ln_x: R) -> R {
        let [a, _, _, e_inf, e_0] = parameters;
        let root = solve(parameters.map(Real::value), ln_x.value());
        if root <= e_inf.value() || root >= e_0.value() {
            // So near an end that the loss and the end are one number.
            return R::constant(root);
        }
        let slope = 1.0 / (root - e_inf.value()) + a.value() / (e_0.value() - root);
        let at_root = R::constant(root);
        let miss = residual(parameters, ln_x, at_root);
        // The rounding of the root itself must not move it.
        let miss = miss - R::constant(miss.value());
        at_root - miss / R::constant(slope)
    }
}

/// What the catalogue says about [`M4`].
pub static CARD: LawCard = LawCard {
    name: "m4",
    title: "Sigmoid of data between chance and a floor (M4)",
    formula: "(L − e_inf) / (e_0 − L)^a = b x^(−c)",
    units: "L nats per token; x = D tokens seen",
    log_base: "e",
    citation: ALABDULMOHSIN_2022.at("eq. 3"),
    parameters: &[
        Parameter::new("a", "1", "exponent of the distance from chance"),
        Parameter::new("b", "1", "scale"),
        Parameter::new("c", "1", "exponent of data"),
        Parameter::new("e_inf", "nats per token", "loss of infinite data"),
        Parameter::new("e_0", "nats per token", "loss of an uninformed model"),
    ],
    published: &[],
    valid: "Whole curves, from near chance to near the floor.",
    criticism: &[
        "Where the runs are far from chance, a and e_0 are not determined: use M2.",
        "Its authors judge by extrapolation on few-shot vision and translation; for language-model losses it differs little from M2.",
    ],
    build: |values| Ok(Box::new(M4::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossCurve;
    use crate::laws::testing::assert_near;

    const LAW: M4 = M4 {
        a: 0.7,
        b: 30.0,
        c: 0.2,
        e_inf: 1.6,
        e_0: 10.8,
    };

    #[test]
    fn the_loss_satisfies_the_implicit_equation() {
        for x in [1e3, 1e6, 1e9, 1e12] {
            let loss = LAW.gradient_at(x).unwrap().loss.get();
            let left = (loss - LAW.e_inf) / (LAW.e_0 - loss).powf(LAW.a);
            assert_near(left / (LAW.b * x.powf(-LAW.c)), 1.0, 1e-9);
        }
    }

    #[test]
    fn with_a_zero_it_is_m2() {
        let law = M4 { a: 0.0, ..LAW };
        let loss = law.gradient_at(1e9).unwrap().loss.get();
        assert_near(loss, 30.0 * 1e9f64.powf(-0.2) + 1.6, 1e-12);
    }

    #[test]
    fn it_runs_from_chance_to_the_floor() {
        assert_near(LAW.gradient_at(1e-60).unwrap().loss.get(), 10.8, 1e-6);
        assert_near(LAW.gradient_at(1e60).unwrap().loss.get(), 1.6, 1e-6);
        let upside_down = M4 { e_0: 1.0, ..LAW };
        assert!(upside_down.gradient_at(1e9).is_err());
    }
}
