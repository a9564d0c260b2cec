//! What a run leaves: its learning curve while it goes, and its result.

use super::RunError;
use super::spec::RunSpec;
use crate::checkpoint::write_atomically;
use crate::schedule::Schedule;
use crate::trainer::{TrainError, TrainSpec};
use isoflop_corpus::{TokenCorpus, ValidationLoss};
use isoflop_laws::Tokens;
use serde::Serialize;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Points of a curve, about.
const CURVE_POINTS: u64 = 64;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With a loss on the validation set.
    Finished(ValidationLoss),
    /// By a divergence, with its step.
    Diverged(TrainError),
}

/// The result of a run, as it is written. Nothing in it depends on the clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunResult {
    /// Always `isoflop-result/1`.
    pub schema: &'static str,
    /// Name of the run, where it has one.
    pub run: Option<String>,
    /// `finished` or `diverged`.
    pub status: &'static str,
    /// Why it diverged.
    pub reason: Option<String>,
    /// Loss on the validation set, nats per token; `None` after a divergence.
    pub loss: Option<f64>,
    /// Standard error of `loss`, clustered by document.
    pub loss_std: Option<f64>,
    /// Bits per byte of the validation text, where it is known.
    pub bits_per_byte: Option<f64>,
    /// N, all parameters.
    pub params: f64,
    /// N without the embedding.
    pub params_non_embedding: f64,
    /// Parameters that a token passes through: N unless there are experts.
    pub params_active: f64,
    /// D, tokens seen.
    pub tokens: f64,
    /// Distinct tokens among them.
    pub unique_tokens: f64,
    /// C, counted from the architecture.
    pub flops: f64,
    /// C as 6 N D, of the active parameters.
    pub flops_6nd: f64,
    /// Steps done; of a diverged run those before the divergence.
    pub step: u64,
    /// Tokens in a step.
    pub batch_tokens: usize,
    /// Peak learning rate at width 64.
    pub lr: f64,
    /// Learning-rate schedule in words.
    pub schedule: String,
    /// Seed of the weights and of the data's order.
    pub seed: u64,
    /// The rule that gave the model its shape, in words.
    pub family: String,
    /// What was trained on.
    pub dataset: String,
    /// Hash of the corpus.
    pub corpus_fingerprint: String,
    /// Everything that decided the weights.
    pub spec: TrainSpec,
}

impl RunResult {
    pub(super) fn new(
        spec: &RunSpec,
        train: &TrainSpec,
        steps: u64,
        ending: Ending,
        corpus: &TokenCorpus,
        dataset: String,
    ) -> Result<Self, RunError> {
        let tokens = Tokens::new((steps.max(1) * train.batch_tokens() as u64) as f64)?;
        let windows = corpus.training_windows(train.shape.context, train.batch, train.seed)?;
        let (measured, reason) = match ending {
            Ending::Finished(loss) => (Some(loss), None),
            Ending::Diverged(error) => (None, Some(error.to_string())),
        };
        Ok(Self {
            schema: "isoflop-result/1",
            run: spec.run.clone(),
            status: if reason.is_some() {
                "diverged"
            } else {
                "finished"
            },
            reason,
            loss: measured.map(|m| m.loss.get()),
            loss_std: measured
                .map(|m| m.standard_error)
                .filter(|std| std.is_finite()),
            bits_per_byte: measured.and_then(|m| m.bits_per_byte),
            params: train.shape.params()?.get(),
            params_non_embedding: train.shape.params_non_embedding()?.get(),
            params_active: train.shape.params_active()?.get(),
            tokens: tokens.get(),
            unique_tokens: windows.unique_tokens(steps.max(1)).get(),
            flops: train.shape.counted_flops(tokens)?.get(),
            flops_6nd: train.shape.six_nd_flops(tokens)?.get(),
            step: steps,
            batch_tokens: train.batch_tokens(),
            lr: f64::from(train.learning_rate),
            schedule: train.schedule.to_string(),
            seed: train.seed,
            family: spec.shape_rule(&train.shape),
            dataset,
            corpus_fingerprint: corpus.fingerprint.to_string(),
            spec: train.clone(),
        })
    }
}

pub(super) fn write(path: &Path, result: &RunResult) -> Result<(), RunError> {
    let failure = |source| RunError::Write {
        path: path.to_owned(),
        source,
    };
    let text = serde_json::to_string_pretty(result).map_err(|error| failure(error.into()))? + "\n";
    write_atomically(path, text.as_bytes()).map_err(failure)
}

/// The file of the learning curve. It is a function of the loss log, so that a run which goes on
/// from its checkpoint writes the very lines that an uninterrupted one does.
pub(super) struct Curve {
    path: PathBuf,
    file: File,
    every: u64,
    schedule: Schedule,
    batch_tokens: u64,
    learning_rate: f32,
}

impl Curve {
    /// Begins the file with the losses that are there already.
    pub(super) fn begin(path: &Path, spec: &TrainSpec, losses: &[f32]) -> Result<Self, RunError> {
        let file = File::create(path).map_err(|source| RunError::Write {
            path: path.to_owned(),
            source,
        })?;
        let mut curve = Self {
            path: path.to_owned(),
            file,
            every: (spec.schedule.steps / CURVE_POINTS).max(1),
            schedule: spec.schedule,
            batch_tokens: spec.batch_tokens() as u64,
            learning_rate: spec.learning_rate,
        };
        for (step, loss) in (1..).zip(losses) {
            curve.add(step, *loss)?;
        }
        Ok(curve)
    }

    /// Adds the loss of a step, counted from 1, if it is one of those that are kept.
    pub(super) fn add(&mut self, step: u64, loss: f32) -> Result<(), RunError> {
        if !step.is_multiple_of(self.every) && step != self.schedule.steps {
            return Ok(());
        }
        let rate = self.learning_rate * self.schedule.share(step - 1);
        let point = json!({
            "step": step, "tokens": step * self.batch_tokens,
            "train_loss": f64::from(loss), "lr": f64::from(rate),
        });
        // One write a line: whoever reads along sees whole lines.
        let line = format!("{point}\n");
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|source| RunError::Write {
            path: self.path.clone(),
            source,
        })
    }
}
