//! Byte-level BPE (Sennrich et al. 2016; Radford et al. 2019), trained on the training split, or any
//! tokeniser of a `tokenizer.json`.
//!
//! Training and the file format are those of the crate `tokenizers`; the file is an ordinary
//! `tokenizer.json` that Python reads too. For speed, text is cut into words and words are looked
//! up in a cache here where the tokeniser is GPT-2's kind; a test holds the result against the
//! crate's own encoder.

use crate::document::Document;
use crate::error::CorpusError;
use crate::pre_tokens::{PreTokenizer, byte_characters};
use crate::split::keyed_hash;
use rayon::prelude::*;
use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    AddedToken, DecoderWrapper, Model, ModelWrapper, PreTokenizerWrapper, Tokenizer, Trainer,
};

/// Vocabulary sizes that can be asked for: all 256 bytes, the end of text and a few merges at
/// least; a token fits in 16 bits.
pub const VOCABULARY_SIZES: RangeInclusive<usize> = 300..=65_536;

/// Text that merges are learned from, at most. Merges of the first few thousand tokens hardly
/// change with more, and learning them takes seconds.
const SAMPLE_BYTES: usize = 8_000_000;
/// The sample is taken in the order of this hash of the documents' names.
const SAMPLE_CONTEXT: &str = "isoflop tokeniser sample v1";
const END_OF_TEXT: &str = "<|endoftext|>";
/// What ends a document in tokenisers of others, in the order in which they are tried: of GPT-2
/// and its kin, Llama 3, Llama and T5, Gemma, BERT.
const ENDS_OF_TEXT: [&str; 5] = [END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "[SEP]"];
/// A token fits in 16 bits.
const LARGEST_VOCABULARY: usize = 1 << 16;
/// Larger files are no tokenisers: that of a vocabulary of 65,536 has about 5 MB.
const LARGEST_FILE: u64 = 64 << 20;
/// Words up to this length are remembered with their tokens; longer ones hardly ever repeat.
const LONGEST_CACHED_WORD: usize = 32;

/// A tokeniser: text to tokens, and tokens to bytes.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    end_of_text: Option<u16>,
    vocab_size: usize,
    /// The bytes that each token stands for, none for special ones; `None` where tokens do not
    /// spell the bytes of their text.
    bytes: Option<Vec<Vec<u8>>>,
    /// Whether words are cut and merged as GPT-2 does it.
    is_gpt2_kind: bool,
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

    /// Reads the text of a `tokenizer.json`, of this crate or of others.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] if it is not one, or its vocabulary is larger than 65,536.
    pub fn from_json(json: &str) -> Result<Self, CorpusError> {
        Self::new(json.parse().map_err(failed)?)
    }

    /// Reads a `tokenizer.json` as the package `tokenizers` writes it.
    ///
    /// # Errors
    /// [`CorpusError::Read`], or [`CorpusError::TokenizerFile`] with what is wrong.
    pub fn from_file(path: &Path) -> Result<Self, CorpusError> {
        let read_failure = |source| CorpusError::Read {
            path: path.to_owned(),
            source,
        };
        let problem = |problem: String| CorpusError::TokenizerFile {
            path: path.to_owned(),
            problem,
        };
        let size = std::fs::metadata(path).map_err(read_failure)?.len();
        if size > LARGEST_FILE {
            return Err(problem(format!("it has {size} bytes")));
        }
        let bytes = std::fs::read(path).map_err(read_failure)?;
        let json = std::str::from_utf8(&bytes).map_err(|_| problem("it is not text".to_owned()))?;
        Self::from_json(json).map_err(|error| match error {
            CorpusError::Tokenizer { reason } => problem(reason),
            other => other,
        })
    }

    /// The text of a `tokenizer.json`, the same for the same tokeniser.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] if the library fails.
    pub fn to_json(&self) -> Result<String, CorpusError> {
        self.tokenizer.to_string(true).map_err(failed)
    }

    fn new(mut tokenizer: Tokenizer) -> Result<Self, CorpusError> {
        // These are for batches of equal length, and would cut documents off.
        tokenizer.with_truncation(None).map_err(failed)?;
        tokenizer.with_padding(None);
        // A document that speaks of `<|endoftext|>` does not end there.
        tokenizer.set_encode_special_tokens(true);
        let vocabulary = tokenizer.get_vocab(true);
        // Numbers may have gaps, so the largest counts.
        let vocab_size = vocabulary
            .values()
            .max()
            .map_or(0, |largest| *largest as usize + 1);
        if vocab_size < 2 {
            return Err(failed("its vocabulary is empty"));
        }
        if vocab_size > LARGEST_VOCABULARY {
            return Err(failed(format_args!(
                "its vocabulary of {vocab_size} is larger than {LARGEST_VOCABULARY}, and tokens are kept in 16 bits"
            )));
        }
        let end_of_text = ENDS_OF_TEXT
            .iter()
            .find_map(|name| tokenizer.token_to_id(name))
            .and_then(|id| u16::try_from(id).ok());
        Ok(Self {
            end_of_text,
            vocab_size,
            bytes: spelled_bytes(&tokenizer, &vocabulary, vocab_size),
            is_gpt2_kind: is_gpt2_kind(&tokenizer),
            tokenizer,
        })
    }

    /// Number of tokens, the end of text included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The token that ends every document; `None` if the tokeniser has none, and documents follow
    /// each other without a sign.
    #[must_use]
    pub fn end_of_text(&self) -> Option<u16> {
        self.end_of_text
    }

    /// The bytes of the text that `tokens` stand for; unknown tokens stand for nothing. `None` if
    /// they do not spell their text byte for byte, as in tokenisers that change the text.
    #[must_use]
    pub fn decode(&self, tokens: &[u16]) -> Option<Vec<u8>> {
        let spelled = self.bytes.as_ref()?;
        let bytes = tokens
            .iter()
            .filter_map(|token| spelled.get(usize::from(*token)));
        Some(bytes.flatten().copied().collect())
    }

    /// Length in bytes of each token; zero for special ones, and for all where it is not known.
    #[must_use]
    pub fn token_bytes(&self) -> Vec<u16> {
        match &self.bytes {
            Some(bytes) => bytes.iter().map(|bytes| bytes.len() as u16).collect(),
            None => vec![0; self.vocab_size],
        }
    }

    /// The tokens of each text, in parallel; no end of text is added.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] if the library fails.
    pub fn encode<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Vec<u16>>, CorpusError> {
        if !self.is_gpt2_kind {
            return texts
                .par_iter()
                .map(|text| self.encode_by_library(text.as_ref()))
                .collect();
        }
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

    fn encode_by_library(&self, text: &str) -> Result<Vec<u16>, CorpusError> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(failed)?;
        let ids = encoding.get_ids().iter();
        ids.map(|id| u16::try_from(*id).map_err(failed)).collect()
    }
}

/// Whether text is cut and merged as GPT-2 does it, and nothing is done to it before.
fn is_gpt2_kind(tokenizer: &Tokenizer) -> bool {
    let is_byte_level = matches!(
        tokenizer.get_pre_tokenizer(),
        Some(PreTokenizerWrapper::ByteLevel(level)) if !level.add_prefix_space && level.use_regex
    );
    let added = tokenizer.get_added_tokens_decoder();
    is_byte_level
        && tokenizer.get_normalizer().is_none()
        && matches!(tokenizer.get_model(), ModelWrapper::BPE(_))
        && added.values().all(|token| token.special)
}

/// The bytes of each token, where all that are not special are spelled in the characters that
/// stand for bytes; numbers without a token spell nothing.
fn spelled_bytes(
    tokenizer: &Tokenizer,
    vocabulary: &HashMap<String, u32>,
    vocab_size: usize,
) -> Option<Vec<Vec<u8>>> {
    if !matches!(tokenizer.get_decoder(), Some(DecoderWrapper::ByteLevel(_)))
        || tokenizer.get_normalizer().is_some()
    {
        return None;
    }
    let byte_of: HashMap<char, u8> = byte_characters().into_iter().zip(0..=255).collect();
    let added = tokenizer.get_added_tokens_decoder();
    let mut bytes = vec![Vec::new(); vocab_size];
    for (text, id) in vocabulary {
        bytes[*id as usize] = match added.get(id) {
            Some(token) if token.special => Vec::new(),
            Some(token) => token.content.clone().into_bytes(),
            None => text
                .chars()
                .map(|c| byte_of.get(&c).copied())
                .collect::<Option<_>>()?,
        };
    }
    Some(bytes)
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
        let end = TOKENIZER.end_of_text().unwrap();
        assert_eq!(lengths[usize::from(end)], 0);
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
            prop_assert_eq!(TOKENIZER.decode(&ours).unwrap(), text.as_bytes());
        }
    }
}
