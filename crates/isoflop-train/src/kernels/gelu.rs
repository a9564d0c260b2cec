//! GELU in its tanh form (Hendrycks & Gimpel 2016, arXiv 1606.08415):
//! `x · σ(2u)` with `u = sqrt(2/π) (x + 0.044715 x³)`.

use super::lanes;
use multiversion::multiversion;

const SQRT_2_OVER_PI: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

/// Replaces `x` by its derivative `gelu'(x)`, which the backward pass multiplies by, and writes
/// `y = gelu(x)`.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn forward(x: &mut [f32], y: &mut [f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        let value = *x;
        let square = value * value;
        let twice_u = 2.0 * SQRT_2_OVER_PI * value * (1.0 + CUBIC * square);
        let sigma = 1.0 / (1.0 + lanes::exp(-twice_u));
        let twice_du = 2.0 * SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * square);
        *y = value * sigma;
        *x = sigma + value * sigma * (1.0 - sigma) * twice_du;
    }
}

/// `dy ← dy ∘ derivative`, with the derivative that [`forward`] left.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn backward(derivative: &[f32], dy: &mut [f32]) {
    for (dy, derivative) in dy.iter_mut().zip(derivative) {
        *dy *= derivative;
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::{assert_gradient, wave, weighted};
    use super::*;

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let x: Vec<f32> = wave(97, 0.1).iter().map(|x| 4.0 * x).collect();
        let weights = wave(97, 2.0);
        let run = |x: &[f32]| {
            let (mut derivative, mut y) = (x.to_vec(), vec![0.0; x.len()]);
            forward(&mut derivative, &mut y);
            (weighted(&y, &weights), derivative)
        };
        let mut dx = weights.clone();
        backward(&run(&x).1, &mut dx);
        assert_gradient(&x, &dx, 1e-2, 1e-3, |x| run(x).0);
    }

    #[test]
    fn values_agree_with_the_tanh_definition() {
        let mut x = [-3.0_f32, -0.5, 0.0, 0.5, 3.0];
        let expected = x.map(|x| {
            let u = f64::from(SQRT_2_OVER_PI) * (f64::from(x) + 0.044_715 * f64::from(x).powi(3));
            0.5 * f64::from(x) * (1.0 + u.tanh())
        });
        let mut y = [0.0; 5];
        forward(&mut x, &mut y);
        for (y, expected) in y.iter().zip(expected) {
            assert!((f64::from(*y) - expected).abs() < 1e-6);
        }
    }
}
