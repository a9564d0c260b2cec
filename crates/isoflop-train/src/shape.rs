//! The shape of a model, and what it counts: parameters and FLOPs in both conventions.

use crate::architecture::{Architecture, Embeddings, Experts};
use isoflop_laws::{Flops, Params, QuantityError, Tokens};
use serde::{Deserialize, Serialize};

/// A decoder-only transformer: pre-norm, RMSNorm, rotary positions, no biases.
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
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Architecture::is_plain")]
    pub architecture: Architecture,
}

/// Why a shape can't be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A size is zero.
    #[error("a model needs at least one layer, head, token and position, but {0} is 0")]
    Zero(&'static str),
    /// A size beyond what the trainer is made for.
    #[error("{name} {size} is too large: at most {LARGEST_SIZE}")]
    Large {
        /// The size.
        name: &'static str,
        /// Its value.
        size: usize,
    },
    /// More parameters than the trainer is made for.
    #[error("a model of {0} parameters is too large for this trainer: at most 4B")]
    Parameters(Params),
    /// Heads do not divide the width evenly.
    #[error("width {width} can't be split into {heads} heads of an even number of elements")]
    Heads {
        /// Width asked for.
        width: usize,
        /// Heads asked for.
        heads: usize,
    },
    /// Heads of keys and values do not divide those of queries.
    #[error(
        "{kv_heads} heads of keys and values can't be shared evenly by {heads} heads of queries: give a divisor of {heads}"
    )]
    KvHeads {
        /// Heads of queries.
        heads: usize,
        /// Heads of keys and values asked for.
        kv_heads: usize,
    },
    /// A token can't pass through more experts than there are.
    #[error("a token can't pass through {active} of {count} experts: give at most {count} active")]
    Experts {
        /// Experts in a block.
        count: usize,
        /// Experts that a token passes through.
        active: usize,
    },
    /// Tokens are stored in 16 bits.
    #[error("a vocabulary of {0} is too large: at most 65,536 tokens are supported")]
    Vocabulary(usize),
}

/// Parameters of the largest model: the state of a larger one would not fit where this trainer is
/// the right tool.
const LARGEST: f64 = 4e9;

/// Largest size of any kind; keeps the counts within the integers of a double.
const LARGEST_SIZE: usize = 1 << 20;

impl ModelShape {
    /// Checks the sizes against each other.
    ///
    /// # Errors
    /// [`ShapeError`] with the size that does not fit.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let experts = self.architecture.experts;
        for (name, size) in [
            ("layers", Some(self.layers)),
            ("width", Some(self.width)),
            ("heads", Some(self.heads)),
            ("vocabulary", Some(self.vocabulary)),
            ("context", Some(self.context)),
            ("hidden_width", self.architecture.hidden_width),
            ("kv_heads", self.architecture.kv_heads),
            ("experts.count", experts.map(|experts| experts.count)),
            ("experts.active", experts.map(|experts| experts.active)),
        ] {
            match size {
                Some(0) => return Err(ShapeError::Zero(name)),
                Some(size) if size > LARGEST_SIZE => return Err(ShapeError::Large { name, size }),
                _ => {}
            }
        }
        if !self.width.is_multiple_of(self.heads) || !(self.width / self.heads).is_multiple_of(2) {
            return Err(ShapeError::Heads {
                width: self.width,
                heads: self.heads,
            });
        }
        let (heads, kv_heads) = (self.heads, self.kv_heads());
        if !heads.is_multiple_of(kv_heads) {
            return Err(ShapeError::KvHeads { heads, kv_heads });
        }
        if let Some(Experts { count, active }) = experts
            && active > count
        {
            return Err(ShapeError::Experts { count, active });
        }
        if self.vocabulary > 1 << 16 {
            return Err(ShapeError::Vocabulary(self.vocabulary));
        }
        match self.params() {
            Ok(params) if params.get() > LARGEST => Err(ShapeError::Parameters(params)),
            _ => Ok(()),
        }
    }

    /// Elements of one head.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Heads of keys and values.
    #[must_use]
    pub fn kv_heads(&self) -> usize {
        self.architecture.kv_heads.unwrap_or(self.heads)
    }

    /// Columns of the matrix that makes queries, keys and values.
    #[must_use]
    pub fn qkv_width(&self) -> usize {
        self.width + 2 * self.kv_width()
    }

    /// Elements of all keys (or all values) of a position.
    pub(crate) fn kv_width(&self) -> usize {
        self.kv_heads() * self.head_width()
    }

    /// Width h of the hidden layers.
    #[must_use]
    pub fn hidden_width(&self) -> usize {
        let rule = || self.architecture.feed_forward.hidden_width(self.width);
        self.architecture.hidden_width.unwrap_or_else(rule)
    }

    /// Columns of the matrix that makes the input of the activation: gate and value side by side
    /// for SwiGLU.
    #[must_use]
    pub fn up_width(&self) -> usize {
        self.architecture.feed_forward.inputs() * self.hidden_width()
    }

    /// Experts in a block, and those that a token passes through: one of one where there is no
    /// router.
    pub(crate) fn experts(&self) -> Experts {
        let dense = Experts {
            count: 1,
            active: 1,
        };
        self.architecture.experts.unwrap_or(dense)
    }

    /// N: all parameters, those of every expert; a tied embedding counts once.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn params(&self) -> Result<Params, QuantityError> {
        Params::new(self.total())
    }

    /// Parameters that a token passes through: N less the experts that are not chosen for it.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn params_active(&self) -> Result<Params, QuantityError> {
        let Experts { count, active } = self.experts();
        let idle = (count - active) as f64 * self.expert_weights();
        Params::new(self.total() - self.layers as f64 * idle)
    }

    /// N without the embedding (Kaplan et al. 2020), and without an output layer of its own.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without layers.
    pub fn params_non_embedding(&self) -> Result<Params, QuantityError> {
        Params::new(self.total() - self.embeddings())
    }

    /// Training FLOPs for `tokens`, counted from the architecture as Hoffmann et al. 2022,
    /// appendix F: matrix products, attention and the output layer; backward twice the forward.
    /// The full attention square is counted, as in the paper, though half is masked.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn counted_flops(&self, tokens: Tokens) -> Result<Flops, QuantityError> {
        let softmax = 3.0 * self.layers as f64 * self.heads as f64 * self.context as f64;
        Flops::new(3.0 * (self.product_flops() + softmax) * tokens.get())
    }

    /// Training FLOPs for `tokens` as 6 N D, N being the parameters that a token passes through.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn six_nd_flops(&self, tokens: Tokens) -> Result<Flops, QuantityError> {
        Ok(Flops::six_nd(self.params_active()?, tokens))
    }

    /// FLOPs of the matrix products of a forward pass, for a token: what a framework's counter
    /// counts.
    #[must_use]
    pub fn product_flops(&self) -> f64 {
        let (d, t) = (self.width as f64, self.context as f64);
        // Scores and reduction 2·2·t·d; two for every weight of a matrix.
        let attention = 4.0 * t * d;
        let experts = self.experts().active as f64 * self.expert_weights();
        let matrices = self.attention_weights() + self.router_weights() + experts;
        let output = 2.0 * d * self.vocabulary as f64;
        self.layers as f64 * (attention + 2.0 * matrices) + output
    }

    /// Weights of the matrices of attention in one block.
    fn attention_weights(&self) -> f64 {
        self.width as f64 * (self.qkv_width() + self.width) as f64
    }

    /// Weights of the hidden layers in one block, of each expert.
    fn expert_weights(&self) -> f64 {
        self.width as f64 * (self.up_width() + self.hidden_width()) as f64
    }

    /// Weights of the router in one block.
    fn router_weights(&self) -> f64 {
        let count = self.architecture.experts.map_or(0, |experts| experts.count);
        self.width as f64 * count as f64
    }

    fn embeddings(&self) -> f64 {
        let one = self.vocabulary as f64 * self.width as f64;
        match self.architecture.embeddings {
            Embeddings::Tied => one,
            Embeddings::Untied => 2.0 * one,
        }
    }

    fn total(&self) -> f64 {
        let gains = 2.0 * self.width as f64;
        let experts = self.experts().count as f64 * self.expert_weights();
        let block = gains + self.attention_weights() + self.router_weights() + experts;
        self.embeddings() + self.layers as f64 * block + self.width as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{FAMILIES, FeedForward};
    use crate::layout::Layout;

    const SHAPE: ModelShape = ModelShape {
        layers: 3,
        width: 64,
        heads: 2,
        vocabulary: 1024,
        context: 256,
        architecture: Architecture::PLAIN,
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
    fn a_llama_like_block_counts_as_it_is_written_down() {
        let shape = ModelShape {
            heads: 4,
            architecture: Architecture {
                embeddings: Embeddings::Untied,
                feed_forward: FeedForward::SwiGlu,
                hidden_width: Some(168),
                kv_heads: Some(2),
                experts: None,
            },
            ..SHAPE
        };
        // q, o: d²; k, v: d · 2 heads of 16; gate, up, down: d · 168.
        let layer = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 168 + 2 * 64;
        let non_embedding = f64::from(3 * layer + 64);
        assert_eq!(shape.params_non_embedding().unwrap().get(), non_embedding);
        let all = non_embedding + 2.0 * 1024.0 * 64.0;
        assert_eq!(shape.params().unwrap().get(), all);
        let tokens = Tokens::new(10.0).unwrap();
        assert_eq!(shape.six_nd_flops(tokens).unwrap().get(), 60.0 * all);
    }

    #[test]
    fn a_mixture_counts_all_experts_and_works_with_the_active_ones() {
        let mixture = ModelShape {
            architecture: Architecture {
                hidden_width: Some(96),
                experts: Some(Experts {
                    count: 8,
                    active: 2,
                }),
                ..Architecture::PLAIN
            },
            ..SHAPE
        };
        // Attention, router, gains, and 2 · 64 · 96 an expert.
        let block = |experts: u32| 4 * 64 * 64 + 64 * 8 + 2 * 64 + experts * 2 * 64 * 96;
        let all = |experts| f64::from(3 * block(experts) + 64 + 1024 * 64);
        assert_eq!(mixture.params().unwrap().get(), all(8));
        assert_eq!(mixture.params_active().unwrap().get(), all(2));
        let tokens = Tokens::new(10.0).unwrap();
        assert_eq!(mixture.six_nd_flops(tokens).unwrap().get(), 60.0 * all(2));
        // A dense model with hidden layers as wide as two experts computes the same but the router.
        let mut dense = mixture;
        dense.architecture.experts = None;
        dense.architecture.hidden_width = Some(192);
        let router = f64::from(3 * 2 * 64 * 8);
        assert_eq!(mixture.product_flops() - dense.product_flops(), router);
        assert_eq!(dense.params_active(), dense.params());
    }

    #[test]
    fn counts_agree_with_the_weights_that_are_laid_out() {
        for (name, architecture) in FAMILIES {
            let shape = ModelShape {
                architecture,
                ..SHAPE
            };
            let laid_out = Layout::new(&shape).len() as f64;
            assert_eq!(shape.params().unwrap().get(), laid_out, "{name}");
        }
    }

    #[test]
    fn flops_counted_come_near_six_nd_for_wide_models() {
        let wide = ModelShape {
            layers: 24,
            width: 2048,
            heads: 16,
            vocabulary: 1024,
            context: 64,
            architecture: Architecture::PLAIN,
        };
        let tokens = Tokens::new(1e9).unwrap();
        let six = wide.six_nd_flops(tokens).unwrap().get();
        assert!((wide.counted_flops(tokens).unwrap().get() / six - 1.0).abs() < 0.02);
    }

    #[test]
    fn impossible_shapes_are_named() {
        let with = |change: &dyn Fn(&mut ModelShape)| {
            let mut shape = SHAPE;
            change(&mut shape);
            shape.validate().unwrap_err().to_string()
        };
        let error = with(&|s| s.heads = 3);
        assert!(
            error.contains("width 64") && error.contains("3 heads"),
            "{error}"
        );
        let error = with(&|s| s.architecture.kv_heads = Some(3));
        assert!(
            error.contains("3 heads of keys") && error.contains("2 heads of queries"),
            "{error}"
        );
        // More heads of keys than of queries.
        assert!(with(&|s| s.architecture.kv_heads = Some(4)).contains("divisor of 2"));
        assert!(with(&|s| s.architecture.kv_heads = Some(0)).contains("kv_heads is 0"));
        assert!(with(&|s| s.architecture.hidden_width = Some(0)).contains("hidden_width is 0"));
        let experts = |count, active| Some(Experts { count, active });
        let error = with(&|s| s.architecture.experts = experts(4, 5));
        assert!(error.contains("5 of 4 experts"), "{error}");
        let error = with(&|s| s.architecture.experts = experts(4, 0));
        assert!(error.contains("experts.active is 0"), "{error}");
        assert!(with(&|s| s.layers = 0).contains("layers is 0"));
        assert!(with(&|s| s.vocabulary = 70_000).contains("70000"));
        for size in [usize::MAX, 1 << 40] {
            let error = with(&|s| s.architecture.hidden_width = Some(size));
            assert!(error.contains("hidden_width"), "{error}");
            assert!(with(&|s| s.architecture.experts = experts(size, 1)).contains("experts.count"));
            assert!(with(&|s| s.layers = size).contains("too large: at most 1048576"));
            assert!(with(&|s| (s.width, s.heads) = (size, 1)).contains("too large"));
        }
        assert!(with(&|s| s.layers = 1 << 20).contains("too large for this trainer"));
    }
}
