//! Steps 1 and 2: the text, split and tokenised, or the synthetic source.

use crate::error::QuickstartError;
use crate::options::{CorpusChoice, Options};
use isoflop_corpus::{
    CorpusOptions, CorpusSummary, Fingerprint, Input, RuleSource, RuleSourceSpec, TokenCorpus,
};
use isoflop_laws::{Loss, Tokens};
use isoflop_train::Recipe;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Synthetic tokens made for each minute of a job: more than two cores train on in that time.
const SYNTHETIC_TOKENS_A_MINUTE: f64 = 4e6;

/// Synthetic tokens at most: 128 MB of memory.
const MOST_SYNTHETIC_TOKENS: f64 = 64e6;

/// Tokens of the validation set, from a thousand documents and more: the standard error of the
/// loss, clustered by document, is then about 0.3 %. All runs are measured on the same tokens, so
/// that most of it is no error of a forecast; more would take time from the small runs.
const VALIDATION_TOKENS: usize = 3 << 18;

/// Windows of the validation set for models of `context` positions.
pub(crate) fn validation_windows(context: usize) -> usize {
    VALIDATION_TOKENS.div_ceil(context.max(1))
}

/// What is known of a corpus without its tokens; kept with the plan and recorded with every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusFacts {
    /// What it is, in words.
    pub description: String,
    /// Hash of its contents.
    pub fingerprint: Fingerprint,
    /// Distinct tokens V.
    pub vocabulary: usize,
    /// Tokens to train on.
    pub training_tokens: usize,
    /// Tokens of the fixed validation set.
    pub validation_tokens: usize,
    /// Bytes of text in a token; `None` where the text is not known.
    pub bytes_per_token: Option<f64>,
    /// What the text is made of and what was left out.
    pub summary: Option<CorpusSummary>,
    /// The synthetic source and its entropy rate.
    pub synthetic: Option<SyntheticFacts>,
    /// The size by which the tokens are found in the cache; `None` where they are read again.
    #[serde(default)]
    pub size_in_cache: Option<usize>,
}

/// A synthetic source, so that it can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyntheticFacts {
    /// The source.
    pub spec: RuleSourceSpec,
    /// Training tokens asked for.
    pub training_tokens: usize,
    /// Validation tokens asked for.
    pub validation_tokens: usize,
    /// Its entropy rate: the loss that no model can go below.
    pub entropy_rate: Loss,
}

/// A corpus ready to train on.
#[derive(Debug)]
pub struct LoadedCorpus {
    /// Tokens of both sides.
    pub tokens: TokenCorpus,
    /// What is known of it.
    pub facts: CorpusFacts,
}

impl LoadedCorpus {
    /// Gathers and tokenises the text that `options` name, with a cache in `cache`.
    ///
    /// # Errors
    /// [`QuickstartError::Corpus`] with what to do.
    pub fn gather(options: &Options, cache: &Path) -> Result<Self, QuickstartError> {
        let place = match &options.corpus {
            CorpusChoice::Synthetic => return synthetic(options),
            CorpusChoice::Registry => None,
            CorpusChoice::Folder(place) => Some(place.as_path()),
        };
        Self::read(
            place,
            options.tokenizer.as_deref(),
            &options.text,
            &options.recipe,
            Some(cache),
        )
    }

    fn read(
        place: Option<&Path>,
        tokenizer: Option<&Path>,
        text: &CorpusOptions,
        recipe: &Recipe,
        cache: Option<&Path>,
    ) -> Result<Self, QuickstartError> {
        let input = Input {
            place,
            options: text,
            tokenizer,
            vocabulary: recipe.vocabulary,
        };
        let loaded = input.load(cache)?;
        let mut assembled = Self::assemble(
            loaded.tokens,
            loaded.description,
            loaded.summary,
            None,
            recipe,
        )?;
        assembled.facts.size_in_cache = loaded.size_in_cache;
        Ok(assembled)
    }

    /// The corpus that an earlier start gathered: from its cache, not from the text, which may
    /// have changed.
    ///
    /// # Errors
    /// [`QuickstartError::Unreadable`] if the cache is gone or damaged.
    pub fn reload(
        (choice, tokenizer): (&CorpusChoice, Option<&Path>),
        facts: &CorpusFacts,
        recipe: &Recipe,
        cache: &Path,
    ) -> Result<Self, QuickstartError> {
        let tokens = match (&facts.synthetic, facts.size_in_cache, choice) {
            (Some(made), _, _) => RuleSource::new(made.spec.clone())?.corpus(
                made.training_tokens,
                made.validation_tokens,
                made.spec.seed,
            )?,
            (None, Some(size), _) => TokenCorpus::from_cache(cache, facts.fingerprint, size)?
                .ok_or_else(|| gone(cache))?,
            (None, None, CorpusChoice::Folder(place)) => {
                let text = CorpusOptions::default();
                Self::read(Some(place), tokenizer, &text, recipe, None)?.tokens
            }
            (None, None, _) => return Err(gone(cache)),
        };
        if tokens.fingerprint != facts.fingerprint {
            return Err(QuickstartError::Unreadable {
                path: cache.to_owned(),
                reason: "the corpus is not the one that the plan was made for".to_owned(),
            });
        }
        Ok(Self {
            tokens,
            facts: facts.clone(),
        })
    }

    fn assemble(
        tokens: TokenCorpus,
        description: String,
        summary: Option<CorpusSummary>,
        synthetic: Option<SyntheticFacts>,
        recipe: &Recipe,
    ) -> Result<Self, QuickstartError> {
        let validation =
            tokens.validation_set(recipe.context, validation_windows(recipe.context))?;
        let validation_tokens = validation.tokens();
        let has_text = synthetic.is_none() && validation.bytes() > 0;
        let bytes_per_token =
            has_text.then(|| validation.bytes() as f64 / validation_tokens as f64);
        let facts = CorpusFacts {
            description,
            fingerprint: tokens.fingerprint,
            vocabulary: tokens.vocab_size,
            training_tokens: tokens.training.tokens.len(),
            validation_tokens,
            bytes_per_token,
            summary,
            synthetic,
            size_in_cache: None,
        };
        Ok(Self { tokens, facts })
    }

    /// Tokens that one pass over the training text predicts.
    ///
    /// # Errors
    /// [`QuickstartError::Corpus`] for too little text.
    pub fn unique_tokens(&self, recipe: &Recipe) -> Result<Tokens, QuickstartError> {
        let windows = self
            .tokens
            .training_windows(recipe.context, recipe.batch, 0)?;
        Ok(windows.tokens_per_epoch())
    }
}

fn gone(path: &Path) -> QuickstartError {
    QuickstartError::Unreadable {
        path: path.to_owned(),
        reason: "the tokenised corpus is gone or damaged".to_owned(),
    }
}

fn synthetic(options: &Options) -> Result<LoadedCorpus, QuickstartError> {
    let spec = RuleSourceSpec {
        seed: options.seed,
        ..RuleSourceSpec::default()
    };
    let source = RuleSource::new(spec.clone())?;
    let training_tokens =
        (SYNTHETIC_TOKENS_A_MINUTE * options.minutes.max(1.0)).min(MOST_SYNTHETIC_TOKENS) as usize;
    let validation_tokens =
        (validation_windows(options.recipe.context) + 1) * options.recipe.context;
    let tokens = source.corpus(training_tokens, validation_tokens, spec.seed)?;
    let facts = SyntheticFacts {
        entropy_rate: source.entropy_rate(),
        spec,
        training_tokens,
        validation_tokens,
    };
    let description = "synthetic source of known entropy".to_owned();
    LoadedCorpus::assemble(tokens, description, None, Some(facts), &options.recipe)
}
