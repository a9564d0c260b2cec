//! The training loop's state: one step, validation, and what a checkpoint holds.

mod rates;
mod spec;
#[cfg(test)]
mod tests;

pub use rates::BASE_WIDTH;
pub use spec::{Optimizer, TrainError, TrainSpec};

use crate::device::{Device, DeviceError, MIXTURES};
#[cfg(feature = "cuda")]
use crate::engine::CudaEngine;
use crate::engine::{CpuEngine, Engine, Moments, Outcome, State};
use crate::kernels::adamw::Update;
use crate::transformer::Transformer;
use std::borrow::Cow;

/// A run in progress.
pub struct Trainer {
    spec: TrainSpec,
    device: Device,
    model: Transformer,
    engine: Box<dyn Engine>,
    losses: Vec<f32>,
    inputs: Vec<u16>,
    targets: Vec<u16>,
}

impl Trainer {
    /// Starts a run at step 0 on the processor.
    ///
    /// # Errors
    /// [`TrainError::Shape`] or [`TrainError::Empty`] for a specification that can't be run.
    pub fn new(spec: TrainSpec) -> Result<Self, TrainError> {
        Self::new_on(Device::Cpu, spec)
    }

    /// Starts a run at step 0 on `device`.
    ///
    /// # Errors
    /// As [`Trainer::new`]; [`TrainError::Device`] for a device that is not there.
    pub fn new_on(device: Device, spec: TrainSpec) -> Result<Self, TrainError> {
        check(&spec)?;
        let weights = Transformer::new(spec.shape)
            .layout()
            .initial_weights(spec.seed);
        let zeros = vec![0.0; weights.len()];
        let state = State {
            weights,
            first: zeros.clone(),
            second: zeros,
        };
        Self::resume(device, spec, state, Vec::new())
    }

    /// Goes on from a checkpoint's parts; `losses` one a step done.
    pub(crate) fn resume(
        device: Device,
        spec: TrainSpec,
        state: State,
        losses: Vec<f32>,
    ) -> Result<Self, TrainError> {
        check(&spec)?;
        Ok(Self {
            model: Transformer::new(spec.shape),
            engine: engine(device, &spec, state)?,
            losses,
            inputs: vec![0; spec.batch_tokens()],
            targets: vec![0; spec.batch_tokens()],
            device,
            spec,
        })
    }

    /// The specification.
    #[must_use]
    pub fn spec(&self) -> &TrainSpec {
        &self.spec
    }

    /// What executes the steps.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
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

    /// All weights, laid out as [`Transformer::layout`] says; fetched from a GPU.
    ///
    /// # Errors
    /// [`DeviceError`] when they can't be fetched.
    pub fn weights(&self) -> Result<Cow<'_, [f32]>, DeviceError> {
        self.engine.weights()
    }

    pub(crate) fn moments(&self) -> Result<Moments<'_>, DeviceError> {
        self.engine.moments()
    }

    /// One step on `batch` sequences; `sequence(i)` gives `context + 1` tokens. Returns the mean
    /// loss in nats per token before the update.
    ///
    /// # Errors
    /// [`TrainError::Batch`] and [`TrainError::Token`] for data that do not fit;
    /// [`TrainError::Diverged`] when the loss or gradient is not finite, the weights unchanged;
    /// [`TrainError::Device`] when the device fails.
    pub fn step<'d>(
        &mut self,
        mut sequence: impl FnMut(usize) -> &'d [u16],
    ) -> Result<f64, TrainError> {
        self.take_batch(&mut sequence)?;
        let (updates, clip) = (self.updates(), self.spec.clip);
        let Outcome { loss, norm } =
            self.engine
                .step(&self.inputs, &self.targets, &updates, clip)?;
        let step = self.steps_done();
        for (what, value) in [("loss", loss), ("gradient", norm)] {
            if !value.is_finite() {
                return Err(TrainError::Diverged { step, what, value });
            }
        }
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
    ) -> Result<(f64, Cow<'_, [f32]>), TrainError> {
        self.take_batch(&mut sequence)?;
        Ok(self.engine.gradient(&self.inputs, &self.targets)?)
    }

    fn take_batch<'d>(
        &mut self,
        sequence: &mut impl FnMut(usize) -> &'d [u16],
    ) -> Result<(), TrainError> {
        let (t, vocabulary) = (self.spec.shape.context, self.spec.shape.vocabulary);
        let rows = self
            .inputs
            .chunks_exact_mut(t)
            .zip(self.targets.chunks_exact_mut(t));
        for (index, (inputs, targets)) in rows.enumerate() {
            let tokens = sequence(index);
            check_window(tokens, self.spec.batch, t, vocabulary)?;
            inputs.copy_from_slice(&tokens[..t]);
            targets.copy_from_slice(&tokens[1..]);
        }
        Ok(())
    }

    /// The update of each tensor at the present step.
    fn updates(&self) -> Vec<Update> {
        let step = self.steps_done();
        let base = Update {
            learning_rate: self.spec.learning_rate * self.spec.schedule.share(step),
            beta1: self.spec.beta1,
            beta2: self.spec.beta2,
            weight_decay: self.spec.weight_decay,
            gradient_scale: 1.0,
            step: step + 1,
            muon: None,
        };
        let tensors = self.model.layout().tensors().iter();
        tensors
            .map(|tensor| rates::for_tensor(base, tensor, &self.spec))
            .collect()
    }

    /// Mean loss in nats per token of each window of `context + 1` tokens.
    ///
    /// # Errors
    /// [`TrainError::Batch`] and [`TrainError::Token`] for windows that do not fit;
    /// [`TrainError::Device`] when the device fails.
    pub fn evaluate(&mut self, windows: &[&[u16]]) -> Result<Vec<f64>, TrainError> {
        let shape = &self.spec.shape;
        for window in windows {
            check_window(window, windows.len(), shape.context, shape.vocabulary)?;
        }
        Ok(self.engine.evaluate(windows)?)
    }
}

fn check(spec: &TrainSpec) -> Result<(), TrainError> {
    spec.shape.validate()?;
    if let Optimizer::Muon { rate, momentum } = spec.optimizer
        && !(rate.is_finite() && rate > 0.0 && (0.0..1.0).contains(&momentum))
    {
        return Err(TrainError::Muon { rate, momentum });
    }
    if spec.schedule.steps == 0 || spec.batch == 0 {
        return Err(TrainError::Empty {
            steps: spec.schedule.steps,
            batch: spec.batch,
        });
    }
    Ok(())
}

/// Whether a run can be made, and on `device`, as far as can be said without the device.
///
/// # Errors
/// [`TrainError`] with what does not fit.
pub(crate) fn check_on(device: Device, spec: &TrainSpec) -> Result<(), TrainError> {
    check(spec)?;
    Ok(has_kernels(device, spec)?)
}

fn engine(device: Device, spec: &TrainSpec, state: State) -> Result<Box<dyn Engine>, DeviceError> {
    has_kernels(device, spec)?;
    match device {
        Device::Cpu => Ok(Box::new(CpuEngine::new(spec.shape, spec.batch, state)?)),
        #[cfg(feature = "cuda")]
        Device::Cuda | Device::CudaTf32 => {
            let engine = CudaEngine::new(device, spec.shape, spec.batch, &state)?;
            Ok(Box::new(engine))
        }
        #[cfg(not(feature = "cuda"))]
        Device::Cuda | Device::CudaTf32 => Err(DeviceError::NotBuilt),
    }
}

/// Whether a device has kernels for all that a run asks of it.
fn has_kernels(device: Device, spec: &TrainSpec) -> Result<(), DeviceError> {
    if device == Device::Cpu {
        return Ok(());
    }
    if matches!(spec.optimizer, Optimizer::Muon { .. }) {
        return Err(DeviceError::Optimizer);
    }
    if spec.shape.kv_heads() != spec.shape.heads {
        return Err(DeviceError::Family {
            part: "grouped queries",
            instead: "give every head keys and values of its own",
        });
    }
    if spec.shape.architecture.experts.is_some() {
        return Err(MIXTURES);
    }
    Ok(())
}

fn check_window(
    tokens: &[u16],
    windows: usize,
    context: usize,
    vocabulary: usize,
) -> Result<(), TrainError> {
    if tokens.len() != context + 1 {
        return Err(TrainError::Batch {
            got: tokens.len(),
            expected: windows,
            expected_tokens: context + 1,
        });
    }
    match tokens
        .iter()
        .find(|token| usize::from(**token) >= vocabulary)
    {
        Some(&token) => Err(TrainError::Token { token, vocabulary }),
        None => Ok(()),
    }
}
