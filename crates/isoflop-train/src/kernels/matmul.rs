//! Matrix products, by the kernels of the library `faer`, the fastest of those measured for these
//! shapes: packed, they keep their speed down to 32 columns. They are called without `faer` itself,
//! whose solvers and decompositions would be most of what a fresh machine compiles. They need AVX2;
//! elsewhere `matrixmultiply` computes the products.

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

    fn view(self) -> View {
        let (rows, cols) = (self.rows, self.cols);
        let (row_stride, col_stride) = (self.stride.cast_signed(), 1);
        let start = self.data.as_ptr();
        if self.transposed {
            return View {
                start,
                rows: cols,
                cols: rows,
                row_stride: col_stride,
                col_stride: row_stride,
            };
        }
        View {
            start,
            rows,
            cols,
            row_stride,
            col_stride,
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
        self.product(Written::Replaced, a, b);
    }

    /// `self += a b`.
    pub fn add(self, a: Rows<'_>, b: Rows<'_>) {
        self.product(Written::AddedTo, a, b);
    }

    /// `self = a b` where `fresh`, else `self += a b`: gradients start without being cleared.
    pub fn set_or_add(self, fresh: bool, a: Rows<'_>, b: Rows<'_>) {
        self.product(
            if fresh {
                Written::Replaced
            } else {
                Written::AddedTo
            },
            a,
            b,
        );
    }

    fn product(self, written: Written, a: Rows<'_>, b: Rows<'_>) {
        let (a, b) = (a.view(), b.view());
        let shapes = (a.rows, a.cols, b.cols);
        assert_eq!(shapes, (self.rows, b.rows, self.cols), "shapes differ");
        // SAFETY: the shapes agree, and `strided` checked for each of the three that its last
        // element lies within its data; `self` is borrowed alone.
        unsafe {
            multiply(
                self.data.as_mut_ptr(),
                self.stride.cast_signed(),
                written,
                a,
                b,
            )
        }
    }
}

/// What becomes of the elements that are written to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Replaced,
    AddedTo,
}

/// A matrix `[rows, cols]` in memory.
#[derive(Clone, Copy)]
struct View {
    start: *const f32,
    rows: usize,
    cols: usize,
    row_stride: isize,
    col_stride: isize,
}

/// `out = a b` or `out += a b`; rows of `out` lie `stride` elements apart.
///
/// # Safety
/// Every element of the three must lie within an allocation, and no other reference may reach `out`.
#[cfg(target_arch = "x86_64")]
unsafe fn multiply(out: *mut f32, stride: isize, written: Written, a: View, b: View) {
    use private_gemm_x86::{Accum, DType, DstKind, IType, InstrSet, gemm};
    use std::ptr::null;
    let instructions = if is_x86_feature_detected!("avx512f") {
        InstrSet::Avx512
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        InstrSet::Avx256
    } else {
        // SAFETY: the caller's.
        return unsafe { multiply_anywhere(out, stride, written, a, b) };
    };
    let accumulate = match written {
        Written::Replaced => Accum::Replace,
        Written::AddedTo => Accum::Add,
    };
    let (indices, diagonal, alpha, threads) = (null(), null(), 1f32, 1);
    // SAFETY: the caller's; the instructions exist. Without indices and diagonal it reads and writes
    // the three matrices alone.
    unsafe {
        gemm(
            DType::F32,
            IType::U64,
            instructions,
            a.rows,
            b.cols,
            a.cols,
            out.cast(),
            stride,
            1,
            indices,
            indices,
            DstKind::Full,
            accumulate,
            a.start.cast(),
            a.row_stride,
            a.col_stride,
            false,
            diagonal,
            0,
            b.start.cast(),
            b.row_stride,
            b.col_stride,
            false,
            (&raw const alpha).cast(),
            threads,
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
use multiply_anywhere as multiply;

/// [`multiply`] on any processor.
///
/// # Safety
/// As of [`multiply`].
unsafe fn multiply_anywhere(out: *mut f32, stride: isize, written: Written, a: View, b: View) {
    let kept = match written {
        Written::Replaced => 0.0,
        Written::AddedTo => 1.0,
    };
    // SAFETY: the caller's.
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.cols,
            b.cols,
            1.0,
            a.start,
            a.row_stride,
            a.col_stride,
            b.start,
            b.row_stride,
            b.col_stride,
            kept,
            out,
            stride,
            1,
        );
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
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

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

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    fn view(data: &[f32], rows: usize, cols: usize, gap: usize, transposed: bool) -> Rows<'_> {
        if transposed {
            Rows::strided(data, cols, rows, rows + gap).t()
        } else {
            Rows::strided(data, rows, cols, cols + gap)
        }
    }

    fn at(matrix: &Rows<'_>, row: usize, col: usize) -> f64 {
        let (row, col) = if matrix.transposed {
            (col, row)
        } else {
            (row, col)
        };
        f64::from(matrix.data[row * matrix.stride + col])
    }

    type Multiply = unsafe fn(*mut f32, isize, Written, View, View);

    proptest! {
        /// Of every shape, in every layout, on this processor and by what any processor can.
        #[test]
        fn products_are_those_of_the_definition(
            (m, k, n) in (1_usize..130, 1_usize..130, 1_usize..130),
            (left, right) in any::<(bool, bool)>(),
            gap in 0_usize..5,
            is_added in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let len = 135 * 135;
            let (a, b, before) = (numbers(len, seed), numbers(len, seed ^ 1), numbers(len, seed ^ 2));
            let (a, b) = (view(&a, m, k, gap, left), view(&b, k, n, gap, right));
            let stride = n + gap;
            let written = if is_added { Written::AddedTo } else { Written::Replaced };
            for way in [multiply as Multiply, multiply_anywhere as Multiply] {
                let mut out = before.clone();
                // SAFETY: all three lie within 135 rows of 135.
                unsafe { way(out.as_mut_ptr(), stride.cast_signed(), written, a.view(), b.view()) };
                for (place, (&found, &old)) in out.iter().zip(&before).enumerate() {
                    let (row, col) = (place / stride, place % stride);
                    if row >= m || col >= n {
                        prop_assert_eq!(found, old, "written outside, at {}", place);
                        continue;
                    }
                    let product: f64 = (0..k).map(|i| at(&a, row, i) * at(&b, i, col)).sum();
                    let expected = product + if is_added { f64::from(old) } else { 0.0 };
                    prop_assert!((f64::from(found) - expected).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "shapes differ")]
    fn matrices_that_do_not_fit_are_refused() {
        let mut out = [0.0; 4];
        RowsMut::new(&mut out, 2, 2).set(Rows::new(&[0.0; 6], 2, 3), Rows::new(&[0.0; 4], 2, 2));
    }

    #[test]
    #[should_panic(expected = "matrix out of bounds")]
    fn a_matrix_larger_than_its_data_is_refused() {
        let _ = Rows::new(&[0.0; 5], 2, 3);
    }
}
