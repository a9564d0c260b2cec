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

/// Where one head's queries, keys and values lie in the rows `[t, d + 2 d_kv]` of one sequence: the
/// queries of all heads, then the keys of all groups, then their values. A group of heads shares
/// its keys and values (Ainslie et al. 2023, arXiv 2305.13245); often a group is one head.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Positions t in the sequence.
    pub context: usize,
    /// Elements of one head.
    pub width: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values, a divisor of `heads`.
    pub kv_heads: usize,
    /// Which head of queries, from 0.
    pub index: usize,
}

impl Head {
    fn query(self) -> usize {
        self.index * self.width
    }

    fn key(self) -> usize {
        self.model_width() + self.index / self.group() * self.width
    }

    fn value(self) -> usize {
        self.kv_heads * self.width + self.key()
    }

    /// Model width d.
    fn model_width(self) -> usize {
        self.heads * self.width
    }

    /// Elements of a row.
    fn stride(self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.width
    }

    /// Heads of queries to one of keys.
    fn group(self) -> usize {
        self.heads / self.kv_heads
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

    /// Rows `from..from + rows` of the part at `offset` of `qkv`.
    fn part(self, qkv: &[f32], offset: usize, from: usize, rows: usize) -> Rows<'_> {
        let stride = self.stride();
        Rows::strided(&qkv[from * stride + offset..], rows, self.width, stride)
    }

    fn part_mut(self, qkv: &mut [f32], offset: usize, from: usize, rows: usize) -> RowsMut<'_> {
        let stride = self.stride();
        RowsMut::strided(&mut qkv[from * stride + offset..], rows, self.width, stride)
    }

    /// `qkv: [t, d + 2 d_kv]` → `probabilities: [t, t]` (kept for the backward pass) and this head's
    /// columns of `out: [t, d]`.
    pub fn forward(self, qkv: &[f32], probabilities: &mut [f32], out: &mut [f32]) {
        let (t, d) = (self.context, self.model_width());
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

    /// Writes this head's columns of `dqkv: [t, d + 2 d_kv]` for `dout: [t, d]`; those of keys and
    /// values are written by the first head of a group, and the others add to them: they must come
    /// after it. `scratch: [BLOCK, t]`.
    pub fn backward(
        self,
        qkv: &[f32],
        probabilities: &[f32],
        dout: &[f32],
        dqkv: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (t, d) = (self.context, self.model_width());
        // The last block reaches every key, so it writes dK and dV; the others add to them.
        for (first, queries, keys) in self.blocks().rev() {
            let fresh = keys == t && self.index.is_multiple_of(self.group());
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
            heads: 2,
            kv_heads: 2,
            index,
        }
    }

    fn run(head: Head, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let t = head.context;
        let (mut p, mut out) = (vec![0.0; t * t], vec![0.0; t * head.model_width()]);
        head.forward(qkv, &mut p, &mut out);
        (p, out)
    }

    #[test]
    fn agrees_with_the_definition_in_double_precision() {
        let head = head(80, 1);
        let (t, d) = (head.context, head.model_width());
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
        let (t, d) = (head.context, head.model_width());
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
    fn heads_of_a_group_share_keys_and_values_and_add_up_their_gradients() {
        // Four heads in two groups against four heads with the keys and values copied.
        let (t, w) = (70, 8);
        let shared = |index| Head {
            context: t,
            width: w,
            heads: 4,
            kv_heads: 2,
            index,
        };
        let single = |index| Head {
            kv_heads: 4,
            ..shared(index)
        };
        let (few, dout) = (wave(t * 8 * w, 0.4), wave(t * 4 * w, 2.0));
        let copied: Vec<f32> = few
            .chunks(8 * w)
            .flat_map(|row| {
                let kv = |i: usize| row[i * w..(i + 1) * w].to_vec();
                let places = [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7];
                places.into_iter().flat_map(kv)
            })
            .collect();
        let gradient = |head: &dyn Fn(usize) -> Head, qkv: &[f32]| {
            let mut out = vec![0.0; t * 4 * w];
            let mut dqkv = vec![f32::NAN; qkv.len()];
            let (mut p, mut scratch) = (vec![0.0; t * t], vec![0.0; scratch_len(t)]);
            for index in 0..4 {
                head(index).forward(qkv, &mut p, &mut out);
                head(index).backward(qkv, &p, &dout, &mut dqkv, &mut scratch);
            }
            (out, dqkv)
        };
        let (out, dfew) = gradient(&shared, &few);
        let (expected, dcopied) = gradient(&single, &copied);
        assert_eq!(out, expected);
        for (few, copied) in dfew.chunks(8 * w).zip(dcopied.chunks(12 * w)) {
            assert_eq!(few[..4 * w], copied[..4 * w]);
            for kv in 0..4 {
                for i in 0..w {
                    let pair = copied[(4 + 2 * kv) * w + i] + copied[(5 + 2 * kv) * w + i];
                    assert!((few[(4 + kv) * w + i] - pair).abs() < 1e-5);
                }
            }
        }
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
