//! Kumar et al. 2024, quantising after training: delta = C_T D^gamma_D / N^gamma_N
//! e^(−P / gamma_post).
//!
//! delta is added to the loss, nats per token; N parameters without embeddings, D tokens seen, P
//! bits after training, natural logarithms. No full set of constants could be confirmed.

use super::source::KUMAR_2024;
use crate::card::{LawCard, Parameter};
use crate::dual::{Dual, Real};
use crate::formula::{law, parameters, point};
use crate::{LawError, Params, Tokens};

/// delta = C_T D^gamma_D / N^gamma_N e^(−P / gamma_post) (Kumar et al. 2024, eq. 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantization {
    /// C_T, nats per token.
    pub c_t: f64,
    /// Exponent of D: more data make quantisation hurt more.
    pub gamma_d: f64,
    /// Exponent of N: size makes it hurt less.
    pub gamma_n: f64,
    /// gamma_post: bits over which the damage falls to 1/e.
    pub gamma_post: f64,
}

parameters!(Quantization {
    c_t,
    gamma_d,
    gamma_n,
    gamma_post
});
law!(Quantization);

/// What quantising costs, and how that changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantizationLoss {
    /// delta, nats per token, added to the loss.
    pub nats: f64,
    /// Its derivatives by (ln N, ln D, P).
    pub by_input: [f64; 3],
    /// Its derivatives by (C_T, gamma_D, gamma_N, gamma_post).
    pub by_parameter: [f64; 4],
}

impl Quantization {
    /// The nats per token that quantising to `bits` adds to the loss, with exact derivatives.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives a negative or infinite number.
    pub fn loss(
        &self,
        params: Params,
        tokens: Tokens,
        bits: f64,
    ) -> Result<QuantizationLoss, LawError> {
        let values = self.array();
        let [c_t, gamma_d, gamma_n, gamma_post] =
            std::array::from_fn(|index| Dual::<7>::variable(values[index], index));
        let ln_n = Dual::variable(params.ln(), 4);
        let ln_d = Dual::variable(tokens.ln(), 5);
        let bits = Dual::variable(bits, 6);
        let delta = c_t * (gamma_d * ln_d - gamma_n * ln_n - bits / gamma_post).exp();
        if !(delta.value.is_finite() && delta.value >= 0.0) {
            return Err(LawError::NoValue {
                law: CARD.name,
                what: "nats per token from quantising",
                at: point(params, tokens),
                value: delta.value,
            });
        }
        let partial = delta.partials;
        Ok(QuantizationLoss {
            nats: delta.value,
            by_input: [partial[4], partial[5], partial[6]],
            by_parameter: [partial[0], partial[1], partial[2], partial[3]],
        })
    }
}

/// What the catalogue says about [`Quantization`].
pub static CARD: LawCard = LawCard {
    name: "quantization",
    title: "What quantising a trained model adds to its loss",
    formula: "delta = C_T D^gamma_D / N^gamma_N e^(−P / gamma_post)",
    units: "delta nats per token, added to the loss; N parameters without embeddings; D tokens seen; P bits of a weight after training",
    log_base: "e",
    citation: KUMAR_2024.at("eq. 2"),
    parameters: &[
        Parameter::new("C_T", "nats per token", "scale"),
        Parameter::new("gamma_D", "1", "exponent of data"),
        Parameter::new("gamma_N", "1", "exponent of size"),
        Parameter::new(
            "gamma_post",
            "bits",
            "bits over which the damage falls to 1/e",
        ),
    ],
    published: &[],
    valid: "Weights quantised after training in high precision; small models of 30M to 220M parameters.",
    criticism: &[
        "The decay of the learning rate, and not the amount of data, may be what makes trained models fragile (Catalan-Tatjer et al. 2025).",
        "Holds for one method of quantising; better methods change the constants.",
    ],
    build: |values| Ok(Box::new(Quantization::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, params, tokens};

    /// The exponents as the paper's table 2 is quoted; C_T and gamma_post are of no consequence.
    const LAW: Quantization = Quantization {
        c_t: 0.06,
        gamma_d: 0.5068,
        gamma_n: 0.3439,
        gamma_post: 0.6,
    };

    fn nats(n: f64, d: f64, bits: f64) -> f64 {
        LAW.loss(params(n), tokens(d), bits).unwrap().nats
    }

    #[test]
    fn ten_times_the_data_triple_what_quantising_costs() {
        assert_near(nats(1e8, 1e11, 4.0) / nats(1e8, 1e10, 4.0), 3.21, 5e-3);
        assert_near(nats(2e8, 1e10, 4.0) / nats(1e8, 1e10, 4.0), 0.788, 5e-4);
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let exact = LAW.loss(params(1e8), tokens(1e10), 4.0).unwrap();
        let h = 1e-5f64;
        let by_n = nats(1e8 * h.exp(), 1e10, 4.0) - nats(1e8 / h.exp(), 1e10, 4.0);
        let by_d = nats(1e8, 1e10 * h.exp(), 4.0) - nats(1e8, 1e10 / h.exp(), 4.0);
        let by_bits = nats(1e8, 1e10, 4.0 + h) - nats(1e8, 1e10, 4.0 - h);
        for (exact, difference) in exact.by_input.iter().zip([by_n, by_d, by_bits]) {
            assert_near(
                *exact / exact.abs(),
                difference / (2.0 * h) / exact.abs(),
                1e-6,
            );
        }
        let at = |law: Quantization| law.loss(params(1e8), tokens(1e10), 4.0).unwrap().nats;
        let moved = |by: f64| Quantization {
            gamma_post: LAW.gamma_post + by,
            ..LAW
        };
        let by_post = (at(moved(h)) - at(moved(-h))) / (2.0 * h);
        assert_near(exact.by_parameter[3] / by_post, 1.0, 1e-6);
        assert_near(exact.by_parameter[0] * LAW.c_t / exact.nats, 1.0, 1e-12);
    }
}
