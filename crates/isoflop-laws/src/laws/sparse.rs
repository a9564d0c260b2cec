//! Frantar et al. 2023, weight sparsity:
//! L(S, N, D) = (aS (1 − S)^bS + cS) N^(−bN) + (aD / D)^bD + c.
//!
//! S is the share of weights that are zero, N the parameters that are not zero, D tokens seen;
//! L in nats per token, natural logarithms. No constants are given here, because the paper's
//! could not be read.

use super::source::FRANTAR_2023;
use crate::LawError;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};

/// L(S, N, D) = (aS (1 − S)^bS + cS) N^(−bN) + (aD / D)^bD + c (Frantar et al. 2023, eq. 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sparse {
    /// aS: scale of what density costs.
    pub a_s: f64,
    /// bS: exponent of the density 1 − S.
    pub b_s: f64,
    /// cS: scale of the loss from finite size when all but nothing is zero.
    pub c_s: f64,
    /// bN: exponent of N.
    pub b_n: f64,
    /// aD, tokens: scale of the data.
    pub a_d: f64,
    /// bD: exponent of D.
    pub b_d: f64,
    /// c: irreducible loss, nats per token.
    pub c: f64,
    /// ln(1 − S); zero for a dense model.
    ln_density: f64,
}

parameters!(
    Sparse {
        a_s,
        b_s,
        c_s,
        b_n,
        a_d,
        b_d,
        c
    },
    beside { ln_density: 0.0 }
);
surface!(Sparse, width 9);

impl SurfaceFormula<7> for Sparse {
    fn formula<R: Real>(&self, [a_s, b_s, c_s, b_n, a_d, b_d, c]: [R; 7], ln_n: R, ln_d: R) -> R {
        let of_density = a_s * (b_s * R::constant(self.ln_density)).exp();
        let of_size = (of_density + c_s) * (-b_n * ln_n).exp();
        of_size + (b_d * (a_d.ln() - ln_d)).exp() + c
    }
}

impl Sparse {
    /// The same law at sparsity S, from 0 to below 1.
    ///
    /// # Errors
    /// [`LawError::NoValue`] for another sparsity.
    pub fn with_sparsity(self, sparsity: f64) -> Result<Self, LawError> {
        if (0.0..1.0).contains(&sparsity) {
            return Ok(Self {
                ln_density: (1.0 - sparsity).ln(),
                ..self
            });
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as a sparsity from 0 to below 1",
            at: "the model given".to_owned(),
            value: sparsity,
        })
    }
}

/// What the catalogue says about [`Sparse`].
pub static CARD: LawCard = LawCard {
    name: "sparse",
    title: "Loss of a sparse model from its non-zero parameters and data",
    formula: "L(S, N, D) = (aS (1 − S)^bS + cS) N^(−bN) + (aD / D)^bD + c",
    units: "L nats per token; S share of zero weights; N non-zero parameters; D tokens seen",
    log_base: "e",
    citation: FRANTAR_2023.at("eq. 1"),
    parameters: &[
        Parameter::new("aS", "nats per token", "scale of what density costs"),
        Parameter::new("bS", "1", "exponent of density"),
        Parameter::new(
            "cS",
            "nats per token",
            "scale of the loss from finite size at full sparsity",
        ),
        Parameter::new("bN", "1", "exponent of non-zero parameters"),
        Parameter::new("aD", "tokens", "scale of data"),
        Parameter::new("bD", "1", "exponent of data"),
        Parameter::new("c", "nats per token", "irreducible loss"),
    ],
    published: &[],
    valid: "Unstructured sparsity reached by gradual pruning.",
    criticism: &[
        "Non-zero parameters say little of the speed on hardware that does not skip zeros.",
        "Fitted on T5 with C4 and on vision transformers, not on decoder-only language models.",
    ],
    build: |values| Ok(Box::new(Sparse::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, params, tokens};

    #[test]
    fn a_sparser_model_of_as_many_non_zero_parameters_is_better() {
        let law = Sparse::from_values(&[16.8, 0.72, 45.0, 0.25, 6.9e8, 0.2, 0.65]).unwrap();
        let at = |sparsity| {
            let law = law.with_sparsity(sparsity).unwrap();
            law.loss(params(1e8), tokens(1e10)).unwrap().get()
        };
        let dense = (16.8 + 45.0) / 1e8f64.powf(0.25) + (6.9e8 / 1e10f64).powf(0.2) + 0.65;
        assert_near(at(0.0), dense, 1e-12);
        assert!(at(0.875) < at(0.5) && at(0.5) < at(0.0));
        assert!(law.with_sparsity(1.0).is_err());
    }
}
