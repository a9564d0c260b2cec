//! Ludziejewski et al. 2025, mixtures of experts with any number of experts and any data:
//! L(N, D, Ê) = a Ê^delta N^(alpha + gamma ln Ê) + b Ê^omega D^(beta + zeta ln Ê) + c,
//! 1 / Ê = 1 / (E − 1 + (1 / E_start − 1 / E_max)^(−1)) + 1 / E_max.
//!
//! L in nats per token, N the parameters that are active for a token, D tokens seen, E experts in
//! each layer of which one is active, natural logarithms. alpha and beta are negative here.

use super::source::LUDZIEJEWSKI_2025;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};
use crate::laws::Chinchilla;
use crate::laws::routed::saturated;
use crate::{Allocation, BestAllocation, Flops, LawError};

/// L(N, D, Ê) = a Ê^delta N^(alpha + gamma ln Ê) + b Ê^omega D^(beta + zeta ln Ê) + c
/// (Ludziejewski et al. 2025, eq. 6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointExperts {
    /// Scale of the loss from finite size.
    pub a: f64,
    /// Exponent of N without experts, negative.
    pub alpha: f64,
    /// Exponent of Ê in the term of size.
    pub delta: f64,
    /// Change of the exponent of N for each e-fold of Ê.
    pub gamma: f64,
    /// Scale of the loss from finite data.
    pub b: f64,
    /// Exponent of D without experts, negative.
    pub beta: f64,
    /// Exponent of Ê in the term of data.
    pub omega: f64,
    /// Change of the exponent of D for each e-fold of Ê.
    pub zeta: f64,
    /// Experts up to which adding some helps little.
    pub e_start: f64,
    /// Experts at which adding more ceases to help.
    pub e_max: f64,
    /// Irreducible loss, nats per token.
    pub c: f64,
    /// E, experts in each layer; 1 for a dense model.
    experts: f64,
}

parameters!(
    JointExperts {
        a,
        alpha,
        delta,
        gamma,
        b,
        beta,
        omega,
        zeta,
        e_start,
        e_max,
        c
    },
    beside { experts: 1.0 }
);
surface!(JointExperts, width 13, with best_allocation: BestAllocation);

impl SurfaceFormula<11> for JointExperts {
    fn formula<R: Real>(
        &self,
        [
            a,
            alpha,
            delta,
            gamma,
            b,
            beta,
            omega,
            zeta,
            e_start,
            e_max,
            c,
        ]: [R; 11],
        ln_n: R,
        ln_d: R,
    ) -> R {
        let ln_e = saturated(self.experts, e_start, e_max).ln();
        let of_size = a * (delta * ln_e + (alpha + gamma * ln_e) * ln_n).exp();
        let of_data = b * (omega * ln_e + (beta + zeta * ln_e) * ln_d).exp();
        of_size + of_data + c
    }
}

impl JointExperts {
    /// Ludziejewski et al. 2025, table 3, as a dense model until experts are set.
    pub const LUDZIEJEWSKI_2025: Self = Self {
        a: 35.91,
        alpha: -0.1889,
        delta: -0.2285,
        gamma: 0.0098,
        b: 35.98,
        beta: -0.1775,
        omega: 0.5529,
        zeta: -0.0259,
        e_start: 2.0732,
        e_max: 290.4521,
        c: 1.3637,
        experts: 1.0,
    };

    /// The same law for models with `experts` in each layer, 1 or more.
    ///
    /// # Errors
    /// [`LawError::NoValue`] for less than one expert.
    pub fn with_experts(self, experts: f64) -> Result<Self, LawError> {
        if experts.is_finite() && experts >= 1.0 {
            return Ok(Self { experts, ..self });
        }
        Err(LawError::NoValue {
            law: CARD.name,
            what: "as a number of experts",
            at: "each layer".to_owned(),
            value: experts,
        })
    }

    /// The law at its number of experts, which has the form of approach 3 (the paper's table 4).
    #[must_use]
    pub fn at_these_experts(&self) -> Chinchilla {
        let ln_e = saturated(self.experts, self.e_start, self.e_max).ln();
        Chinchilla {
            e: self.c,
            a: self.a * (self.delta * ln_e).exp(),
            b: self.b * (self.omega * ln_e).exp(),
            alpha: -(self.alpha + self.gamma * ln_e),
            beta: -(self.beta + self.zeta * ln_e),
        }
    }
}

impl BestAllocation for JointExperts {
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        self.at_these_experts().optimum(flops)
    }
}

const RECOMPUTED: &str = "table 4 of the paper follows from it";

const fn confirmed(symbol: &'static str, value: f64) -> Constant {
    Constant::printed(symbol, value).confirmed(RECOMPUTED)
}

/// What the catalogue says about [`JointExperts`].
pub static CARD: LawCard = LawCard {
    name: "joint-experts",
    title: "Loss of a mixture of experts from active size, data and experts",
    formula: "L(N, D, Ê) = a Ê^delta N^(alpha + gamma ln Ê) + b Ê^omega D^(beta + zeta ln Ê) + c; 1 / Ê = 1 / (E − 1 + 1 / (1 / E_start − 1 / E_max)) + 1 / E_max",
    units: "L nats per token; N parameters active for a token; D tokens seen; E experts in each layer, one of them active; C = 6ND FLOPs",
    log_base: "e",
    citation: LUDZIEJEWSKI_2025.at("eq. 6"),
    parameters: &[
        Parameter::new("a", "nats per token", "scale of the loss from finite size"),
        Parameter::new("alpha", "1", "exponent of size without experts, negative"),
        Parameter::new("delta", "1", "exponent of experts in the term of size"),
        Parameter::new("gamma", "1", "change of the exponent of size with ln Ê"),
        Parameter::new("b", "nats per token", "scale of the loss from finite data"),
        Parameter::new("beta", "1", "exponent of data without experts, negative"),
        Parameter::new("omega", "1", "exponent of experts in the term of data"),
        Parameter::new("zeta", "1", "change of the exponent of data with ln Ê"),
        Parameter::new("E_start", "experts", "where experts start to help"),
        Parameter::new("E_max", "experts", "where experts cease to help"),
        Parameter::new("c", "nats per token", "irreducible loss"),
    ],
    published: &[PublishedFit {
        name: "ludziejewski-2025",
        citation: LUDZIEJEWSKI_2025.at("table 3"),
        counts: Counts::TOTAL,
        fitted_on: FittedOn {
            data: "more than 270 transformers, dense or with 2 to 32 experts a layer",
            params: Range::new(7.9e7, 2.7e9),
            tokens: Range::new(5e8, 8e10),
            flops: None,
        },
        constants: &[
            confirmed("a", 35.91),
            confirmed("alpha", -0.1889),
            confirmed("delta", -0.2285),
            confirmed("gamma", 0.0098),
            confirmed("b", 35.98),
            confirmed("beta", -0.1775),
            confirmed("omega", 0.5529),
            confirmed("zeta", -0.0259),
            confirmed("E_start", 2.0732),
            confirmed("E_max", 290.4521),
            confirmed("c", 1.3637),
        ],
        note: "N counts the parameters active for a token, embeddings included.",
    }],
    valid: "Up to 32 experts of the dense layer's size, one active; tokens per active parameter within the runs' range.",
    criticism: &[
        "Eleven parameters, several of them nearly collinear: read the loss, not single constants.",
        "Holds for experts of the dense layer's size; finer ones are better (Krajewski et al. 2024).",
    ],
    build: |values| Ok(Box::new(JointExperts::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    fn with(experts: f64) -> JointExperts {
        JointExperts::LUDZIEJEWSKI_2025
            .with_experts(experts)
            .unwrap()
    }

    #[test]
    fn at_each_number_of_experts_it_is_the_additive_law_of_table_4() {
        for (experts, m, mu, n, nu) in [
            (1.0, 30.3640, 0.1817, 53.9838, 0.1965),
            (2.0, 27.7982, 0.1780, 66.8401, 0.2065),
            (4.0, 24.8462, 0.1731, 87.7022, 0.2192),
            (8.0, 21.8330, 0.1676, 119.9126, 0.2338),
            (16.0, 19.0159, 0.1617, 167.5073, 0.2494),
            (32.0, 16.5424, 0.1557, 234.6726, 0.2652),
        ] {
            let law = with(experts).at_these_experts();
            // The constants have four digits behind the point.
            assert_near(law.a / m, 1.0, 3e-3);
            assert_near(law.alpha, mu, 2e-4);
            assert_near(law.b / n, 1.0, 3e-3);
            assert_near(law.beta, nu, 2e-4);
        }
    }

    #[test]
    fn more_experts_make_fewer_active_parameters_on_more_tokens_best() {
        // Table 1 of the paper.
        for (budget, experts, params, tokens) in [
            (1e20, 1.0, 1.7e9, 9.7e9),
            (1e20, 8.0, 990e6, 17e9),
            (1e21, 32.0, 2.85e9, 58.4e9),
            (1e22, 16.0, 13.2e9, 126.5e9),
        ] {
            let best = with(experts).best(flops(budget)).unwrap();
            assert_near(best.params.get() / params, 1.0, 0.03);
            assert_near(best.tokens.get() / tokens, 1.0, 0.03);
        }
        assert!(JointExperts::LUDZIEJEWSKI_2025.with_experts(0.0).is_err());
    }
}
