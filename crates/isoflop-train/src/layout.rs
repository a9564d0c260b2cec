//! Where a model's tensors lie in its flat vector of weights, and how they start.

use crate::architecture::Embeddings;
use crate::shape::ModelShape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// How a tensor is initialised and trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Token embedding, and the output layer where they are tied.
    Embedding,
    /// Output layer of its own, `[V, d]` as the embedding: it starts and learns like one.
    Output,
    /// The matrix that chooses experts: its inputs grow with the width, its outputs do not.
    Router,
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
    /// Columns of the matrices that lie side by side in it, such as queries, keys and values.
    pub parts: Vec<usize>,
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
    /// The router, where there is one.
    pub router: Option<Range<usize>>,
    /// The hidden layers: one, or one an expert.
    pub experts: Vec<ExpertLayout>,
}

/// Where the tensors of hidden layers lie.
#[derive(Debug, Clone)]
pub(crate) struct ExpertLayout {
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
    /// The output layer, `[V, d]`: the embedding where they are tied.
    pub(crate) output: Range<usize>,
}

impl Layout {
    /// Lays the tensors of `shape` one after another.
    #[must_use]
    pub fn new(shape: &ModelShape) -> Self {
        let mut place = Placing::default();
        let (v, d, h) = (shape.vocabulary, shape.width, shape.hidden_width());
        let kv = shape.kv_width();
        let mixture = shape.architecture.experts;
        let inputs = vec![h; shape.architecture.feed_forward.inputs()];
        let embedding = place.matrix("embedding", v, &[d], Role::Embedding);
        let layers = (0..shape.layers)
            .map(|layer| {
                let name = |part: &str| format!("layers.{layer}.{part}");
                LayerLayout {
                    attention_gain: place.matrix(name("attention_gain"), 1, &[d], Role::Gain),
                    qkv: place.matrix(name("qkv"), d, &[d, kv, kv], Role::Hidden),
                    projection: place.matrix(name("projection"), d, &[d], Role::Residual),
                    mlp_gain: place.matrix(name("mlp_gain"), 1, &[d], Role::Gain),
                    router: mixture.map(|experts| {
                        place.matrix(name("router"), d, &[experts.count], Role::Router)
                    }),
                    experts: (0..shape.experts().count)
                        .map(|expert| {
                            let name = |part: &str| match mixture {
                                None => name(part),
                                Some(_) => name(&format!("experts.{expert}.{part}")),
                            };
                            ExpertLayout {
                                up: place.matrix(name("up"), d, &inputs, Role::Hidden),
                                down: place.matrix(name("down"), h, &[d], Role::Residual),
                            }
                        })
                        .collect(),
                }
            })
            .collect();
        let final_gain = place.matrix("final_gain", 1, &[d], Role::Gain);
        let output = match shape.architecture.embeddings {
            Embeddings::Tied => embedding.clone(),
            Embeddings::Untied => place.matrix("output", v, &[d], Role::Output),
        };
        Self {
            tensors: place.tensors,
            embedding,
            layers,
            final_gain,
            output,
        }
    }

    /// Number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.range.end)
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
    /// routers with variance 1 / fan-in², gains 1. The widths' part is muP's (Yang et al. 2022, arXiv 2203.03466, table 3).
    #[must_use]
    pub fn initial_weights(&self, seed: u64) -> Vec<f32> {
        let mut weights = vec![0.0; self.len()];
        let depth = 2.0 * self.layers.len() as f64;
        for (index, tensor) in self.tensors.iter().enumerate() {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(index as u64);
            let deviation = match tensor.role {
                Role::Gain => 0.0,
                Role::Embedding | Role::Output => 1.0,
                Role::Router => 1.0 / tensor.rows as f64,
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

/// Tensors placed one after another.
#[derive(Default)]
struct Placing {
    tensors: Vec<Tensor>,
}

impl Placing {
    /// Matrices of `parts` columns side by side, behind the last tensor.
    fn matrix(
        &mut self,
        name: impl Into<String>,
        rows: usize,
        parts: &[usize],
        role: Role,
    ) -> Range<usize> {
        let start = self.tensors.last().map_or(0, |tensor| tensor.range.end);
        let cols = parts.iter().sum();
        let range = start..start + rows * cols;
        self.tensors.push(Tensor {
            name: name.into(),
            rows,
            cols,
            parts: parts.to_vec(),
            range: range.clone(),
            role,
        });
        range
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
    use crate::architecture::{Architecture, FAMILIES};

    const SHAPE: ModelShape = ModelShape {
        layers: 3,
        width: 64,
        heads: 2,
        vocabulary: 1024,
        context: 256,
        architecture: Architecture::PLAIN,
    };

    #[test]
    fn tensors_tile_the_weights_without_gap_or_overlap() {
        for (_, architecture) in FAMILIES {
            let layout = Layout::new(&ModelShape {
                architecture,
                ..SHAPE
            });
            let mut end = 0;
            for tensor in layout.tensors() {
                assert_eq!(tensor.range.start, end, "{}", tensor.name);
                assert_eq!(tensor.range.len(), tensor.rows * tensor.cols);
                assert_eq!(tensor.parts.iter().sum::<usize>(), tensor.cols);
                end = tensor.range.end;
            }
            assert_eq!(end, layout.len());
        }
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
        assert!((variance(&layout.layers[2].experts[0].down) * 256.0 * 6.0 - 1.0).abs() < 0.05);
        assert_eq!(weights, layout.initial_weights(7));
        assert_ne!(weights, layout.initial_weights(8));
    }
}
