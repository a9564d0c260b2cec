//! The gate of SwiGLU (Shazeer 2020, arXiv 2002.05202): `y = SiLU(g) ∘ v` with `SiLU(g) = g σ(g)`,
//! gates g and values v side by side in rows of `2 h` elements.

use super::lanes;
use multiversion::multiversion;

/// `x: [rows, 2 h]` → `y: [rows, h]`; `x` is replaced by the derivatives of `y` by gate and by
/// value, which the backward pass multiplies by.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn forward(x: &mut [f32], y: &mut [f32], h: usize) {
    for (x, y) in x.chunks_exact_mut(2 * h).zip(y.chunks_exact_mut(h)) {
        let (gates, values) = x.split_at_mut(h);
        for ((gate, value), y) in gates.iter_mut().zip(values).zip(y) {
            let (g, v) = (*gate, *value);
            let sigma = 1.0 / (1.0 + lanes::exp(-g));
            let silu = g * sigma;
            *y = silu * v;
            *gate = (sigma + silu * (1.0 - sigma)) * v;
            *value = silu;
        }
    }
}

/// `dx: [rows, 2 h]` for `dy: [rows, h]`, with the derivatives that [`forward`] left.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn backward(derivatives: &[f32], dy: &[f32], dx: &mut [f32], h: usize) {
    let rows = derivatives
        .chunks_exact(2 * h)
        .zip(dx.chunks_exact_mut(2 * h))
        .zip(dy.chunks_exact(h));
    for ((derivatives, dx), dy) in rows {
        for (derivatives, dx) in derivatives.chunks_exact(h).zip(dx.chunks_exact_mut(h)) {
            for ((dx, derivative), dy) in dx.iter_mut().zip(derivatives).zip(dy) {
                *dx = derivative * dy;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::{assert_gradient, wave, weighted};
    use super::*;

    const H: usize = 19;

    fn run(x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (mut derivatives, mut y) = (x.to_vec(), vec![0.0; x.len() / 2]);
        forward(&mut derivatives, &mut y, H);
        (derivatives, y)
    }

    #[test]
    fn values_agree_with_the_definition_in_double_precision() {
        let x: Vec<f32> = wave(6 * H, 0.1).iter().map(|x| 4.0 * x).collect();
        let (_, y) = run(&x);
        for (row, y) in x.chunks(2 * H).zip(y.chunks(H)) {
            for i in 0..H {
                let (g, v) = (f64::from(row[i]), f64::from(row[H + i]));
                let expected = g / (1.0 + (-g).exp()) * v;
                assert!((f64::from(y[i]) - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let x: Vec<f32> = wave(6 * H, 0.1).iter().map(|x| 4.0 * x).collect();
        let weights = wave(3 * H, 2.0);
        let mut dx = vec![f32::NAN; x.len()];
        backward(&run(&x).0, &weights, &mut dx, H);
        assert_gradient(&x, &dx, 1e-2, 1e-3, |x| weighted(&run(x).1, &weights));
    }
}
