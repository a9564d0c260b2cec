//! The processor: a batch is cut into shards that threads take in parallel.

use super::{Engine, Moments, Outcome, State, means};
use crate::backend::{Cpu, View};
use crate::device::DeviceError;
use crate::kernels::adamw::{self, Update};
use crate::kernels::muon;
use crate::layout::Tensor;
use crate::shape::ModelShape;
use crate::transformer::{Transformer, Workspace};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Parts that a batch is divided into, at most, whatever the number of threads: gradients are added
/// up in this order, so the weights have the same bits on one thread as on many. Each has a gradient
/// of its own, which is why large models are divided into fewer.
const SHARDS: usize = 8;
const SHARDS_OF_LARGE: usize = 4;

/// Weights from which a model is large: its gradients would fill half a gigabyte.
const LARGE: usize = 1 << 24;

/// Rows (tokens) that a shard passes through the model at a time, about; small enough for the
/// activations of a small model to stay in a core's cache.
const MICROBATCH_ROWS: usize = 512;

/// Weights handled together when gradients are added up and applied.
const CHUNK: usize = 1 << 14;

struct Shard {
    gradient: Vec<f32>,
    inputs: Vec<u16>,
    targets: Vec<u16>,
    loss: f64,
}

/// A run on the processor.
pub struct CpuEngine {
    model: Transformer,
    state: State,
    shards: Vec<Shard>,
    /// One a thread: a shard takes that of the thread that it runs on.
    works: Vec<Mutex<Workspace<Cpu>>>,
    microbatch: usize,
    batch_tokens: usize,
    /// Room for Muon, one a tensor that it trains; made by its first step.
    scratch: Vec<Option<muon::Scratch>>,
}

impl CpuEngine {
    /// Buffers for batches of `batch` sequences.
    ///
    /// # Errors
    /// None on the processor.
    pub fn new(shape: ModelShape, batch: usize, state: State) -> Result<Self, DeviceError> {
        let model = Transformer::new(shape);
        let most = if state.weights.len() < LARGE {
            SHARDS
        } else {
            SHARDS_OF_LARGE
        };
        let microbatch = (MICROBATCH_ROWS / shape.context).clamp(1, batch.div_ceil(most));
        let shard = |sequences: usize| Shard {
            gradient: vec![0.0; state.weights.len()],
            inputs: vec![0; sequences * shape.context],
            targets: vec![0; sequences * shape.context],
            loss: 0.0,
        };
        let shards: Vec<Shard> = shard_sizes(batch, most).map(shard).collect();
        let threads = rayon::current_num_threads().min(shards.len());
        let works = (0..threads)
            .map(|_| Workspace::new(&Cpu, &shape, microbatch).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            model,
            state,
            shards,
            works,
            microbatch,
            batch_tokens: batch * shape.context,
            scratch: Vec::new(),
        })
    }

    /// Mean loss of the batch, and the gradient of every shard, in parallel.
    fn accumulate(&mut self, mut inputs: &[u16], mut targets: &[u16]) -> f64 {
        for shard in &mut self.shards {
            let n = shard.inputs.len();
            let (first, rest) = inputs.split_at(n);
            shard.inputs.copy_from_slice(first);
            inputs = rest;
            let (first, rest) = targets.split_at(n);
            shard.targets.copy_from_slice(first);
            targets = rest;
        }
        let rows = self.microbatch * self.model.shape().context;
        let weight = 1.0 / self.batch_tokens as f32;
        let (model, weights) = (&self.model, &self.state.weights);
        let works = &self.works;
        let each = |shard: &mut Shard| {
            let work = &mut *own(works);
            shard.loss = 0.0;
            let m = shard.inputs.len();
            for start in (0..m).step_by(rows) {
                let range = start..(start + rows).min(m);
                let rows = range.len();
                model.loss_and_gradient(
                    &Cpu,
                    weights,
                    View::new(&shard.inputs, range.clone()),
                    View::new(&shard.targets, range),
                    weight,
                    start == 0,
                    &mut shard.gradient,
                    work,
                );
                let losses = &work.losses()[..rows];
                shard.loss += losses.iter().map(|loss| f64::from(*loss)).sum::<f64>();
            }
        };
        self.shards.par_iter_mut().with_max_len(1).for_each(each);
        let sum: f64 = self.shards.iter().map(|shard| shard.loss).sum();
        sum / self.batch_tokens as f64
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

    /// The update of every tensor, cut into chunks that threads can share.
    fn jobs(&mut self, updates: &[Update], gradient_scale: f32) -> Vec<Job<'_>> {
        let mut jobs = Vec::new();
        let tensors = self.model.layout().tensors();
        if self.scratch.is_empty() {
            let room = |(tensor, update): (&Tensor, &Update)| {
                let (rows, widest) = (tensor.rows, tensor.parts.iter().max());
                let block = widest.map(|&cols| muon::Block { rows, cols });
                update.muon.and(block).map(muon::Scratch::new)
            };
            self.scratch = tensors.iter().zip(updates).map(room).collect();
        }
        let mut weights = self.state.weights.as_mut_slice();
        let mut first = self.state.first.as_mut_slice();
        let mut second = self.state.second.as_mut_slice();
        let mut gradient = self.shards[0].gradient.as_slice();
        let scratch = self.scratch.iter_mut();
        for ((tensor, update), scratch) in tensors.iter().zip(updates).zip(scratch) {
            let mut left = tensor.range.len();
            if let (Some(momentum), Some(scratch)) = (update.muon, scratch) {
                let (g, rest) = gradient.split_at(left);
                gradient = rest;
                // AdamW's second moment is not used.
                take(&mut second, left);
                jobs.push(Job::Muon {
                    weights: take(&mut weights, left),
                    momentum: take(&mut first, left),
                    gradient: g,
                    rows: tensor.rows,
                    columns: &tensor.parts,
                    scratch,
                    update: muon::Update {
                        learning_rate: update.learning_rate,
                        momentum,
                        weight_decay: update.weight_decay,
                        gradient_scale,
                    },
                });
                continue;
            }
            while left > 0 {
                let n = left.min(CHUNK);
                let (g, rest) = gradient.split_at(n);
                gradient = rest;
                left -= n;
                jobs.push(Job::AdamW {
                    weights: take(&mut weights, n),
                    first: take(&mut first, n),
                    second: take(&mut second, n),
                    gradient: g,
                    update: Update {
                        gradient_scale,
                        ..*update
                    },
                });
            }
        }
        jobs
    }
}

impl Engine for CpuEngine {
    fn step(
        &mut self,
        inputs: &[u16],
        targets: &[u16],
        updates: &[Update],
        clip: f32,
    ) -> Result<Outcome, DeviceError> {
        let loss = self.accumulate(inputs, targets);
        let norm = self.sum_gradients();
        let outcome = Outcome { loss, norm };
        if outcome.is_finite() {
            let clip = f64::from(clip);
            let scale = if norm > clip {
                (clip / norm) as f32
            } else {
                1.0
            };
            let jobs = self.jobs(updates, scale);
            jobs.into_par_iter().with_max_len(1).for_each(Job::run);
        }
        Ok(outcome)
    }

    fn gradient(
        &mut self,
        inputs: &[u16],
        targets: &[u16],
    ) -> Result<(f64, Cow<'_, [f32]>), DeviceError> {
        let loss = self.accumulate(inputs, targets);
        self.sum_gradients();
        Ok((loss, Cow::Borrowed(&self.shards[0].gradient)))
    }

    fn evaluate(&mut self, windows: &[&[u16]]) -> Result<Vec<f64>, DeviceError> {
        let (model, weights, microbatch) = (&self.model, &self.state.weights, self.microbatch);
        let works = &self.works;
        let parts: Vec<Vec<f64>> = windows
            .par_chunks(microbatch)
            .with_max_len(1)
            .map(|windows| evaluate_part(model, weights, windows, &mut own(works)))
            .collect();
        Ok(parts.concat())
    }

    fn weights(&self) -> Result<Cow<'_, [f32]>, DeviceError> {
        Ok(Cow::Borrowed(&self.state.weights))
    }

    fn moments(&self) -> Result<Moments<'_>, DeviceError> {
        let (first, second) = (&self.state.first, &self.state.second);
        Ok((Cow::Borrowed(first), Cow::Borrowed(second)))
    }
}

/// The buffers of the thread that asks.
fn own(works: &[Mutex<Workspace<Cpu>>]) -> MutexGuard<'_, Workspace<Cpu>> {
    let thread = rayon::current_thread_index().unwrap_or(0);
    let work = works[thread % works.len()].lock();
    // Whatever a pass that panicked left in them is overwritten.
    work.unwrap_or_else(PoisonError::into_inner)
}

/// Losses of no more windows than a workspace holds.
fn evaluate_part(
    model: &Transformer,
    weights: &Vec<f32>,
    windows: &[&[u16]],
    work: &mut Workspace<Cpu>,
) -> Vec<f64> {
    let t = model.shape().context;
    let inputs: Vec<u16> = windows.iter().flat_map(|w| &w[..t]).copied().collect();
    let targets: Vec<u16> = windows.iter().flat_map(|w| &w[1..]).copied().collect();
    let m = inputs.len();
    let (inputs, targets) = (View::first(&inputs, m), View::first(&targets, m));
    model.losses(&Cpu, weights, inputs, targets, work);
    means(&work.losses()[..m], t).collect()
}

/// A part of the update that one thread makes.
enum Job<'a> {
    AdamW {
        weights: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
        gradient: &'a [f32],
        update: Update,
    },
    Muon {
        weights: &'a mut [f32],
        momentum: &'a mut [f32],
        gradient: &'a [f32],
        rows: usize,
        columns: &'a [usize],
        scratch: &'a mut muon::Scratch,
        update: muon::Update,
    },
}

impl Job<'_> {
    fn run(self) {
        match self {
            Job::AdamW {
                weights,
                first,
                second,
                gradient,
                update,
            } => adamw::step(weights, gradient, first, second, update),
            Job::Muon {
                weights,
                momentum,
                gradient,
                rows,
                columns,
                scratch,
                update,
            } => muon::step(weights, gradient, momentum, rows, columns, scratch, update),
        }
    }
}

fn take<'a>(slice: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let (head, tail) = std::mem::take(slice).split_at_mut(n);
    *slice = tail;
    head
}

fn shard_sizes(batch: usize, most: usize) -> impl Iterator<Item = usize> {
    let shards = most.min(batch);
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
