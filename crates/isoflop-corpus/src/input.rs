//! Text or tokens that a user names, whatever their format, as a corpus to train on.

use crate::assemble::CorpusOptions;
use crate::document::{CorpusSummary, Fingerprint};
use crate::error::CorpusError;
use crate::folder::folder_corpus;
use crate::registry::{cargo_home, registry_corpus};
use crate::token_cache::write_atomically;
use crate::token_corpus::TokenCorpus;
use crate::token_files::token_files;
use crate::tokenizer::TextTokenizer;
use serde::{Deserialize, Serialize};
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

/// What a cache knows of an input.
#[derive(Serialize, Deserialize)]
struct Known {
    fingerprint: Fingerprint,
    size: usize,
    description: String,
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

    /// As [`Self::load`]; a second call with the same input and cache gives the corpus of the first
    /// without a look at the text, which may have changed since: all runs of a ladder are trained
    /// on the same. Gives the tokens and what they are.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_once(&self, cache: &Path) -> Result<(TokenCorpus, String), CorpusError> {
        let path = cache.join(format!("input-{}.json", &self.hash()?[..16]));
        if let Some(known) = std::fs::read(&path).ok()
            && let Ok(known) = serde_json::from_slice::<Known>(&known)
            && let Some(found) = TokenCorpus::from_cache(cache, known.fingerprint, known.size)?
        {
            return Ok((found, known.description));
        }
        let loaded = self.load(Some(cache))?;
        if let Some(size) = loaded.size_in_cache {
            let known = Known {
                fingerprint: loaded.tokens.fingerprint,
                size,
                description: loaded.description.clone(),
            };
            let failure = |source| CorpusError::Write {
                path: path.clone(),
                source,
            };
            let json = serde_json::to_vec(&known).map_err(|error| failure(error.into()))?;
            write_atomically(&path, &json).map_err(failure)?;
        }
        Ok((loaded.tokens, loaded.description))
    }

    /// Identifies the input by what was asked for, not by the text.
    fn hash(&self) -> Result<String, CorpusError> {
        let mut hasher = blake3::Hasher::new_derive_key("isoflop input v1");
        let place = self.place.map(Path::as_os_str);
        let asked = format!("{place:?} {:?} {}", self.options, self.vocabulary);
        hasher.update(asked.as_bytes());
        if let Some(path) = self.tokenizer {
            let read = std::fs::read(path).map_err(|source| CorpusError::Read {
                path: path.to_owned(),
                source,
            })?;
            hasher.update(&read);
        }
        Ok(hasher.finalize().to_hex().to_string())
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
