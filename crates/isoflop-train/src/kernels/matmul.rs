//! Matrix products through `faer`, the fastest of the crates measured for these shapes (see
//! `bench/README.md`): its packed kernels keep their speed down to 32 columns.

use faer::{Accum, MatMut, MatRef, Par};

/// A matrix stored row after row, `stride` elements from one row to the next.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    stride: usize,
    transposed: bool,
}

impl<'a> Rows<'a> {
    /// `[rows, cols]` without gaps.
    #[must_use]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `[rows, cols]` with `stride` elements from one row to the next.
    #[must_use]
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(
            cols <= stride && data.len() >= extent(rows, cols, stride),
            "matrix out of bounds"
        );
        Self {
            data,
            rows,
            cols,
            stride,
            transposed: false,
        }
    }

    /// The transpose, without moving data.
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            transposed: !self.transposed,
            ..self
        }
    }

    fn view(self) -> MatRef<'a, f32> {
        // SAFETY: `strided` checked that the last element lies within `data`.
        let view = unsafe {
            MatRef::from_raw_parts(
                self.data.as_ptr(),
                self.rows,
                self.cols,
                self.stride.cast_signed(),
                1,
            )
        };
        if self.transposed {
            view.transpose()
        } else {
            view
        }
    }
}

/// A matrix to write to, stored as [`Rows`].
pub struct RowsMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<'a> RowsMut<'a> {
    /// `[rows, cols]` without gaps.
    #[must_use]
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `[rows, cols]` with `stride` elements from one row to the next.
    #[must_use]
    pub fn strided(data: &'a mut [f32], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(
            cols <= stride && data.len() >= extent(rows, cols, stride),
            "matrix out of bounds"
        );
        Self {
            data,
            rows,
            cols,
            stride,
        }
    }

    /// `self = a b`.
    pub fn set(self, a: Rows<'_>, b: Rows<'_>) {
        self.product(Accum::Replace, a, b);
    }

    /// `self += a b`.
    pub fn add(self, a: Rows<'_>, b: Rows<'_>) {
        self.product(Accum::Add, a, b);
    }

    /// `self = a b` where `fresh`, else `self += a b`: gradients start without being cleared.
    pub fn set_or_add(self, fresh: bool, a: Rows<'_>, b: Rows<'_>) {
        self.product(if fresh { Accum::Replace } else { Accum::Add }, a, b);
    }

    fn product(self, accumulate: Accum, a: Rows<'_>, b: Rows<'_>) {
        // SAFETY: `strided` checked that the last element lies within `data`.
        let out = unsafe {
            MatMut::from_raw_parts_mut(
                self.data.as_mut_ptr(),
                self.rows,
                self.cols,
                self.stride.cast_signed(),
                1,
            )
        };
        faer::linalg::matmul::matmul(out, accumulate, a.view(), b.view(), 1.0, Par::Seq);
    }
}

fn extent(rows: usize, cols: usize, stride: usize) -> usize {
    if rows == 0 {
        0
    } else {
        (rows - 1) * stride + cols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_strided_and_transposed_matrices_are_right() {
        // a is [2, 3] inside rows of 4; b^T is [3, 2].
        let a = [1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0, 9.0];
        let b = [1.0, 0.0, 1.0, 2.0, 1.0, 0.0];
        let mut out = [1.0_f32; 4];
        RowsMut::new(&mut out, 2, 2).add(Rows::strided(&a, 2, 3, 4), Rows::new(&b, 2, 3).t());
        assert_eq!(out, [5.0, 5.0, 11.0, 14.0]);
        RowsMut::new(&mut out, 2, 2).set(Rows::strided(&a, 2, 3, 4), Rows::new(&b, 2, 3).t());
        assert_eq!(out, [4.0, 4.0, 10.0, 13.0]);
    }

    #[test]
    #[should_panic(expected = "matrix out of bounds")]
    fn a_matrix_larger_than_its_data_is_refused() {
        let _ = Rows::new(&[0.0; 5], 2, 3);
    }
}
