//! A GPU: the whole state stays there, a batch passes in as few parts as its memory holds well, and
//! a step fetches two numbers.

use super::{Engine, Moments, Outcome, State, means};
use crate::backend::View;
use crate::backend::cuda::{Cuda, Floats, Precision, Sums, Tokens};
use crate::device::{Device, DeviceError};
use crate::kernels::adamw::Update;
use crate::shape::ModelShape;
use crate::transformer::{Transformer, Workspace};
use std::borrow::Cow;

/// Rows (tokens) that pass through the model at a time, about.
const MICROBATCH_ROWS: usize = 32_768;

/// A run on a GPU.
pub struct CudaEngine {
    cuda: Cuda,
    model: Transformer,
    weights: Floats,
    first: Floats,
    second: Floats,
    gradient: Floats,
    work: Workspace<Cuda>,
    inputs: Tokens,
    targets: Tokens,
    sums: Sums,
    rows: usize,
    batch_tokens: usize,
}

impl CudaEngine {
    /// The state placed on the GPU, with buffers for batches of `batch` sequences.
    ///
    /// # Errors
    /// [`DeviceError`] for a GPU that is not there or too small.
    pub fn new(
        device: Device,
        shape: ModelShape,
        batch: usize,
        state: &State,
    ) -> Result<Self, DeviceError> {
        let precision = match device {
            Device::CudaTf32 => Precision::Tf32,
            Device::Cpu | Device::Cuda => Precision::Float32,
        };
        let cuda = Cuda::new(precision, shape.head_width())?;
        let sequences = (MICROBATCH_ROWS / shape.context).clamp(1, batch);
        let rows = sequences * shape.context;
        let place = |values: &[f32]| {
            let mut buffer = cuda.zeroed(values.len())?;
            cuda.upload(values, &mut buffer)?;
            Ok(buffer)
        };
        Ok(Self {
            weights: place(&state.weights)?,
            first: place(&state.first)?,
            second: place(&state.second)?,
            gradient: cuda.zeroed(state.weights.len())?,
            work: Workspace::new(&cuda, &shape, sequences)?,
            inputs: Tokens::new(&cuda, rows, shape.vocabulary)?,
            targets: Tokens::new(&cuda, rows, shape.vocabulary)?,
            sums: Sums::new(&cuda)?,
            model: Transformer::new(shape),
            rows,
            batch_tokens: batch * shape.context,
            cuda,
        })
    }

    /// Queues the sum of losses, the gradient and its norm.
    fn accumulate(&mut self, inputs: &[u16], targets: &[u16]) -> Result<(), DeviceError> {
        self.cuda.bind()?;
        let weight = 1.0 / self.batch_tokens as f32;
        let parts = inputs.chunks(self.rows).zip(targets.chunks(self.rows));
        for (part, (inputs, targets)) in parts.enumerate() {
            self.inputs.set(&self.cuda, inputs)?;
            self.targets.set(&self.cuda, targets)?;
            self.model.loss_and_gradient(
                &self.cuda,
                &self.weights,
                View::first(&self.inputs, inputs.len()),
                View::first(&self.targets, targets.len()),
                weight,
                part == 0,
                &mut self.gradient,
                &mut self.work,
            );
            let losses = self.work.losses();
            self.cuda
                .sum_losses(losses, inputs.len(), part > 0, &self.sums);
        }
        let len = self.model.layout().len();
        self.cuda.gradient_norm(&self.gradient, len, &self.sums);
        Ok(())
    }

    fn fetch(&self, from: &Floats) -> Result<Vec<f32>, DeviceError> {
        self.cuda.bind()?;
        self.cuda.download(from, self.model.layout().len())
    }
}

impl Engine for CudaEngine {
    fn step(
        &mut self,
        inputs: &[u16],
        targets: &[u16],
        updates: &[Update],
        clip: f32,
    ) -> Result<Outcome, DeviceError> {
        self.accumulate(inputs, targets)?;
        let buffers = [&self.weights, &self.gradient, &self.first, &self.second];
        for (tensor, update) in self.model.layout().tensors().iter().zip(updates) {
            let range = tensor.range.clone();
            self.cuda.adamw(buffers, range, update, clip, &self.sums);
        }
        let (sum, norm) = self.sums.fetch(&self.cuda)?;
        let loss = sum / self.batch_tokens as f64;
        Ok(Outcome { loss, norm })
    }

    fn gradient(
        &mut self,
        inputs: &[u16],
        targets: &[u16],
    ) -> Result<(f64, Cow<'_, [f32]>), DeviceError> {
        self.accumulate(inputs, targets)?;
        let (sum, _) = self.sums.fetch(&self.cuda)?;
        let gradient = self.fetch(&self.gradient)?;
        Ok((sum / self.batch_tokens as f64, Cow::Owned(gradient)))
    }

    fn evaluate(&mut self, windows: &[&[u16]]) -> Result<Vec<f64>, DeviceError> {
        self.cuda.bind()?;
        let t = self.model.shape().context;
        let mut all = Vec::with_capacity(windows.len());
        for group in windows.chunks(self.rows / t) {
            let inputs: Vec<u16> = group.iter().flat_map(|w| &w[..t]).copied().collect();
            let targets: Vec<u16> = group.iter().flat_map(|w| &w[1..]).copied().collect();
            self.inputs.set(&self.cuda, &inputs)?;
            self.targets.set(&self.cuda, &targets)?;
            self.model.losses(
                &self.cuda,
                &self.weights,
                View::first(&self.inputs, inputs.len()),
                View::first(&self.targets, targets.len()),
                &mut self.work,
            );
            let losses = self.cuda.download(self.work.losses(), inputs.len())?;
            all.extend(means(&losses, t));
        }
        Ok(all)
    }

    fn weights(&self) -> Result<Cow<'_, [f32]>, DeviceError> {
        Ok(Cow::Owned(self.fetch(&self.weights)?))
    }

    fn moments(&self) -> Result<Moments<'_>, DeviceError> {
        let (first, second) = (self.fetch(&self.first)?, self.fetch(&self.second)?);
        Ok((Cow::Owned(first), Cow::Owned(second)))
    }
}
