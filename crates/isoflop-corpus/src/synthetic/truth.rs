//! What is known about the source: true probabilities, true losses and the entropy rate.

use super::source::RuleSource;
use super::subject_chain::x_ln_x;
use crate::validation::ValidationSet;
use isoflop_laws::Loss;

impl RuleSource {
    /// The exact entropy rate: the loss in nats per token that no model can beat.
    #[must_use]
    pub fn entropy_rate(&self) -> Loss {
        positive(self.known_part() + self.values_share() * self.value_entropy())
    }

    /// The exact loss of who knows everything but the rules from number `rules` on, in order of
    /// frequency: the power law that is built in. With all rules it is the entropy rate.
    #[must_use]
    pub fn loss_knowing(&self, rules: usize) -> Loss {
        let known: f64 = (0..self.spec.subjects)
            .map(|g| {
                let all = self.spec.modifiers_of(g);
                let known = rules.saturating_sub(self.first_rules[g]).min(all);
                self.chain.stationary[g] * known as f64 / all as f64
            })
            .sum();
        // Without its rule, a value is uniform.
        let unknown = (self.spec.values as f64).ln();
        let value = known * self.value_entropy() + (1.0 - known) * unknown;
        positive(self.known_part() + self.values_share() * value)
    }

    /// Entropy of subjects and modifiers, in nats per token of the stream.
    fn known_part(&self) -> f64 {
        let subjects = self.chain.stationary.iter().enumerate();
        let modifiers: f64 = subjects
            .map(|(g, p)| p * (self.spec.modifiers_of(g) as f64).ln())
            .sum();
        (self.chain.entropy_rate() + modifiers) / self.spec.block() as f64
    }

    /// Share of values among the tokens.
    fn values_share(&self) -> f64 {
        self.spec.values_per_block as f64 / self.spec.block() as f64
    }

    /// H_v in nats.
    fn value_entropy(&self) -> f64 {
        let others = (self.spec.values - 1) as f64;
        let (right, wrong) = self.value_probabilities();
        -x_ln_x(right) - others * x_ln_x(wrong)
    }

    /// Probability of the rule's value, and of each other one.
    fn value_probabilities(&self) -> (f64, f64) {
        let wrong = self.spec.noise / self.spec.values as f64;
        (1.0 - self.spec.noise + wrong, wrong)
    }

    /// The true probability of `next` after `past`, which begins with a block; `None` where
    /// `past` is empty or not of this source. A token of the wrong kind has probability 0.
    #[must_use]
    pub fn probability(&self, past: &[u16], next: u16) -> Option<f64> {
        let block = self.spec.block();
        let place = past.len() % block;
        let last_block = &past[(past.len().checked_sub(1)? / block) * block..];
        let subject = usize::from(*last_block.first()?);
        if subject >= self.spec.subjects {
            return None;
        }
        let next = usize::from(next);
        let modifiers = self.spec.modifiers_of(subject);
        match place {
            0 if next < self.spec.subjects => Some(self.chain.probability(subject, next)),
            0 => Some(0.0),
            1 => {
                let is_modifier =
                    (self.spec.subjects..self.spec.subjects + modifiers).contains(&next);
                Some(if is_modifier {
                    1.0 / modifiers as f64
                } else {
                    0.0
                })
            }
            _ => {
                let modifier = usize::from(last_block[1]).checked_sub(self.spec.subjects)?;
                let is_rule = modifier < modifiers;
                is_rule
                    .then(|| self.value_probability(self.rule(subject, modifier)[place - 2], next))
            }
        }
    }

    /// The probability of token `next` where the rule's value is `value`.
    fn value_probability(&self, value: u16, next: usize) -> f64 {
        let (right, wrong) = self.value_probabilities();
        match next.checked_sub(self.first_value()) {
            Some(given) if given == usize::from(value) => right,
            Some(given) if given < self.spec.values => wrong,
            _ => 0.0,
        }
    }

    /// The mean loss in nats per token of a model that knows the source, for each window: what
    /// remains to a model's own loss is what it has not learned, with far less scatter than the
    /// loss itself has. `None` where windows do not begin with a block, as the context is not a
    /// multiple of it, or are not of this source.
    #[must_use]
    pub fn true_losses(&self, validation: &ValidationSet) -> Option<Vec<f64>> {
        if !validation.context.is_multiple_of(self.spec.block()) {
            return None;
        }
        let of_window = |tokens: &[u16]| {
            let loss = |end: usize| Some(-self.probability(&tokens[..end], tokens[end])?.ln());
            let sum: f64 = (1..tokens.len()).map(loss).sum::<Option<f64>>()?;
            Some(sum / validation.context as f64)
        };
        validation
            .windows
            .iter()
            .map(|window| of_window(window.tokens))
            .collect()
    }
}

/// Entropies of validated specifications are positive: modifiers and subjects are drawn.
fn positive(nats: f64) -> Loss {
    Loss::new(nats).expect("at least two subjects, each drawn with positive probability")
}

#[cfg(test)]
mod tests {
    use super::super::RuleSourceSpec;
    use super::super::source::TRAINING;
    use super::super::source::tests::{small, source};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_entropy_rate_equals_the_true_loss_of_a_long_sample() {
        for spec in [
            RuleSourceSpec::default(),
            small(),
            RuleSourceSpec {
                noise: 0.0,
                ..small()
            },
            RuleSourceSpec {
                noise: 0.9,
                escape_rates: 1,
                exponent: 1.5,
                ..small()
            },
            RuleSourceSpec {
                values_per_block: 2,
                modifiers: 1,
                ..small()
            },
        ] {
            let source = source(spec);
            let corpus = source.corpus(8, 1_000_000, 3).unwrap();
            let context = 16 * source.spec().block();
            let validation = corpus.validation_set(context, usize::MAX).unwrap();
            let losses = source.true_losses(&validation).unwrap();
            let measured = validation.loss(&losses).unwrap();
            let difference = measured.loss.get() - source.entropy_rate().get();
            assert!(measured.standard_error < 0.01 * measured.loss.get());
            assert!(
                difference.abs() < 4.0 * measured.standard_error,
                "{difference} ± {}",
                measured.standard_error
            );
        }
    }

    #[test]
    fn the_entropy_rate_equals_that_counted_in_a_sample_without_knowing_the_source() {
        // Blocks of a source this small are counted whole: H(block | last subject) from counts.
        let spec = RuleSourceSpec {
            subjects: 3,
            modifiers: 2,
            values: 3,
            values_per_block: 2,
            ..RuleSourceSpec::default()
        };
        let source = source(spec);
        let tokens = source.corpus(8_000_000, 4, 1).unwrap().training.tokens;
        let mut blocks = std::collections::HashMap::<(u16, &[u16]), f64>::new();
        let mut lasts = std::collections::HashMap::<u16, f64>::new();
        for pair in tokens.windows(8).step_by(4) {
            *blocks.entry((pair[0], &pair[4..])).or_default() += 1.0;
            *lasts.entry(pair[0]).or_default() += 1.0;
        }
        let total: f64 = lasts.values().sum();
        let entropy = |counts: Vec<f64>| -counts.iter().map(|n| x_ln_x(n / total)).sum::<f64>();
        let joint = entropy(blocks.values().copied().collect());
        let last = entropy(lasts.values().copied().collect());
        let counted = (joint - last) / 4.0;
        // 162 cells and two million blocks: bias 162/2/2e6/4 = 1e-5, standard error below 3e-4.
        assert!(
            (counted - source.entropy_rate().get()).abs() < 1e-3,
            "{counted}"
        );
    }

    proptest! {
        #[test]
        fn true_probabilities_sum_to_one_after_any_past(seed: u64, blocks in 1usize..4, cut in 0usize..8) {
            let source = source(RuleSourceSpec { seed, ..small() });
            let past = source.stream(blocks, seed, TRAINING);
            let past = &past[..past.len() - cut.min(past.len() - 1)];
            let sum: f64 = (0..54).map(|next| source.probability(past, next).unwrap()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }

        #[test]
        fn any_tokens_are_judged_without_panicking(past: Vec<u16>, next: u16) {
            let _ = source(small()).probability(&past, next);
        }
    }

    #[test]
    fn rules_fall_off_as_the_power_law_that_was_asked_for() {
        for exponent in [0.3, 0.5, 1.0] {
            let source = source(RuleSourceSpec {
                exponent,
                ..RuleSourceSpec::default()
            });
            let entropy_rate = source.entropy_rate().get();
            let excess = |rules| source.loss_knowing(rules).get() - entropy_rate;
            let all = source.spec().rules();
            assert!(excess(all).abs() < 1e-12);
            // The zeta-like tail of (R + 8)^−γ, less that beyond the last rule.
            let tail = |rules| f64::powf(rules as f64 + 8.0, -exponent);
            for subject in [1, 5, 20, 100, 200] {
                let rules = source.first_rules[subject];
                let expected = (tail(rules) - tail(all)) / (tail(0) - tail(all));
                assert!((excess(rules) / excess(0) / expected - 1.0).abs() < 1e-9);
            }
            assert!((0..all).all(|rules| excess(rules + 1) < excess(rules)));
        }
    }

    #[test]
    fn windows_that_do_not_begin_with_a_block_have_no_true_loss() {
        let source = source(small());
        let corpus = source.corpus(10_000, 10_000, 1).unwrap();
        assert!(
            source
                .true_losses(&corpus.validation_set(20, 10).unwrap())
                .is_none()
        );
        assert!(
            source
                .true_losses(&corpus.validation_set(24, 10).unwrap())
                .is_some()
        );
    }
}
