//! Symmetric positive definite matrices of a few dozen to a few hundred rows.

/// Lower triangle L of M = L Lᵀ, rows one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors a symmetric matrix given by its rows; only entries at or below the diagonal are
    /// read. `None` unless it is positive definite.
    pub(crate) fn of(mut matrix: Vec<f64>, n: usize) -> Option<Self> {
        debug_assert_eq!(matrix.len(), n * n);
        for i in 0..n {
            let (above, from_i) = matrix.split_at_mut(i * n);
            let row = &mut from_i[..n];
            for j in 0..i {
                let other = &above[j * n..j * n + j + 1];
                let sum = row[j] - dot(&row[..j], &other[..j]);
                row[j] = sum / other[j];
            }
            let square = row[i] - dot(&row[..i], &row[..i]);
            if !(square > 0.0 && square.is_finite()) {
                return None;
            }
            row[i] = square.sqrt();
        }
        Some(Self { n, lower: matrix })
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.lower[i * self.n..i * self.n + i + 1]
    }

    /// L b.
    pub(crate) fn times(&self, b: &[f64]) -> Vec<f64> {
        (0..self.n).map(|i| dot(self.row(i), &b[..=i])).collect()
    }

    /// L⁻¹ b.
    pub(crate) fn half_solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        for i in 0..self.n {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
        b
    }

    /// L⁻ᵀ b.
    pub(crate) fn half_solve_transposed(&self, mut b: Vec<f64>) -> Vec<f64> {
        for i in (0..self.n).rev() {
            let row = self.row(i);
            let x = b[i] / row[i];
            b[i] = x;
            for (below, factor) in b[..i].iter_mut().zip(row) {
                *below -= factor * x;
            }
        }
        b
    }

    /// M⁻¹ b.
    pub(crate) fn solve(&self, b: Vec<f64>) -> Vec<f64> {
        self.half_solve_transposed(self.half_solve(b))
    }

    /// ln |M|.
    pub(crate) fn ln_determinant(&self) -> f64 {
        (0..self.n).map(|i| 2.0 * self.row(i)[i].ln()).sum()
    }
}

/// Four sums at a time, so that the processor adds in parallel.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    for (x, y) in a4.iter().zip(b4) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_system_with_a_known_answer() {
        // M = [[4,2,0.4],[2,3,0.2],[0.4,0.2,1]], x = (1, -2, 3).
        let matrix = vec![4.0, 2.0, 0.4, 2.0, 3.0, 0.2, 0.4, 0.2, 1.0];
        let factor = Cholesky::of(matrix, 3).unwrap();
        let x = factor.solve(vec![1.2, -3.4, 3.0]);
        for (found, wanted) in x.iter().zip([1.0, -2.0, 3.0]) {
            assert!((found - wanted).abs() < 1e-12, "{x:?}");
        }
        // |M| = 4(3 − 0.04) − 2(2 − 0.08) + 0.4(0.4 − 1.2)
        assert!((factor.ln_determinant() - 7.68_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn refuses_a_matrix_that_is_not_positive_definite() {
        assert_eq!(Cholesky::of(vec![1.0, 2.0, 2.0, 1.0], 2), None);
        assert_eq!(Cholesky::of(vec![f64::NAN], 1), None);
    }
}
