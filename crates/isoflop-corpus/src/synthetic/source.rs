//! The source itself: its rules and its stream.

use super::RuleSourceSpec;
use super::subject_chain::{SubjectChain, below, unit};
use crate::document::Fingerprint;
use crate::error::CorpusError;
use crate::token_corpus::{DocumentSpan, TokenCorpus, TokenSplit};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::mem::replace;

/// A synthetic source with rules that are learned one by one; the folder's documentation says
/// what it is and derives its entropy rate.
///
/// ```
/// use isoflop_corpus::{RuleSource, RuleSourceSpec};
/// let source = RuleSource::new(RuleSourceSpec::default())?;
/// let corpus = source.corpus(100_000, 20_000, 7)?;
/// let validation = corpus.validation_set(256, 64)?;
/// let known = source.true_losses(&validation).expect("256 is a multiple of the block");
/// let mean = known.iter().sum::<f64>() / known.len() as f64;
/// assert!((mean / source.entropy_rate().get() - 1.0).abs() < 0.05);
/// # Ok::<(), isoflop_corpus::CorpusError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RuleSource {
    pub(super) spec: RuleSourceSpec,
    pub(super) chain: SubjectChain,
    /// The number of each subject's first rule.
    pub(super) first_rules: Vec<usize>,
    /// The values of each rule, one after the other.
    values: Vec<u16>,
}

/// Blocks in what counts as one document, whose losses are not independent: many times longer
/// than a subject stays.
const BLOCKS_PER_DOCUMENT: usize = 512;

/// Streams of the random generator. Training and validation never share a number.
const RULES: u64 = 0;
pub(super) const TRAINING: u64 = 1;
const VALIDATION: u64 = 2;

impl RuleSource {
    /// Draws the rules.
    ///
    /// # Errors
    /// [`CorpusError::Option`] for a specification out of range.
    pub fn new(spec: RuleSourceSpec) -> Result<Self, CorpusError> {
        spec.validate()?;
        let mut random = generator(spec.seed, RULES);
        let entries = spec.rules() * spec.values_per_block;
        let values = (0..entries)
            .map(|_| below(spec.values, &mut random) as u16)
            .collect();
        let running = |first: &mut usize, g| Some(replace(first, *first + spec.modifiers_of(g)));
        let first_rules = (0..spec.subjects).scan(0, running).collect();
        Ok(Self {
            chain: SubjectChain::new(&spec),
            spec,
            first_rules,
            values,
        })
    }

    /// What determines the source.
    #[must_use]
    pub fn spec(&self) -> &RuleSourceSpec {
        &self.spec
    }

    /// A corpus of whole blocks with at least as many tokens as asked for. A longer one from the
    /// same seed begins with the shorter one.
    ///
    /// # Errors
    /// [`CorpusError::Option`] for zero tokens.
    pub fn corpus(
        &self,
        training_tokens: usize,
        validation_tokens: usize,
        seed: u64,
    ) -> Result<TokenCorpus, CorpusError> {
        for (option, tokens) in [
            ("training tokens", training_tokens),
            ("validation tokens", validation_tokens),
        ] {
            crate::training_windows::require_positive(option, tokens)?;
        }
        let description = format!(
            "{:?} training {training_tokens} validation {validation_tokens} seed {seed}",
            self.spec
        );
        Ok(TokenCorpus {
            fingerprint: Fingerprint::of_description(&description),
            vocab_size: self.spec.vocab_size(),
            training: self.split(training_tokens, seed, TRAINING),
            validation: self.split(validation_tokens, seed, VALIDATION),
            token_bytes: vec![1; self.spec.vocab_size()],
        })
    }

    fn split(&self, tokens: usize, seed: u64, stream: u64) -> TokenSplit {
        let tokens = self.stream(tokens.div_ceil(self.spec.block()), seed, stream);
        let length = BLOCKS_PER_DOCUMENT * self.spec.block();
        let span = |number: usize| DocumentSpan {
            name: format!("{}", number + 1),
            group: number,
            end: ((number + 1) * length).min(tokens.len()),
        };
        let documents = (0..tokens.len().div_ceil(length)).map(span).collect();
        TokenSplit {
            bytes: tokens.len() as u64,
            tokens,
            documents,
        }
    }

    /// The first `blocks` blocks of a stream that has been running for ever.
    pub(super) fn stream(&self, blocks: usize, seed: u64, stream: u64) -> Vec<u16> {
        let random = &mut generator(seed, stream);
        let mut tokens = Vec::with_capacity(blocks * self.spec.block());
        let mut subject = self.chain.draw_first(random);
        for _ in 0..blocks {
            let modifier = below(self.spec.modifiers_of(subject), random);
            tokens.push(subject as u16);
            tokens.push((self.spec.subjects + modifier) as u16);
            for value in self.rule(subject, modifier) {
                let is_noise = unit(random) < self.spec.noise;
                let value = match is_noise {
                    true => below(self.spec.values, random),
                    false => usize::from(*value),
                };
                tokens.push((self.first_value() + value) as u16);
            }
            subject = self.chain.draw_next(subject, random);
        }
        tokens
    }

    pub(super) fn first_value(&self) -> usize {
        self.spec.subjects + self.spec.modifiers
    }

    pub(super) fn rule(&self, subject: usize, modifier: usize) -> &[u16] {
        let start = (self.first_rules[subject] + modifier) * self.spec.values_per_block;
        &self.values[start..start + self.spec.values_per_block]
    }
}

fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn small() -> RuleSourceSpec {
        RuleSourceSpec {
            subjects: 20,
            modifiers: 4,
            values: 30,
            ..RuleSourceSpec::default()
        }
    }

    pub(in super::super) fn source(spec: RuleSourceSpec) -> RuleSource {
        RuleSource::new(spec).unwrap()
    }

    #[test]
    fn the_stream_is_stationary_and_its_rules_are_fixed() {
        let source = source(small());
        let tokens = source.corpus(1_600_000, 8, 9).unwrap().training.tokens;
        let share = |tokens: &[u16]| {
            let mut counts = [0.0; 20];
            tokens
                .chunks(8)
                .for_each(|block| counts[usize::from(block[0])] += 1.0);
            counts.map(|count| count / (tokens.len() / 8) as f64)
        };
        let (early, late) = tokens.split_at(tokens.len() / 2);
        for (g, (early, late)) in share(early).into_iter().zip(share(late)).enumerate() {
            let expected = source.chain.stationary[g];
            // 100 000 blocks in stays of up to 32 blocks: about 3000 independent ones.
            let error = (expected * (1.0 - expected) / 3_000.0).sqrt();
            assert!(
                (early - expected).abs() < 4.0 * error,
                "{g}: {early} {expected}"
            );
            assert!(
                (late - expected).abs() < 4.0 * error,
                "{g}: {late} {expected}"
            );
        }
    }

    #[test]
    fn a_longer_corpus_begins_with_the_shorter_and_seeds_and_sides_differ() {
        let source = source(small());
        let short = source.corpus(10_000, 10_000, 1).unwrap();
        let long = source.corpus(50_000, 10_000, 1).unwrap();
        assert!(long.training.tokens.starts_with(&short.training.tokens));
        assert_eq!(long.validation, short.validation);
        assert_ne!(short.training.tokens, short.validation.tokens);
        let other = source.corpus(10_000, 10_000, 2).unwrap();
        assert_ne!(other.training.tokens, short.training.tokens);
        let prints = [short.fingerprint, long.fingerprint, other.fingerprint];
        assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);
        assert!(
            short
                .training
                .tokens
                .iter()
                .all(|token| usize::from(*token) < short.vocab_size)
        );
    }

    #[test]
    fn specifications_out_of_range_are_refused() {
        for spec in [
            RuleSourceSpec {
                subjects: 1,
                ..small()
            },
            RuleSourceSpec {
                modifiers: 0,
                ..small()
            },
            RuleSourceSpec {
                values: usize::MAX,
                ..small()
            },
            RuleSourceSpec {
                noise: f64::NAN,
                ..small()
            },
            RuleSourceSpec {
                noise: 1.0,
                ..small()
            },
            RuleSourceSpec {
                exponent: 0.0,
                ..small()
            },
            RuleSourceSpec {
                escape_rates: 0,
                ..small()
            },
            RuleSourceSpec {
                subjects: 60_000,
                modifiers: 2_000,
                ..small()
            },
        ] {
            assert!(matches!(
                RuleSource::new(spec),
                Err(CorpusError::Option { .. })
            ));
        }
        assert!(source(small()).corpus(0, 8, 1).is_err());
    }
}
