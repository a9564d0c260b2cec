//! Root-mean-square normalisation (Zhang & Sennrich 2019, arXiv 1910.07467):
//! `y = g ∘ x / sqrt(mean(x²) + ε)`.

use super::lanes;
use multiversion::multiversion;

/// Added to the mean square, as in Llama's published code.
pub const EPSILON: f32 = 1e-5;

/// `x: [rows, d]`, `gain: [d]` → `y: [rows, d]`, `inverse_rms: [rows]`.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn forward(x: &[f32], gain: &[f32], y: &mut [f32], inverse_rms: &mut [f32]) {
    let d = gain.len();
    for ((x, y), inverse) in x
        .chunks_exact(d)
        .zip(y.chunks_exact_mut(d))
        .zip(inverse_rms)
    {
        let scale = 1.0 / (lanes::sum_of_squares(x) / d as f32 + EPSILON).sqrt();
        *inverse = scale;
        for ((y, x), gain) in y.iter_mut().zip(x).zip(gain) {
            *y = x * scale * gain;
        }
    }
}

/// Adds to `dx: [rows, d]` and `dgain: [d]` the gradients for `dy: [rows, d]`.
///
/// With `n = x r` (r the inverse RMS): `dx = r (g∘dy − n · mean(g∘dy∘n))`, `dgain = Σ dy∘n`.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn backward(
    x: &[f32],
    gain: &[f32],
    inverse_rms: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    dgain: &mut [f32],
) {
    let d = gain.len();
    let rows = x
        .chunks_exact(d)
        .zip(dy.chunks_exact(d))
        .zip(dx.chunks_exact_mut(d));
    for (((x, dy), dx), &r) in rows.zip(inverse_rms) {
        let mut products = [0.0_f32; lanes::LANES];
        let mut i = 0;
        while i < d {
            let width = lanes::LANES.min(d - i);
            for j in 0..width {
                products[j] += x[i + j] * dy[i + j] * gain[i + j];
            }
            i += width;
        }
        let mean = lanes::sum(&products) * r * r / d as f32;
        for i in 0..d {
            dgain[i] += dy[i] * x[i] * r;
            dx[i] += r * (gain[i] * dy[i] - x[i] * mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::{assert_gradient, wave, weighted};
    use super::*;

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (rows, d) = (3, 32);
        let (x, gain, dy) = (wave(rows * d, 0.3), wave(d, 1.0), wave(rows * d, 2.0));
        let run = |x: &[f32], gain: &[f32]| {
            let (mut y, mut inverse) = (vec![0.0; rows * d], vec![0.0; rows]);
            forward(x, gain, &mut y, &mut inverse);
            (weighted(&y, &dy), inverse)
        };
        let (_, inverse) = run(&x, &gain);
        let (mut dx, mut dgain) = (vec![0.0; rows * d], vec![0.0; d]);
        backward(&x, &gain, &inverse, &dy, &mut dx, &mut dgain);
        assert_gradient(&x, &dx, 1e-2, 2e-3, |x| run(x, &gain).0);
        assert_gradient(&gain, &dgain, 1e-2, 2e-3, |gain| run(&x, gain).0);
    }

    #[test]
    fn rows_come_out_with_unit_root_mean_square() {
        let x = wave(64, 0.0);
        let (mut y, mut inverse) = (vec![0.0; 64], vec![0.0; 1]);
        forward(&x, &[1.0; 64], &mut y, &mut inverse);
        let mean_square = y.iter().map(|y| y * y).sum::<f32>() / 64.0;
        assert!((mean_square - 1.0).abs() < 1e-3);
    }
}
