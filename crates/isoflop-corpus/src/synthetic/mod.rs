//! A source of tokens with known truth: its entropy rate is a formula, and what can be learned
//! about it follows a power law.
//!
//! No public data set has a known irreducible loss, so none can show whether the fitted E of a
//! scaling law is right. This source can, and it is built so that losses of small transformers
//! fall slowly with N and D, as they do on text.
//!
//! # The source
//!
//! The stream is a row of blocks of `2 + M` tokens: a *subject* g, a *modifier* k, and *values*
//! v₁ … v_M. Each kind has tokens of its own, so a reader always knows where it is in a block.
//!
//! - The subject follows a Markov chain from block to block: it stays with probability 1 − r_g,
//!   and is otherwise drawn from q. With q_g ∝ π_g r_g the stationary distribution is π (below).
//!   The escape rates r_g are 1, ½, ¼, … with equal shares, so that memory falls over scales, as
//!   in text, and not with one half-life.
//! - The modifier is uniform over the first K_g modifiers: K_g = 8 + g, up to their number.
//! - Each pair (g, k) is a *rule*: it owns a fixed row of M values, drawn at random once. A value
//!   is that of the rule with probability 1 − ε, and otherwise uniform over all values.
//!
//! Rules are numbered in order of subject and modifier, and π is such that rule number R occurs
//! with a probability of about (R + 8)^−(1+γ): Zipf's law with Mandelbrot's shift.
//!
//! # Its entropy rate
//!
//! Given the past, a subject depends only on the last subject, a modifier on nothing, and a value
//! on subject and modifier of its block and its place, all of which lie in the past. So the
//! entropy rate in nats per token is
//!
//! h = [ Σ_g π_g (H(g → ·) + ln K_g) + M H_v ] / (2 + M)
//!
//! with H_v = −a ln a − (n−1)(ε/n) ln(ε/n), a = 1 − ε + ε/n, for n values. A model that reads a window from the beginning of a block knows all of this from the window: where the
//! context is a multiple of `2 + M`, validation windows begin with a block and h can be reached.
//!
//! # Its power laws
//!
//! A rule is a piece of knowledge that is learned or not: the *quanta* of Michaud et al. 2023
//! ("The quantization model of neural scaling"); see also Hutter 2021 ("Learning curve theory").
//! Who knows all but the rarest rules, from the R-th on, loses
//! [ln n − H_v] M/(2+M) times their probability more than h, which is about R^−γ
//! ([`RuleSource::loss_knowing`]).
//! The number of rules that a model can hold grows with N, and the number that it has seen often
//! enough grows as D^(1/(1+γ)).

mod source;
mod subject_chain;
mod truth;

pub use source::RuleSource;

use crate::error::CorpusError;
use serde::{Deserialize, Serialize};

/// Everything that determines a [`RuleSource`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleSourceSpec {
    /// Number of subjects.
    pub subjects: usize,
    /// Number of modifiers: how many rules a subject has, but for the first and most frequent
    /// ones, which have fewer.
    pub modifiers: usize,
    /// Number of values, n.
    pub values: usize,
    /// Values in each block, M.
    pub values_per_block: usize,
    /// Exponent γ of the loss against the number of rules known.
    pub exponent: f64,
    /// Probability ε that a value is drawn at random.
    pub noise: f64,
    /// Number of escape rates 1, ½, ¼, …; 1 for subjects without memory.
    pub escape_rates: usize,
    /// Seed of the rules and of the subjects' escape rates.
    pub seed: u64,
}

/// Modifiers of the first subject. With few rules for the frequent subjects, all rules together
/// span three decades of frequency and more.
const FEWEST_MODIFIERS: usize = 8;

impl Default for RuleSourceSpec {
    /// 512 tokens in blocks of 8, 14788 rules, and an entropy rate of 2.1 nats per token. Between
    /// 50 thousand and a million parameters, and half a million and some ten million tokens, the
    /// loss of a small transformer falls about as fast as on text.
    fn default() -> Self {
        Self {
            subjects: 256,
            modifiers: 64,
            values: 192,
            values_per_block: 6,
            exponent: 0.5,
            noise: 0.3,
            escape_rates: 6,
            seed: 0,
        }
    }
}

impl RuleSourceSpec {
    /// Tokens in each block.
    #[must_use]
    pub fn block(&self) -> usize {
        2 + self.values_per_block
    }

    /// Number of different tokens.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.subjects + self.modifiers + self.values
    }

    /// Number of rules.
    #[must_use]
    pub fn rules(&self) -> usize {
        (0..self.subjects).map(|g| self.modifiers_of(g)).sum()
    }

    /// K_g: number of modifiers that subject `g` has.
    pub(self) fn modifiers_of(&self, subject: usize) -> usize {
        self.modifiers.min(FEWEST_MODIFIERS + subject)
    }

    fn validate(&self) -> Result<(), CorpusError> {
        let counts = [
            (
                "subjects",
                self.subjects,
                2..=60_000,
                "a number from 2 to 60000",
            ),
            (
                "modifiers",
                self.modifiers,
                1..=2_000,
                "a number from 1 to 2000",
            ),
            ("values", self.values, 2..=3_000, "a number from 2 to 3000"),
            (
                "values per block",
                self.values_per_block,
                1..=64,
                "a number from 1 to 64",
            ),
            (
                "escape rates",
                self.escape_rates,
                1..=16,
                "a number from 1 to 16",
            ),
        ];
        for (option, given, range, expected) in counts {
            if !range.contains(&given) {
                return Err(CorpusError::Option {
                    option,
                    given: given.to_string(),
                    expected,
                });
            }
        }
        let shares = [
            (
                "exponent",
                self.exponent,
                0.01..=4.0,
                "a number from 0.01 to 4",
            ),
            ("noise", self.noise, 0.0..=0.99, "a number from 0 to 0.99"),
        ];
        for (option, given, range, expected) in shares {
            if !range.contains(&given) {
                return Err(CorpusError::Option {
                    option,
                    given: given.to_string(),
                    expected,
                });
            }
        }
        let (option, entries) = (
            "rules",
            self.subjects * self.modifiers * self.values_per_block,
        );
        if entries > 1 << 26 {
            let expected = "at most 67 million values in all rules together";
            return Err(CorpusError::Option {
                option,
                given: entries.to_string(),
                expected,
            });
        }
        Ok(())
    }
}
