//! Parts of a device's buffers, and matrices on them.

use std::ops::Range;

/// `len` elements of `buffer` from `start`.
pub struct View<'a, B> {
    /// The whole buffer.
    pub buffer: &'a B,
    /// First element.
    pub start: usize,
    /// Elements.
    pub len: usize,
}

impl<B> Clone for View<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for View<'_, B> {}

impl<'a, B> View<'a, B> {
    /// The elements `range` of `buffer`.
    pub fn new(buffer: &'a B, range: Range<usize>) -> Self {
        Self {
            buffer,
            start: range.start,
            len: range.len(),
        }
    }

    /// The first `len` elements.
    pub fn first(buffer: &'a B, len: usize) -> Self {
        Self::new(buffer, 0..len)
    }

    /// The elements `range` of these.
    pub fn part(self, range: Range<usize>) -> Self {
        assert!(range.end <= self.len, "part out of bounds");
        let start = self.start + range.start;
        Self::new(self.buffer, start..start + range.len())
    }

    /// As a matrix `[rows, cols]` without gaps.
    pub fn matrix(self, rows: usize, cols: usize) -> Matrix<'a, B> {
        assert_eq!(self.len, rows * cols, "a matrix of another size");
        Matrix {
            data: self,
            rows,
            cols,
            transposed: false,
        }
    }
}

/// As [`View`], to write to.
pub struct ViewMut<'a, B> {
    /// The whole buffer.
    pub buffer: &'a mut B,
    /// First element.
    pub start: usize,
    /// Elements.
    pub len: usize,
}

impl<'a, B> ViewMut<'a, B> {
    /// The elements `range` of `buffer`.
    pub fn new(buffer: &'a mut B, range: Range<usize>) -> Self {
        Self {
            buffer,
            start: range.start,
            len: range.len(),
        }
    }

    /// The first `len` elements.
    pub fn first(buffer: &'a mut B, len: usize) -> Self {
        Self::new(buffer, 0..len)
    }

    /// As a matrix `[rows, cols]` without gaps.
    pub fn matrix(self, rows: usize, cols: usize) -> MatrixMut<'a, B> {
        assert_eq!(self.len, rows * cols, "a matrix of another size");
        MatrixMut {
            data: self,
            rows,
            cols,
        }
    }
}

/// A row-major matrix without gaps, or its transpose.
pub struct Matrix<'a, B> {
    /// Its elements.
    pub data: View<'a, B>,
    /// Rows as stored.
    pub rows: usize,
    /// Columns as stored.
    pub cols: usize,
    /// Whether its transpose is meant.
    pub transposed: bool,
}

impl<B> Clone for Matrix<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Matrix<'_, B> {}

impl<B> Matrix<'_, B> {
    /// The transpose, without moving data.
    pub fn t(self) -> Self {
        Self {
            transposed: !self.transposed,
            ..self
        }
    }
}

/// A row-major matrix without gaps to write to.
pub struct MatrixMut<'a, B> {
    /// Its elements.
    pub data: ViewMut<'a, B>,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}
