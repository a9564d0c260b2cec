//! Byte-level BPE (Sennrich et al. 2016; Radford et al. 2019), trained on the training split.
//!
//! Training and the file format are those of the crate `tokenizers`; the file is an ordinary
//! `tokenizer.json` that Python reads too. For speed, text is cut into words and words are looked
//! up in a cache here; a test holds the result against the crate's own encoder.

use crate::document::Document;
use crate::error::CorpusError;
use crate::pre_tokens::{PreTokenizer, byte_characters};
use crate::split::keyed_hash;
use rayon::prelude::*;
use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Model, Tokenizer, Trainer};

/// Vocabulary sizes that can be asked for: all 256 bytes, the end of text and a few merges at
/// least; a token fits in 16 bits.
pub const VOCABULARY_SIZES: RangeInclusive<usize> = 300..=65_536;

/// Text that merges are learned from, at most. Merges of the first few thousand tokens hardly
/// change with more, and learning them takes seconds.
const SAMPLE_BYTES: usize = 8_000_000;
/// The sample is taken in the order of this hash of the documents' names.
const SAMPLE_CONTEXT: &str = "isoflop tokeniser sample v1";
const END_OF_TEXT: &str = "<|endoftext|>";
/// Words up to this length are remembered with their tokens; longer ones hardly ever repeat.
const LONGEST_CACHED_WORD: usize = 32;

/// A trained tokeniser: text to tokens, and tokens to bytes.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    end_of_text: u16,
    /// The bytes that each token stands for; none for the end of text.
    bytes: Vec<Vec<u8>>,
}

fn failed(error: impl Display) -> CorpusError {
    CorpusError::Tokenizer {
        reason: error.to_string(),
    }
}

impl TextTokenizer {
    /// Learns a vocabulary of up to `vocab_size` tokens, fewer if the text has no more pairs that
    /// occur twice. The same documents give the same tokeniser, whatever their order.
    ///
    /// # Errors
    /// [`CorpusError::Option`] for a size outside [`VOCABULARY_SIZES`];
    /// [`CorpusError::Tokenizer`] if the library fails.
    pub fn train(documents: &[Document], vocab_size: usize) -> Result<Self, CorpusError> {
        if !VOCABULARY_SIZES.contains(&vocab_size) {
            return Err(CorpusError::Option {
                option: "vocabulary",
                given: vocab_size.to_string(),
                expected: "a size from 300 to 65536",
            });
        }
        let pre_tokenizer = PreTokenizer::new()?;
        let alphabet = byte_characters();
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocab_size)
            .min_frequency(2)
            .show_progress(false)
            .special_tokens(vec![AddedToken::from(END_OF_TEXT, true)])
            .initial_alphabet(alphabet.into_iter().collect())
            .build();
        let words = |text: &str| {
            let words = pre_tokenizer
                .split(text)
                .map(|word| in_alphabet(word, &alphabet));
            Ok(words.collect())
        };
        trainer
            .feed(sample(documents).into_iter(), words)
            .map_err(failed)?;
        let mut model = BPE::default();
        let special = trainer.train(&mut model).map_err(failed)?;
        let mut tokenizer = Tokenizer::new(model);
        let byte_level = ByteLevel::new(false, false, true);
        tokenizer
            .with_pre_tokenizer(Some(byte_level))
            .with_decoder(Some(byte_level))
            .add_special_tokens(special)
            .map_err(failed)?;
        Self::new(tokenizer)
    }

    /// Reads the text of a `tokenizer.json` that [`Self::to_json`] made.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] if it is not one.
    pub fn from_json(json: &str) -> Result<Self, CorpusError> {
        Self::new(json.parse().map_err(failed)?)
    }

    /// The text of a `tokenizer.json`, the same for the same tokeniser.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] if the library fails.
    pub fn to_json(&self) -> Result<String, CorpusError> {
        self.tokenizer.to_string(true).map_err(failed)
    }

    fn new(tokenizer: Tokenizer) -> Result<Self, CorpusError> {
        let size = tokenizer.get_vocab_size(true);
        let end_of_text = tokenizer
            .token_to_id(END_OF_TEXT)
            .and_then(|id| u16::try_from(id).ok())
            .ok_or_else(|| failed(format_args!("it has no token `{END_OF_TEXT}`")))?;
        let byte_of: HashMap<char, u8> = byte_characters().into_iter().zip(0..=255).collect();
        let mut bytes = Vec::with_capacity(size);
        for id in 0..size as u32 {
            let text = tokenizer
                .id_to_token(id)
                .ok_or_else(|| failed(format_args!("it has no token number {id}")))?;
            let token: Option<Vec<u8>> = match id == u32::from(end_of_text) {
                true => Some(Vec::new()),
                false => text.chars().map(|c| byte_of.get(&c).copied()).collect(),
            };
            bytes.push(token.ok_or_else(|| failed(format_args!("`{text}` is not byte-level")))?);
        }
        Ok(Self {
            tokenizer,
            end_of_text,
            bytes,
        })
    }

    /// Number of tokens, the end of text included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.bytes.len()
    }

    /// The token that ends every document.
    #[must_use]
    pub fn end_of_text(&self) -> u16 {
        self.end_of_text
    }

    /// The bytes of the text that `tokens` stand for; unknown tokens stand for nothing.
    #[must_use]
    pub fn decode(&self, tokens: &[u16]) -> Vec<u8> {
        let bytes = tokens
            .iter()
            .filter_map(|token| self.bytes.get(usize::from(*token)));
        bytes.flatten().copied().collect()
    }

    /// Length in bytes of each token; zero for the end of text.
    #[must_use]
    pub fn token_bytes(&self) -> Vec<u16> {
        self.bytes.iter().map(|bytes| bytes.len() as u16).collect()
    }

    /// The tokens of each text, in parallel; no end of text is added.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] if the library fails.
    pub fn encode<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Vec<u16>>, CorpusError> {
        let pre_tokenizer = PreTokenizer::new()?;
        let encoder = || WordEncoder {
            tokenizer: &self.tokenizer,
            alphabet: byte_characters(),
            known: HashMap::new(),
        };
        let encode = |encoder: &mut WordEncoder, text: &T| {
            let mut tokens = Vec::with_capacity(text.as_ref().len() / 2);
            for word in pre_tokenizer.split(text.as_ref()) {
                encoder.encode(word, &mut tokens)?;
            }
            Ok(tokens)
        };
        texts.par_iter().map_init(encoder, encode).collect()
    }
}

/// Encodes words, remembering those that it has seen.
struct WordEncoder<'t> {
    tokenizer: &'t Tokenizer,
    alphabet: [char; 256],
    known: HashMap<String, Vec<u16>>,
}

impl WordEncoder<'_> {
    fn encode(&mut self, word: &str, tokens: &mut Vec<u16>) -> Result<(), CorpusError> {
        if let Some(known) = self.known.get(word) {
            tokens.extend(known);
            return Ok(());
        }
        let spelled = in_alphabet(word, &self.alphabet);
        let found = self
            .tokenizer
            .get_model()
            .tokenize(&spelled)
            .map_err(failed)?;
        let start = tokens.len();
        for token in found {
            tokens.push(u16::try_from(token.id).map_err(failed)?);
        }
        if word.len() <= LONGEST_CACHED_WORD {
            self.known.insert(word.to_owned(), tokens[start..].to_vec());
        }
        Ok(())
    }
}

/// A word written in the characters that stand for its bytes.
fn in_alphabet(word: &str, alphabet: &[char; 256]) -> String {
    word.bytes()
        .map(|byte| alphabet[usize::from(byte)])
        .collect()
}

/// Documents in an order that does not depend on their place, up to [`SAMPLE_BYTES`].
fn sample(documents: &[Document]) -> Vec<&str> {
    let mut ranked: Vec<&Document> = documents.iter().collect();
    ranked.sort_by_cached_key(|document| keyed_hash(SAMPLE_CONTEXT, &document.name));
    let mut bytes = 0;
    let within = ranked.into_iter().take_while(|document| {
        let is_within = bytes < SAMPLE_BYTES;
        bytes += document.text.len();
        is_within
    });
    within.map(|document| document.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| {
        let sources = [include_str!("tokenizer.rs"), include_str!("folder.rs")];
        let document = |(i, text): (usize, &&str)| Document {
            name: format!("file {i}"),
            group: "tests".into(),
            text: (*text).to_owned(),
        };
        sources.iter().enumerate().map(document).collect()
    });
    static TOKENIZER: LazyLock<TextTokenizer> =
        LazyLock::new(|| TextTokenizer::train(&DOCUMENTS, 600).unwrap());

    #[test]
    fn training_twice_on_any_number_of_threads_gives_the_same_tokeniser() {
        let first = TOKENIZER.to_json().unwrap();
        assert_eq!(
            TextTokenizer::train(&DOCUMENTS, 600)
                .unwrap()
                .to_json()
                .unwrap(),
            first
        );
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let single = pool.install(|| TextTokenizer::train(&DOCUMENTS, 600).unwrap());
        assert_eq!(single.to_json().unwrap(), first);
    }

    #[test]
    fn the_vocabulary_has_the_size_asked_for_and_all_bytes() {
        assert_eq!(TOKENIZER.vocab_size(), 600);
        let lengths = TOKENIZER.token_bytes();
        assert_eq!(lengths.iter().filter(|length| **length == 1).count(), 256);
        assert_eq!(lengths[usize::from(TOKENIZER.end_of_text())], 0);
    }

    #[test]
    fn tokens_shorten_code_and_survive_the_file() {
        let text = include_str!("tokenizer.rs");
        let tokens = TOKENIZER.encode(&[text]).unwrap().remove(0);
        assert!(tokens.len() * 2 < text.len());
        let again = TextTokenizer::from_json(&TOKENIZER.to_json().unwrap()).unwrap();
        assert_eq!(again.encode(&[text]).unwrap().remove(0), tokens);
    }

    #[test]
    fn a_size_that_cannot_work_is_refused() {
        for size in [0, 256, 299, 65_537] {
            let error = TextTokenizer::train(&DOCUMENTS, size)
                .err()
                .unwrap()
                .to_string();
            assert!(error.contains("300 to 65536"), "{error}");
        }
        assert!(TextTokenizer::from_json("{}").is_err());
    }

    proptest! {
        #[test]
        fn tokens_equal_those_of_the_tokenizers_crate(
            text in "[ \\t\\r\\n\\u{a0}\\u{2003}a-zA-Zéß中१²½0-9'.;_(){}]{0,80}|\\PC{0,60}",
        ) {
            let theirs = TOKENIZER.tokenizer.encode(text.as_str(), false).unwrap();
            let theirs: Vec<u16> = theirs.get_ids().iter().map(|id| *id as u16).collect();
            let ours = TOKENIZER.encode(&[&text]).unwrap().remove(0);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(TOKENIZER.decode(&ours), text.as_bytes());
        }
    }
}
