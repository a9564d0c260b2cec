//! The training loop's state: one step, validation, and what a checkpoint holds.

use crate::kernels::adamw::{self, Update};
use crate::schedule::Schedule;
use crate::shape::{ModelShape, Role, ShapeError, Tensor};
use crate::transformer::{Transformer, Workspace};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Everything that decides the weights a run ends with, besides the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    /// The model.
    pub shape: ModelShape,
    /// Sequences in a batch.
    pub batch: usize,
    /// Learning rate against step; `schedule.steps` is the length of the run.
    pub schedule: Schedule,
    /// Peak learning rate of gains, and of hidden matrices at width 64.
    pub learning_rate: f32,
    /// Peak learning rate of the embedding as a multiple of `learning_rate`; it does not depend on
    /// the width.
    pub embedding_rate: f32,
    /// AdamW's decay of the first moment.
    pub beta1: f32,
    /// AdamW's decay of the second moment.
    pub beta2: f32,
    /// Decoupled weight decay of the hidden matrices.
    pub weight_decay: f32,
    /// The gradient's norm is clipped to this.
    pub clip: f32,
    /// Seed of the initial weights.
    pub seed: u64,
}

impl TrainSpec {
    /// Tokens D that the whole run sees.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.schedule.steps * self.batch_tokens() as u64
    }

    /// Tokens in a step.
    #[must_use]
    pub fn batch_tokens(&self) -> usize {
        self.batch * self.shape.context
    }
}

/// The width at which [`TrainSpec::learning_rate`] is stated.
pub const BASE_WIDTH: f32 = 64.0;

/// Why training can't start or go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The model's shape is impossible.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A run without steps or sequences.
    #[error("a run needs at least one step and one sequence in a batch, got {steps} and {batch}")]
    Empty {
        /// Steps asked for.
        steps: u64,
        /// Sequences in a batch asked for.
        batch: usize,
    },
    /// A batch does not have the sequences or tokens that the run was specified with.
    #[error("a batch has {got} sequences of {expected_tokens} tokens expected, not {expected}")]
    Batch {
        /// Sequences given.
        got: usize,
        /// Sequences expected.
        expected: usize,
        /// Tokens of a sequence and its last target.
        expected_tokens: usize,
    },
    /// A token outside the vocabulary.
    #[error(
        "token {token} is outside the vocabulary of {vocabulary}: was the corpus tokenised with another tokeniser?"
    )]
    Token {
        /// The token.
        token: u16,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// A branch that would not have come this way.
    #[error(
        "a run can't be branched at step {step} into one of another model, data order or earlier learning rates: branch before the shorter schedule anneals"
    )]
    Branch {
        /// Steps done.
        step: u64,
    },
    /// The loss or the gradient is not a number: the run has diverged.
    #[error(
        "the run diverged at step {step}: its {what} is {value}; a lower learning rate may help"
    )]
    Diverged {
        /// Step from 0.
        step: u64,
        /// What was not finite.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}

/// Parts that a batch is divided into, whatever the number of threads: gradients are added up in
/// this order, so the weights have the same bits on one thread as on many.
const SHARDS: usize = 4;

/// Rows (tokens) that a shard passes through the model at a time, about; small enough for the
/// activations of a small model to stay in a core's cache.
const MICROBATCH_ROWS: usize = 512;

/// Weights handled together when gradients are added up and applied.
const CHUNK: usize = 1 << 14;

struct Shard {
    work: Workspace,
    gradient: Vec<f32>,
    inputs: Vec<u16>,
    targets: Vec<u16>,
    loss: f64,
}

/// A run in progress.
pub struct Trainer {
    spec: TrainSpec,
    model: Transformer,
    weights: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    losses: Vec<f32>,
    shards: Vec<Shard>,
    microbatch: usize,
}

impl Trainer {
    /// Starts a run at step 0.
    ///
    /// # Errors
    /// [`TrainError::Shape`] or [`TrainError::Empty`] for a specification that can't be run.
    pub fn new(spec: TrainSpec) -> Result<Self, TrainError> {
        let model = Self::prepare(&spec)?;
        let weights = model.layout().initial_weights(spec.seed);
        let zeros = vec![0.0; weights.len()];
        Ok(Self::assemble(
            spec,
            model,
            weights,
            zeros.clone(),
            zeros,
            Vec::new(),
        ))
    }

    /// Goes on from a checkpoint's parts, each as long as the weights; `losses` one a step done.
    pub(crate) fn resume(
        spec: TrainSpec,
        weights: Vec<f32>,
        first: Vec<f32>,
        second: Vec<f32>,
        losses: Vec<f32>,
    ) -> Result<Self, TrainError> {
        let model = Self::prepare(&spec)?;
        Ok(Self::assemble(spec, model, weights, first, second, losses))
    }

    fn prepare(spec: &TrainSpec) -> Result<Transformer, TrainError> {
        spec.shape.validate()?;
        if spec.schedule.steps == 0 || spec.batch == 0 {
            return Err(TrainError::Empty {
                steps: spec.schedule.steps,
                batch: spec.batch,
            });
        }
        Ok(Transformer::new(spec.shape))
    }

    fn assemble(
        spec: TrainSpec,
        model: Transformer,
        weights: Vec<f32>,
        first: Vec<f32>,
        second: Vec<f32>,
        losses: Vec<f32>,
    ) -> Self {
        let microbatch =
            (MICROBATCH_ROWS / spec.shape.context).clamp(1, spec.batch.div_ceil(SHARDS));
        let shard = |sequences: usize| Shard {
            work: Workspace::new(&spec.shape, microbatch),
            gradient: vec![0.0; weights.len()],
            inputs: vec![0; sequences * spec.shape.context],
            targets: vec![0; sequences * spec.shape.context],
            loss: 0.0,
        };
        let shards = shard_sizes(spec.batch).map(shard).collect();
        Self {
            spec,
            model,
            weights,
            first,
            second,
            losses,
            shards,
            microbatch,
        }
    }

    /// The specification.
    #[must_use]
    pub fn spec(&self) -> &TrainSpec {
        &self.spec
    }

    /// The model's layout and shape.
    #[must_use]
    pub fn model(&self) -> &Transformer {
        &self.model
    }

    /// Steps done.
    #[must_use]
    pub fn steps_done(&self) -> u64 {
        self.losses.len() as u64
    }

    /// Whether the run has reached its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.steps_done() >= self.spec.schedule.steps
    }

    /// Training loss of each step done, in nats per token.
    #[must_use]
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// All weights, laid out as [`Transformer::layout`] says.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    pub(crate) fn moments(&self) -> (&[f32], &[f32]) {
        (&self.first, &self.second)
    }

    /// One step on `batch` sequences; `sequence(i)` gives `context + 1` tokens. Returns the mean
    /// loss in nats per token before the update.
    ///
    /// # Errors
    /// [`TrainError::Batch`] and [`TrainError::Token`] for data that do not fit;
    /// [`TrainError::Diverged`] when the loss or gradient is not finite, the weights unchanged.
    pub fn step<'d>(
        &mut self,
        mut sequence: impl FnMut(usize) -> &'d [u16],
    ) -> Result<f64, TrainError> {
        self.take_batch(&mut sequence)?;
        let loss = self.accumulate();
        let step = self.steps_done();
        if !loss.is_finite() {
            return Err(TrainError::Diverged {
                step,
                what: "loss",
                value: loss,
            });
        }
        let norm = self.sum_gradients();
        if !norm.is_finite() {
            return Err(TrainError::Diverged {
                step,
                what: "gradient",
                value: norm,
            });
        }
        self.update(norm);
        self.losses.push(loss as f32);
        Ok(loss)
    }

    /// The batch's gradient and mean loss without an update: the gradient in the layout of the
    /// weights. For checks against other implementations.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn gradient<'d>(
        &mut self,
        mut sequence: impl FnMut(usize) -> &'d [u16],
    ) -> Result<(f64, &[f32]), TrainError> {
        self.take_batch(&mut sequence)?;
        let loss = self.accumulate();
        self.sum_gradients();
        Ok((loss, &self.shards[0].gradient))
    }

    fn take_batch<'d>(
        &mut self,
        sequence: &mut impl FnMut(usize) -> &'d [u16],
    ) -> Result<(), TrainError> {
        let (t, vocabulary) = (self.spec.shape.context, self.spec.shape.vocabulary);
        let mut index = 0;
        for shard in &mut self.shards {
            let rows = shard
                .inputs
                .chunks_exact_mut(t)
                .zip(shard.targets.chunks_exact_mut(t));
            for (inputs, targets) in rows {
                let tokens = sequence(index);
                if tokens.len() != t + 1 {
                    return Err(TrainError::Batch {
                        got: tokens.len(),
                        expected: self.spec.batch,
                        expected_tokens: t + 1,
                    });
                }
                check_tokens(tokens, vocabulary)?;
                inputs.copy_from_slice(&tokens[..t]);
                targets.copy_from_slice(&tokens[1..]);
                index += 1;
            }
        }
        Ok(())
    }

    /// Loss and gradient of every shard, in parallel.
    fn accumulate(&mut self) -> f64 {
        let rows = self.microbatch * self.spec.shape.context;
        let weight = 1.0 / self.spec.batch_tokens() as f32;
        let (model, weights) = (&self.model, &self.weights);
        self.shards
            .par_iter_mut()
            .with_max_len(1)
            .for_each(|shard| {
                shard.loss = 0.0;
                let batches = shard.inputs.chunks(rows).zip(shard.targets.chunks(rows));
                for (i, (inputs, targets)) in batches.enumerate() {
                    let (gradient, work) = (&mut shard.gradient, &mut shard.work);
                    shard.loss += model.loss_and_gradient(
                        weights,
                        inputs,
                        targets,
                        weight,
                        i == 0,
                        gradient,
                        work,
                    );
                }
            });
        let sum: f64 = self.shards.iter().map(|shard| shard.loss).sum();
        sum / self.spec.batch_tokens() as f64
    }

    /// Adds the shards' gradients into the first and returns the norm of the sum.
    fn sum_gradients(&mut self) -> f64 {
        let Some((total, others)) = self.shards.split_first_mut() else {
            return 0.0;
        };
        let squares: Vec<f64> = total
            .gradient
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, total)| {
                let start = chunk * CHUNK;
                let range = start..start + total.len();
                let others = others.iter().map(|shard| &shard.gradient[range.clone()]);
                add_and_square(total, others)
            })
            .collect();
        squares.iter().sum::<f64>().sqrt()
    }

    fn update(&mut self, norm: f64) {
        let clip = f64::from(self.spec.clip);
        let gradient_scale = if norm > clip {
            (clip / norm) as f32
        } else {
            1.0
        };
        let step = self.steps_done();
        let rate = self.spec.learning_rate * self.spec.schedule.share(step);
        let jobs = self.jobs(Update {
            learning_rate: rate,
            beta1: self.spec.beta1,
            beta2: self.spec.beta2,
            weight_decay: self.spec.weight_decay,
            gradient_scale,
            step: step + 1,
        });
        jobs.into_par_iter().for_each(|job| {
            adamw::step(job.weights, job.gradient, job.first, job.second, job.update);
        });
    }

    /// The update of every tensor, cut into chunks that threads can share.
    fn jobs(&mut self, base: Update) -> Vec<Job<'_>> {
        let spec = &self.spec;
        let mut jobs = Vec::new();
        let mut weights = self.weights.as_mut_slice();
        let mut first = self.first.as_mut_slice();
        let mut second = self.second.as_mut_slice();
        let mut gradient = self.shards[0].gradient.as_slice();
        for tensor in self.model.layout().tensors() {
            let mut left = tensor.range.len();
            while left > 0 {
                let n = left.min(CHUNK);
                let (w, m, v) = (
                    take(&mut weights, n),
                    take(&mut first, n),
                    take(&mut second, n),
                );
                let (g, rest) = gradient.split_at(n);
                gradient = rest;
                left -= n;
                let update = for_tensor(base, tensor, spec);
                jobs.push(Job {
                    weights: w,
                    first: m,
                    second: v,
                    gradient: g,
                    update,
                });
            }
        }
        jobs
    }

    /// Mean loss in nats per token of each window of `context + 1` tokens, in parallel.
    ///
    /// # Errors
    /// [`TrainError::Batch`] and [`TrainError::Token`] for windows that do not fit.
    pub fn evaluate(&mut self, windows: &[&[u16]]) -> Result<Vec<f64>, TrainError> {
        let (t, vocabulary) = (self.spec.shape.context, self.spec.shape.vocabulary);
        for window in windows {
            if window.len() != t + 1 {
                return Err(TrainError::Batch {
                    got: window.len(),
                    expected: windows.len(),
                    expected_tokens: t + 1,
                });
            }
            check_tokens(window, vocabulary)?;
        }
        let share = windows.len().div_ceil(self.shards.len()).max(1);
        let (model, weights, microbatch) = (&self.model, &self.weights, self.microbatch);
        let parts: Vec<Vec<f64>> = self
            .shards
            .par_iter_mut()
            .with_max_len(1)
            .zip(windows.par_chunks(share))
            .map(|(shard, windows)| evaluate_part(model, weights, windows, microbatch, shard))
            .collect();
        Ok(parts.concat())
    }
}

fn evaluate_part(
    model: &Transformer,
    weights: &[f32],
    windows: &[&[u16]],
    microbatch: usize,
    shard: &mut Shard,
) -> Vec<f64> {
    let t = model.shape().context;
    let mut means = Vec::with_capacity(windows.len());
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for group in windows.chunks(microbatch) {
        inputs.clear();
        targets.clear();
        for window in group {
            inputs.extend_from_slice(&window[..t]);
            targets.extend_from_slice(&window[1..]);
        }
        let losses = model.losses(weights, &inputs, &targets, &mut shard.work);
        let mean = |l: &[f32]| l.iter().map(|l| f64::from(*l)).sum::<f64>() / t as f64;
        means.extend(losses.chunks_exact(t).map(mean));
    }
    means
}

struct Job<'a> {
    weights: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
    update: Update,
}

/// muP for Adam (Yang et al. 2022, table 3): the rate of hidden matrices falls as 1 / width, that of
/// embeddings and gains does not; only hidden matrices decay.
fn for_tensor(base: Update, tensor: &Tensor, spec: &TrainSpec) -> Update {
    match tensor.role {
        Role::Hidden | Role::Residual => {
            // The decay per step is rate · decay: undo the width's part so that it does not fade.
            let ratio = BASE_WIDTH / spec.shape.width as f32;
            Update {
                learning_rate: base.learning_rate * ratio,
                weight_decay: base.weight_decay / ratio,
                ..base
            }
        }
        Role::Embedding => Update {
            learning_rate: base.learning_rate * spec.embedding_rate,
            weight_decay: 0.0,
            ..base
        },
        Role::Gain => Update {
            weight_decay: 0.0,
            ..base
        },
    }
}

fn take<'a>(slice: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let (head, tail) = std::mem::take(slice).split_at_mut(n);
    *slice = tail;
    head
}

fn check_tokens(tokens: &[u16], vocabulary: usize) -> Result<(), TrainError> {
    match tokens
        .iter()
        .find(|token| usize::from(**token) >= vocabulary)
    {
        Some(&token) => Err(TrainError::Token { token, vocabulary }),
        None => Ok(()),
    }
}

fn shard_sizes(batch: usize) -> impl Iterator<Item = usize> {
    let shards = SHARDS.min(batch);
    (0..shards).map(move |i| batch / shards + usize::from(i < batch % shards))
}

/// `total += Σ others`; the sum of squares of the result.
fn add_and_square<'a>(total: &mut [f32], others: impl Iterator<Item = &'a [f32]>) -> f64 {
    for other in others {
        for (total, other) in total.iter_mut().zip(other) {
            *total += other;
        }
    }
    total
        .chunks(256)
        .map(|part| f64::from(part.iter().map(|g| g * g).sum::<f32>()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Decay;

    pub(crate) fn spec(steps: u64) -> TrainSpec {
        TrainSpec {
            shape: ModelShape {
                layers: 1,
                width: 32,
                heads: 2,
                vocabulary: 17,
                context: 16,
            },
            batch: 6,
            schedule: Schedule {
                warmup: 5,
                steps,
                decay: Decay::Linear,
            },
            learning_rate: 1e-2,
            embedding_rate: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            clip: 1.0,
            seed: 1,
        }
    }

    /// A text that repeats with a period prime to the context: its entropy rate is zero.
    fn periodic(n: usize) -> Vec<u16> {
        const PATTERN: [u16; 11] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 16];
        (0..n).map(|i| PATTERN[i % PATTERN.len()]).collect()
    }

    fn train(spec: TrainSpec, threads: usize) -> (Vec<f32>, Vec<f32>) {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let text = periodic(4000);
        pool.install(|| {
            let steps = spec.schedule.steps as usize;
            let batch = spec.batch;
            let mut trainer = Trainer::new(spec).unwrap();
            for step in 0..steps {
                trainer
                    .step(|i| &text[(step * batch + i) * 3 % 3900..][..17])
                    .unwrap();
            }
            (trainer.weights().to_vec(), trainer.losses().to_vec())
        })
    }

    #[test]
    fn learns_a_periodic_text_to_near_zero_loss() {
        let (_, losses) = train(spec(300), 2);
        assert!(losses[0] > 2.0, "{}", losses[0]);
        // The first tokens of a window do not tell where in the period it starts.
        assert!(losses[299] < 0.25, "{}", losses[299]);
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
        assert_eq!(train(spec(20), 1), train(spec(20), 3));
        let other = TrainSpec {
            seed: 2,
            ..spec(20)
        };
        assert_ne!(train(spec(20), 1), train(other, 1));
    }

    #[test]
    fn divergence_is_an_error_with_its_step_and_leaves_the_weights() {
        let text = periodic(4000);
        let mut trainer = Trainer::new(TrainSpec {
            learning_rate: 1e30,
            embedding_rate: 1.0,
            ..spec(50)
        })
        .unwrap();
        let error = (0..50)
            .find_map(|_| trainer.step(|i| &text[i..i + 17]).err())
            .unwrap();
        assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
        assert!(trainer.steps_done() < 50);
    }

    #[test]
    fn tokens_outside_the_vocabulary_and_short_windows_are_refused() {
        let mut trainer = Trainer::new(spec(5)).unwrap();
        let bad = [17_u16; 17];
        assert!(matches!(
            trainer.step(|_| &bad),
            Err(TrainError::Token { token: 17, .. })
        ));
        assert!(matches!(
            trainer.step(|_| &bad[..9]),
            Err(TrainError::Batch { .. })
        ));
        assert!(matches!(
            trainer.evaluate(&[&bad]),
            Err(TrainError::Token { .. })
        ));
    }

    #[test]
    fn evaluation_gives_a_mean_for_each_window_in_order() {
        let mut trainer = Trainer::new(spec(5)).unwrap();
        let text = periodic(400);
        let windows: Vec<&[u16]> = (0..23).map(|i| &text[i * 7..i * 7 + 17]).collect();
        let all = trainer.evaluate(&windows).unwrap();
        assert_eq!(all.len(), 23);
        let alone = trainer.evaluate(&windows[13..14]).unwrap();
        assert!((all[13] - alone[0]).abs() < 1e-6);
    }
}
