//! The specification of a run: a JSON object, the same that a sweep hands to its trainers.

use super::shape_rule::ShapeRule;
use crate::architecture::{Embeddings, Experts, FeedForward};
use crate::device::Device;
use crate::recipe::Recipe;
use crate::schedule::Decay;
use crate::session::CHECKPOINT_EVERY;
use crate::shape::{ModelShape, ShapeError};
use crate::trainer::{Optimizer, TrainError, TrainSpec, check_on};
use isoflop_laws::{Params, QuantityError, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Why a specification can't be trained.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a specification.
    #[error("{}{}: {message}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    NotASpec {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1, where one can be named.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// A value can't be used.
    #[error("`{name}` is {given}: expected {expected}")]
    Value {
        /// Name of the field.
        name: &'static str,
        /// Its value.
        given: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A model that can't be built.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A run that can't be made, or not on its device.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Two settings that say the same thing twice.
    #[error("`{0}` and `{1}` are both given: expected one of them")]
    Both(&'static str, &'static str),
    /// A size left the range of numbers.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
}

/// What is trained. Sizes are numbers; `settings` all have defaults, those of `quickstart`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// `isoflop-run/1`, where it is said.
    #[serde(default)]
    pub schema: Option<String>,
    /// Name of the run.
    #[serde(default)]
    pub run: Option<String>,
    /// Key of the run in a sweep.
    #[serde(default)]
    pub key: Option<String>,
    /// Model size N asked for; the nearest width of the family is trained. `settings.width` says it
    /// directly.
    #[serde(default)]
    pub params: Option<Params>,
    /// Training tokens D, rounded to whole batches.
    pub tokens: Tokens,
    /// Training compute C of the plan; not used.
    #[serde(default)]
    pub flops: Option<f64>,
    /// Batch size B in tokens, rounded to whole sequences.
    #[serde(default)]
    pub batch_tokens: Option<Tokens>,
    /// Peak learning rate at width 64; by the rule of `docs/recipe.md` if `None`.
    #[serde(default)]
    pub learning_rate: Option<f32>,
    /// Seed of the weights and of the order of the data.
    #[serde(default)]
    pub seed: u64,
    /// Corpus, model and schedule.
    #[serde(default)]
    pub settings: RunSettings,
}

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

/// Bytes of a specification that are read at most.
const LARGEST: u64 = 1 << 20;

impl RunSpec {
    /// Reads and checks a specification.
    ///
    /// # Errors
    /// [`SpecError`] with the file, the line and what was expected.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let unreadable = |source| SpecError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let fault = |line, message| SpecError::NotASpec {
            path: path.to_owned(),
            line,
            message,
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > LARGEST {
            let message = format!("{size} bytes are too many for a specification");
            return Err(fault(None, message));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let spec: RunSpec = serde_json::from_str(&text).map_err(|error| {
            let line = (error.line() > 0).then(|| error.line());
            fault(line, error.to_string())
        })?;
        spec.check()
            .map_err(|error| fault(None, error.to_string()))?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), SpecError> {
        let settings = &self.settings;
        let refused = |name, given: String, expected| SpecError::Value {
            name,
            given,
            expected,
        };
        if let Some(schema) = &self.schema
            && schema != "isoflop-run/1"
        {
            return Err(refused("schema", format!("`{schema}`"), "`isoflop-run/1`"));
        }
        if self.params.is_none() && settings.width.is_none() {
            let expected = "a number of parameters, or a width in `settings`";
            return Err(refused("params", "not given".to_owned(), expected));
        }
        let positive = "a positive number";
        for (name, value) in [
            ("learning_rate", self.learning_rate),
            ("embedding_rate", settings.embedding_rate),
            ("clip", settings.clip),
        ] {
            if let Some(value) = value
                && !(value.is_finite() && value > 0.0)
            {
                return Err(refused(name, value.to_string(), positive));
            }
        }
        for (name, value) in [("beta1", settings.beta1), ("beta2", settings.beta2)] {
            if let Some(value) = value
                && !(0.0..1.0).contains(&value)
            {
                return Err(refused(
                    name,
                    value.to_string(),
                    "a number from 0 to below 1",
                ));
            }
        }
        if let Some(decay) = settings.weight_decay
            && !(decay.is_finite() && decay >= 0.0)
        {
            let expected = "a number, zero or more";
            return Err(refused("weight_decay", decay.to_string(), expected));
        }
        if let Some(aspect) = settings.aspect_ratio
            && !(aspect.is_finite() && aspect > 0.0)
        {
            return Err(refused("aspect_ratio", aspect.to_string(), positive));
        }
        if settings.layers.is_some() && settings.aspect_ratio.is_some() {
            return Err(SpecError::Both("layers", "aspect_ratio"));
        }
        if settings.heads.is_some() && settings.head_width.is_some() {
            return Err(SpecError::Both("heads", "head_width"));
        }
        // A week, as longer is never.
        if !(0.0..=604_800.0).contains(&settings.checkpoint_secs) {
            let given = settings.checkpoint_secs.to_string();
            return Err(refused(
                "checkpoint_secs",
                given,
                "seconds from 0 to 604800",
            ));
        }
        // Told before a corpus is read, whose vocabulary may still differ.
        let train = self.train_spec(settings.recipe().vocabulary)?;
        Ok(check_on(settings.device, &train)?)
    }

    /// Everything that decides the weights, for a corpus of `vocabulary` tokens.
    ///
    /// # Errors
    /// [`SpecError`] for numbers out of range.
    pub fn train_spec(&self, vocabulary: usize) -> Result<TrainSpec, SpecError> {
        let settings = &self.settings;
        let mut recipe = Recipe {
            vocabulary,
            ..settings.recipe()
        };
        if let Some(tokens) = self.batch_tokens {
            recipe.batch = (tokens.get() / recipe.context as f64).round().max(1.0) as usize;
        }
        let shape = ShapeRule::new(settings, &recipe).shape(self.params)?;
        let steps = (self.tokens.get() / recipe.batch_tokens().max(1) as f64).round();
        let mut spec = recipe.spec(shape, steps.max(1.0) as u64, self.seed);
        let set = |value: Option<f32>, to: &mut f32| *to = value.unwrap_or(*to);
        set(self.learning_rate, &mut spec.learning_rate);
        set(settings.embedding_rate, &mut spec.embedding_rate);
        set(settings.beta1, &mut spec.beta1);
        set(settings.beta2, &mut spec.beta2);
        set(settings.weight_decay, &mut spec.weight_decay);
        set(settings.clip, &mut spec.clip);
        spec.optimizer = settings.optimizer.unwrap_or(spec.optimizer);
        spec.schedule.decay = settings.decay.unwrap_or(spec.schedule.decay);
        spec.schedule.warmup = settings.warmup.unwrap_or(spec.schedule.warmup);
        Ok(spec)
    }

    /// The rule of the shape in words, for the record of the run.
    pub(super) fn shape_rule(&self, shape: &ModelShape) -> String {
        let recipe = self.settings.recipe();
        ShapeRule::new(&self.settings, &recipe).in_words(shape)
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
    use crate::architecture::Architecture;

    fn parse(text: &str) -> Result<RunSpec, SpecError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.json");
        std::fs::write(&path, text).unwrap();
        RunSpec::read(&path)
    }

    #[test]
    fn a_size_takes_the_nearest_width_and_the_recipe_s_rates() {
        let spec = parse(r#"{"params": 150000, "tokens": 1000000}"#).unwrap();
        let train = spec.train_spec(1024).unwrap();
        let recipe = Recipe::default();
        let distance = |shape: &ModelShape| (shape.params().unwrap().ln() - 150_000_f64.ln()).abs();
        for shape in recipe.family() {
            assert!(distance(&train.shape) <= distance(&shape));
        }
        assert_eq!(train.tokens(), 977 * 1024);
        assert_eq!(train, recipe.spec(train.shape, 977, 0));
    }

    #[test]
    fn everything_that_is_said_is_used() {
        let spec = parse(
            r#"{"schema": "isoflop-run/1", "run": "a", "key": "k", "params": null, "flops": 1e10,
                "tokens": 4096, "batch_tokens": 256, "learning_rate": 0.004, "seed": 9,
                "settings": {"width": 48, "layers": 3, "heads": 4, "context": 32, "warmup": 2,
                             "decay": {"cosine": {"floor": 0.1}}, "beta1": 0.9, "weight_decay": 0}}"#,
        )
        .unwrap();
        let train = spec.train_spec(500).unwrap();
        let shape = train.shape;
        assert_eq!(
            (
                shape.width,
                shape.layers,
                shape.heads,
                shape.context,
                shape.vocabulary
            ),
            (48, 3, 4, 32, 500)
        );
        assert_eq!(
            (train.batch, train.schedule.steps, train.schedule.warmup),
            (8, 16, 2)
        );
        assert_eq!(train.schedule.decay, Decay::Cosine { floor: 0.1 });
        assert_eq!(
            (train.learning_rate, train.beta1, train.weight_decay),
            (0.004, 0.9, 0.0)
        );
        assert_eq!(train.seed, 9);
    }

    #[test]
    fn families_are_said_in_settings() {
        let spec = parse(
            r#"{"params": 1e6, "tokens": 1e5, "settings": {"embeddings": "untied", "feed_forward": "swiglu",
                "kv_heads": 2, "head_width": 16, "aspect_ratio": 24, "experts": {"count": 4, "active": 2}}}"#,
        )
        .unwrap();
        let shape = spec.train_spec(1024).unwrap().shape;
        let said = Architecture {
            embeddings: Embeddings::Untied,
            feed_forward: FeedForward::SwiGlu,
            hidden_width: None,
            kv_heads: Some(2),
            experts: Some(Experts {
                count: 4,
                active: 2,
            }),
        };
        assert_eq!(shape.architecture, said);
        assert_eq!(shape.layers, (shape.width as f64 / 24.0).round() as usize);
        assert_eq!(shape.heads * 16, shape.width);
    }

    #[test]
    fn impossible_models_are_refused_when_the_file_is_read() {
        for (settings, said) in [
            (
                r#""width": 64, "kv_heads": 3"#,
                "3 heads of keys and values can't be shared evenly by 4 heads",
            ),
            (
                r#""kv_heads": 7, "heads": 4"#,
                "7 heads of keys and values can't be shared evenly by 4 heads",
            ),
            (r#""experts": {"count": 4, "active": 5}"#, "5 of 4 experts"),
            (
                r#""experts": {"count": 4, "active": 0}"#,
                "experts.active is 0",
            ),
            (r#""experts": {"count": 4}"#, "missing field `active`"),
            (
                r#""feed_forward": "relu""#,
                "unknown variant `relu`, expected `gelu` or `swiglu`",
            ),
            (r#""embeddings": "both""#, "expected `tied` or `untied`"),
            (r#""width": 50"#, "width 50"),
            (r#""hidden_width": 0"#, "hidden_width is 0"),
            (r#""width": 18446744073709551615"#, "too large"),
            (r#""layers": 1000000000000"#, "too large"),
            (
                r#""width": 1000000, "heads": 1, "layers": 1000000"#,
                "too large",
            ),
            (
                r#""aspect_ratio": 0"#,
                "`aspect_ratio` is 0: expected a positive number",
            ),
            (r#""aspect_ratio": 1e-300"#, "too large"),
            (r#""head_width": 0"#, "`head_width` is 0"),
            (
                r#""head_width": 7"#,
                "`head_width` is 7: expected an even divisor of the width",
            ),
            (
                r#""layers": 2, "aspect_ratio": 32"#,
                "`layers` and `aspect_ratio` are both given",
            ),
            (
                r#""heads": 2, "head_width": 32"#,
                "`heads` and `head_width` are both given",
            ),
            (
                r#""device": "cuda", "kv_heads": 1"#,
                "grouped queries train on the processor only",
            ),
            (
                r#""device": "cuda", "experts": {"count": 4, "active": 1}"#,
                "mixtures of experts train on the processor only",
            ),
        ] {
            let text = format!(r#"{{"params": 1e5, "tokens": 1e5, "settings": {{{settings}}}}}"#);
            let error = parse(&text).err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("{settings} was taken"));
            assert!(
                error.contains("spec.json") && error.contains(said),
                "{error}"
            );
        }
    }

    #[test]
    fn faults_name_the_file_the_line_and_what_was_expected() {
        for (text, said) in [
            ("", "line 1"),
            (
                "{\"tokens\": 1000}",
                "`params` is not given: expected a number of parameters",
            ),
            ("{\"params\": 1e5}", "missing field `tokens`"),
            ("{\n\"params\": -1,\n\"tokens\": 5}", "line 2"),
            (
                "{\"params\": 1e5, \"tokens\": 1e5, \"settings\": {\"widht\": 3}}",
                "unknown field `widht`",
            ),
            (
                "{\"params\": 1e5, \"tokens\": 1e5, \"learning_rate\": 0}",
                "`learning_rate` is 0: expected a positive number",
            ),
            (
                "{\"params\": 1e5, \"tokens\": 1e5, \"schema\": \"other\"}",
                "`isoflop-run/1`",
            ),
            (
                "{\"params\": 1e5, \"tokens\": 1e5, \"settings\": {\"beta2\": 1}}",
                "`beta2`",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.contains("spec.json") && error.contains(said),
                "{error}"
            );
        }
    }

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
