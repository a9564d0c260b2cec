//! Kaplan et al. 2020: L(D) = (Dc / D)^aD, size unbounded, stopped early.
//!
//! L in nats per token, D tokens of the training set, natural logarithms.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{LawError, Loss, LossCurve, Tokens};

/// L(D) = (Dc / D)^aD (Kaplan et al. 2020, eq. 1.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanD {
    /// Dc, tokens: the data at which the loss would be one nat.
    pub dc: f64,
    /// Exponent of D.
    pub alpha_d: f64,
}

parameters!(KaplanD { dc, alpha_d });
curve!(KaplanD, of Tokens, width 3);

impl CurveFormula<2> for KaplanD {
    fn formula<R: Real>(&self, [dc, alpha]: [R; 2], ln_d: R) -> R {
        (alpha * (dc.ln() - ln_d)).exp()
    }
}

impl KaplanD {
    /// Kaplan et al. 2020, eq. 1.2.
    pub const KAPLAN_2020: Self = Self {
        dc: 5.4e13,
        alpha_d: 0.095,
    };

    /// L(D), nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, tokens: Tokens) -> Result<Loss, LawError> {
        Ok(self.gradient_at(tokens.get())?.loss)
    }
}

/// What the catalogue says about [`KaplanD`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-d",
    title: "Loss of a large model from its data, stopped early",
    formula: "L(D) = (Dc / D)^aD",
    units: "L nats per token; D tokens of the training set, repeated until the test loss stops falling",
    log_base: "e",
    citation: KAPLAN_2020.at("eq. 1.2"),
    parameters: &[
        Parameter::new("Dc", "tokens", "data at which the loss would be one nat"),
        Parameter::new("aD", "1", "exponent of data"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-d",
        citation: KAPLAN_2020.at("eq. 1.2, table 5"),
        counts: Counts {
            params: None,
            flops: None,
        },
        fitted_on: FittedOn {
            tokens: Range::new(2.2e7, 2.3e10),
            ..WEB_TEXT
        },
        constants: &[
            Constant::printed("Dc", 5.4e13),
            Constant::printed("aD", 0.095),
        ],
        note: "",
    }],
    valid: "A model so large that only data limits the loss, stopped before it overfits.",
    criticism: &[
        "No irreducible loss: the curve must bend before it reaches the entropy of text (Henighan et al. 2020).",
        "D is the size of the training set, which is seen many times: not the tokens seen in one pass.",
    ],
    build: |values| Ok(Box::new(KaplanD::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, tokens};

    #[test]
    fn ten_billion_tokens_allow_two_point_two_six_nats() {
        let loss = KaplanD::KAPLAN_2020.loss(tokens(1e10)).unwrap();
        assert_near(loss.get(), 2.2624, 5e-5);
    }
}
