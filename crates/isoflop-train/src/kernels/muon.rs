//! Muon (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>): momentum whose matrix is
//! made nearly orthogonal before it is applied.

use super::matmul::{Rows, RowsMut};

/// What one update needs besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Learning rate of this tensor at this step.
    pub learning_rate: f32,
    /// Decay of the momentum.
    pub momentum: f32,
    /// Decoupled weight decay, multiplied by the learning rate.
    pub weight_decay: f32,
    /// The gradient is multiplied by this first (gradient clipping).
    pub gradient_scale: f32,
}

/// Coefficients of the quintic Newton–Schulz iteration: the steepest at zero that ends with
/// singular values between about 0.7 and 1.2 (Jordan et al. 2024).
const QUINTIC: (f32, f32, f32) = (3.4445, -4.775, 2.0315);

/// Iterations: five suffice for the singular values of gradients (Jordan et al. 2024).
const ITERATIONS: usize = 5;

/// Added to the norm.
const EPSILON: f32 = 1e-7;

/// A matrix inside a tensor, or all of it: `[rows, cols]` with `stride` elements from one row to
/// the next, as its inputs × its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Inputs.
    pub rows: usize,
    /// Outputs.
    pub cols: usize,
}

/// Room for the iteration on one block.
#[derive(Debug)]
pub struct Scratch {
    x: Vec<f32>,
    next: Vec<f32>,
    gram: Vec<f32>,
    polynomial: Vec<f32>,
}

impl Scratch {
    /// Room for blocks of this size.
    #[must_use]
    pub fn new(block: Block) -> Self {
        let (size, small) = (block.rows * block.cols, block.rows.min(block.cols));
        Self {
            x: vec![0.0; size],
            next: vec![0.0; size],
            gram: vec![0.0; small * small],
            polynomial: vec![0.0; small * small],
        }
    }
}

/// Replaces `x`, `[rows, cols]`, by the nearest matrix with orthogonal rows (or columns, whichever
/// are fewer), about: singular values come to lie around one. Zero stays zero.
pub fn orthogonalise(x: &mut Vec<f32>, block: Block, scratch: &mut Scratch) {
    let Block { rows, cols } = block;
    let norm = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32;
    let scale = 1.0 / (norm + EPSILON);
    x.iter_mut().for_each(|x| *x *= scale);
    let (a, b, c) = QUINTIC;
    let small = rows.min(cols);
    let is_wide = rows <= cols;
    scratch.next.resize(rows * cols, 0.0);
    for _ in 0..ITERATIONS {
        // The Gram matrix of the shorter side: X Xᵀ of a wide matrix, Xᵀ X of a tall one.
        let view = Rows::new(x, rows, cols);
        let gram = RowsMut::new(&mut scratch.gram, small, small);
        if is_wide {
            gram.set(view, view.t());
        } else {
            gram.set(view.t(), view);
        }
        // b G + c G², and then a X + (b G + c G²) X.
        let gram = Rows::new(&scratch.gram, small, small);
        RowsMut::new(&mut scratch.polynomial, small, small).set(gram, gram);
        for (p, g) in scratch.polynomial.iter_mut().zip(&scratch.gram) {
            *p = b * g + c * *p;
        }
        let polynomial = Rows::new(&scratch.polynomial, small, small);
        let next = RowsMut::new(&mut scratch.next, rows, cols);
        if is_wide {
            next.set(polynomial, view);
        } else {
            next.set(view, polynomial);
        }
        for (next, x) in scratch.next.iter_mut().zip(x.iter()) {
            *next += a * x;
        }
        std::mem::swap(x, &mut scratch.next);
    }
}

/// Updates a tensor of `rows` rows in which matrices of `columns` lie side by side, each by itself:
/// `m ← μ m + g`, then `w ← (1 − η λ) w − η √max(1, cols / rows) · O(g + μ m)`.
///
/// The factor makes the step of every output of the same size whatever the matrix's shape, so that
/// one rate serves all widths (Jordan et al. 2024; Bernstein & Newhouse 2024, arXiv 2409.20325).
pub fn step(
    weights: &mut [f32],
    gradient: &[f32],
    momentum: &mut [f32],
    rows: usize,
    columns: &[usize],
    scratch: &mut Scratch,
    update: Update,
) {
    let stride: usize = columns.iter().sum();
    let keep = 1.0 - update.learning_rate * update.weight_decay;
    for (m, g) in momentum.iter_mut().zip(gradient) {
        *m = update.momentum * *m + g * update.gradient_scale;
    }
    let mut left = 0;
    for &cols in columns {
        let block = Block { rows, cols };
        let aspect = (cols as f32 / rows as f32).max(1.0).sqrt();
        let rate = update.learning_rate * aspect;
        let row = |row: usize| {
            let start = row * stride + left;
            start..start + cols
        };
        let mut x = std::mem::take(&mut scratch.x);
        x.resize(rows * cols, 0.0);
        for (to, at) in x.chunks_exact_mut(block.cols).zip((0..block.rows).map(row)) {
            let from = momentum[at.clone()].iter().zip(&gradient[at]);
            for (x, (m, g)) in to.iter_mut().zip(from) {
                // Nesterov's look ahead.
                *x = g * update.gradient_scale + update.momentum * m;
            }
        }
        orthogonalise(&mut x, block, scratch);
        for (from, at) in x.chunks_exact(block.cols).zip((0..block.rows).map(row)) {
            for (w, o) in weights[at].iter_mut().zip(from) {
                *w = *w * keep - rate * o;
            }
        }
        scratch.x = x;
        left += cols;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn random(size: usize, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..size).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    /// Singular values by the eigenvalues of the smaller Gram matrix (Jacobi's rotations).
    fn singular_values(x: &[f32], block: Block) -> Vec<f64> {
        let Block { rows, cols } = block;
        let at = |i: usize, j: usize| f64::from(x[i * cols + j]);
        let n = rows.min(cols);
        let mut g: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| match rows <= cols {
                        true => (0..cols).map(|k| at(i, k) * at(j, k)).sum(),
                        false => (0..rows).map(|k| at(k, i) * at(k, j)).sum(),
                    })
                    .collect()
            })
            .collect();
        for _ in 0..40 {
            for p in 0..n {
                for q in p + 1..n {
                    if g[p][q].abs() < 1e-14 {
                        continue;
                    }
                    let theta = (g[q][q] - g[p][p]) / (2.0 * g[p][q]);
                    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                    let c = 1.0 / (t * t + 1.0).sqrt();
                    let s = t * c;
                    for k in 0..n {
                        let (a, b) = (g[k][p], g[k][q]);
                        (g[k][p], g[k][q]) = (c * a - s * b, s * a + c * b);
                    }
                    for k in 0..n {
                        let (a, b) = (g[p][k], g[q][k]);
                        (g[p][k], g[q][k]) = (c * a - s * b, s * a + c * b);
                    }
                }
            }
        }
        (0..n).map(|i| g[i][i].max(0.0).sqrt()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn an_orthogonalised_matrix_has_singular_values_around_one(
            rows in 2usize..24, cols in 2usize..24, seed: u64,
        ) {
            // Square random matrices have singular values near zero, which five iterations leave
            // small; gradients' directions that matter are not among them.
            prop_assume!(rows.abs_diff(cols) * 3 > rows.max(cols));
            let block = Block { rows, cols };
            let mut x = random(rows * cols, seed);
            orthogonalise(&mut x, block, &mut Scratch::new(block));
            for value in singular_values(&x, block) {
                prop_assert!((0.6..1.3).contains(&value), "{value}");
            }
        }
    }

    #[test]
    fn a_zero_gradient_moves_nothing_but_by_decay() {
        let block = Block { rows: 3, cols: 5 };
        let (mut w, mut m) = (vec![1.0_f32; 15], vec![0.0; 15]);
        let update = Update {
            learning_rate: 0.1,
            momentum: 0.95,
            weight_decay: 0.5,
            gradient_scale: 1.0,
        };
        step(
            &mut w,
            &[0.0; 15],
            &mut m,
            3,
            &[5],
            &mut Scratch::new(block),
            update,
        );
        assert!(w.iter().all(|w| (w - 0.95).abs() < 1e-6), "{w:?}");
    }

    #[test]
    fn matrices_side_by_side_are_updated_each_by_itself() {
        let columns = [6, 3, 6];
        let update = Update {
            learning_rate: 0.02,
            momentum: 0.9,
            weight_decay: 0.1,
            gradient_scale: 0.7,
        };
        let parts = |seed: u64| columns.map(|cols| random(4 * cols, seed + cols as u64));
        let side_by_side = |parts: &[Vec<f32>; 3]| -> Vec<f32> {
            (0..4)
                .flat_map(|row| {
                    parts.iter().flat_map(move |part| {
                        let cols = part.len() / 4;
                        part[row * cols..][..cols].to_vec()
                    })
                })
                .collect()
        };
        let mut scratch = Scratch::new(Block { rows: 4, cols: 6 });
        let (gradients, mut alone) = (parts(1), parts(9));
        let mut w = side_by_side(&alone);
        for ((weights, gradient), cols) in alone.iter_mut().zip(&gradients).zip(columns) {
            let mut m = vec![0.0; 4 * cols];
            for _ in 0..3 {
                step(weights, gradient, &mut m, 4, &[cols], &mut scratch, update);
            }
        }
        let (gradient, mut m) = (side_by_side(&gradients), vec![0.0; 60]);
        for _ in 0..3 {
            step(&mut w, &gradient, &mut m, 4, &columns, &mut scratch, update);
        }
        assert_eq!(w, side_by_side(&alone));
    }
}
