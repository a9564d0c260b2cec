//! What a run reads: the training text, a corrupted copy of it, or a part of it again and again.
//! Validation is always on clean text.

use crate::error::ExperimentError;
use isoflop_corpus::{TokenCorpus, TrainingWindows};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reading {
    /// The training text.
    Text,
    /// A copy in which this share of the tokens is replaced by tokens from elsewhere in it.
    Corrupted(f64),
    /// So many tokens of it, spread evenly, again and again.
    Part(u64),
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reading::Text => f.write_str("clean text"),
            Reading::Corrupted(share) => {
                write!(f, "{:.0} % of tokens replaced at random", share * 100.0)
            }
            Reading::Part(tokens) => write!(f, "{tokens} unique tokens repeated"),
        }
    }
}

/// The texts of an experiment, each made once.
pub(crate) struct Texts {
    made: Vec<(Reading, Vec<u16>)>,
}

/// Contexts in a piece of a part: long enough that few windows cross from one into the next.
const CONTEXTS_A_PIECE: usize = 16;

impl Texts {
    /// Makes what the runs read beside the text itself.
    pub fn of(
        corpus: &TokenCorpus,
        readings: impl IntoIterator<Item = Reading>,
        context: usize,
    ) -> Self {
        let mut made: Vec<(Reading, Vec<u16>)> = Vec::new();
        for reading in readings {
            if reading == Reading::Text || made.iter().any(|(known, _)| *known == reading) {
                continue;
            }
            let tokens = &corpus.training.tokens;
            let text = match reading {
                Reading::Text => continue,
                Reading::Corrupted(share) => corrupted(tokens, share),
                Reading::Part(size) => part(tokens, size as usize, context),
            };
            made.push((reading, text));
        }
        Self { made }
    }

    /// The windows of a run.
    pub fn windows<'t>(
        &'t self,
        corpus: &'t TokenCorpus,
        reading: Reading,
        (context, batch, seed): (usize, usize, u64),
    ) -> Result<TrainingWindows<'t>, ExperimentError> {
        let made = self.made.iter().find(|(known, _)| *known == reading);
        let tokens = made.map_or(&corpus.training.tokens, |(_, text)| text);
        Ok(TrainingWindows::new(tokens, context, batch, seed)?)
    }
}

/// A number from 0 to 1 and another one, by position alone (SplitMix64, Steele et al. 2014).
fn drawn(position: usize) -> (f64, u64) {
    let mix = |mut z: u64| {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let first = mix(position as u64);
    ((first >> 11) as f64 / (1_u64 << 53) as f64, mix(first))
}

/// Replacements come from elsewhere in the text, so that tokens stay as frequent as they were.
/// What is replaced at one share is replaced at every larger one.
fn corrupted(tokens: &[u16], share: f64) -> Vec<u16> {
    let corrupt = |(position, token): (usize, &u16)| match drawn(position) {
        (chance, elsewhere) if chance < share => tokens[(elsewhere % tokens.len() as u64) as usize],
        _ => *token,
    };
    tokens.iter().enumerate().map(corrupt).collect()
}

/// About `size` tokens in pieces spread evenly over the text, so that the part is about the same
/// things as the whole.
fn part(tokens: &[u16], size: usize, context: usize) -> Vec<u16> {
    // An epoch leaves out a context; see `TrainingWindows`.
    let size = size + context;
    if size >= tokens.len() {
        return tokens.to_vec();
    }
    let piece = CONTEXTS_A_PIECE * context;
    let pieces = size.div_ceil(piece);
    let begins = |k: usize| k * (tokens.len() - piece.min(tokens.len())) / pieces.max(1);
    let mut text: Vec<u16> = (0..pieces)
        .flat_map(|k| &tokens[begins(k)..(begins(k) + piece).min(tokens.len())])
        .copied()
        .collect();
    text.truncate(size);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_asked_for_is_replaced_and_the_rest_is_as_it_was() {
        // Tokens that are all different: a replacement shows.
        let tokens: Vec<u16> = (0..50_000).collect();
        for share in [0.0, 0.2, 0.5] {
            let text = corrupted(&tokens, share);
            let changed = text.iter().zip(&tokens).filter(|(a, b)| a != b).count();
            let found = changed as f64 / tokens.len() as f64;
            assert!((found - share).abs() < 0.01, "{found} of {share}");
        }
        let (less, more) = (corrupted(&tokens, 0.2), corrupted(&tokens, 0.5));
        let nested = (0..tokens.len()).all(|i| less[i] == tokens[i] || less[i] == more[i]);
        assert!(nested);
    }

    #[test]
    fn a_part_has_the_unique_tokens_asked_for_from_all_over_the_text() {
        let tokens: Vec<u16> = (0..60_000).collect();
        let text = part(&tokens, 6400, 16);
        let windows = TrainingWindows::new(&text, 16, 4, 0).unwrap();
        assert_eq!(windows.tokens_per_epoch().get(), 6400.0);
        assert!(text[0] == 0 && text.iter().max() > Some(&55_000));
        let mut sorted = text.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), text.len(), "no token twice");
        assert_eq!(part(&tokens, 70_000, 16), tokens);
    }
}
