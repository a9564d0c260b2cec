//! Which texts are nearly the same as another.
//!
//! MinHash signatures of the set of word 5-grams (Broder 1997, "On the resemblance and
//! containment of documents"), compared where a locality-sensitive index finds candidates (Indyk
//! and Motwani 1998); both from the crate `gaoya`. Word 5-grams and a Jaccard similarity of 0.7
//! are what public code corpora use (Kocetkov et al. 2022, "The Stack", section 4).

use gaoya::minhash::{MinHashIndex, MinHasher, MinHasher32};
use std::hash::{BuildHasherDefault, Hasher};

const WORDS_PER_SHINGLE: usize = 5;
const LEAST_SIMILARITY: f64 = 0.7;
/// With 25 bands of 5 rows, a pair at similarity 0.7 is a candidate with probability
/// 1 − (1 − 0.7⁵)²⁵ = 0.99.
const BANDS: usize = 25;
const ROWS: usize = 5;
/// Shingles that a signature is computed from. Of a longer text, those with the smallest hashes
/// are used: the same ones in every copy, which bounds the time that a file takes.
const SHINGLES: usize = 4096;

/// 2⁶⁴ divided by the golden ratio, as in Fibonacci hashing (Knuth, TAOCP 3, section 6.4).
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// A text's set of word 5-grams in 125 numbers.
pub(crate) type Signature = Vec<u32>;

/// Makes signatures; one for all threads.
pub(crate) struct Signer(MinHasher32<BuildHasherDefault<ShingleHash>>);

/// Hands a shingle to `gaoya` as it is: it is a hash already.
#[derive(Default)]
struct ShingleHash(u64);

impl Hasher for ShingleHash {
    fn finish(&self) -> u64 {
        // `gaoya` keeps the low 32 bits; the high bits of a product are the better mixed ones.
        self.0 >> 32
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(MULTIPLIER);
        }
    }
    fn write_u64(&mut self, shingle: u64) {
        self.0 = shingle;
    }
}

impl Signer {
    pub(crate) fn new() -> Self {
        let hasher = BuildHasherDefault::default();
        Self(MinHasher32::new_with_hasher(BANDS * ROWS, hasher))
    }

    /// The signature of `text`; `None` for a text with fewer words than a shingle, which equals
    /// nothing but itself.
    pub(crate) fn sign(&self, text: &str) -> Option<Signature> {
        let shingles = shingles(text);
        (!shingles.is_empty()).then(|| self.0.create_signature(shingles.into_iter()))
    }
}

/// Hashes of all runs of five words, without repetition.
fn shingles(text: &str) -> Vec<u64> {
    let words: Vec<u64> = words(text).map(hash_word).collect();
    let mut shingles: Vec<u64> = words
        .windows(WORDS_PER_SHINGLE)
        .map(|run| {
            run.iter().fold(0u64, |hash, word| {
                (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER)
            })
        })
        .collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles.truncate(SHINGLES);
    shingles
}

/// Identifiers and numbers: what is left of code without white space and punctuation.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

/// FNV-1a, 64 bits (Fowler, Noll and Vo).
fn hash_word(word: &str) -> u64 {
    word.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// For each text in order: is it nearly the same as an earlier one that is kept?
pub(crate) fn near_duplicates(signatures: Vec<Option<Signature>>) -> Vec<bool> {
    let mut index = MinHashIndex::<u32, usize>::new(BANDS, ROWS, LEAST_SIMILARITY);
    let judge = |(position, signature): (usize, Option<Signature>)| {
        let Some(signature) = signature else {
            return false;
        };
        let is_copy = !index.query(&signature).is_empty();
        if !is_copy {
            index.insert(position, signature);
        }
        is_copy
    };
    signatures.into_iter().enumerate().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code-like text of `functions` functions, each different.
    fn code(functions: std::ops::Range<usize>) -> String {
        let function = |i| {
            format!(
                "fn f{i}(left: u{i}, right: i{i}) -> usize {{ let k{i} = left + right; k{i} * {i} }}\n"
            )
        };
        functions.map(function).collect()
    }

    fn judge(texts: &[String]) -> Vec<bool> {
        let signer = Signer::new();
        near_duplicates(texts.iter().map(|text| signer.sign(text)).collect())
    }

    #[test]
    fn a_copy_with_small_edits_is_found_and_the_first_is_kept() {
        let edited = code(0..100).replace("f57", "renamed");
        assert_eq!(judge(&[code(0..100), edited]), [false, true]);
    }

    #[test]
    fn reformatted_copies_are_found() {
        let reformatted = code(0..100).replace(' ', "\n  ").replace(";", " ;");
        assert_eq!(judge(&[code(0..100), reformatted]), [false, true]);
    }

    #[test]
    fn texts_that_share_a_third_are_kept() {
        assert_eq!(judge(&[code(0..100), code(50..150)]), [false, false]);
    }

    #[test]
    fn copies_of_long_texts_are_found_though_their_shingles_are_capped() {
        assert_eq!(judge(&[code(0..3000), code(0..2800)]), [false, true]);
    }

    #[test]
    fn texts_of_a_few_words_are_left_to_exact_comparison() {
        assert_eq!(judge(&["mod a;".into(), "mod a;".into()]), [false, false]);
    }
}
