//! AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101) over one tensor, in one pass.

use multiversion::multiversion;

/// What one update needs besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Learning rate of this tensor at this step.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Decoupled weight decay, multiplied by the learning rate.
    pub weight_decay: f32,
    /// The gradient is multiplied by this first (gradient clipping).
    pub gradient_scale: f32,
    /// Steps done including this one, from 1.
    pub step: u64,
    /// `Some`: the tensor is trained by [`muon`](super::muon) with this momentum instead.
    pub muon: Option<f32>,
}

/// Added to the root of the second moment.
pub const EPSILON: f32 = 1e-8;

/// Updates `weights` and both moments in place; all four slices of one length.
///
/// The bias corrections are applied as PyTorch applies them:
/// `w −= lr / (1 − β1ᵗ) · m / (sqrt(v / (1 − β2ᵗ)) + ε)`.
pub fn step(
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    update: Update,
) {
    let exponent = update.step as f64;
    let correction1 = 1.0 - f64::from(update.beta1).powf(exponent);
    let correction2 = 1.0 - f64::from(update.beta2).powf(exponent);
    let rate = (f64::from(update.learning_rate) / correction1) as f32;
    let root = (1.0 / correction2).sqrt() as f32;
    apply(weights, gradient, first, second, update, rate, root);
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
fn apply(
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    update: Update,
    rate: f32,
    root: f32,
) {
    let keep = 1.0 - update.learning_rate * update.weight_decay;
    let moments = first.iter_mut().zip(second);
    for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
        let g = g * update.gradient_scale;
        *m += (1.0 - update.beta1) * (g - *m);
        *v = update.beta2 * *v + (1.0 - update.beta2) * g * g;
        *w = *w * keep - rate * *m / (v.sqrt() * root + EPSILON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_moves_by_the_learning_rate_against_the_gradient() {
        let update = Update {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.5,
            gradient_scale: 1.0,
            step: 1,
            muon: None,
        };
        let (mut w, mut m, mut v) = ([1.0_f32, -2.0], [0.0; 2], [0.0; 2]);
        step(&mut w, &[3.0, -0.01], &mut m, &mut v, update);
        // Decay by 0.1 * 0.5, then a step of 0.1 whatever the gradient's size.
        assert!((w[0] - (0.95 - 0.1)).abs() < 1e-5, "{w:?}");
        assert!((w[1] - (-1.9 + 0.1)).abs() < 1e-4, "{w:?}");
    }
}
