//! The settings of a run: corpus, model and schedule, all with defaults.

use crate::architecture::{Embeddings, Experts, FeedForward};
use crate::device::Device;
use crate::recipe::Recipe;
use crate::schedule::Decay;
use crate::session::CHECKPOINT_EVERY;
use crate::trainer::Optimizer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Corpus, model and schedule of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// A folder or file of text or tokens, `registry`, or `synthetic`.
    pub corpus: String,
    /// Field of JSON lines or Parquet that holds the text.
    pub text_field: Option<String>,
    /// A `tokenizer.json` to encode the text by.
    pub tokenizer: Option<PathBuf>,
    /// Tokens of the tokeniser that is trained otherwise.
    pub vocabulary: Option<usize>,
    /// Text used at most, bytes.
    pub max_bytes: Option<u64>,
    /// Text needed at least, bytes.
    pub min_bytes: Option<u64>,
    /// Training tokens of the synthetic source.
    pub synthetic_tokens: usize,
    /// Folder that keeps the corpus as tokens; runs that share it read the text once.
    pub cache: Option<PathBuf>,
    /// Tokens of the fixed validation set.
    pub validation_tokens: usize,
    /// Positions in a sequence.
    pub context: Option<usize>,
    /// Width of the model.
    pub width: Option<usize>,
    /// Transformer blocks.
    pub layers: Option<usize>,
    /// Width for each layer: the depth grows with the width.
    pub aspect_ratio: Option<f64>,
    /// Attention heads.
    pub heads: Option<usize>,
    /// Elements of a head: heads grow with the width.
    pub head_width: Option<usize>,
    /// Heads of keys and values, each shared by a group of heads.
    pub kv_heads: Option<usize>,
    /// Whether the output layer is the input embedding.
    pub embeddings: Option<Embeddings>,
    /// Activation of the hidden layers.
    pub feed_forward: Option<FeedForward>,
    /// Width of the hidden layers.
    pub hidden_width: Option<usize>,
    /// Experts in the place of the hidden layers.
    pub experts: Option<Experts>,
    /// The shape of the learning rate's decay.
    pub decay: Option<Decay>,
    /// Steps that warm up.
    pub warmup: Option<u64>,
    /// Rate of the embedding over that of hidden matrices.
    pub embedding_rate: Option<f32>,
    /// What trains the hidden matrices: `"adamw"`, or `{"muon": {"rate": 2, "momentum": 0.95}}`.
    pub optimizer: Option<Optimizer>,
    /// AdamW's decay of the first moment.
    pub beta1: Option<f32>,
    /// AdamW's decay of the second moment.
    pub beta2: Option<f32>,
    /// Decoupled weight decay.
    pub weight_decay: Option<f32>,
    /// Norm that the gradient is clipped to.
    pub clip: Option<f32>,
    /// Where it is trained: `cpu`, `cuda` or `cuda-tf32`.
    pub device: Device,
    /// Seconds between checkpoints.
    pub checkpoint_secs: f64,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            corpus: "registry".to_owned(),
            text_field: None,
            tokenizer: None,
            vocabulary: None,
            max_bytes: None,
            min_bytes: None,
            // A few minutes' worth on two cores.
            synthetic_tokens: 16_000_000,
            cache: None,
            // As many as `quickstart` measures on.
            validation_tokens: 3 << 19,
            context: None,
            width: None,
            layers: None,
            aspect_ratio: None,
            heads: None,
            head_width: None,
            kv_heads: None,
            embeddings: None,
            feed_forward: None,
            hidden_width: None,
            experts: None,
            decay: None,
            warmup: None,
            embedding_rate: None,
            optimizer: None,
            beta1: None,
            beta2: None,
            weight_decay: None,
            clip: None,
            device: Device::Cpu,
            checkpoint_secs: CHECKPOINT_EVERY.as_secs_f64(),
        }
    }
}

impl RunSettings {
    pub(super) fn recipe(&self) -> Recipe {
        let defaults = Recipe::default();
        Recipe {
            vocabulary: self.vocabulary.unwrap_or(defaults.vocabulary),
            context: self.context.unwrap_or(defaults.context),
            ..defaults
        }
    }

    pub(super) fn validation_windows(&self, context: usize) -> usize {
        self.validation_tokens.div_ceil(context.max(1)).max(1)
    }

    /// The settings as a sweep's plan holds them: those that differ from the defaults.
    #[must_use]
    pub fn to_map(&self) -> std::collections::BTreeMap<String, Value> {
        let (Ok(Value::Object(all)), Ok(Value::Object(defaults))) = (
            serde_json::to_value(self),
            serde_json::to_value(Self::default()),
        ) else {
            return std::collections::BTreeMap::new();
        };
        all.into_iter()
            .filter(|(name, value)| defaults.get(name) != Some(value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_holds_only_what_differs_from_the_defaults() {
        let settings = RunSettings {
            corpus: "text".to_owned(),
            context: Some(32),
            ..RunSettings::default()
        };
        let map = settings.to_map();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["context", "corpus"]);
    }
}
