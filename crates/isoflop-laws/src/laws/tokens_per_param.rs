//! The rule of thumb drawn from Hoffmann et al. 2022: D = r N with r about 20.
//!
//! N parameters with embeddings, D tokens, C = 6ND FLOPs.

use super::source::HOFFMANN_2022;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::formula::{allocate_size, law, parameters, quantity_or_error};
use crate::laws::chinchilla::MASSIVE_TEXT;
use crate::{Allocation, BestAllocation, Flops, LawError, Params, Tokens};

/// D = r N.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokensPerParam {
    /// r: tokens for each parameter.
    pub ratio: f64,
}

parameters!(TokensPerParam { ratio });
law!(TokensPerParam, with best_allocation: BestAllocation);

impl TokensPerParam {
    /// Twenty tokens a parameter.
    pub const TWENTY: Self = Self { ratio: 20.0 };

    /// D = r N.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the ratio is not positive.
    pub fn tokens(&self, params: Params) -> Result<Tokens, LawError> {
        let tokens = self.ratio * params.get();
        quantity_or_error(&CARD, "tokens", tokens, || format!("N = {params}"))
    }
}

impl BestAllocation for TokensPerParam {
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        allocate_size(&CARD, 0.5 * (flops.get() / (6.0 * self.ratio)).ln(), flops)
    }
}

/// What the catalogue says about [`TokensPerParam`].
pub static CARD: LawCard = LawCard {
    name: "tokens-per-param",
    title: "Rule of thumb: a fixed number of tokens for each parameter",
    formula: "D = r N; N_opt(C) = sqrt(C / (6 r))",
    units: "D tokens seen; N parameters, embeddings included; C = 6ND FLOPs",
    log_base: "e",
    citation: HOFFMANN_2022.at("table 3"),
    parameters: &[Parameter::new("r", "tokens per parameter", "ratio")],
    published: &[PublishedFit {
        name: "twenty-tokens",
        citation: HOFFMANN_2022.at("table 3"),
        counts: Counts::TOTAL,
        fitted_on: MASSIVE_TEXT,
        constants: &[Constant::derived(
            "r",
            20.0,
            "table 3 gives 20.0 to 22.4 tokens a parameter",
        )],
        note: "7B parameters: 140B tokens.",
    }],
    valid: "Near 1e20 to 1e24 FLOPs on data like MassiveText.",
    criticism: &[
        "The ratio differs tenfold between recipes and grows with compute on others (Farseer, Li et al. 2025).",
        "It ignores the cost of serving, for which smaller models on more data are cheaper (Sardana et al. 2023).",
    ],
    build: |values| Ok(Box::new(TokensPerParam::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops, params};

    #[test]
    fn seven_billion_parameters_get_a_hundred_and_forty_billion_tokens() {
        let tokens = TokensPerParam::TWENTY.tokens(params(7e9)).unwrap();
        assert_eq!(tokens.get(), 140e9);
        let best = TokensPerParam::TWENTY
            .best(flops(6.0 * 7e9 * 140e9))
            .unwrap();
        assert_near(best.params.get() / 7e9, 1.0, 1e-12);
    }
}
