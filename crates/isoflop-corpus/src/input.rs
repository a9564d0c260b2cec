//! Text or tokens that a user names, whatever their format, as a corpus to train on.

use crate::assemble::CorpusOptions;
use crate::document::CorpusSummary;
use crate::error::CorpusError;
use crate::folder::folder_corpus;
use crate::registry::{cargo_home, registry_corpus};
use crate::token_corpus::TokenCorpus;
use crate::token_files::token_files;
use crate::tokenizer::TextTokenizer;
use std::path::Path;

/// What is named, and how it is read.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// A folder or file of text, or of tokens; `None` for the Rust sources of cargo's registry.
    pub place: Option<&'a Path>,
    /// How much is gathered, and from which field.
    pub options: &'a CorpusOptions,
    /// A `tokenizer.json` to encode the text by; one of `vocabulary` tokens is trained without.
    pub tokenizer: Option<&'a Path>,
    /// Tokens of a tokeniser that is trained.
    pub vocabulary: usize,
}

/// A corpus ready to train on, and what is known of it.
#[derive(Debug)]
pub struct LoadedInput {
    /// Both sides as tokens.
    pub tokens: TokenCorpus,
    /// What it is, in words.
    pub description: String,
    /// What the text is made of; `None` for tokens whose text was not read.
    pub summary: Option<CorpusSummary>,
    /// The size by which [`TokenCorpus::from_cache`] finds it; `None` if it is not in the cache.
    pub size_in_cache: Option<usize>,
}

impl Input<'_> {
    /// Gathers, splits and encodes; with a cache in `cache`.
    ///
    /// # Errors
    /// [`CorpusError`], each with what to do.
    pub fn load(&self, cache: Option<&Path>) -> Result<LoadedInput, CorpusError> {
        let tokenizer = self.tokenizer.map(TextTokenizer::from_file).transpose()?;
        if let Some(place) = self.place
            && let Some(files) = token_files(place)?
        {
            let max_bytes = self.options.max_bytes;
            let read = TokenCorpus::from_token_files(&files, tokenizer.as_ref(), max_bytes)?;
            let corpus = read.corpus;
            let here = corpus.training.tokens.len() + corpus.validation.tokens.len();
            let mut description = format!("token files in {}", place.display());
            if (here as u64) < read.tokens_there {
                description += &format!(" ({here} of {} tokens)", read.tokens_there);
            }
            return Ok(LoadedInput {
                tokens: corpus,
                description,
                summary: None,
                size_in_cache: None,
            });
        }
        let text = match self.place {
            Some(place) => folder_corpus(place, self.options)?,
            None => registry_corpus(&cargo_home()?, self.options)?,
        };
        let (tokens, size) = match &tokenizer {
            Some(tokenizer) => (
                TokenCorpus::with_tokenizer(&text, tokenizer, cache)?,
                tokenizer.vocab_size(),
            ),
            None => (
                TokenCorpus::from_text(&text, self.vocabulary, cache)?,
                self.vocabulary,
            ),
        };
        Ok(LoadedInput {
            tokens,
            description: self.describe(&text.summary),
            summary: Some(text.summary),
            size_in_cache: cache.is_some().then_some(size),
        })
    }

    fn describe(&self, summary: &CorpusSummary) -> String {
        let Some(place) = self.place else {
            return "Rust sources of the cargo registry".to_owned();
        };
        let mut description = format!("text in {}", place.display());
        let guessed = &summary.guessed_fields;
        if !guessed.is_empty() {
            description += &format!(" (field `{}`)", guessed.join("`, `"));
        }
        description
    }
}
