//! The shape of a model, where its tensors lie, and how they start.

use isoflop_laws::{Flops, Params, QuantityError, Tokens};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A decoder-only transformer: pre-norm, RMSNorm, rotary positions, GELU with a hidden layer of
/// four times the width, no biases, input and output embeddings tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelShape {
    /// Transformer blocks.
    pub layers: usize,
    /// Width d of the residual stream.
    pub width: usize,
    /// Attention heads; `width / heads` elements each, an even number.
    pub heads: usize,
    /// Distinct tokens V.
    pub vocabulary: usize,
    /// Positions t in a sequence.
    pub context: usize,
}

/// Why a shape can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A size is zero.
    #[error("a model needs at least one layer, head, token and position, but {0} is 0")]
    Zero(&'static str),
    /// Heads do not divide the width evenly.
    #[error("width {width} can't be split into {heads} heads of an even number of elements")]
    Heads {
        /// Width asked for.
        width: usize,
        /// Heads asked for.
        heads: usize,
    },
    /// Tokens are stored in 16 bits.
    #[error("a vocabulary of {0} is too large: at most 65,536 tokens are supported")]
    Vocabulary(usize),
}

impl ModelShape {
    /// Checks the sizes against each other.
    ///
    /// # Errors
    /// [`ShapeError`] with the size that does not fit.
    pub fn validate(&self) -> Result<(), ShapeError> {
        for (name, size) in [
            ("layers", self.layers),
            ("width", self.width),
            ("heads", self.heads),
            ("vocabulary", self.vocabulary),
            ("context", self.context),
        ] {
            if size == 0 {
                return Err(ShapeError::Zero(name));
            }
        }
        if !self.width.is_multiple_of(self.heads) || !(self.width / self.heads).is_multiple_of(2) {
            return Err(ShapeError::Heads {
                width: self.width,
                heads: self.heads,
            });
        }
        if self.vocabulary > 1 << 16 {
            return Err(ShapeError::Vocabulary(self.vocabulary));
        }
        Ok(())
    }

    /// Elements of one head.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// N: all parameters; the tied embedding counts once.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn params(&self) -> Result<Params, QuantityError> {
        Params::new(Layout::new(self).len() as f64)
    }

    /// N without the embedding (Kaplan et al. 2020).
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without layers.
    pub fn params_non_embedding(&self) -> Result<Params, QuantityError> {
        Params::new((Layout::new(self).len() - self.vocabulary * self.width) as f64)
    }

    /// Training FLOPs for `tokens`, counted from the architecture as Hoffmann et al. 2022,
    /// appendix F: matrix products, attention and the output layer; backward twice the forward.
    /// The full attention square is counted, as in the paper, though half is masked.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn counted_flops(&self, tokens: Tokens) -> Result<Flops, QuantityError> {
        let (d, t) = (self.width as f64, self.context as f64);
        // qkv 2·3·d·d, scores and reduction 2·2·t·d, softmax 3·h·t, projection 2·d·d,
        // dense layers 2·2·d·4d
        let layer = 24.0 * d * d + 4.0 * t * d + 3.0 * self.heads as f64 * t;
        let output = 2.0 * d * self.vocabulary as f64;
        Flops::new(3.0 * (self.layers as f64 * layer + output) * tokens.get())
    }
}

/// How a tensor is initialised and trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Token embedding, input and output.
    Embedding,
    /// Gain of a normalisation.
    Gain,
    /// A matrix whose inputs and outputs both grow with the width.
    Hidden,
    /// A hidden matrix that writes into the residual stream.
    Residual,
}

/// One tensor in the flat vector of weights: `[rows, cols]`, row-major, applied as `y = x W`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name in a checkpoint, such as `layers.0.qkv`.
    pub name: String,
    /// Inputs, or 1 for a gain.
    pub rows: usize,
    /// Outputs.
    pub cols: usize,
    /// Where it lies in the weights.
    pub range: Range<usize>,
    /// How it is initialised and trained.
    pub role: Role,
}

/// Where one block's tensors lie.
#[derive(Debug, Clone)]
pub(crate) struct LayerLayout {
    pub attention_gain: Range<usize>,
    pub qkv: Range<usize>,
    pub projection: Range<usize>,
    pub mlp_gain: Range<usize>,
    pub up: Range<usize>,
    pub down: Range<usize>,
}

/// Where every tensor lies in one flat vector of weights (and of gradients and moments).
#[derive(Debug, Clone)]
pub struct Layout {
    tensors: Vec<Tensor>,
    pub(crate) embedding: Range<usize>,
    pub(crate) layers: Vec<LayerLayout>,
    pub(crate) final_gain: Range<usize>,
}

impl Layout {
    /// Lays the tensors of `shape` one after another.
    #[must_use]
    pub fn new(shape: &ModelShape) -> Self {
        let d = shape.width;
        let mut tensors: Vec<Tensor> = Vec::new();
        let mut push = |name: String, rows: usize, cols: usize, role: Role| {
            let start = tensors.last().map_or(0, |tensor| tensor.range.end);
            let range = start..start + rows * cols;
            tensors.push(Tensor {
                name,
                rows,
                cols,
                range: range.clone(),
                role,
            });
            range
        };
        let embedding = push("embedding".into(), shape.vocabulary, d, Role::Embedding);
        let layers = (0..shape.layers)
            .map(|layer| LayerLayout {
                attention_gain: push(format!("layers.{layer}.attention_gain"), 1, d, Role::Gain),
                qkv: push(format!("layers.{layer}.qkv"), d, 3 * d, Role::Hidden),
                projection: push(format!("layers.{layer}.projection"), d, d, Role::Residual),
                mlp_gain: push(format!("layers.{layer}.mlp_gain"), 1, d, Role::Gain),
                up: push(format!("layers.{layer}.up"), d, 4 * d, Role::Hidden),
                down: push(format!("layers.{layer}.down"), 4 * d, d, Role::Residual),
            })
            .collect();
        let final_gain = push("final_gain".into(), 1, d, Role::Gain);
        Self {
            tensors,
            embedding,
            layers,
            final_gain,
        }
    }

    /// Number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        self.final_gain.end
    }

    /// Whether there are no weights; never so for a valid shape.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensors in the order in which they lie.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Weights drawn from `seed`: hidden matrices with variance 1 / fan-in, those that write into
    /// the residual stream divided by twice the depth (GPT-2), embeddings with unit variance,
    /// gains 1. The widths' part is muP's (Yang et al. 2022, arXiv 2203.03466, table 3).
    #[must_use]
    pub fn initial_weights(&self, seed: u64) -> Vec<f32> {
        let mut weights = vec![0.0; self.len()];
        let depth = 2.0 * self.layers.len() as f64;
        for (index, tensor) in self.tensors.iter().enumerate() {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(index as u64);
            let deviation = match tensor.role {
                Role::Gain => 0.0,
                Role::Embedding => 1.0,
                Role::Hidden => (1.0 / tensor.rows as f64).sqrt(),
                Role::Residual => (1.0 / (tensor.rows as f64 * depth)).sqrt(),
            };
            for weight in &mut weights[tensor.range.clone()] {
                *weight = match tensor.role {
                    Role::Gain => 1.0,
                    _ => (deviation * normal(&mut random)) as f32,
                };
            }
        }
        weights
    }
}

/// A standard normal number (Box & Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let u: f64 = 1.0 - random.random::<f64>();
    let v: f64 = random.random();
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ModelShape = ModelShape {
        layers: 3,
        width: 64,
        heads: 2,
        vocabulary: 1024,
        context: 256,
    };

    #[test]
    fn counts_parameters_in_both_conventions() {
        // 12 d² a layer, two gains a layer and one at the end, V d embeddings.
        let non_embedding = 3 * 12 * 64 * 64 + 7 * 64;
        assert_eq!(
            SHAPE.params_non_embedding().unwrap().get(),
            f64::from(non_embedding)
        );
        assert_eq!(
            SHAPE.params().unwrap().get(),
            f64::from(non_embedding + 1024 * 64)
        );
    }

    #[test]
    fn tensors_tile_the_weights_without_gap_or_overlap() {
        let layout = Layout::new(&SHAPE);
        let mut end = 0;
        for tensor in layout.tensors() {
            assert_eq!(tensor.range.start, end, "{}", tensor.name);
            assert_eq!(tensor.range.len(), tensor.rows * tensor.cols);
            end = tensor.range.end;
        }
        assert_eq!(end, layout.len());
    }

    #[test]
    fn initial_weights_have_the_variances_of_mup() {
        let layout = Layout::new(&SHAPE);
        let weights = layout.initial_weights(7);
        let variance = |range: &Range<usize>| {
            let part = &weights[range.clone()];
            part.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / part.len() as f64
        };
        assert!((variance(&layout.embedding) - 1.0).abs() < 0.02);
        assert!((variance(&layout.layers[0].qkv) * 64.0 - 1.0).abs() < 0.05);
        assert!((variance(&layout.layers[2].down) * 256.0 * 6.0 - 1.0).abs() < 0.05);
        assert_eq!(weights, layout.initial_weights(7));
        assert_ne!(weights, layout.initial_weights(8));
    }

    #[test]
    fn flops_counted_come_near_six_nd_for_wide_models() {
        let wide = ModelShape {
            layers: 24,
            width: 2048,
            heads: 16,
            vocabulary: 1024,
            context: 64,
        };
        let tokens = Tokens::new(1e9).unwrap();
        let six = Flops::six_nd(wide.params().unwrap(), tokens).get();
        assert!((wide.counted_flops(tokens).unwrap().get() / six - 1.0).abs() < 0.02);
    }

    #[test]
    fn impossible_shapes_are_named() {
        let error = ModelShape { heads: 3, ..SHAPE }
            .validate()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("width 64") && error.contains("3 heads"),
            "{error}"
        );
        assert!(ModelShape { layers: 0, ..SHAPE }.validate().is_err());
        assert!(
            ModelShape {
                vocabulary: 70_000,
                ..SHAPE
            }
            .validate()
            .is_err()
        );
    }
}
