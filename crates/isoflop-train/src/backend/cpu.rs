//! The processor: slices and the kernels of [`crate::kernels`], on the thread that calls.

use super::{Backend, Heads, Matrix, MatrixMut, Norm, Store, Turn, View, ViewMut};
use crate::architecture::Experts;
use crate::device::DeviceError;
use crate::kernels::attention::{self, Head};
use crate::kernels::matmul::{Rows, RowsMut};
use crate::kernels::rotary::Rotary;
use crate::kernels::routing::Routes;
use crate::kernels::{cross_entropy, gelu, rmsnorm, swiglu};

/// One thread of the processor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu;

/// They stay in the cache between the products and the softmax.
const LOGIT_ROWS: usize = 128;

type Floats = Vec<f32>;

fn read<T>(view: View<'_, Vec<T>>) -> &[T] {
    &view.buffer[view.start..view.start + view.len]
}

fn write<T>(view: ViewMut<'_, Vec<T>>) -> &mut [T] {
    &mut view.buffer[view.start..view.start + view.len]
}

fn rows(matrix: Matrix<'_, Floats>) -> Rows<'_> {
    let rows = Rows::new(read(matrix.data), matrix.rows, matrix.cols);
    if matrix.transposed { rows.t() } else { rows }
}

fn head(heads: &Heads, index: usize) -> Head {
    Head {
        context: heads.context,
        width: heads.width,
        heads: heads.count,
        kv_heads: heads.kv,
        index,
    }
}

impl Backend for Cpu {
    type Floats = Floats;
    type Tokens = Vec<u16>;
    type Rotary = Rotary;
    type Routes = Routes;

    fn zeros(&self, len: usize) -> Result<Floats, DeviceError> {
        Ok(vec![0.0; len])
    }

    fn rotary(&self, heads: &Heads) -> Result<Rotary, DeviceError> {
        Ok(Rotary::new(heads.context, heads.width))
    }

    fn routes(&self, experts: Experts, rows: usize) -> Result<Routes, DeviceError> {
        Ok(Routes::new(experts.count, experts.active, rows))
    }

    fn logit_rows(&self) -> usize {
        LOGIT_ROWS
    }

    /// Probabilities `[m / t, h, t, t]`.
    fn attention_kept(&self, heads: &Heads, sequences: usize) -> usize {
        sequences * heads.count * heads.context * heads.context
    }

    /// What attention needs, or the gradient of a gain.
    fn scratch(&self, heads: &Heads, _sequences: usize) -> usize {
        attention::scratch_len(heads.context).max(heads.model_width())
    }

    fn copy(&self, from: View<'_, Floats>, to: ViewMut<'_, Floats>) {
        write(to).copy_from_slice(read(from));
    }

    fn clear(&self, to: ViewMut<'_, Floats>) {
        write(to).fill(0.0);
    }

    fn scale(&self, factor: f32, from: View<'_, Floats>, to: ViewMut<'_, Floats>) {
        for (to, from) in write(to).iter_mut().zip(read(from)) {
            *to = from * factor;
        }
    }

    fn gather(
        &self,
        table: View<'_, Floats>,
        tokens: View<'_, Vec<u16>>,
        out: ViewMut<'_, Floats>,
    ) {
        let (table, tokens) = (read(table), read(tokens));
        let d = out.len / tokens.len();
        for (out, &token) in write(out).chunks_exact_mut(d).zip(tokens) {
            out.copy_from_slice(&table[usize::from(token) * d..][..d]);
        }
    }

    fn scatter_add(
        &self,
        rows: View<'_, Floats>,
        tokens: View<'_, Vec<u16>>,
        table: ViewMut<'_, Floats>,
    ) {
        let (table, tokens) = (write(table), read(tokens));
        let d = rows.len / tokens.len();
        for (row, &token) in read(rows).chunks_exact(d).zip(tokens) {
            let sum = &mut table[usize::from(token) * d..][..d];
            for (sum, x) in sum.iter_mut().zip(row) {
                *sum += x;
            }
        }
    }

    fn product(
        &self,
        store: Store,
        a: Matrix<'_, Floats>,
        b: Matrix<'_, Floats>,
        out: MatrixMut<'_, Floats>,
    ) {
        let (n, k) = (out.rows, out.cols);
        RowsMut::new(write(out.data), n, k).set_or_add(store == Store::Set, rows(a), rows(b));
    }

    fn rmsnorm(
        &self,
        x: View<'_, Floats>,
        gain: View<'_, Floats>,
        y: ViewMut<'_, Floats>,
        inverse_rms: ViewMut<'_, Floats>,
    ) {
        rmsnorm::forward(read(x), read(gain), write(y), write(inverse_rms));
    }

    fn rmsnorm_backward(
        &self,
        norm: Norm<'_, Floats>,
        dy: View<'_, Floats>,
        store_dx: Store,
        dx: ViewMut<'_, Floats>,
        gain_scale: f32,
        store_dgain: Store,
        dgain: ViewMut<'_, Floats>,
        scratch: &mut Floats,
    ) {
        let (dx, dgain) = (write(dx), write(dgain));
        if store_dx == Store::Set {
            dx.fill(0.0);
        }
        let sum = &mut scratch[..dgain.len()];
        sum.fill(0.0);
        let (x, gain, inverse_rms) = (read(norm.x), read(norm.gain), read(norm.inverse_rms));
        rmsnorm::backward(x, gain, inverse_rms, read(dy), dx, sum);
        for (dgain, sum) in dgain.iter_mut().zip(sum) {
            let before = match store_dgain {
                Store::Set => 0.0,
                Store::Add => *dgain,
            };
            *dgain = before + *sum * gain_scale;
        }
    }

    fn rotate(&self, turn: Turn, rotary: &Rotary, heads: &Heads, qkv: ViewMut<'_, Floats>) {
        let (stride, turned) = (heads.row(), heads.count + heads.kv);
        match turn {
            Turn::Forward => rotary.forward(write(qkv), stride, turned, heads.context),
            Turn::Back => rotary.backward(write(qkv), stride, turned, heads.context),
        }
    }

    fn attention(
        &self,
        heads: &Heads,
        qkv: View<'_, Floats>,
        kept: &mut Floats,
        out: ViewMut<'_, Floats>,
    ) {
        let (t, d) = (heads.context, heads.model_width());
        let mut probabilities = kept.chunks_exact_mut(t * t);
        let sequences = read(qkv).chunks_exact(t * heads.row());
        for (qkv, out) in sequences.zip(write(out).chunks_exact_mut(t * d)) {
            for (index, p) in (0..heads.count).zip(&mut probabilities) {
                head(heads, index).forward(qkv, p, out);
            }
        }
    }

    fn attention_backward(
        &self,
        heads: &Heads,
        qkv: View<'_, Floats>,
        kept: &Floats,
        _out: View<'_, Floats>,
        dout: View<'_, Floats>,
        dqkv: ViewMut<'_, Floats>,
        scratch: &mut Floats,
    ) {
        let (t, d) = (heads.context, heads.model_width());
        let mut probabilities = kept.chunks_exact(t * t);
        let sequences = read(qkv)
            .chunks_exact(t * heads.row())
            .zip(read(dout).chunks_exact(t * d))
            .zip(write(dqkv).chunks_exact_mut(t * heads.row()));
        for ((qkv, dout), dqkv) in sequences {
            for (index, p) in (0..heads.count).zip(&mut probabilities) {
                head(heads, index).backward(qkv, p, dout, dqkv, scratch);
            }
        }
    }

    fn gelu(&self, x: ViewMut<'_, Floats>, y: ViewMut<'_, Floats>) {
        gelu::forward(write(x), write(y));
    }

    fn gelu_backward(&self, derivative: View<'_, Floats>, dy: ViewMut<'_, Floats>) {
        gelu::backward(read(derivative), write(dy));
    }

    fn swiglu(&self, h: usize, x: ViewMut<'_, Floats>, y: ViewMut<'_, Floats>) {
        swiglu::forward(write(x), write(y), h);
    }

    fn swiglu_backward(
        &self,
        h: usize,
        derivatives: View<'_, Floats>,
        dy: View<'_, Floats>,
        dx: ViewMut<'_, Floats>,
    ) {
        swiglu::backward(read(derivatives), read(dy), write(dx), h);
    }

    fn route(&self, routes: &mut Routes, logits: ViewMut<'_, Floats>) {
        routes.choose(write(logits));
    }

    fn offsets<'a>(&self, routes: &'a Routes) -> &'a [usize] {
        routes.offsets()
    }

    fn spread(
        &self,
        routes: &Routes,
        rows: View<'_, Floats>,
        slots: ViewMut<'_, Floats>,
        d: usize,
    ) {
        routes.spread(read(rows), write(slots), d);
    }

    fn gather_slots(
        &self,
        routes: &Routes,
        slots: View<'_, Floats>,
        rows: ViewMut<'_, Floats>,
        d: usize,
    ) {
        routes.gather(read(slots), write(rows), d);
    }

    fn combine(
        &self,
        routes: &Routes,
        slots: View<'_, Floats>,
        rows: ViewMut<'_, Floats>,
        d: usize,
    ) {
        routes.combine(read(slots), write(rows), d);
    }

    fn combine_backward(
        &self,
        routes: &mut Routes,
        slots: View<'_, Floats>,
        drows: View<'_, Floats>,
        dslots: ViewMut<'_, Floats>,
        d: usize,
    ) {
        routes.combine_backward(read(slots), read(drows), write(dslots), d);
    }

    fn route_backward(
        &self,
        routes: &Routes,
        probabilities: View<'_, Floats>,
        dlogits: ViewMut<'_, Floats>,
        context: usize,
        weight: f32,
    ) {
        routes.backward(read(probabilities), write(dlogits), context, weight);
    }

    fn cross_entropy(
        &self,
        logits: ViewMut<'_, Floats>,
        targets: View<'_, Vec<u16>>,
        losses: ViewMut<'_, Floats>,
    ) {
        let vocabulary = logits.len / targets.len;
        cross_entropy::forward(write(logits), vocabulary, read(targets), write(losses));
    }

    fn cross_entropy_backward(
        &self,
        logits: ViewMut<'_, Floats>,
        targets: View<'_, Vec<u16>>,
        losses: ViewMut<'_, Floats>,
        weight: f32,
    ) {
        let vocabulary = logits.len / targets.len;
        let (logits, losses) = (write(logits), write(losses));
        cross_entropy::forward_backward(logits, vocabulary, read(targets), losses, weight);
    }
}
