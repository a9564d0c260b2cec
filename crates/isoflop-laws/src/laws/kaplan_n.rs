//! Kaplan et al. 2020: L(N) = (Nc / N)^aN, data unbounded, trained to convergence.
//!
//! L in nats per token, N parameters without embeddings, natural logarithms.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{LawError, Loss, LossCurve, Params};

/// L(N) = (Nc / N)^aN (Kaplan et al. 2020, eq. 1.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanN {
    /// Nc, parameters without embeddings: the size at which the loss would be one nat.
    pub nc: f64,
    /// Exponent of N.
    pub alpha_n: f64,
}

parameters!(KaplanN { nc, alpha_n });
curve!(KaplanN, of Params, width 3);

impl CurveFormula<2> for KaplanN {
    fn formula<R: Real>(&self, [nc, alpha]: [R; 2], ln_n: R) -> R {
        (alpha * (nc.ln() - ln_n)).exp()
    }
}

impl KaplanN {
    /// Kaplan et al. 2020, eq. 1.1.
    pub const KAPLAN_2020: Self = Self {
        nc: 8.8e13,
        alpha_n: 0.076,
    };

    /// L(N), nats per token, N without embeddings.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, params: Params) -> Result<Loss, LawError> {
        Ok(self.gradient_at(params.get())?.loss)
    }
}

/// What the catalogue says about [`KaplanN`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-n",
    title: "Loss of a converged model from its size",
    formula: "L(N) = (Nc / N)^aN",
    units: "L nats per token; N parameters without embeddings",
    log_base: "e",
    citation: KAPLAN_2020.at("eq. 1.1"),
    parameters: &[
        Parameter::new(
            "Nc",
            "non-embedding parameters",
            "size at which the loss would be one nat",
        ),
        Parameter::new("aN", "1", "exponent of size"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-n",
        citation: KAPLAN_2020.at("eq. 1.1, table 5"),
        counts: Counts {
            params: Some(crate::ParamCount::NonEmbedding),
            flops: None,
        },
        fitted_on: crate::card::FittedOn {
            params: Range::new(768.0, 1.5e9),
            ..WEB_TEXT
        },
        constants: &[
            Constant::printed("Nc", 8.8e13),
            Constant::printed("aN", 0.076),
        ],
        note: "",
    }],
    valid: "Data so plentiful and training so long that only size limits the loss.",
    criticism: &[
        "No irreducible loss: the curve must bend before it reaches the entropy of text (Henighan et al. 2020).",
        "Non-embedding counts make small models look better per parameter (Pearce & Song 2024).",
    ],
    build: |values| Ok(Box::new(KaplanN::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, params};

    #[test]
    fn a_billion_parameters_converge_at_two_point_three_eight_nats() {
        let loss = KaplanN::KAPLAN_2020.loss(params(1e9)).unwrap();
        assert_near(loss.get(), 2.3756, 5e-5);
    }
}
