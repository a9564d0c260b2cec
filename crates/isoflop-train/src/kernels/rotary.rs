//! Rotary position embeddings (Su et al. 2021, arXiv 2104.09864), rotating the first half of a
//! head against its second half, base 10,000.

use multiversion::multiversion;

/// Cosines and sines for every position and frequency.
#[derive(Debug, Clone)]
pub struct Rotary {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// Base of the geometric series of frequencies.
const BASE: f64 = 10_000.0;

impl Rotary {
    /// Tables for `context` positions of heads of `head_width` (even) elements.
    #[must_use]
    pub fn new(context: usize, head_width: usize) -> Self {
        let half = head_width / 2;
        let angle = |i: usize| {
            let (position, pair) = ((i / half) as f64, (i % half) as f64);
            position * BASE.powf(-pair / half as f64)
        };
        Self {
            half,
            cos: (0..context * half).map(|i| angle(i).cos() as f32).collect(),
            sin: (0..context * half).map(|i| angle(i).sin() as f32).collect(),
        }
    }

    /// Cosines `[context, head_width / 2]`.
    #[must_use]
    pub fn cos(&self) -> &[f32] {
        &self.cos
    }

    /// Sines `[context, head_width / 2]`.
    #[must_use]
    pub fn sin(&self) -> &[f32] {
        &self.sin
    }

    /// Rotates each head of each row by its position. `x: [tokens, ≥ heads · head_width]` with
    /// `stride` elements a row; `tokens` a multiple of `context` positions `0..context`.
    pub fn forward(&self, x: &mut [f32], stride: usize, heads: usize, context: usize) {
        rotate(x, stride, heads, context, self, 1.0);
    }

    /// The transpose of [`Rotary::forward`]: rotates gradients back.
    pub fn backward(&self, dx: &mut [f32], stride: usize, heads: usize, context: usize) {
        rotate(dx, stride, heads, context, self, -1.0);
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
fn rotate(
    x: &mut [f32],
    stride: usize,
    heads: usize,
    context: usize,
    table: &Rotary,
    direction: f32,
) {
    let half = table.half;
    for (row, x) in x.chunks_mut(stride).enumerate() {
        let at = (row % context) * half;
        let (cos, sin) = (&table.cos[at..at + half], &table.sin[at..at + half]);
        for head in x[..heads * 2 * half].chunks_exact_mut(2 * half) {
            let (first, second) = head.split_at_mut(half);
            for i in 0..half {
                let (a, b, s) = (first[i], second[i], direction * sin[i]);
                first[i] = a * cos[i] - b * s;
                second[i] = b * cos[i] + a * s;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::wave;
    use super::*;

    #[test]
    fn backward_is_the_inverse_and_transpose_of_forward() {
        let (context, heads, width) = (5, 2, 8);
        let rotary = Rotary::new(context, width);
        let x = wave(2 * context * heads * width, 0.0);
        let mut y = x.clone();
        rotary.forward(&mut y, heads * width, heads, context);
        assert_eq!(
            x[..heads * width],
            y[..heads * width],
            "position 0 is not turned"
        );
        assert_ne!(x, y);
        rotary.backward(&mut y, heads * width, heads, context);
        for (x, y) in x.iter().zip(&y) {
            assert!((x - y).abs() < 1e-6);
        }
    }

    #[test]
    fn products_of_rotated_vectors_depend_on_distance_only() {
        let (context, width) = (12, 16);
        let rotary = Rotary::new(context, width);
        let (q, k) = (wave(width, 0.0), wave(width, 1.0));
        let turned = |x: &[f32], position: usize| {
            let mut rows = vec![0.0; context * width];
            rows[position * width..(position + 1) * width].copy_from_slice(x);
            rotary.forward(&mut rows, width, 1, context);
            rows[position * width..(position + 1) * width].to_vec()
        };
        let score = |i, j| -> f32 {
            turned(&q, i)
                .iter()
                .zip(turned(&k, j))
                .map(|(a, b)| a * b)
                .sum()
        };
        assert!((score(3, 1) - score(11, 9)).abs() < 1e-5);
    }
}
