//! The corpus that a specification names.

use super::RunError;
use super::spec::RunSpec;
use isoflop_corpus::{CorpusOptions, Input, RuleSource, RuleSourceSpec, TokenCorpus};
use std::path::Path;

/// Its tokens, and what it is in words.
pub(super) fn load(spec: &RunSpec) -> Result<(TokenCorpus, String), RunError> {
    let settings = &spec.settings;
    if settings.corpus == "synthetic" {
        let source = RuleSource::new(RuleSourceSpec::default())?;
        let validation = settings.validation_tokens + settings.recipe().context + 1;
        let corpus = source.corpus(settings.synthetic_tokens, validation, 0)?;
        return Ok((corpus, "synthetic source of known entropy".to_owned()));
    }
    let defaults = CorpusOptions::default();
    let options = CorpusOptions {
        max_bytes: settings.max_bytes.unwrap_or(defaults.max_bytes),
        min_bytes: settings.min_bytes.unwrap_or(defaults.min_bytes),
        text_field: settings.text_field.clone(),
    };
    let input = Input {
        place: (settings.corpus != "registry").then_some(Path::new(&settings.corpus)),
        options: &options,
        tokenizer: settings.tokenizer.as_deref(),
        vocabulary: settings.recipe().vocabulary,
    };
    Ok(match &settings.cache {
        Some(cache) => input.load_once(cache)?,
        None => {
            let loaded = input.load(None)?;
            (loaded.tokens, loaded.description)
        }
    })
}
