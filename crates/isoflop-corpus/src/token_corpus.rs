//! A corpus as tokens: what a trainer reads, whether from text or from a synthetic source.

use crate::document::{Corpus, Document, Fingerprint};
use crate::error::CorpusError;
use crate::token_cache;
use crate::tokenizer::TextTokenizer;
use crate::training_windows::TrainingWindows;
use crate::validation::ValidationSet;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Training and validation tokens over one vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenCorpus {
    /// Identifies the text, or the synthetic source and its seed.
    pub fingerprint: Fingerprint,
    /// Number of different tokens; every token is below it.
    pub vocab_size: usize,
    /// Tokens to train on.
    pub training: TokenSplit,
    /// Tokens to measure the loss on, from documents of other groups.
    pub validation: TokenSplit,
    /// Length in bytes of the text of each token; zero for the end of text, and for all tokens
    /// where the text is not known. In a synthetic corpus a token counts as one byte.
    pub token_bytes: Vec<u16>,
}

/// One side of the split: all documents in a row, each ended by the end of text.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSplit {
    /// The tokens.
    pub tokens: Vec<u16>,
    /// The documents that they make up, in order and without gaps.
    pub documents: Vec<DocumentSpan>,
    /// Length in bytes of the text.
    pub bytes: u64,
}

/// Where a document ends in a [`TokenSplit`], and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentSpan {
    /// Name of the document.
    pub name: String,
    /// Number of its group (crate, folder or file) within the split, in order from 0.
    pub group: usize,
    /// Position of the token after its last one.
    pub end: usize,
}

impl TokenCorpus {
    /// Trains a tokeniser on the training side of `corpus` and encodes both sides.
    ///
    /// With a `cache` folder (made if it does not exist), the tokeniser and the tokens are read
    /// from it if they are there and whole, and stored in it otherwise. Their files are named by
    /// fingerprint and vocabulary size.
    ///
    /// # Errors
    /// [`CorpusError::Option`] for a vocabulary size outside
    /// [`VOCABULARY_SIZES`](crate::VOCABULARY_SIZES), [`CorpusError::Tokenizer`], or a cache that
    /// cannot be read or written.
    pub fn from_text(
        corpus: &Corpus,
        vocab_size: usize,
        cache: Option<&Path>,
    ) -> Result<Self, CorpusError> {
        if let Some(cache) = cache
            && let Some(found) = Self::from_cache(cache, corpus.fingerprint, vocab_size)?
        {
            return Ok(found);
        }
        let tokenizer = TextTokenizer::train(&corpus.training, vocab_size)?;
        Self::encode(corpus, corpus.fingerprint, &tokenizer, vocab_size, cache)
    }

    /// Encodes both sides of `corpus` by a tokeniser that is there already. The fingerprint is
    /// that of the text and the tokeniser together.
    ///
    /// With a `cache` folder as [`Self::from_text`], its files named by the tokeniser's size.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`], or a cache that cannot be read or written.
    pub fn with_tokenizer(
        corpus: &Corpus,
        tokenizer: &TextTokenizer,
        cache: Option<&Path>,
    ) -> Result<Self, CorpusError> {
        let size = tokenizer.vocab_size();
        let fingerprint = corpus.fingerprint.with_tokenizer(&tokenizer.to_json()?);
        if let Some(cache) = cache
            && let Some(found) = Self::from_cache(cache, fingerprint, size)?
        {
            return Ok(found);
        }
        Self::encode(corpus, fingerprint, tokenizer, size, cache)
    }

    fn encode(
        corpus: &Corpus,
        fingerprint: Fingerprint,
        tokenizer: &TextTokenizer,
        size_in_cache: usize,
        cache: Option<&Path>,
    ) -> Result<Self, CorpusError> {
        let tokens = Self {
            fingerprint,
            vocab_size: tokenizer.vocab_size(),
            training: TokenSplit::encode(&corpus.training, tokenizer)?,
            validation: TokenSplit::encode(&corpus.validation, tokenizer)?,
            token_bytes: tokenizer.token_bytes(),
        };
        if let Some(cache) = cache {
            token_cache::store(cache, size_in_cache, &tokens, tokenizer)?;
        }
        Ok(tokens)
    }

    /// Reads what [`Self::from_text`] stored, without the text: a resumed session need not gather
    /// the corpus again. `None` if it is not there, or damaged.
    ///
    /// # Errors
    /// A cache file that is there and cannot be read.
    pub fn from_cache(
        cache: &Path,
        fingerprint: Fingerprint,
        vocab_size: usize,
    ) -> Result<Option<Self>, CorpusError> {
        token_cache::load(cache, fingerprint, vocab_size)
    }

    /// Windows to train on; see [`TrainingWindows`].
    ///
    /// # Errors
    /// As [`TrainingWindows::new`].
    pub fn training_windows(
        &self,
        context: usize,
        batch: usize,
        seed: u64,
    ) -> Result<TrainingWindows<'_>, CorpusError> {
        TrainingWindows::new(&self.training.tokens, context, batch, seed)
    }

    /// The fixed windows to measure the loss on: at most `windows`; see [`ValidationSet`].
    ///
    /// # Errors
    /// As [`ValidationSet::new`].
    pub fn validation_set(
        &self,
        context: usize,
        windows: usize,
    ) -> Result<ValidationSet<'_>, CorpusError> {
        ValidationSet::new(&self.validation, &self.token_bytes, context, windows)
    }

    /// Bytes of text for each token of the training side.
    #[must_use]
    pub fn bytes_per_token(&self) -> f64 {
        self.training.bytes as f64 / self.training.tokens.len() as f64
    }
}

impl TokenSplit {
    fn encode(documents: &[Document], tokenizer: &TextTokenizer) -> Result<Self, CorpusError> {
        let texts: Vec<&str> = documents
            .iter()
            .map(|document| document.text.as_str())
            .collect();
        let encoded = tokenizer.encode(&texts)?;
        let mut split = Self {
            tokens: Vec::new(),
            documents: Vec::new(),
            bytes: 0,
        };
        let mut group = 0;
        for (position, (document, tokens)) in documents.iter().zip(encoded).enumerate() {
            // Documents of a group are adjacent: the corpus is in order of group and name.
            group += usize::from(position > 0 && documents[position - 1].group != document.group);
            split.tokens.extend(tokens);
            split.tokens.extend(tokenizer.end_of_text());
            split.bytes += document.text.len() as u64;
            let (name, end) = (document.name.clone(), split.tokens.len());
            split.documents.push(DocumentSpan { name, group, end });
        }
        Ok(split)
    }
}
