//! Kaplan et al. 2020: L(N, D) = [(Nc / N)^(aN / aD) + Dc / D]^aD, stopped early.
//!
//! L in nats per token, N parameters without embeddings, D tokens of the training set, natural
//! logarithms.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};
use crate::{LawError, Params, Tokens};

/// L(N, D) = [(Nc / N)^(aN / aD) + Dc / D]^aD (Kaplan et al. 2020, eq. 1.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanNd {
    /// Nc, parameters without embeddings.
    pub nc: f64,
    /// Dc, tokens.
    pub dc: f64,
    /// Exponent of N with unbounded data.
    pub alpha_n: f64,
    /// Exponent of D with unbounded size.
    pub alpha_d: f64,
}

parameters!(KaplanNd {
    nc,
    dc,
    alpha_n,
    alpha_d
});
surface!(KaplanNd, width 6);

impl SurfaceFormula<4> for KaplanNd {
    fn formula<R: Real>(&self, [nc, dc, alpha_n, alpha_d]: [R; 4], ln_n: R, ln_d: R) -> R {
        let of_size = (alpha_n / alpha_d * (nc.ln() - ln_n)).exp();
        let of_data = (dc.ln() - ln_d).exp();
        (of_size + of_data).pow(alpha_d)
    }
}

impl KaplanNd {
    /// Kaplan et al. 2020, table 2.
    pub const KAPLAN_2020: Self = Self {
        nc: 6.4e13,
        dc: 1.8e13,
        alpha_n: 0.076,
        alpha_d: 0.103,
    };

    /// Data from which overfitting costs less than the noise between seeds:
    /// D = 5e3 N^0.74, N without embeddings (Kaplan et al. 2020, eq. 4.4).
    ///
    /// # Errors
    /// [`LawError::NoValue`] if D is too large for a number.
    pub fn tokens_without_overfitting(params: Params) -> Result<Tokens, LawError> {
        let tokens = 5e3 * params.get().powf(0.74);
        Tokens::new(tokens).map_err(|_| LawError::NoValue {
            law: CARD.name,
            what: "tokens without overfitting",
            at: format!("N = {params}"),
            value: tokens,
        })
    }
}

/// What the laws of Kaplan et al. 2020 were fitted on; embeddings are not counted.
pub(crate) const WEB_TEXT: FittedOn = FittedOn {
    data: "WebText2 (22.9B tokens, byte-pair vocabulary of 50,257), decoder-only transformers, context 1,024",
    params: Range::new(768.0, 1.5e9),
    tokens: Range::new(2.2e7, 2.3e10),
    flops: None,
};

/// What the catalogue says about [`KaplanNd`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-nd",
    title: "Loss of size and data together, stopped early",
    formula: "L(N, D) = [(Nc / N)^(aN / aD) + Dc / D]^aD",
    units: "L nats per token; N parameters without embeddings; D tokens of the training set",
    log_base: "e",
    citation: KAPLAN_2020.at("eq. 1.5"),
    parameters: &[
        Parameter::new("Nc", "non-embedding parameters", "scale of size"),
        Parameter::new("Dc", "tokens", "scale of data"),
        Parameter::new("aN", "1", "exponent of size"),
        Parameter::new("aD", "1", "exponent of data"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020",
        citation: KAPLAN_2020.at("table 2"),
        counts: Counts::NON_EMBEDDING,
        fitted_on: WEB_TEXT,
        constants: &[
            Constant::printed("Nc", 6.4e13),
            Constant::printed("Dc", 1.8e13),
            Constant::printed("aN", 0.076),
            Constant::printed("aD", 0.103),
        ],
        note: "For sizes and budgets read `kaplan-optimum`: this law is of repeated data stopped early, so its own optimum at C = 6ND is not the paper's.",
    }],
    valid: "A fixed training set, seen until the test loss stops falling.",
    criticism: &[
        "No irreducible loss: with N and D the law falls to zero (Henighan et al. 2020).",
        "One schedule length served all data sizes (Hoffmann et al. 2022).",
        "Non-embedding counts at small scale bend the exponents (Pearce & Song 2024).",
    ],
    build: |values| Ok(Box::new(KaplanNd::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, params, tokens};

    #[test]
    fn a_billion_parameters_on_ten_billion_tokens_reach_two_point_four_two_nats() {
        let law = KaplanNd::KAPLAN_2020;
        let loss = law.loss(params(1e9), tokens(1e10)).unwrap();
        assert_near(loss.get(), 2.4197, 5e-5);
    }

    #[test]
    fn a_billion_parameters_need_twenty_three_billion_tokens_not_to_overfit() {
        let tokens = KaplanNd::tokens_without_overfitting(params(1e9)).unwrap();
        assert_near(tokens.get() / 1e10, 2.285, 5e-4);
    }
}
