//! From one convention to another: exactly by the architecture, or approximately by size alone.

use crate::laws::source::PEARCE_2024;
use crate::{Citation, ConventionError, FlopCount, Flops, ParamCount, Params};

/// The parameters of a model that [`ParamCount::NonEmbedding`] leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embeddings {
    /// V, distinct tokens.
    pub vocabulary: u64,
    /// d, width of the residual stream.
    pub width: u64,
    /// Learnt positions; 0 for rotary or fixed ones.
    pub positions: u64,
    /// Whether the head is the embedding of tokens and not a matrix of its own.
    pub tied: bool,
}

impl Embeddings {
    /// V d, once if tied and twice if not, and d for each learnt position.
    #[must_use]
    pub fn params(&self) -> u64 {
        let matrices = if self.tied { 1 } else { 2 };
        (matrices * self.vocabulary + self.positions) * self.width
    }

    /// N in another convention, exactly.
    ///
    /// # Errors
    /// [`ConventionError::SmallerThanEmbeddings`] for a total that these embeddings exceed.
    pub fn convert(
        &self,
        params: Params,
        from: ParamCount,
        to: ParamCount,
    ) -> Result<Params, ConventionError> {
        let embedding = self.params() as f64;
        let converted = match (from, to) {
            (ParamCount::Total, ParamCount::NonEmbedding) => params.get() - embedding,
            (ParamCount::NonEmbedding, ParamCount::Total) => params.get() + embedding,
            _ => params.get(),
        };
        Params::new(converted).map_err(|_| ConventionError::SmallerThanEmbeddings {
            params: params.to_string(),
            embedding: self.params(),
        })
    }
}

/// What a model computes for a token, counted from its architecture, against the 6N of C = 6ND.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlopsPerToken {
    /// N, in the convention of the law whose C is 6ND.
    pub params: Params,
    /// Training FLOPs for a token, counted (Hoffmann et al. 2022, appendix F).
    pub counted: Flops,
}

impl FlopsPerToken {
    /// C in another convention, exactly, for the same model and data.
    ///
    /// # Errors
    /// [`ConventionError::OutOfRange`] where C is too large or small for a number.
    pub fn convert(
        &self,
        flops: Flops,
        from: FlopCount,
        to: FlopCount,
    ) -> Result<Flops, ConventionError> {
        let ratio = self.counted.get() / (6.0 * self.params.get());
        let converted = match (from, to) {
            (FlopCount::SixNd, FlopCount::Counted) => flops.get() * ratio,
            (FlopCount::Counted, FlopCount::SixNd) => flops.get() / ratio,
            _ => flops.get(),
        };
        Flops::new(converted).map_err(|_| ConventionError::OutOfRange(format!("C = {flops}")))
    }
}

/// N_total = N + w N^(1/3) for non-embedding N: what models of one family and vocabulary have in
/// common, where no architecture is known (Pearce & Song 2024, eq. 11).
///
/// An approximation: it holds for a fixed ratio of width to depth and one vocabulary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PearceSong {
    /// w: embedding parameters for each unit of N^(1/3).
    pub weight: f64,
}

impl PearceSong {
    /// Fitted by Pearce & Song 2024 to the shapes of Hoffmann et al. 2022, 44M to 16B parameters
    /// with a vocabulary of 32,000.
    pub const CHINCHILLA: Self = Self { weight: 47_491.0 };

    /// Where form and weight come from.
    pub const SOURCE: Citation = PEARCE_2024.at("eq. 11 and appendix");

    /// Total parameters from those without embeddings.
    ///
    /// # Errors
    /// [`ConventionError::OutOfRange`] where N is too large for a number.
    pub fn total(&self, non_embedding: Params) -> Result<Params, ConventionError> {
        let n = non_embedding.get();
        let total = n + self.weight * n.cbrt();
        Params::new(total).map_err(|_| ConventionError::OutOfRange(format!("N = {non_embedding}")))
    }

    /// Parameters without embeddings from all.
    ///
    /// # Errors
    /// [`ConventionError::OutOfRange`] where N is too small for a number.
    pub fn non_embedding(&self, total: Params) -> Result<Params, ConventionError> {
        // With y = N^(1/3): y³ + w y = total, convex and rising, so that Newton's method from
        // above the root falls to it without ever passing it.
        let mut y = total.get().cbrt();
        for _ in 0..100 {
            let next = (2.0 * y.powi(3) + total.get()) / (3.0 * y * y + self.weight);
            if (next - y).abs() <= 1e-15 * y {
                break;
            }
            y = next;
        }
        Params::new(y.powi(3)).map_err(|_| ConventionError::OutOfRange(format!("N = {total}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::Chinchilla;
    use proptest::prelude::*;

    fn params(value: f64) -> Params {
        Params::new(value).unwrap()
    }

    /// GPT-2 small: 50,257 tokens, width 768, 1,024 learnt positions, tied.
    const GPT_2: Embeddings = Embeddings {
        vocabulary: 50_257,
        width: 768,
        positions: 1024,
        tied: true,
    };

    #[test]
    fn gpt_2_small_has_eighty_five_million_parameters_without_embeddings() {
        let (total, without) = (ParamCount::Total, ParamCount::NonEmbedding);
        let found = GPT_2.convert(params(124_439_808.0), total, without);
        assert_eq!(found.unwrap().get(), 85_056_000.0);
        let back = GPT_2.convert(params(85_056_000.0), without, total).unwrap();
        assert_eq!(back.get(), 124_439_808.0);
        let untied = Embeddings {
            tied: false,
            ..GPT_2
        };
        assert_eq!(untied.params() - GPT_2.params(), 50_257 * 768);
    }

    #[test]
    fn a_model_smaller_than_its_embeddings_is_refused() {
        let error = GPT_2
            .convert(params(1e6), ParamCount::Total, ParamCount::NonEmbedding)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("1M") && error.contains("vocabulary"),
            "{error}"
        );
    }

    #[test]
    fn embeddings_are_half_of_a_model_near_ten_million_parameters() {
        // Pearce & Song 2024: N = w^(3/2), about 1e7.
        let n = PearceSong::CHINCHILLA.weight.powf(1.5);
        let total = PearceSong::CHINCHILLA.total(params(n)).unwrap();
        assert!((total.get() / n - 2.0).abs() < 1e-9);
        assert!((n / 1e7 - 1.0).abs() < 0.05);
    }

    #[test]
    fn kaplans_exponent_follows_from_counting_without_embeddings_at_small_scale() {
        // Pearce & Song 2024: with the constants of Besiroglu et al. over Kaplan's sizes, 790 to
        // 1.58e9 non-embedding parameters, the best N grows as C^0.78, with Hoffmann's as C^0.74.
        // They minimise the loss for a budget that leaves embeddings out as well.
        for (law, expected) in [
            (Chinchilla::BESIROGLU_2024, 0.78),
            (Chinchilla::HOFFMANN_2022_PRINTED, 0.74),
        ] {
            let best = |ln_n: f64| {
                let n = ln_n.exp();
                let total = PearceSong::CHINCHILLA.total(params(n)).unwrap().get();
                // dL / d ln N = dL / d ln D, with d total / d ln N = N + w N^(1/3) / 3.
                let growth = (n + (total - n) / 3.0) / total;
                let of_size = law.alpha * law.a * total.powf(-law.alpha) * growth;
                let ln_d = (law.beta * law.b / of_size).ln() / law.beta;
                (6f64.ln() + ln_n + ln_d, ln_n)
            };
            let (from, to) = (790f64.ln(), 1.58e9f64.ln());
            let sizes = (0..=4000).map(|i| best(from + (to - from) * f64::from(i) / 4000.0));
            // Evenly spaced by compute, as theirs are.
            let mut points: Vec<(f64, f64)> = Vec::new();
            for point in sizes {
                if points.last().is_none_or(|last| point.0 >= last.0 + 0.1) {
                    points.push(point);
                }
            }
            let slope = slope(&points);
            assert!((slope - expected).abs() < 0.01, "{law:?}: {slope}");
        }
    }

    fn slope(points: &[(f64, f64)]) -> f64 {
        let n = points.len() as f64;
        let (sum_x, sum_y) = points
            .iter()
            .fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
        let (mean_x, mean_y) = (sum_x / n, sum_y / n);
        let xy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
        let xx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
        xy / xx
    }

    proptest! {
        #[test]
        fn every_conversion_there_and_back_is_the_same_number(log_n in 5.0f64..13.0, ratio in 0.5f64..3.0) {
            let n = params(10f64.powf(log_n));
            let total = PearceSong::CHINCHILLA.total(n).unwrap();
            let back = PearceSong::CHINCHILLA.non_embedding(total).unwrap();
            prop_assert!((back.get() / n.get() - 1.0).abs() < 1e-9);
            let flops = Flops::new(1e21).unwrap();
            let per_token = FlopsPerToken {
                params: n,
                counted: Flops::new(6.0 * n.get() * ratio).unwrap(),
            };
            let counted = per_token.convert(flops, FlopCount::SixNd, FlopCount::Counted).unwrap();
            prop_assert!((counted.get() / 1e21 / ratio - 1.0).abs() < 1e-12);
            let back = per_token.convert(counted, FlopCount::Counted, FlopCount::SixNd).unwrap();
            prop_assert!((back.get() / 1e21 - 1.0).abs() < 1e-12);
        }
    }
}
