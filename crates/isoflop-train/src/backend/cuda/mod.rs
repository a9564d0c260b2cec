//! An NVIDIA GPU through CUDA: products by cuBLAS, the rest by `kernels.cu`, compiled when a run
//! starts. Work is queued on one stream; failures are kept until a number is fetched.

#[macro_use]
mod arguments;
mod context;
mod update;

pub use context::{Array, Cuda, Precision};
pub use update::Sums;

use context::reason;

use super::{Backend, Heads, Matrix, MatrixMut, Norm, Store, Turn, View, ViewMut};
use crate::architecture::Experts;
use crate::device::{DeviceError, MIXTURES};
use crate::kernels::rmsnorm;
use crate::kernels::rotary::Rotary as Tables;
use cudarc::cublas::{result as blas, sys};

/// Float32 numbers on the GPU.
pub type Floats = Array<f32>;

/// Tokens on the GPU, with the rows of each token in order.
pub struct Tokens {
    tokens: Array<u16>,
    order: Array<u32>,
    offsets: Array<u32>,
    vocabulary: usize,
}

impl Tokens {
    /// Room for `rows` tokens of a vocabulary.
    pub fn new(cuda: &Cuda, rows: usize, vocabulary: usize) -> Result<Self, DeviceError> {
        Ok(Self {
            tokens: cuda.zeroed(rows)?,
            order: cuda.zeroed(rows)?,
            offsets: cuda.zeroed(vocabulary + 1)?,
            vocabulary,
        })
    }

    /// Places `tokens` from the first on. A row's place among those of its token fixes the order of
    /// sums, so that they have the same bits each time.
    pub fn set(&mut self, cuda: &Cuda, tokens: &[u16]) -> Result<(), DeviceError> {
        let mut offsets = vec![0_u32; self.vocabulary + 1];
        for &token in tokens {
            offsets[usize::from(token) + 1] += 1;
        }
        for token in 0..self.vocabulary {
            offsets[token + 1] += offsets[token];
        }
        let (mut next, mut order) = (offsets.clone(), vec![0_u32; tokens.len()]);
        for (row, &token) in tokens.iter().enumerate() {
            let place = &mut next[usize::from(token)];
            order[*place as usize] = row as u32;
            *place += 1;
        }
        cuda.upload(tokens, &mut self.tokens)?;
        cuda.upload(&order, &mut self.order)?;
        cuda.upload(&offsets, &mut self.offsets)
    }
}

/// Cosines and sines on the GPU.
pub struct Rotary {
    cos: Floats,
    sin: Floats,
}

/// Mixtures of experts have no kernels here, so there are no routes.
pub enum NoRoutes {}

/// Rows of logits together: large enough to fill a GPU.
const LOGIT_ROWS: usize = 8192;

/// Parts of the rows over which a gain's gradient is summed.
const GAIN_PARTS: usize = 64;

/// Threads of a block.
const THREADS: u32 = 256;

/// Queries (or keys) of a block of attention, as in `kernels.cu`.
const ATTENTION_ROWS: usize = 64;

fn at(view: &View<'_, Floats>) -> u64 {
    view.buffer.at + 4 * view.start as u64
}

fn at_mut(view: &ViewMut<'_, Floats>) -> u64 {
    view.buffer.at + 4 * view.start as u64
}

fn tokens_at(view: &View<'_, Tokens>) -> u64 {
    view.buffer.tokens.at + 2 * view.start as u64
}

fn blocks(n: usize, each: usize) -> u32 {
    n.div_ceil(each) as u32
}

/// A thread an element.
fn flat(n: usize) -> (u32, u32, u32) {
    (blocks(n, THREADS as usize), 1, 1)
}

const LINE: (u32, u32, u32) = (THREADS, 1, 1);

/// A warp a row, eight rows a block.
const WARPS: (u32, u32, u32) = (32, 8, 1);

impl Cuda {
    fn attention_grid(heads: &Heads, rows: usize) -> (u32, u32, u32) {
        let sequences = (rows / heads.context) as u32;
        let parts = blocks(heads.context, ATTENTION_ROWS);
        (parts, heads.count as u32, sequences)
    }

    fn entropy(
        &self,
        logits: &ViewMut<'_, Floats>,
        targets: &View<'_, Tokens>,
        losses: &ViewMut<'_, Floats>,
        weight: f32,
        backward: i32,
    ) {
        let (z, targets_at, losses) = (at_mut(logits), tokens_at(targets), at_mut(losses));
        let vocabulary = (logits.len / targets.len) as i32;
        let grid = (targets.len as u32, 1, 1);
        let arguments = args![z, targets_at, losses, vocabulary, weight, backward];
        self.launch("cross_entropy", grid, LINE, &arguments);
    }
}

fn heads_scale(heads: &Heads) -> f32 {
    1.0 / (heads.width as f32).sqrt()
}

impl Backend for Cuda {
    type Floats = Floats;
    type Tokens = Tokens;
    type Rotary = Rotary;
    type Routes = NoRoutes;

    fn zeros(&self, len: usize) -> Result<Floats, DeviceError> {
        self.zeroed(len)
    }

    fn rotary(&self, heads: &Heads) -> Result<Rotary, DeviceError> {
        let tables = Tables::new(heads.context, heads.width);
        let (cos, sin) = (tables.cos(), tables.sin());
        let mut on_gpu = Rotary {
            cos: self.zeroed(cos.len())?,
            sin: self.zeroed(sin.len())?,
        };
        self.upload(cos, &mut on_gpu.cos)?;
        self.upload(sin, &mut on_gpu.sin)?;
        Ok(on_gpu)
    }

    fn routes(&self, _experts: Experts, _rows: usize) -> Result<NoRoutes, DeviceError> {
        Err(MIXTURES)
    }

    fn logit_rows(&self) -> usize {
        LOGIT_ROWS
    }

    /// The logarithm of each query's sum.
    fn attention_kept(&self, heads: &Heads, sequences: usize) -> usize {
        sequences * heads.count * heads.context
    }

    /// What attention needs, or the parts of a gain's gradient.
    fn scratch(&self, heads: &Heads, sequences: usize) -> usize {
        self.attention_kept(heads, sequences)
            .max(GAIN_PARTS * heads.model_width())
    }

    fn copy(&self, from: View<'_, Floats>, to: ViewMut<'_, Floats>) {
        self.scale(1.0, from, to);
    }

    fn clear(&self, to: ViewMut<'_, Floats>) {
        let mut part = to.buffer.slice.slice_mut(to.start..to.start + to.len);
        let result = self.stream.memset_zeros(&mut part).map_err(reason);
        self.note("clearing memory", result);
    }

    fn scale(&self, factor: f32, from: View<'_, Floats>, to: ViewMut<'_, Floats>) {
        let n = to.len;
        let arguments = args![factor, at(&from), at_mut(&to), n as i64];
        self.launch("scale", flat(n), LINE, &arguments);
    }

    fn gather(&self, table: View<'_, Floats>, tokens: View<'_, Tokens>, out: ViewMut<'_, Floats>) {
        let (n, d) = (out.len, out.len / tokens.len);
        let arguments = args![
            at(&table),
            tokens_at(&tokens),
            at_mut(&out),
            d as i64,
            n as i64
        ];
        self.launch("gather", flat(n), LINE, &arguments);
    }

    fn scatter_add(
        &self,
        rows: View<'_, Floats>,
        tokens: View<'_, Tokens>,
        table: ViewMut<'_, Floats>,
    ) {
        let d = rows.len / tokens.len;
        let (order, offsets) = (tokens.buffer.order.at, tokens.buffer.offsets.at);
        let grid = (tokens.buffer.vocabulary as u32, blocks(d, 32), 1);
        let arguments = args![at(&rows), order, offsets, at_mut(&table), d as i64];
        self.launch("scatter_add", grid, (32, 16, 1), &arguments);
    }

    /// cuBLAS stores columns first: `outᵀ = bᵀ aᵀ`.
    fn product(
        &self,
        store: Store,
        a: Matrix<'_, Floats>,
        b: Matrix<'_, Floats>,
        out: MatrixMut<'_, Floats>,
    ) {
        let operation = |matrix: &Matrix<'_, Floats>| match matrix.transposed {
            false => sys::cublasOperation_t::CUBLAS_OP_N,
            true => sys::cublasOperation_t::CUBLAS_OP_T,
        };
        let compute = match self.precision {
            Precision::Float32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
            Precision::Tf32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
        };
        let inner = if a.transposed { a.rows } else { a.cols };
        let (one, beta) = (1.0_f32, if store == Store::Add { 1.0_f32 } else { 0.0 });
        let float = sys::cudaDataType::CUDA_R_32F;
        // SAFETY: the matrices' sizes were checked against their views, all in the GPU's memory.
        let result = unsafe {
            blas::gemm_ex(
                *self.blas.handle(),
                operation(&b),
                operation(&a),
                out.cols as i32,
                out.rows as i32,
                inner as i32,
                (&raw const one).cast(),
                at(&b.data) as *const _,
                float,
                b.cols as i32,
                at(&a.data) as *const _,
                float,
                a.cols as i32,
                (&raw const beta).cast(),
                at_mut(&out.data) as *mut _,
                float,
                out.cols as i32,
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        };
        self.note("multiplying", result.map_err(|error| format!("{error:?}")));
    }

    fn rmsnorm(
        &self,
        x: View<'_, Floats>,
        gain: View<'_, Floats>,
        y: ViewMut<'_, Floats>,
        inverse_rms: ViewMut<'_, Floats>,
    ) {
        let (d, rows) = (gain.len, x.len / gain.len);
        let arguments = args![
            at(&x),
            at(&gain),
            at_mut(&y),
            at_mut(&inverse_rms),
            d as i64,
            rows as i64,
            rmsnorm::EPSILON
        ];
        self.launch("rmsnorm", (blocks(rows, 8), 1, 1), WARPS, &arguments);
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
        let (d, rows) = (norm.gain.len, norm.x.len / norm.gain.len);
        let (x, inverse) = (at(&norm.x), at(&norm.inverse_rms));
        let arguments = args![x, inverse, at(&dy), scratch.at, d as i64, rows as i64];
        let grid = (blocks(d, 32), GAIN_PARTS as u32, 1);
        self.launch("rmsnorm_dgain_parts", grid, WARPS, &arguments);
        let add = i32::from(store_dgain == Store::Add);
        let to = at_mut(&dgain);
        let arguments = args![scratch.at, to, d as i64, GAIN_PARTS as i32, gain_scale, add];
        self.launch("rmsnorm_dgain", flat(d), LINE, &arguments);
        let add = i32::from(store_dx == Store::Add);
        let arguments = args![
            x,
            at(&norm.gain),
            inverse,
            at(&dy),
            at_mut(&dx),
            d as i64,
            rows as i64,
            add
        ];
        self.launch("rmsnorm_dx", (blocks(rows, 8), 1, 1), WARPS, &arguments);
    }

    fn rotate(&self, turn: Turn, rotary: &Rotary, heads: &Heads, qkv: ViewMut<'_, Floats>) {
        let (stride, turned) = (heads.row(), heads.count + heads.kv);
        let n = qkv.len / stride * turned * (heads.width / 2);
        let direction = match turn {
            Turn::Forward => 1.0_f32,
            Turn::Back => -1.0,
        };
        let arguments = args![
            at_mut(&qkv),
            rotary.cos.at,
            rotary.sin.at,
            stride as i64,
            turned as i64,
            heads.context as i64,
            direction,
            n as i64
        ];
        self.launch("rotate", flat(n), LINE, &arguments);
    }

    fn attention(
        &self,
        heads: &Heads,
        qkv: View<'_, Floats>,
        kept: &mut Floats,
        out: ViewMut<'_, Floats>,
    ) {
        let (t, d) = (heads.context as i32, heads.model_width());
        let grid = Self::attention_grid(heads, qkv.len / (3 * d));
        let scale = heads_scale(heads);
        let arguments = args![at(&qkv), kept.at, at_mut(&out), t, d as i32, scale];
        self.launch("attention", grid, (ATTENTION_ROWS as u32, 1, 1), &arguments);
    }

    fn attention_backward(
        &self,
        heads: &Heads,
        qkv: View<'_, Floats>,
        kept: &Floats,
        out: View<'_, Floats>,
        dout: View<'_, Floats>,
        dqkv: ViewMut<'_, Floats>,
        scratch: &mut Floats,
    ) {
        let (t, d) = (heads.context as i32, heads.model_width());
        let grid = Self::attention_grid(heads, qkv.len / (3 * d));
        let block = (ATTENTION_ROWS as u32, 1, 1);
        let (scale, d) = (heads_scale(heads), d as i32);
        let (from, to, dout) = (at(&qkv), at_mut(&dqkv), at(&dout));
        let arguments = args![from, kept.at, at(&out), dout, to, scratch.at, t, d, scale];
        self.launch("attention_dq", grid, block, &arguments);
        let arguments = args![from, kept.at, scratch.at, dout, to, t, d, scale];
        self.launch("attention_dkv", grid, block, &arguments);
    }

    fn gelu(&self, x: ViewMut<'_, Floats>, y: ViewMut<'_, Floats>) {
        let n = x.len;
        let arguments = args![at_mut(&x), at_mut(&y), n as i64];
        self.launch("gelu", flat(n), LINE, &arguments);
    }

    fn gelu_backward(&self, derivative: View<'_, Floats>, dy: ViewMut<'_, Floats>) {
        let n = dy.len;
        let arguments = args![at(&derivative), at_mut(&dy), n as i64];
        self.launch("multiply", flat(n), LINE, &arguments);
    }

    fn swiglu(&self, h: usize, x: ViewMut<'_, Floats>, y: ViewMut<'_, Floats>) {
        let n = y.len;
        let arguments = args![at_mut(&x), at_mut(&y), h as i64, n as i64];
        self.launch("swiglu", flat(n), LINE, &arguments);
    }

    fn swiglu_backward(
        &self,
        h: usize,
        derivatives: View<'_, Floats>,
        dy: View<'_, Floats>,
        dx: ViewMut<'_, Floats>,
    ) {
        let n = dx.len;
        let arguments = args![at(&derivatives), at(&dy), at_mut(&dx), h as i64, n as i64];
        self.launch("swiglu_backward", flat(n), LINE, &arguments);
    }

    fn route(&self, routes: &mut NoRoutes, _: ViewMut<'_, Floats>) {
        match *routes {}
    }

    fn offsets<'a>(&self, routes: &'a NoRoutes) -> &'a [usize] {
        match *routes {}
    }

    fn spread(&self, routes: &NoRoutes, _: View<'_, Floats>, _: ViewMut<'_, Floats>, _: usize) {
        match *routes {}
    }

    fn gather_slots(
        &self,
        routes: &NoRoutes,
        _: View<'_, Floats>,
        _: ViewMut<'_, Floats>,
        _: usize,
    ) {
        match *routes {}
    }

    fn combine(&self, routes: &NoRoutes, _: View<'_, Floats>, _: ViewMut<'_, Floats>, _: usize) {
        match *routes {}
    }

    fn combine_backward(
        &self,
        routes: &mut NoRoutes,
        _: View<'_, Floats>,
        _: View<'_, Floats>,
        _: ViewMut<'_, Floats>,
        _: usize,
    ) {
        match *routes {}
    }

    fn route_backward(
        &self,
        routes: &NoRoutes,
        _: View<'_, Floats>,
        _: ViewMut<'_, Floats>,
        _: usize,
        _: f32,
    ) {
        match *routes {}
    }

    fn cross_entropy(
        &self,
        logits: ViewMut<'_, Floats>,
        targets: View<'_, Tokens>,
        losses: ViewMut<'_, Floats>,
    ) {
        self.entropy(&logits, &targets, &losses, 0.0, 0);
    }

    fn cross_entropy_backward(
        &self,
        logits: ViewMut<'_, Floats>,
        targets: View<'_, Tokens>,
        losses: ViewMut<'_, Floats>,
        weight: f32,
    ) {
        self.entropy(&logits, &targets, &losses, weight, 1);
    }
}
