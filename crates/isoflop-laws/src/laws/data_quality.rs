//! Data quality as effective tokens: L = E + A / N^alpha + B / (D Q^gamma)^beta.
//!
//! Q is the corpus's quality relative to a reference with Q = 1. L in nats per token, N
//! parameters, D tokens seen, natural logarithms. Subramanyam et al. 2025; no constants are
//! given here, because the paper's could not be read.

use super::source::SUBRAMANYAM_2025;
use crate::card::{LawCard, Parameter};
use crate::dual::Real;
use crate::formula::{SurfaceFormula, parameters, surface};
use crate::laws::Chinchilla;
use crate::{Allocation, BestAllocation, Flops, LawError, Quality, Tokens};

/// L = E + A / N^alpha + B / (D Q^gamma)^beta.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DataQuality {
    /// E, nats per token.
    pub e: f64,
    /// A, nats per token.
    pub a: f64,
    /// B, nats per token.
    pub b: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Exponent of the effective data.
    pub beta: f64,
    /// Exponent of the quality.
    pub gamma: f64,
    /// ln Q, zero for the reference corpus.
    ln_quality: f64,
}

parameters!(
    DataQuality {
        e,
        a,
        b,
        alpha,
        beta,
        gamma
    },
    beside { ln_quality: 0.0 }
);
surface!(DataQuality, width 8, with best_allocation: BestAllocation);

impl SurfaceFormula<6> for DataQuality {
    fn formula<R: Real>(&self, [e, a, b, alpha, beta, gamma]: [R; 6], ln_n: R, ln_d: R) -> R {
        let ln_effective = ln_d + gamma * R::constant(self.ln_quality);
        e + a * (-alpha * ln_n).exp() + b * (-beta * ln_effective).exp()
    }
}

impl BestAllocation for DataQuality {
    /// The best size and data on text of this law's quality.
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        self.on_this_text().best(flops)
    }
}

impl DataQuality {
    /// The same law on a corpus of quality Q relative to the reference.
    #[must_use]
    pub fn with_quality(self, quality: Quality) -> Self {
        Self {
            ln_quality: quality.ln(),
            ..self
        }
    }

    /// The law of size and data alone, on text of this quality.
    #[must_use]
    pub fn on_this_text(&self) -> Chinchilla {
        Chinchilla {
            e: self.e,
            a: self.a,
            b: self.b * (-self.beta * self.gamma * self.ln_quality).exp(),
            alpha: self.alpha,
            beta: self.beta,
        }
    }

    /// D Q^gamma: tokens of the reference corpus that are worth as much.
    #[must_use]
    pub fn effective_tokens(&self, tokens: Tokens) -> Tokens {
        let effective = tokens.get() * (self.gamma * self.ln_quality).exp();
        Tokens::new(effective).unwrap_or(tokens)
    }
}

/// What the catalogue says about [`DataQuality`].
pub static CARD: LawCard = LawCard {
    name: "data-quality",
    title: "Loss of size and data of a given quality",
    formula: "L = E + A / N^alpha + B / (D Q^gamma)^beta",
    units: "L nats per token; N parameters; D tokens seen; Q quality relative to a reference corpus with Q = 1",
    log_base: "e",
    citation: SUBRAMANYAM_2025.at("abstract"),
    parameters: &[
        Parameter::new("E", "nats per token", "irreducible loss"),
        Parameter::new("A", "nats per token", "scale of the loss from finite size"),
        Parameter::new("B", "nats per token", "scale of the loss from finite data"),
        Parameter::new("alpha", "1", "exponent of size"),
        Parameter::new("beta", "1", "exponent of effective data"),
        Parameter::new("gamma", "1", "exponent of quality"),
    ],
    published: &[],
    valid: "Corpora that differ in quality only, judged on one held-out set. The paper is quoted with a gamma of about 0.40 for language models and 0.17 for translation (second hand).",
    criticism: &[
        "Quality that only multiplies D cannot move the exponent of the best size, yet measured exponents do move with the corpus (Bi et al. 2024).",
        "The best filtering depends on the budget: strict filters run out of data (Goyal et al. 2024).",
    ],
    build: |values| Ok(Box::new(DataQuality::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossSurface;
    use crate::laws::testing::{assert_near, params, tokens};

    #[test]
    fn half_the_quality_is_made_up_by_more_tokens() {
        let reference = DataQuality::from_values(&[1.8, 480.0, 2000.0, 0.35, 0.37, 0.8]).unwrap();
        let worse = reference.with_quality(Quality::new(0.5).unwrap());
        let more = tokens(1e11 * 2f64.powf(0.8));
        let good = reference.loss(params(1e9), tokens(1e11)).unwrap();
        let bad = worse.loss(params(1e9), more).unwrap();
        assert_near(good.get(), bad.get(), 1e-12);
        assert_near(worse.effective_tokens(more).get() / 1e11, 1.0, 1e-12);
    }

    #[test]
    fn the_best_size_on_worse_text_is_smaller_and_has_the_least_loss_for_its_compute() {
        let reference = DataQuality::from_values(&[1.8, 480.0, 2000.0, 0.35, 0.37, 0.8]).unwrap();
        let worse = reference.with_quality(Quality::new(0.5).unwrap());
        let budget = Flops::new(1e22).unwrap();
        let (good, bad) = (reference.best(budget).unwrap(), worse.best(budget).unwrap());
        assert!(bad.params.get() < good.params.get());
        let at = |factor: f64| {
            let (n, d) = (bad.params.get() * factor, bad.tokens.get() / factor);
            worse.loss(params(n), tokens(d)).unwrap().get()
        };
        assert!(at(1.0) < at(1.1) && at(1.0) < at(0.9));
        assert_near(
            at(1.0),
            worse
                .on_this_text()
                .loss(bad.params, bad.tokens)
                .unwrap()
                .get(),
            1e-12,
        );
    }
}
