//! Farseer, Li et al. 2025: L(N, D) = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(−exp(a1 N^alpha + b1)).
//!
//! The exponent of data depends on size. L in nats per token, N parameters, D tokens seen,
//! natural logarithms. No constants are given here, because the paper's could not be read.

use super::source::FARSEER_2025;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};

/// L(N, D) = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(−exp(a1 N^alpha + b1)) (Li et al.
/// 2025, eq. 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Farseer {
    /// Scale in the exponent of data.
    pub a1: f64,
    /// Offset in the exponent of data.
    pub b1: f64,
    /// Power of N in the exponent of data.
    pub alpha: f64,
    /// Scale in the factor of data.
    pub a2: f64,
    /// Offset in the factor of data.
    pub b2: f64,
    /// Power of N in the factor of data.
    pub beta: f64,
    /// Scale in the loss of infinite data.
    pub a3: f64,
    /// Offset in the loss of infinite data.
    pub b3: f64,
    /// Power of N in the loss of infinite data.
    pub gamma: f64,
}

parameters!(Farseer {
    a1,
    b1,
    alpha,
    a2,
    b2,
    beta,
    a3,
    b3,
    gamma
});
surface!(Farseer, width 11);

impl SurfaceFormula<9> for Farseer {
    fn formula<R: Real>(
        &self,
        [a1, b1, alpha, a2, b2, beta, a3, b3, gamma]: [R; 9],
        ln_n: R,
        ln_d: R,
    ) -> R {
        let linear = |scale: R, power: R, offset: R| scale * (power * ln_n).exp() + offset;
        let data_exponent = linear(a1, alpha, b1).exp();
        let of_data = (linear(a2, beta, b2) - data_exponent * ln_d).exp();
        linear(a3, gamma, b3).exp() + of_data
    }
}

/// What the catalogue says about [`Farseer`].
pub static CARD: LawCard = LawCard {
    name: "farseer",
    title: "Loss of size and data whose exponent of data depends on size",
    formula: "L(N, D) = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(−exp(a1 N^alpha + b1))",
    units: "L nats per token; N parameters; D tokens seen; C = 6ND FLOPs",
    log_base: "e",
    citation: FARSEER_2025.at("eq. 3"),
    parameters: &[
        Parameter::new("a1", "N^(−alpha)", "scale in the exponent of data"),
        Parameter::new("b1", "1", "offset in the exponent of data"),
        Parameter::new("alpha", "1", "power of size in the exponent of data"),
        Parameter::new("a2", "N^(−beta)", "scale in the factor of data"),
        Parameter::new("b2", "1", "offset in the factor of data"),
        Parameter::new("beta", "1", "power of size in the factor of data"),
        Parameter::new("a3", "N^(−gamma)", "scale in the loss of infinite data"),
        Parameter::new("b3", "1", "offset in the loss of infinite data"),
        Parameter::new("gamma", "1", "power of size in the loss of infinite data"),
    ],
    published: &[],
    valid: "Large grids of sizes and data: the paper fits about 1,000 runs.",
    criticism: &[
        "Nine parameters need far more runs than a usual ladder has.",
        "No irreducible loss: with a3 < 0 the loss of infinite data falls to zero.",
    ],
    build: |values| Ok(Box::new(Farseer::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, params, tokens};

    #[test]
    fn with_a1_zero_it_has_one_exponent_of_data_for_all_sizes() {
        let law = Farseer::from_values(&[0.0, -1.0, 0.1, 1.0, 6.0, -0.1, 1.0, 0.3, -0.1]).unwrap();
        let excess = |d: f64| {
            let infinite = (1e9f64.powf(-0.1) + 0.3).exp();
            law.loss(params(1e9), tokens(d)).unwrap().get() - infinite
        };
        let slope = (excess(1e11) / excess(1e10)).ln() / 10f64.ln();
        assert_near(slope, -(-1.0f64).exp(), 1e-9);
    }
}
