//! Shapes that people build, near a number of parameters, with their exact counts.
//!
//! The shape is that of the LLaMA models (Touvron et al. 2023a): pre-norm with RMSNorm, rotary
//! positions, SwiGLU, no biases, head and embeddings not tied, as many key as query heads.

use isoflop_laws::{Flops, ParamCount, Params, QuantityError, Tokens};
use serde::Serialize;

/// The shape of a decoder-only transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Architecture {
    /// Layers.
    pub layers: u64,
    /// Width of the residual stream.
    pub width: u64,
    /// Attention heads.
    pub heads: u64,
    /// Width of the feed-forward layer; three matrices of this width (SwiGLU).
    pub feed_forward: u64,
    /// Vocabulary.
    pub vocabulary: u64,
    /// Tokens in one sequence.
    pub context: u64,
}

/// An architecture and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CountedArchitecture {
    /// The shape.
    #[serde(flatten)]
    pub shape: Architecture,
    /// All parameters.
    pub params: Params,
    /// Without embeddings and head.
    pub params_non_embedding: Params,
    /// Training FLOPs for one token, counted after Hoffmann et al. 2022, appendix F.
    pub flops_per_token: f64,
}

impl Architecture {
    /// Embeddings, head, layers and norms.
    #[must_use]
    pub fn params(&self) -> u64 {
        2 * self.vocabulary * self.width + self.params_non_embedding()
    }

    /// Layers and norms: per layer 4 d² of attention, 3 d f of feed-forward, 2 d of norms; d of
    /// the last norm.
    #[must_use]
    pub fn params_non_embedding(&self) -> u64 {
        let d = self.width;
        self.layers * (4 * d * d + 3 * d * self.feed_forward + 2 * d) + d
    }

    /// Training FLOPs for one token: three times the forward pass of Hoffmann et al. 2022,
    /// appendix F, whose dense block has three matrices here instead of two.
    #[must_use]
    pub fn flops_per_token(&self) -> u64 {
        let (d, s) = (self.width, self.context);
        let attention = 2 * 3 * d * d + 2 * s * d + 3 * self.heads * s + 2 * s * d + 2 * d * d;
        let dense = 2 * 3 * d * self.feed_forward;
        let vocabulary = 2 * self.vocabulary * d;
        3 * (2 * vocabulary + self.layers * (attention + dense))
    }

    /// The shape with its counts.
    ///
    /// # Errors
    /// [`QuantityError`] if a size is zero.
    pub fn counted(self) -> Result<CountedArchitecture, QuantityError> {
        Ok(CountedArchitecture {
            shape: self,
            params: Params::new(self.params() as f64)?,
            params_non_embedding: Params::new(self.params_non_embedding() as f64)?,
            flops_per_token: self.flops_per_token() as f64,
        })
    }
}

impl CountedArchitecture {
    /// Compute to train it on `tokens`, counted.
    ///
    /// # Errors
    /// [`QuantityError`] if the product is not finite.
    pub fn flops(&self, tokens: Tokens) -> Result<Flops, QuantityError> {
        Flops::new(self.flops_per_token * tokens.get())
    }
}

/// Feed-forward width of LLaMA: 8/3 of the width, rounded up to a multiple of 256.
fn feed_forward(width: u64) -> u64 {
    (8 * width).div_ceil(3).div_ceil(256) * 256
}

/// Width ÷ layers that published models cluster around: 64 for GPT-2 (768/12), 102 to 128 for
/// LLaMA (4096/32, 8192/80) and GPT-3 (12288/96).
fn usual_aspect(width: u64) -> f64 {
    if width < 2048 { 64.0 } else { 115.0 }
}

/// Widths are multiples of 64 below 1,024 and of 256 above; heads have 64 and 128 dimensions.
fn widths() -> impl Iterator<Item = (u64, u64)> {
    let small = (1..16).map(|k| (64 * k, 64));
    let large = (4..=128).map(|k| (256 * k, 128));
    small.chain(large)
}

/// The `count` shapes nearest to `params`, as `param_count` counts them, in size and to published models in proportion, best
/// first; each of another width.
#[must_use]
pub fn architectures_near(
    params: Params,
    param_count: ParamCount,
    vocabulary: u64,
    context: u64,
    count: usize,
) -> Vec<CountedArchitecture> {
    let mut found: Vec<(f64, CountedArchitecture)> = widths()
        .filter_map(|(width, head)| {
            best_depth(params, param_count, width, head, vocabulary, context)
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
        .into_iter()
        .take(count)
        .map(|(_, shape)| shape)
        .collect()
}

/// The best number of layers for this width, with how far it is from what was asked.
fn best_depth(
    params: Params,
    param_count: ParamCount,
    width: u64,
    head: u64,
    vocabulary: u64,
    context: u64,
) -> Option<(f64, CountedArchitecture)> {
    // 25 % off in proportion weighs as much as 5 % off in size.
    const PROPORTION_WEIGHT: f64 = 0.2;
    // People build even numbers of layers; pipelines divide them.
    (2..=160)
        .step_by(2)
        .filter_map(|layers| {
            let shape = Architecture {
                layers,
                width,
                heads: width / head,
                feed_forward: feed_forward(width),
                vocabulary,
                context,
            };
            let counted = shape.counted().ok()?;
            let found = match param_count {
                ParamCount::Total => counted.params,
                ParamCount::NonEmbedding => counted.params_non_embedding,
            };
            let size = (found.ln() - params.ln()).abs();
            let aspect = (width as f64 / layers as f64 / usual_aspect(width))
                .ln()
                .abs();
            Some((size + PROPORTION_WEIGHT * aspect, counted))
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn llama(layers: u64, width: u64) -> Architecture {
        Architecture {
            layers,
            width,
            heads: width / 128,
            feed_forward: feed_forward(width),
            vocabulary: 32_000,
            context: 2048,
        }
    }

    #[test]
    fn llama_models_count_exactly_as_their_published_weights() {
        // Sizes of the published checkpoints: 7B, 13B and 65B of Touvron et al. 2023a.
        for (layers, width, params) in [
            (32, 4096, 6_738_415_616),
            (40, 5120, 13_015_864_320),
            (80, 8192, 65_285_660_672),
        ] {
            assert_eq!(llama(layers, width).params(), params);
        }
    }

    #[test]
    fn near_seven_billion_the_first_shape_is_llama_7b() {
        let found = architectures_near(
            Params::new(6.7e9).unwrap(),
            ParamCount::Total,
            32_000,
            2048,
            3,
        );
        assert_eq!(found[0].shape, llama(32, 4096));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn counted_flops_of_a_large_model_are_near_6n_with_a_short_context() {
        let shape = llama(80, 8192);
        let ratio = shape.flops_per_token() as f64 / (6.0 * shape.params() as f64);
        assert!((1.0..1.1).contains(&ratio), "{ratio}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_shape_within_ten_percent_exists_for_every_usual_size(exponent in 7.8f64..12.0) {
            let params = Params::new(10f64.powf(exponent)).unwrap();
            let found = architectures_near(params, ParamCount::Total, 32_000, 2048, 1)[0];
            prop_assert!((found.params.ln() - params.ln()).abs() < 0.1);
        }
    }
}
