//! What a device must be able to do for the model: the operations of a training step on buffers in
//! the device's memory. The model's forward and backward pass (`transformer/`) is written once, over
//! this.
//!
//! An operation on a GPU is only queued, so none of them returns an error: a failure is kept by the
//! device and reported when a number is fetched.

mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod view;

pub use cpu::Cpu;
pub use view::{Matrix, MatrixMut, View, ViewMut};

use crate::architecture::Experts;
use crate::device::DeviceError;

/// Whether a result replaces what is there or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Written, whatever was there.
    Set,
    /// Added to what is there.
    Add,
}

impl Store {
    /// [`Store::Set`] where `fresh`: gradients start without being cleared.
    #[must_use]
    pub fn fresh(fresh: bool) -> Self {
        if fresh { Store::Set } else { Store::Add }
    }
}

/// Sizes of causal self-attention over rows of queries, keys and values `[t, d + 2 d_kv]`, d being
/// `count · width` and `d_kv` being `kv · width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Positions t in a sequence.
    pub context: usize,
    /// Heads of queries h.
    pub count: usize,
    /// Heads of keys and values, a divisor of `count`: each is shared by a group.
    pub kv: usize,
    /// Elements of one head.
    pub width: usize,
}

impl Heads {
    /// Width d of the model.
    #[must_use]
    pub fn model_width(&self) -> usize {
        self.count * self.width
    }

    /// Elements of a row of queries, keys and values.
    #[must_use]
    pub fn row(&self) -> usize {
        (self.count + 2 * self.kv) * self.width
    }
}

/// Which way positions are turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// By the position.
    Forward,
    /// Back: the transpose, for gradients.
    Back,
}

/// An RMSNorm's input, gain and the inverse RMS of its rows, kept for the backward pass.
pub struct Norm<'a, F> {
    /// `[m, d]`.
    pub x: View<'a, F>,
    /// `[d]`.
    pub gain: View<'a, F>,
    /// `[m]`.
    pub inverse_rms: View<'a, F>,
}

/// A device that executes the operations of the model. Shapes: m rows (tokens of whole sequences),
/// d width, V vocabulary. Matrices are row-major.
pub trait Backend {
    /// Float32 numbers in the device's memory.
    type Floats;
    /// Tokens in the device's memory.
    type Tokens;
    /// Cosines and sines of the positions.
    type Rotary;
    /// Which experts the tokens go to.
    type Routes;

    /// `len` zeros.
    ///
    /// # Errors
    /// [`DeviceError::OutOfMemory`].
    fn zeros(&self, len: usize) -> Result<Self::Floats, DeviceError>;

    /// Tables for `heads.context` positions.
    ///
    /// # Errors
    /// [`DeviceError::OutOfMemory`].
    fn rotary(&self, heads: &Heads) -> Result<Self::Rotary, DeviceError>;

    /// Room for the routes of up to `rows` tokens.
    ///
    /// # Errors
    /// [`DeviceError::Family`] on a device without mixtures.
    fn routes(&self, experts: Experts, rows: usize) -> Result<Self::Routes, DeviceError>;

    /// Rows of logits made at a time: the product, the softmax and the two products of the backward
    /// pass follow one another on these rows, and all logits together are never stored.
    fn logit_rows(&self) -> usize;

    /// Floats that attention keeps of its forward pass over `sequences` sequences.
    fn attention_kept(&self, heads: &Heads, sequences: usize) -> usize;

    /// Floats of scratch for any backward operation on `sequences` sequences.
    fn scratch(&self, heads: &Heads, sequences: usize) -> usize;

    /// `to = from`.
    fn copy(&self, from: View<'_, Self::Floats>, to: ViewMut<'_, Self::Floats>);

    /// `to = 0`.
    fn clear(&self, to: ViewMut<'_, Self::Floats>);

    /// `to = factor · from`.
    fn scale(&self, factor: f32, from: View<'_, Self::Floats>, to: ViewMut<'_, Self::Floats>);

    /// The rows of `table: [V, d]` that `tokens` name, into `out: [m, d]`.
    fn gather(
        &self,
        table: View<'_, Self::Floats>,
        tokens: View<'_, Self::Tokens>,
        out: ViewMut<'_, Self::Floats>,
    );

    /// Adds each row of `rows: [m, d]` to the row of `table: [V, d]` that its token names.
    fn scatter_add(
        &self,
        rows: View<'_, Self::Floats>,
        tokens: View<'_, Self::Tokens>,
        table: ViewMut<'_, Self::Floats>,
    );

    /// `out = a b`, or added to it.
    fn product(
        &self,
        store: Store,
        a: Matrix<'_, Self::Floats>,
        b: Matrix<'_, Self::Floats>,
        out: MatrixMut<'_, Self::Floats>,
    );

    /// RMSNorm of `x: [m, d]` with `gain: [d]` into `y`, and the inverse RMS of each row.
    fn rmsnorm(
        &self,
        x: View<'_, Self::Floats>,
        gain: View<'_, Self::Floats>,
        y: ViewMut<'_, Self::Floats>,
        inverse_rms: ViewMut<'_, Self::Floats>,
    );

    /// For `dy: [m, d]`: the gradient of the input into `dx` (`store_dx`), and `gain_scale` times
    /// that of the gain into `dgain: [d]` (`store_dgain`).
    #[allow(clippy::too_many_arguments)] // Two results, each stored in its own way.
    fn rmsnorm_backward(
        &self,
        norm: Norm<'_, Self::Floats>,
        dy: View<'_, Self::Floats>,
        store_dx: Store,
        dx: ViewMut<'_, Self::Floats>,
        gain_scale: f32,
        store_dgain: Store,
        dgain: ViewMut<'_, Self::Floats>,
        scratch: &mut Self::Floats,
    );

    /// Turns queries and keys in `qkv: [m, d + 2 d_kv]` by their positions.
    fn rotate(
        &self,
        turn: Turn,
        rotary: &Self::Rotary,
        heads: &Heads,
        qkv: ViewMut<'_, Self::Floats>,
    );

    /// Causal self-attention of all heads of `qkv: [m, d + 2 d_kv]` into `out: [m, d]`.
    fn attention(
        &self,
        heads: &Heads,
        qkv: View<'_, Self::Floats>,
        kept: &mut Self::Floats,
        out: ViewMut<'_, Self::Floats>,
    );

    /// `dqkv: [m, d + 2 d_kv]` for `dout: [m, d]`, from what [`Backend::attention`] kept and gave.
    #[allow(clippy::too_many_arguments)] // Buffers of the caller, so that nothing is allocated.
    fn attention_backward(
        &self,
        heads: &Heads,
        qkv: View<'_, Self::Floats>,
        kept: &Self::Floats,
        out: View<'_, Self::Floats>,
        dout: View<'_, Self::Floats>,
        dqkv: ViewMut<'_, Self::Floats>,
        scratch: &mut Self::Floats,
    );

    /// `y = gelu(x)`; `x` is replaced by the derivative `gelu'(x)`.
    fn gelu(&self, x: ViewMut<'_, Self::Floats>, y: ViewMut<'_, Self::Floats>);

    /// `dy ← dy ∘ derivative`.
    fn gelu_backward(&self, derivative: View<'_, Self::Floats>, dy: ViewMut<'_, Self::Floats>);

    /// `y = SiLU(gate) ∘ value`, `y: [m, h]`, for gate and value side by side in `x: [m, 2 h]`,
    /// which is replaced by the derivatives of `y` by both.
    fn swiglu(&self, h: usize, x: ViewMut<'_, Self::Floats>, y: ViewMut<'_, Self::Floats>);

    /// `dx: [m, 2 h]` for `dy: [m, h]`, from the derivatives that [`Backend::swiglu`] left.
    fn swiglu_backward(
        &self,
        h: usize,
        derivatives: View<'_, Self::Floats>,
        dy: View<'_, Self::Floats>,
        dx: ViewMut<'_, Self::Floats>,
    );

    /// Chooses the experts of each token by its router `logits: [m, E]`, which become probabilities.
    /// Slots of tokens with experts are kept in the order of experts from here on.
    fn route(&self, routes: &mut Self::Routes, logits: ViewMut<'_, Self::Floats>);

    /// First slot of each expert, and the end.
    fn offsets<'a>(&self, routes: &'a Self::Routes) -> &'a [usize];

    /// Copies `rows: [m, d]` to their slots in `slots: [m k, d]`.
    fn spread(
        &self,
        routes: &Self::Routes,
        rows: View<'_, Self::Floats>,
        slots: ViewMut<'_, Self::Floats>,
        d: usize,
    );

    /// Sums the slots of each row: the transpose of [`Backend::spread`].
    fn gather_slots(
        &self,
        routes: &Self::Routes,
        slots: View<'_, Self::Floats>,
        rows: ViewMut<'_, Self::Floats>,
        d: usize,
    );

    /// Adds to `rows: [m, d]` the weighted sums of their slots.
    fn combine(
        &self,
        routes: &Self::Routes,
        slots: View<'_, Self::Floats>,
        rows: ViewMut<'_, Self::Floats>,
        d: usize,
    );

    /// `dslots` for `drows: [m, d]`, the gradient of [`Backend::combine`]; that of the weights is kept
    /// in `routes` for [`Backend::route_backward`].
    fn combine_backward(
        &self,
        routes: &mut Self::Routes,
        slots: View<'_, Self::Floats>,
        drows: View<'_, Self::Floats>,
        dslots: ViewMut<'_, Self::Floats>,
        d: usize,
    );

    /// The gradient by the logits `[m, E]`, of the loss through the weights and of the balancing loss
    /// (`kernels/routing.rs`) over sequences of `context`, `weight` each token.
    fn route_backward(
        &self,
        routes: &Self::Routes,
        probabilities: View<'_, Self::Floats>,
        dlogits: ViewMut<'_, Self::Floats>,
        context: usize,
        weight: f32,
    );

    /// Losses in nats of `targets` under `logits: [m, V]`, which are overwritten.
    fn cross_entropy(
        &self,
        logits: ViewMut<'_, Self::Floats>,
        targets: View<'_, Self::Tokens>,
        losses: ViewMut<'_, Self::Floats>,
    );

    /// As [`Backend::cross_entropy`]; the logits are replaced by the gradient of `weight` times the
    /// sum of the losses.
    fn cross_entropy_backward(
        &self,
        logits: ViewMut<'_, Self::Floats>,
        targets: View<'_, Self::Tokens>,
        losses: ViewMut<'_, Self::Floats>,
        weight: f32,
    );
}
