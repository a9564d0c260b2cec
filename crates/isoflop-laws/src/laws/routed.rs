//! Clark et al. 2022, routed models: log10 L = a log10 N + b log10 Ê + c log10 N log10 Ê + d,
//! 1 / Ê = 1 / (E − 1 + (1 / E_start − 1 / E_max)^(−1)) + 1 / E_max.
//!
//! The logarithms are to base ten: read with natural ones the constants give nonsense. (To
//! convert: d ln 10 and c / ln 10, a and b as they are.) L in nats per token, N parameters of
//! the dense model that the experts are added to, E experts in each routed layer; all models saw
//! 130B tokens.

use super::source::CLARK_2022;
use crate::card::{Constant, Counts, FittedOn, LawCard, Parameter, PublishedFit, Range};
use crate::dual::Real;
use crate::formula::{CurveFormula, curve, parameters};
use crate::{LawError, Loss, LossCurve, Params};

/// log10 L = a log10 N + b log10 Ê + c log10 N log10 Ê + d (Clark et al. 2022, eq. 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Routed {
    /// Exponent of N.
    pub a: f64,
    /// Exponent of Ê.
    pub b: f64,
    /// Interaction, per decade: how much less experts help larger models.
    pub c: f64,
    /// log10 of the loss at N = Ê = 1.
    pub d: f64,
    /// Experts up to which adding some helps little.
    pub e_start: f64,
    /// Experts at which adding more ceases to help.
    pub e_max: f64,
    /// E, experts in each routed layer; 1 for a dense model.
    experts: f64,
}

parameters!(
    Routed {
        a,
        b,
        c,
        d,
        e_start,
        e_max
    },
    beside { experts: 1.0 }
);
curve!(Routed, of Params, width 7);

/// 1 / Ê = 1 / (E − 1 + (1 / E_start − 1 / E_max)^(−1)) + 1 / E_max.
pub(super) fn saturated<R: Real>(experts: f64, e_start: R, e_max: R) -> R {
    let one = R::constant(1.0);
    let offset = one / (one / e_start - one / e_max);
    let inverse = one / (R::constant(experts - 1.0) + offset) + one / e_max;
    one / inverse
}

impl CurveFormula<6> for Routed {
    fn formula<R: Real>(&self, [a, b, c, d, e_start, e_max]: [R; 6], ln_n: R) -> R {
        let ln_ten = R::constant(std::f64::consts::LN_10);
        let log_n = ln_n / ln_ten;
        let log_e = saturated(self.experts, e_start, e_max).ln() / ln_ten;
        let log_loss = a * log_n + b * log_e + c * log_n * log_e + d;
        (ln_ten * log_loss).exp()
    }
}

impl Routed {
    /// Clark et al. 2022, table 3, S-BASE routing, as a dense model until experts are set.
    pub const CLARK_2022: Self = Self {
        a: -0.082,
        b: -0.108,
        c: 0.009,
        d: 1.104,
        e_start: 1.847,
        e_max: 314.478,
        experts: 1.0,
    };

    /// The same law for models with `experts` in each routed layer, 1 or more.
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
            at: "each routed layer".to_owned(),
            value: experts,
        })
    }

    /// Ê, the experts after saturation.
    #[must_use]
    pub fn saturated_experts(&self) -> f64 {
        saturated(self.experts, self.e_start, self.e_max)
    }

    /// L(N, E), nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn loss(&self, params: Params) -> Result<Loss, LawError> {
        Ok(self.gradient_at(params.get())?.loss)
    }
}

const RUNS: FittedOn = FittedOn {
    data: "MassiveText, decoder-only transformers with up to 512 experts in every other layer",
    params: Range::new(1.5e7, 1.3e9),
    tokens: Range::new(1.3e11, 1.3e11),
    flops: None,
};

const COUNTS: Counts = Counts {
    params: Some(crate::ParamCount::Total),
    flops: None,
};

const fn fit(
    name: &'static str,
    constants: &'static [Constant],
    note: &'static str,
) -> PublishedFit {
    PublishedFit {
        name,
        citation: CLARK_2022.at("table 3"),
        counts: COUNTS,
        fitted_on: RUNS,
        constants,
        note,
    }
}

/// What the catalogue says about [`Routed`].
pub static CARD: LawCard = LawCard {
    name: "routed",
    title: "Loss of a mixture of experts from size and experts",
    formula: "log10 L = a log10 N + b log10 Ê + c log10 N log10 Ê + d; 1 / Ê = 1 / (E − 1 + 1 / (1 / E_start − 1 / E_max)) + 1 / E_max",
    units: "L nats per token; N parameters of the dense model; E experts in each routed layer; D fixed at 130B tokens",
    log_base: "10",
    citation: CLARK_2022.at("eq. 1"),
    parameters: &[
        Parameter::new("a", "1", "exponent of size"),
        Parameter::new("b", "1", "exponent of experts"),
        Parameter::new("c", "1 per decade", "interaction of size and experts"),
        Parameter::new("d", "log10 nats", "log10 of the loss at N = Ê = 1"),
        Parameter::new("E_start", "experts", "where experts start to help"),
        Parameter::new("E_max", "experts", "where experts cease to help"),
    ],
    published: &[
        fit(
            "clark-2022",
            &[
                Constant::printed("a", -0.082),
                Constant::printed("b", -0.108),
                Constant::printed("c", 0.009),
                Constant::printed("d", 1.104),
                Constant::printed("E_start", 1.847),
                Constant::printed("E_max", 314.478),
            ],
            "S-BASE routing. Experts cease to help at 937B parameters.",
        ),
        fit(
            "clark-2022-rl-r",
            &[
                Constant::printed("a", -0.083),
                Constant::printed("b", -0.126),
                Constant::printed("c", 0.012),
                Constant::printed("d", 1.111),
                Constant::printed("E_start", 1.880),
                Constant::printed("E_max", 469.982),
            ],
            "RL-R routing. Experts cease to help at 85B parameters.",
        ),
        fit(
            "clark-2022-hash",
            &[
                Constant::printed("a", -0.087),
                Constant::printed("b", -0.136),
                Constant::printed("c", 0.012),
                Constant::printed("d", 1.157),
                Constant::printed("E_start", 4.175),
                Constant::printed("E_max", 477.741),
            ],
            "Hash routing. Experts cease to help at 83B parameters.",
        ),
    ],
    valid: "130B tokens, one routed expert a token, up to 512 experts.",
    criticism: &[
        "All models saw the same 130B tokens: with more data experts help larger models further (Krajewski et al. 2024).",
        "No irreducible loss, so the interaction must bend the curve.",
    ],
    build: |values| Ok(Box::new(Routed::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, check_curve_gradient, params};

    #[test]
    fn constants_are_read_with_logarithms_to_base_ten() {
        // N = 1e8 with Ê = 1: 10^(−0.082 · 8 + 1.104).
        let bare = Routed {
            e_start: 1.0,
            ..Routed::CLARK_2022
        };
        let loss = bare.loss(params(1e8)).unwrap().get();
        assert_near(loss, 10f64.powf(0.448), 1e-9);
        assert_near(loss, 2.8, 0.01);
    }

    #[test]
    fn experts_saturate_from_e_start_to_e_max() {
        let law = Routed::CLARK_2022;
        assert_near(law.saturated_experts(), 1.847, 1e-9);
        let many = law.with_experts(1e9).unwrap();
        assert_near(many.saturated_experts(), 314.478, 1e-3);
        assert!(law.with_experts(0.5).is_err());
    }

    #[test]
    fn experts_cease_to_help_at_the_published_size() {
        // −d log L / d log Ê = 0 at log10 N = −b / c; the printed c has one digit.
        let rl = Routed::from_values(&CARD.fit("clark-2022-hash").unwrap().values()).unwrap();
        let cutoff = 10f64.powf(-rl.b / rl.c);
        assert!(cutoff > 83e9 / 4.0 && cutoff < 83e9 * 4.0, "{cutoff:e}");
        let few = rl.with_experts(4.0).unwrap().loss(params(1e9)).unwrap();
        let many = rl.with_experts(64.0).unwrap().loss(params(1e9)).unwrap();
        assert!(many < few);
    }

    #[test]
    fn the_gradient_holds_with_the_constants_of_each_routing() {
        for fit in CARD.published {
            check_curve_gradient(&CARD, &fit.values(), 3e8);
        }
    }
}
