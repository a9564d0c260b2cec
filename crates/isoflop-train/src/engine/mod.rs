//! What executes a run's steps: weights, moments and gradients where the device keeps them.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;

pub use cpu::CpuEngine;
#[cfg(feature = "cuda")]
pub use cuda::CudaEngine;

use crate::device::DeviceError;
use crate::kernels::adamw::Update;
use std::borrow::Cow;

/// Loss and gradient of a step, in front of its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Mean loss in nats per token.
    pub loss: f64,
    /// Norm of the gradient before it is clipped.
    pub norm: f64,
}

impl Outcome {
    /// Whether the weights may be changed by it.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.norm.is_finite()
    }
}

/// A run's state, as long as the weights each.
#[derive(Debug, Clone)]
pub struct State {
    /// Weights.
    pub weights: Vec<f32>,
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
}

/// A device with the state of a run.
pub trait Engine: Send {
    /// Loss and gradient of a whole batch, and the update of each tensor (one of `updates` a
    /// tensor, in the layout's order, the gradient clipped to the norm `clip`): the weights stay as
    /// they are unless both are finite.
    ///
    /// # Errors
    /// [`DeviceError`] when the device fails.
    fn step(
        &mut self,
        inputs: &[u16],
        targets: &[u16],
        updates: &[Update],
        clip: f32,
    ) -> Result<Outcome, DeviceError>;

    /// Mean loss and gradient of a whole batch, without an update.
    ///
    /// # Errors
    /// [`DeviceError`] when the device fails.
    fn gradient(
        &mut self,
        inputs: &[u16],
        targets: &[u16],
    ) -> Result<(f64, Cow<'_, [f32]>), DeviceError>;

    /// Mean loss in nats per token of each window of `context + 1` tokens.
    ///
    /// # Errors
    /// [`DeviceError`] when the device fails.
    fn evaluate(&mut self, windows: &[&[u16]]) -> Result<Vec<f64>, DeviceError>;

    /// The weights.
    ///
    /// # Errors
    /// [`DeviceError`] when they can't be fetched.
    fn weights(&self) -> Result<Cow<'_, [f32]>, DeviceError>;

    /// First and second moments.
    ///
    /// # Errors
    /// [`DeviceError`] when they can't be fetched.
    fn moments(&self) -> Result<Moments<'_>, DeviceError>;
}

/// First and second moments.
pub type Moments<'a> = (Cow<'a, [f32]>, Cow<'a, [f32]>);

/// Mean of each sequence's losses.
fn means(losses: &[f32], context: usize) -> impl Iterator<Item = f64> + '_ {
    let mean = move |l: &[f32]| l.iter().map(|l| f64::from(*l)).sum::<f64>() / context as f64;
    losses.chunks_exact(context).map(mean)
}
