//! Broken neural scaling law, Caballero et al. 2022:
//! L(C) = a + b C^(−c0) Π_i (1 + (C / d_i)^(1 / f_i))^(−c_i f_i).
//!
//! A power law whose exponent changes by c_i around d_i, over a width f_i in ln C. L in nats per
//! token, C FLOPs (the paper lets x be any quantity), natural logarithms.

use super::source::CABALLERO_2022;
use crate::card::{LawCard, Parameter};
use crate::dual::{Dual, Real};
use crate::formula::{check_finite, split, wrong_count};
use crate::{CurveInput, Law, LawError, LossCurve, LossGradient};

/// Breaks that a law can have.
pub const MAX_BREAKS: usize = 4;
/// Variables of the largest law: a, b, c0, three for each break, and C.
const WIDTH: usize = 3 + 3 * MAX_BREAKS + 1;

/// L(C) = a + b C^(−c0) Π_i (1 + (C / d_i)^(1 / f_i))^(−c_i f_i) (Caballero et al. 2022, eq. 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Bnsl {
    /// Limit of the loss, nats per token.
    pub a: f64,
    /// Scale of the first segment, nats per token at one FLOP.
    pub b: f64,
    /// Exponent of the first segment.
    pub c0: f64,
    /// Where the exponent changes.
    pub breaks: Vec<Break>,
}

/// A change of exponent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Break {
    /// Change of the exponent: positive makes the loss fall faster.
    pub c: f64,
    /// Where, FLOPs.
    pub d: f64,
    /// How wide, in ln C; small is sharp.
    pub f: f64,
}

/// ln(1 + e^z) without overflow.
fn softplus<R: Real>(z: R) -> R {
    // Beyond 35, ln(1 + e^z) and z differ by less than one rounding.
    if z.value() > 35.0 {
        z
    } else {
        (R::constant(1.0) + z.exp()).ln()
    }
}

/// The formula for parameters in the order a, b, c0, then c, d, f of each break.
fn formula<R: Real>(parameters: &[R], ln_c: R) -> R {
    let [a, b, c0, breaks @ ..] = parameters else {
        return R::constant(f64::NAN);
    };
    let mut ln_factor = -*c0 * ln_c;
    for one in breaks.chunks_exact(3) {
        let (c, d, f) = (one[0], one[1], one[2]);
        ln_factor = ln_factor - c * f * softplus((ln_c - d.ln()) / f);
    }
    *a + *b * ln_factor.exp()
}

impl Bnsl {
    /// The law with a, b, c0 and then c, d, f of each break.
    ///
    /// # Errors
    /// [`LawError::WrongCount`] unless there are 3 values and 3 more for each of at most
    /// [`MAX_BREAKS`] breaks; [`LawError::NotFinite`] for a value that is no number.
    pub fn from_values(values: &[f64]) -> Result<Self, LawError> {
        check_finite(&CARD, values)?;
        match values {
            [a, b, c0, rest @ ..] if rest.len() % 3 == 0 && rest.len() <= 3 * MAX_BREAKS => {
                let breaks = rest.chunks_exact(3).map(|one| Break {
                    c: one[0],
                    d: one[1],
                    f: one[2],
                });
                Ok(Self {
                    a: *a,
                    b: *b,
                    c0: *c0,
                    breaks: breaks.collect(),
                })
            }
            _ => Err(wrong_count(&CARD, values.len())),
        }
    }
}

impl Law for Bnsl {
    fn card(&self) -> &'static LawCard {
        &CARD
    }
    fn values(&self) -> Vec<f64> {
        let breaks = self.breaks.iter().flat_map(|one| [one.c, one.d, one.f]);
        [self.a, self.b, self.c0]
            .into_iter()
            .chain(breaks)
            .collect()
    }
    fn curve(&self) -> Option<&dyn LossCurve> {
        Some(self)
    }
}

impl LossCurve for Bnsl {
    fn input(&self) -> CurveInput {
        CurveInput::Flops
    }
    fn gradient_at(&self, x: f64) -> Result<LossGradient, LawError> {
        let values = self.values();
        let count = values.len();
        if count >= WIDTH {
            return Err(wrong_count(&CARD, count));
        }
        let parameters: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| Dual::<WIDTH>::variable(*value, index))
            .collect();
        let result = formula(&parameters, Dual::variable(x.ln(), count));
        let mut gradient = split(&CARD, result, count, || format!("C = {x:e}"))?;
        gradient.by_ln_input.truncate(1);
        Ok(gradient)
    }
}

/// What the catalogue says about [`Bnsl`].
pub static CARD: LawCard = LawCard {
    name: "bnsl",
    title: "Power law of compute whose exponent changes smoothly (broken neural scaling law)",
    formula: "L(C) = a + b C^(−c0) Π_i (1 + (C / d_i)^(1 / f_i))^(−c_i f_i)",
    units: "L nats per token; C FLOPs; three parameters more for each further break, at most four breaks",
    log_base: "e",
    citation: CABALLERO_2022.at("eq. 1"),
    parameters: &[
        Parameter::new("a", "nats per token", "limit of the loss"),
        Parameter::new("b", "nats per token at one FLOP", "scale"),
        Parameter::new("c0", "1", "exponent of the first segment"),
        Parameter::new("c1", "1", "change of the exponent"),
        Parameter::new("d1", "FLOPs", "where the exponent changes"),
        Parameter::new("f1", "ln FLOPs", "how wide the change is"),
    ],
    published: &[],
    valid: "Enough points on both sides of each break: a break beyond the data cannot be seen.",
    criticism: &[
        "Each break has three parameters, which a short ladder cannot determine.",
        "Cannot foretell a break that lies beyond the runs (Caballero et al. 2022).",
    ],
    build: |values| Ok(Box::new(Bnsl::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, check_curve_gradient};

    #[test]
    fn the_exponent_changes_from_c0_to_c0_plus_c1_across_the_break() {
        let law = Bnsl::from_values(&[0.0, 100.0, 0.05, 0.1, 1e20, 0.5]).unwrap();
        let slope = |c: f64| law.gradient_at(c).unwrap().elasticities()[0];
        assert_near(slope(1e14), -0.05, 1e-9);
        assert_near(slope(1e20), -0.10, 1e-12);
        assert_near(slope(1e26), -0.15, 1e-9);
    }

    #[test]
    fn without_a_break_it_is_a_power_law_with_a_floor() {
        let law = Bnsl::from_values(&[1.7, 50.0, 0.07]).unwrap();
        let loss = law.gradient_at(1e22).unwrap();
        assert_near(loss.loss.get(), 1.7 + 50.0 * 1e22f64.powf(-0.07), 1e-12);
        assert_eq!(loss.by_parameter.len(), 3);
        assert_eq!(loss.by_ln_input.len(), 1);
    }

    #[test]
    fn four_breaks_have_exact_gradients_and_a_fifth_is_refused() {
        let mut values = vec![0.5, 300.0, 0.05];
        for (index, d) in [1e18, 1e20, 1e22, 1e24].into_iter().enumerate() {
            values.extend([0.01 * (index as f64 + 1.0), d, 0.4]);
        }
        let law = Bnsl::from_values(&values).unwrap();
        let exact = law.gradient_at(3e21).unwrap();
        let moved = |index: usize, by: f64| {
            let mut values = values.clone();
            values[index] *= 1.0 + by;
            let law = Bnsl::from_values(&values).unwrap();
            law.gradient_at(3e21).unwrap().loss.get()
        };
        for (index, value) in values.iter().enumerate() {
            let difference = (moved(index, 1e-5) - moved(index, -1e-5)) / 2e-5;
            assert_near(exact.by_parameter[index] * value, difference, 1e-7);
        }
        values.extend([0.1, 1e26, 0.4]);
        assert!(Bnsl::from_values(&values).is_err());
    }

    #[test]
    fn a_sharp_break_does_not_overflow() {
        check_curve_gradient(&CARD, &[0.5, 300.0, 0.05, 0.1, 1e18, 0.02], 1e24);
    }
}
