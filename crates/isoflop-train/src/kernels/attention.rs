//! Causal self-attention (Vaswani et al. 2017, arXiv 1706.03762) of one head over one sequence:
//! `O = softmax(Q Kᵀ / sqrt(d_head)) V`.
//!
//! Queries are taken in blocks; a block multiplies only with the keys up to its own last
//! position, which saves close to half of the work of the full square.

use super::lanes::{self, LANES};
use super::matmul::{Rows, RowsMut};
use multiversion::multiversion;

/// Queries handled together: large enough for fast products, small enough to skip most of the
/// masked triangle.
const BLOCK: usize = 64;

/// Where one head's queries, keys and values lie in the rows `[t, 3 d]` of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Positions t in the sequence.
    pub context: usize,
    /// Elements of one head.
    pub width: usize,
    /// Model width d; a row of queries, keys and values has `3 d` elements.
    pub model_width: usize,
    /// Which head, from 0.
    pub index: usize,
}

impl Head {
    fn query(self) -> usize {
        self.index * self.width
    }

    fn key(self) -> usize {
        self.model_width + self.query()
    }

    fn value(self) -> usize {
        2 * self.model_width + self.query()
    }

    fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// `(first query, queries, keys)` of each block.
    fn blocks(self) -> impl DoubleEndedIterator<Item = (usize, usize, usize)> {
        (0..self.context).step_by(BLOCK).map(move |first| {
            let queries = BLOCK.min(self.context - first);
            (first, queries, first + queries)
        })
    }

    /// Rows `from..from + rows` of the part at `offset` of `qkv: [t, 3 d]`.
    fn part(self, qkv: &[f32], offset: usize, from: usize, rows: usize) -> Rows<'_> {
        let stride = 3 * self.model_width;
        Rows::strided(&qkv[from * stride + offset..], rows, self.width, stride)
    }

    fn part_mut(self, qkv: &mut [f32], offset: usize, from: usize, rows: usize) -> RowsMut<'_> {
        let stride = 3 * self.model_width;
        RowsMut::strided(&mut qkv[from * stride + offset..], rows, self.width, stride)
    }

    /// `qkv: [t, 3 d]` → `probabilities: [t, t]` (kept for the backward pass) and this head's
    /// columns of `out: [t, d]`.
    pub fn forward(self, qkv: &[f32], probabilities: &mut [f32], out: &mut [f32]) {
        let (t, d) = (self.context, self.model_width);
        for (first, queries, keys) in self.blocks() {
            let p = &mut probabilities[first * t..(first + queries) * t];
            // S = Q Kᵀ  [queries, keys]
            RowsMut::strided(p, queries, keys, t).set(
                self.part(qkv, self.query(), first, queries),
                self.part(qkv, self.key(), 0, keys).t(),
            );
            causal_softmax(p, t, first, keys, self.scale());
            // O = P V  [queries, width]
            RowsMut::strided(&mut out[first * d + self.query()..], queries, self.width, d).set(
                Rows::strided(p, queries, keys, t),
                self.part(qkv, self.value(), 0, keys),
            );
        }
    }

    /// Writes this head's columns of `dqkv: [t, 3 d]` for `dout: [t, d]`; `scratch: [BLOCK, t]`.
    pub fn backward(
        self,
        qkv: &[f32],
        probabilities: &[f32],
        dout: &[f32],
        dqkv: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (t, d) = (self.context, self.model_width);
        // The last block reaches every key, so it writes dK and dV; the others add to them.
        for (first, queries, keys) in self.blocks().rev() {
            let fresh = keys == t;
            let p = &probabilities[first * t..(first + queries) * t];
            let p_rows = Rows::strided(p, queries, keys, t);
            let dout = Rows::strided(&dout[first * d + self.query()..], queries, self.width, d);
            // dV = Pᵀ dO  [keys, width]
            self.part_mut(dqkv, self.value(), 0, keys)
                .set_or_add(fresh, p_rows.t(), dout);
            // dP = dO Vᵀ  [queries, keys]
            let ds = &mut scratch[..queries * t];
            RowsMut::strided(ds, queries, keys, t)
                .set(dout, self.part(qkv, self.value(), 0, keys).t());
            // dS = P ∘ (dP − Σ P∘dP) / sqrt(width)
            softmax_backward(p, ds, t, keys, self.scale());
            let ds = Rows::strided(ds, queries, keys, t);
            // dQ = dS K  [queries, width]
            self.part_mut(dqkv, self.query(), first, queries)
                .set(ds, self.part(qkv, self.key(), 0, keys));
            // dK = dSᵀ Q  [keys, width]
            self.part_mut(dqkv, self.key(), 0, keys).set_or_add(
                fresh,
                ds.t(),
                self.part(qkv, self.query(), first, queries),
            );
        }
    }
}

/// Elements of scratch that [`Head::backward`] needs for sequences of `context` positions.
#[must_use]
pub fn scratch_len(context: usize) -> usize {
    BLOCK.min(context) * context
}

/// Softmax of `scale · s` over the keys up to each query, zero beyond; rows of `t` elements of
/// which `keys` are used, the first row being query `first`.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
fn causal_softmax(s: &mut [f32], t: usize, first: usize, keys: usize, scale: f32) {
    for (i, row) in s.chunks_mut(t).enumerate() {
        let row = &mut row[..keys];
        let seen = first + i + 1;
        // Whole lanes are computed; those past `seen` are masked before and cleared after.
        let padded = seen.next_multiple_of(LANES).min(keys);
        row[seen..padded].fill(f32::NEG_INFINITY);
        let shift = lanes::max(&row[..padded]);
        for s in &mut row[..padded] {
            *s = lanes::exp((*s - shift) * scale);
        }
        row[seen..].fill(0.0);
        let inverse = 1.0 / lanes::sum(&row[..padded]);
        for s in &mut row[..padded] {
            *s *= inverse;
        }
    }
}

/// `dp ← p ∘ (dp − Σ p∘dp) · scale`, row by row.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
fn softmax_backward(p: &[f32], dp: &mut [f32], t: usize, keys: usize, scale: f32) {
    for (p, dp) in p.chunks(t).zip(dp.chunks_mut(t)) {
        let (p, dp) = (&p[..keys], &mut dp[..keys]);
        let mean = lanes::dot(p, dp);
        for (dp, p) in dp.iter_mut().zip(p) {
            *dp = p * (*dp - mean) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::{assert_gradient, wave, weighted};
    use super::*;

    fn head(context: usize, index: usize) -> Head {
        Head {
            context,
            width: 8,
            model_width: 16,
            index,
        }
    }

    fn run(head: Head, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let t = head.context;
        let (mut p, mut out) = (vec![0.0; t * t], vec![0.0; t * head.model_width]);
        head.forward(qkv, &mut p, &mut out);
        (p, out)
    }

    #[test]
    fn agrees_with_the_definition_in_double_precision() {
        let head = head(80, 1);
        let (t, d) = (head.context, head.model_width);
        let qkv = wave(t * 3 * d, 0.4);
        let (_, out) = run(head, &qkv);
        let at = |row: usize, offset: usize, i: usize| f64::from(qkv[row * 3 * d + offset + i]);
        for query in [0, 1, 15, 16, 63, 64, 79] {
            let scores: Vec<f64> = (0..=query)
                .map(|key| {
                    let products = (0..8).map(|i| at(query, 8, i) * at(key, d + 8, i));
                    (products.sum::<f64>() / 8.0_f64.sqrt()).exp()
                })
                .collect();
            let total: f64 = scores.iter().sum();
            for i in 0..8 {
                let values = scores
                    .iter()
                    .enumerate()
                    .map(|(key, s)| s * at(key, 2 * d + 8, i));
                let expected = values.sum::<f64>() / total;
                let actual = f64::from(out[query * d + 8 + i]);
                assert!((expected - actual).abs() < 1e-5, "query {query}");
            }
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        // More positions than one block, and not a multiple of it.
        let head = head(70, 1);
        let (t, d) = (head.context, head.model_width);
        let (qkv, dout) = (wave(t * 3 * d, 0.4), wave(t * d, 2.0));
        // Only this head's columns count.
        let own = |i: usize| if i % d >= 8 { dout[i] } else { 0.0 };
        let dout: Vec<f32> = (0..t * d).map(own).collect();
        let (p, _) = run(head, &qkv);
        let mut dqkv = vec![0.0; qkv.len()];
        let mut scratch = vec![0.0; scratch_len(t)];
        head.backward(&qkv, &p, &dout, &mut dqkv, &mut scratch);
        assert_gradient(&qkv, &dqkv, 1e-2, 2e-3, |qkv| {
            weighted(&run(head, qkv).1, &dout)
        });
    }

    #[test]
    fn later_positions_do_not_change_earlier_outputs() {
        let head = head(70, 0);
        let mut qkv = wave(70 * 48, 0.4);
        let (_, before) = run(head, &qkv);
        qkv[40 * 48..].fill(5.0);
        let (_, after) = run(head, &qkv);
        assert_eq!(before[..40 * 16], after[..40 * 16]);
    }
}
