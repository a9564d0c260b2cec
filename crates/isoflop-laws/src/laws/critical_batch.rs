//! Critical batch size: Bcrit(L) = B* / L^(1 / aB), and what a batch costs in steps and compute.
//!
//! McCandlish et al. 2018 measured that (S / Smin − 1)(E / Emin − 1) = 1 with E = B S the tokens
//! seen and Bcrit = Emin / Smin; Kaplan et al. 2020 found how Bcrit grows as the loss falls. L in
//! nats per token, batches in tokens, natural logarithms.

use super::source::{KAPLAN_2020, MCCANDLISH_2018};
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::formula::{law, parameters, quantity_or_error};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{Flops, LawError, Loss, Steps, Tokens};

/// Bcrit(L) = B* / L^(1 / aB) (Kaplan et al. 2020, eq. 1.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticalBatch {
    /// B*, tokens: the critical batch at a loss of one nat.
    pub b_star: f64,
    /// aB: the loss falls as the critical batch to the power −aB.
    pub alpha_b: f64,
}

parameters!(CriticalBatch { b_star, alpha_b });
law!(CriticalBatch);

impl CriticalBatch {
    /// Kaplan et al. 2020, table 3.
    pub const KAPLAN_2020: Self = Self {
        b_star: 2.1e8,
        alpha_b: 0.21,
    };

    /// Bcrit, tokens per step: training with it takes twice the fewest steps and twice the
    /// fewest tokens.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn batch(&self, loss: Loss) -> Result<Tokens, LawError> {
        let tokens = self.b_star * (-loss.ln() / self.alpha_b).exp();
        quantity_or_error(&CARD, "tokens per step", tokens, || format!("L = {loss}"))
    }

    /// Smin = S / (1 + Bcrit / B): steps that a very large batch would take to the same loss
    /// (Kaplan et al. 2020, eq. 5.4).
    ///
    /// # Errors
    /// [`LawError::NoValue`] where a number is too large or small.
    pub fn min_steps(&self, steps: Steps, batch: Tokens, loss: Loss) -> Result<Steps, LawError> {
        let critical = self.batch(loss)?;
        let least = steps.get() / (1.0 + critical.get() / batch.get());
        quantity_or_error(&CARD, "steps", least, || {
            format!("S = {steps}, B = {batch}")
        })
    }

    /// S = Smin (1 + Bcrit / B): steps that this batch takes.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where a number is too large or small.
    pub fn steps(&self, min_steps: Steps, batch: Tokens, loss: Loss) -> Result<Steps, LawError> {
        let critical = self.batch(loss)?;
        let steps = min_steps.get() * (1.0 + critical.get() / batch.get());
        quantity_or_error(&CARD, "steps", steps, || {
            format!("Smin = {min_steps}, B = {batch}")
        })
    }

    /// Cmin = C / (1 + B / Bcrit): compute that a very small batch would take to the same loss
    /// (Kaplan et al. 2020, eq. 5.5).
    ///
    /// # Errors
    /// [`LawError::NoValue`] where a number is too large or small.
    pub fn min_flops(&self, flops: Flops, batch: Tokens, loss: Loss) -> Result<Flops, LawError> {
        let critical = self.batch(loss)?;
        let least = flops.get() / (1.0 + batch.get() / critical.get());
        quantity_or_error(&CARD, "FLOPs", least, || {
            format!("C = {flops}, B = {batch}")
        })
    }
}

/// What the catalogue says about [`CriticalBatch`].
pub static CARD: LawCard = LawCard {
    name: "critical-batch",
    title: "Batch size beyond which larger batches waste compute",
    formula: "Bcrit(L) = B* / L^(1 / aB); Smin = S / (1 + Bcrit / B); Cmin = C / (1 + B / Bcrit)",
    units: "Bcrit, B tokens per step; L nats per token; S optimiser steps; C FLOPs",
    log_base: "e",
    citation: MCCANDLISH_2018.at("eq. 2.11"),
    parameters: &[
        Parameter::new("B*", "tokens", "critical batch at a loss of one nat"),
        Parameter::new("aB", "1", "exponent"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-batch",
        citation: KAPLAN_2020.at("eq. 1.4, table 3"),
        counts: Counts::NONE,
        fitted_on: WEB_TEXT,
        constants: &[
            Constant::printed("B*", 2.1e8),
            Constant::printed("aB", 0.21),
        ],
        note: "",
    }],
    valid: "The gradient noise of one corpus and tokeniser; it does not depend on the model's size but through the loss.",
    criticism: &[
        "The measured batch depends on the optimiser and its learning rate, which must be tuned for each batch (Porian et al. 2024).",
        "DeepSeek and StepLaw state the best batch by compute or by data instead.",
    ],
    build: |values| Ok(Box::new(CriticalBatch::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops, tokens};

    const LAW: CriticalBatch = CriticalBatch::KAPLAN_2020;

    #[test]
    fn at_three_nats_a_million_tokens_are_the_critical_batch() {
        let batch = LAW.batch(Loss::new(3.0).unwrap()).unwrap();
        assert_near(batch.get() / 1e6, 1.123, 5e-4);
    }

    #[test]
    fn the_critical_batch_takes_twice_the_fewest_steps_and_twice_the_least_compute() {
        let loss = Loss::new(2.7).unwrap();
        let batch = LAW.batch(loss).unwrap();
        let steps = LAW
            .min_steps(Steps::new(2e5).unwrap(), batch, loss)
            .unwrap();
        assert_near(steps.get(), 1e5, 1e-6);
        let compute = LAW.min_flops(flops(2e20), batch, loss).unwrap();
        assert_near(compute.get() / 1e20, 1.0, 1e-12);
    }

    #[test]
    fn steps_and_tokens_lie_on_mccandlishs_hyperbola_for_every_batch() {
        let loss = Loss::new(2.7).unwrap();
        let least = Steps::new(1e5).unwrap();
        let least_tokens = least.get() * LAW.batch(loss).unwrap().get();
        for batch in [1e4, 1e6, 1e8] {
            let steps = LAW.steps(least, tokens(batch), loss).unwrap().get();
            let seen = steps * batch;
            let product = (steps / least.get() - 1.0) * (seen / least_tokens - 1.0);
            assert_near(product, 1.0, 1e-9);
        }
    }
}
