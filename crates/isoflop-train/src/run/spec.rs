//! The specification of a run: a JSON object, the same that a sweep hands to its trainers.

#[cfg(test)]
mod tests;

use super::settings::RunSettings;
use super::shape_rule::ShapeRule;
use crate::recipe::Recipe;
use crate::shape::{ModelShape, ShapeError};
use crate::trainer::{TrainError, TrainSpec, check_on};
use isoflop_laws::{Params, QuantityError, Tokens};
use serde::{Deserialize, Serialize};
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
