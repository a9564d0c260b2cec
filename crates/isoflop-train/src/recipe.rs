//! How the runs of a ladder are trained: one rule for every size, so that only N and D differ.

use crate::architecture::Architecture;
use crate::schedule::{Decay, Schedule};
use crate::shape::ModelShape;
use crate::trainer::TrainSpec;
use isoflop_laws::{QuantityError, Tokens};
use serde::{Deserialize, Serialize};

/// The rule from a size and a length to a whole specification.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Distinct tokens V.
    pub vocabulary: usize,
    /// Positions in a sequence.
    pub context: usize,
    /// Sequences in a batch.
    pub batch: usize,
    /// Peak learning rate at width 64 of a run over a million tokens; `docs/recipe.md`
    /// shows how it was chosen.
    pub learning_rate: f32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            vocabulary: 1024,
            context: 64,
            batch: 16,
            learning_rate: 2e-2,
        }
    }
}

/// Elements of every head of the family.
const HEAD_WIDTH: usize = 16;

/// Widths of the family: steps of one head, coarser as they grow.
const WIDTHS: [usize; 16] = [
    32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640,
];

/// The embedding's rate over that of hidden matrices at width 64. Embeddings start with unit
/// variance, so that at the rate of hidden matrices a short run ends before they have moved;
/// `docs/recipe.md` shows the losses.
const EMBEDDING_RATE: f32 = 8.0;

/// AdamW's decays of its moments: short runs gain by a shorter first and a longer second memory.
const BETAS: (f32, f32) = (0.8, 0.98);

/// Depth of the whole family. One layer of attention can't find what followed the last occurrence
/// of a token, two can (Olsson et al. 2022, arXiv 2209.11895), and a third is worth a tenth of the
/// loss at these sizes: models of another depth are on another law than the rest.
const LAYERS: usize = 2;

/// Share of the steps that warm up.
const WARMUP: f64 = 0.05;

/// The best rate falls with the tokens of the run as their power −`HORIZON` (Bjorck et al. 2024,
/// arXiv 2409.19913, find 0.32 for large models; the short runs here ask for more).
const HORIZON: f64 = 0.5;

/// The peak rate of a run over `tokens` tokens relative to one over a million.
fn horizon(tokens: f64) -> f32 {
    (tokens / 1e6).powf(-HORIZON) as f32
}

impl Recipe {
    /// Tokens in a step.
    #[must_use]
    pub fn batch_tokens(&self) -> usize {
        self.batch * self.context
    }

    /// The shapes of the family, small to large: they differ in width only.
    pub fn family(&self) -> impl Iterator<Item = ModelShape> + '_ {
        (0..WIDTHS.len()).map(|index| self.shape(index))
    }

    /// The `index`-th shape of the family; the largest beyond its end.
    #[must_use]
    pub fn shape(&self, index: usize) -> ModelShape {
        let width = WIDTHS[index.min(WIDTHS.len() - 1)];
        ModelShape {
            layers: LAYERS,
            width,
            heads: width / HEAD_WIDTH,
            vocabulary: self.vocabulary,
            context: self.context,
            architecture: Architecture::PLAIN,
        }
    }

    /// Steps that use at least `flops` on `shape`.
    ///
    /// # Errors
    /// [`QuantityError`] for a shape without parameters.
    pub fn steps_for(&self, shape: &ModelShape, flops: f64) -> Result<u64, QuantityError> {
        let step = shape.counted_flops(Tokens::new(self.batch_tokens() as f64)?)?;
        Ok((flops / step.get()).ceil().max(1.0) as u64)
    }

    /// A run of `steps` steps. The warm-up is a twentieth of the run, but no more tokens than the
    /// model has parameters (Porian et al. 2024): a longer one costs small runs their optimum.
    #[must_use]
    pub fn spec(&self, shape: ModelShape, steps: u64, seed: u64) -> TrainSpec {
        let params = shape.params().map_or(0.0, isoflop_laws::Params::get);
        let warmup = (steps as f64 * WARMUP)
            .min(params / self.batch_tokens() as f64)
            .ceil();
        TrainSpec {
            shape,
            batch: self.batch,
            schedule: Schedule {
                warmup: warmup as u64,
                steps,
                decay: Decay::Linear,
            },
            learning_rate: self.learning_rate * horizon(steps as f64 * self.batch_tokens() as f64),
            embedding_rate: EMBEDDING_RATE,
            beta1: BETAS.0,
            beta2: BETAS.1,
            weight_decay: 0.1,
            optimizer: crate::Optimizer::AdamW,
            clip: 1.0,
            seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_grows_without_large_gaps() {
        let sizes: Vec<f64> = Recipe::default()
            .family()
            .map(|shape| shape.params().unwrap().get())
            .collect();
        for (small, large) in sizes.iter().zip(&sizes[1..]) {
            assert!((1.2..2.4).contains(&(large / small)), "{small} to {large}");
        }
        for shape in Recipe::default().family() {
            shape.validate().unwrap();
        }
    }

    #[test]
    fn warm_up_is_short_and_never_longer_than_the_model_is_large() {
        let recipe = Recipe::default();
        let spec = recipe.spec(recipe.shape(0), 10_000, 0);
        let warmup_tokens = spec.schedule.warmup as usize * spec.batch_tokens();
        // Rounded up to whole steps.
        let most = spec.shape.params().unwrap().get() as usize + spec.batch_tokens();
        assert!(warmup_tokens <= most, "{warmup_tokens} of {most}");
        assert!(
            spec.schedule.warmup < 500,
            "not a twentieth of 10,000 steps"
        );
        assert_eq!(recipe.spec(recipe.shape(6), 1000, 0).schedule.warmup, 50);
    }
}
