//! Kumar et al. 2024, training in few bits: L = E + A / N_eff^alpha + B / D^beta with
//! N_eff = N (1 − e^(−P_w / gamma_w)) (1 − e^(−P_a / gamma_a)) (1 − e^(−P_kv / gamma_kv)).
//!
//! P are the bits of weights, activations and the cache of keys and values during training. L in
//! nats per token, N parameters without embeddings, D tokens seen, natural logarithms. No full
//! set of constants could be confirmed, so none is given here.

use super::source::KUMAR_2024;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, quantity_or_error, surface};
use crate::{LawError, Params};

/// Bits of each kind of number during training.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Bits {
    /// Bits of a weight.
    pub weights: f64,
    /// Bits of an activation.
    pub activations: f64,
    /// Bits of a cached key or value.
    pub cache: f64,
}

impl Bits {
    /// The precision of the runs that other laws are fitted to.
    pub const SIXTEEN: Self = Self {
        weights: 16.0,
        activations: 16.0,
        cache: 16.0,
    };
}

/// L = E + A / N_eff^alpha + B / D^beta (Kumar et al. 2024, eq. 3 and 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// E, nats per token.
    pub e: f64,
    /// A, nats per token.
    pub a: f64,
    /// B, nats per token.
    pub b: f64,
    /// Exponent of N_eff.
    pub alpha: f64,
    /// Exponent of D.
    pub beta: f64,
    /// gamma_w: bits of a weight after which further bits matter little.
    pub gamma_w: f64,
    /// gamma_a: the like for activations.
    pub gamma_a: f64,
    /// gamma_kv: the like for the cache.
    pub gamma_kv: f64,
    /// Bits of training.
    bits: Bits,
}

parameters!(
    Precision {
        e,
        a,
        b,
        alpha,
        beta,
        gamma_w,
        gamma_a,
        gamma_kv
    },
    beside {
        bits: Bits::SIXTEEN
    }
);
surface!(Precision, width 10);

/// 1 − e^(−P / gamma): the share of the parameters that P bits are worth.
fn share<R: Real>(bits: f64, gamma: R) -> R {
    R::constant(1.0) - (-R::constant(bits) / gamma).exp()
}

impl SurfaceFormula<8> for Precision {
    fn formula<R: Real>(
        &self,
        [e, a, b, alpha, beta, gamma_w, gamma_a, gamma_kv]: [R; 8],
        ln_n: R,
        ln_d: R,
    ) -> R {
        let share = share(self.bits.weights, gamma_w)
            * share(self.bits.activations, gamma_a)
            * share(self.bits.cache, gamma_kv);
        let ln_effective = ln_n + share.ln();
        e + a * (-alpha * ln_effective).exp() + b * (-beta * ln_d).exp()
    }
}

impl Precision {
    /// The same law for training in these bits, each positive.
    ///
    /// # Errors
    /// [`LawError::NoValue`] for bits that are not positive.
    pub fn with_bits(self, bits: Bits) -> Result<Self, LawError> {
        for value in [bits.weights, bits.activations, bits.cache] {
            if !(value.is_finite() && value > 0.0) {
                return Err(LawError::NoValue {
                    law: CARD.name,
                    what: "as a number of bits",
                    at: "the precision given".to_owned(),
                    value,
                });
            }
        }
        Ok(Self { bits, ..self })
    }

    /// N_eff: the parameters of full precision that are worth as much as N of these bits.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where a gamma is not positive.
    pub fn effective_params(&self, params: Params) -> Result<Params, LawError> {
        let effective = params.get()
            * share(self.bits.weights, self.gamma_w)
            * share(self.bits.activations, self.gamma_a)
            * share(self.bits.cache, self.gamma_kv);
        quantity_or_error(&CARD, "parameters", effective, || format!("N = {params}"))
    }
}

/// What the catalogue says about [`Precision`].
pub static CARD: LawCard = LawCard {
    name: "precision",
    title: "Loss of size and data when training in few bits",
    formula: "L = E + A / N_eff^alpha + B / D^beta; N_eff = N (1 − e^(−P_w / gamma_w)) (1 − e^(−P_a / gamma_a)) (1 − e^(−P_kv / gamma_kv))",
    units: "L nats per token; N parameters without embeddings; D tokens seen; P_w, P_a, P_kv bits of weights, activations and cached keys and values during training",
    log_base: "e",
    citation: KUMAR_2024.at("eq. 3 and 4"),
    parameters: &[
        Parameter::new("E", "nats per token", "irreducible loss"),
        Parameter::new("A", "nats per token", "scale of the loss from finite size"),
        Parameter::new("B", "nats per token", "scale of the loss from finite data"),
        Parameter::new("alpha", "1", "exponent of effective size"),
        Parameter::new("beta", "1", "exponent of data"),
        Parameter::new("gamma_w", "bits", "sensitivity to the bits of weights"),
        Parameter::new("gamma_a", "bits", "sensitivity to the bits of activations"),
        Parameter::new("gamma_kv", "bits", "sensitivity to the bits of the cache"),
    ],
    published: &[],
    valid: "Integer types of 3 to 16 bits; the paper's runs have 30M to 220M parameters, checked to 1.7B, and up to 26B tokens.",
    criticism: &[
        "The authors expect their constants not to carry over to other architectures and data (Kumar et al. 2024).",
        "Formats with a scale for each block of numbers lose less at equal bits than the integer types it was fitted on.",
    ],
    build: |values| Ok(Box::new(Precision::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, params, tokens};

    /// gamma_w, A and alpha as the paper's table 2 is quoted; the others are of no consequence.
    const VALUES: [f64; 8] = [2.0, 4299.0, 2e4, 0.4965, 0.4965, 2.6745, 1e-3, 1e-3];

    fn at(weights: f64) -> Precision {
        let law = Precision::from_values(&VALUES).unwrap();
        let bits = Bits {
            weights,
            ..Bits::SIXTEEN
        };
        law.with_bits(bits).unwrap()
    }

    #[test]
    fn four_bit_weights_are_worth_three_quarters_of_the_parameters() {
        let worth = |bits: f64| at(bits).effective_params(params(1e8)).unwrap().get() / 1e8;
        assert_near(worth(3.0), 0.674, 5e-4);
        assert_near(worth(4.0), 0.776, 5e-4);
        assert_near(worth(8.0), 0.950, 5e-4);
        assert_near(worth(16.0), 0.997, 5e-4);
    }

    #[test]
    fn a_hundred_million_parameters_lose_six_hundredths_of_a_nat_to_four_bits() {
        let loss = |bits: f64| at(bits).loss(params(1e8), tokens(1e10)).unwrap().get();
        assert_near(loss(4.0) - loss(60.0), 0.061, 1e-3);
    }

    #[test]
    fn no_bits_are_refused() {
        let law = Precision::from_values(&VALUES).unwrap();
        let none = Bits {
            cache: 0.0,
            ..Bits::SIXTEEN
        };
        assert!(law.with_bits(none).is_err());
    }
}
