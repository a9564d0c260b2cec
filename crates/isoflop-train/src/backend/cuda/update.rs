//! Loss, norm and AdamW without leaving the GPU.

use super::{Array, Cuda, Floats, LINE, flat};
use crate::device::DeviceError;
use crate::kernels::adamw::{self, Update};
use std::ops::Range;

/// Sum of the losses, norm of the gradient, and the parts of its square.
pub struct Sums(Array<f64>);

/// Parts of the sum of squares, as in `kernels.cu`.
const PARTS: usize = 256;

impl Sums {
    /// Room for them.
    pub fn new(cuda: &Cuda) -> Result<Self, DeviceError> {
        Ok(Self(cuda.zeroed(2 + PARTS)?))
    }

    /// Sum of losses and norm, when all queued work is done.
    pub fn fetch(&self, cuda: &Cuda) -> Result<(f64, f64), DeviceError> {
        let both = cuda.download(&self.0, 2)?;
        Ok((both[0], both[1]))
    }
}

impl Cuda {
    /// The sum of the first `rows` losses, or that added to the sum.
    pub fn sum_losses(&self, losses: &Floats, rows: usize, add: bool, sums: &Sums) {
        let arguments = args![losses.at, sums.0.at, rows as i64, i32::from(add)];
        self.launch("sum_losses", (1, 1, 1), LINE, &arguments);
    }

    /// The norm of the first `len` of `gradient`.
    pub fn gradient_norm(&self, gradient: &Floats, len: usize, sums: &Sums) {
        let arguments = args![gradient.at, sums.0.at, len as i64];
        self.launch("squares", (PARTS as u32, 1, 1), LINE, &arguments);
        self.launch("gradient_norm", (1, 1, 1), LINE, &args![sums.0.at]);
    }

    /// AdamW on the weights in `range`, as [`adamw::step`]; nothing if loss or norm is not finite.
    pub fn adamw(
        &self,
        [weights, gradient, first, second]: [&Floats; 4],
        range: Range<usize>,
        update: &Update,
        clip: f32,
        sums: &Sums,
    ) {
        let exponent = update.step as f64;
        let correction1 = 1.0 - f64::from(update.beta1).powf(exponent);
        let correction2 = 1.0 - f64::from(update.beta2).powf(exponent);
        let rate = (f64::from(update.learning_rate) / correction1) as f32;
        let root = (1.0 / correction2).sqrt() as f32;
        let keep = 1.0 - update.learning_rate * update.weight_decay;
        let at = |buffer: &Floats| buffer.at + 4 * range.start as u64;
        let arguments = args![
            at(weights),
            at(gradient),
            at(first),
            at(second),
            range.len() as i64,
            sums.0.at,
            clip,
            update.beta1,
            update.beta2,
            rate,
            root,
            keep,
            adamw::EPSILON
        ];
        self.launch("adamw", flat(range.len()), LINE, &arguments);
    }
}
