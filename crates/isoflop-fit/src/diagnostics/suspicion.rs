//! What may be wrong, as data and as a sentence.

use super::Quantity;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that makes a fit doubtful; its text says what was seen and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suspicion {
    /// Losses are about 1 / ln 2 times what published laws give at these sizes and data.
    BitsGivenAsNats {
        /// Median of loss ÷ published loss.
        ratio: f64,
    },
    /// Losses are far below any published for text at these sizes and data.
    PerByte {
        /// Median of loss ÷ published loss.
        ratio: f64,
    },
    /// C is said to be 6ND and is not.
    NotSixNd {
        /// Smallest C ÷ 6ND.
        smallest: f64,
        /// Largest C ÷ 6ND.
        largest: f64,
    },
    /// C ÷ 6ND falls with size: N leaves parameters out that C counts.
    ParametersLeftOut {
        /// C ÷ 6ND of the smaller half of the runs, by size.
        small: f64,
        /// The same of the larger half.
        large: f64,
    },
    /// Counted FLOPs that are less than 6ND, or several times as much.
    CountedFlops {
        /// Median of C ÷ 6ND.
        ratio: f64,
    },
    /// Checkpoints before the end of a run lie above where runs that end there would.
    Schedule {
        /// Runs with several checkpoints.
        runs: usize,
        /// Mean of ln L − ln L̂ before the end, less that at the end.
        excess: f64,
    },
    /// Runs with several checkpoints, which are not independent.
    Checkpoints {
        /// Training runs.
        runs: usize,
        /// Observations of them.
        observations: usize,
    },
    /// Tokens were repeated and the law takes them for new.
    Repeated {
        /// Observations with D > U.
        observations: usize,
        /// Largest D / U.
        most: f64,
    },
    /// Text of several qualities, which the law takes for alike.
    Graded {
        /// Smallest quality.
        least: f64,
        /// Largest quality.
        most: f64,
    },
    /// An input reaches over too small a factor.
    ShortRange {
        /// Which.
        quantity: Quantity,
        /// Largest ÷ smallest.
        factor: f64,
    },
    /// Residuals rise, fall or bend with an input.
    ResidualTrend {
        /// Which.
        quantity: Quantity,
        /// Whether they bend rather than rise or fall.
        bends: bool,
        /// Change of ln L − ln L̂ over the range, or its middle against its ends.
        change: f64,
    },
    /// Runs that lie far from the law.
    Outliers {
        /// Positions in the dataset, the farthest first.
        indices: Vec<usize>,
        /// |ln L − ln L̂| of the farthest.
        farthest: f64,
    },
    /// Runs without which the fit would be another.
    Influential {
        /// Positions in the dataset, the most influential first.
        indices: Vec<usize>,
    },
    /// Most runs are far from the best size for their compute.
    OffFrontier {
        /// Observations more than a factor of four off.
        observations: usize,
        /// All observations.
        of: usize,
    },
}

impl Suspicion {
    /// The sentence, with runs named as `name` says for their position in the dataset.
    #[must_use]
    pub fn in_words(&self, name: impl Fn(usize) -> String) -> String {
        let first = |indices: &[usize]| indices.first().map_or_else(String::new, |&k| name(k));
        match self {
            Suspicion::Outliers { indices, farthest } => format!(
                "{} of the runs lie far from the law, the farthest by {:.1} % ({}): look whether they ended as the others did",
                indices.len(),
                100.0 * farthest,
                first(indices)
            ),
            Suspicion::Influential { indices } => format!(
                "{} of the runs decide the fit alone (first {}): repeat or surround them",
                indices.len(),
                first(indices)
            ),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Suspicion::BitsGivenAsNats { ratio } => write!(
                f,
                "losses are {ratio:.2} times what published laws give at these sizes and data, as they would be in bits: if they are bits per token, multiply by ln 2"
            ),
            Suspicion::PerByte { ratio } => write!(
                f,
                "losses are {ratio:.2} times what published laws give for text at these sizes and data, as they would be per byte or character: if so, multiply by the bytes per token (and by ln 2 if they are bits); code is also this low"
            ),
            Suspicion::NotSixNd { smallest, largest } => write!(
                f,
                "FLOPs are said to be 6ND and are {smallest:.2} to {largest:.2} times that: leave the column out, or say that they were counted"
            ),
            Suspicion::ParametersLeftOut { small, large } => write!(
                f,
                "FLOPs are {small:.2} times 6ND for the smaller models and {large:.2} for the larger: N seems to leave out parameters, such as embeddings, that the FLOPs count"
            ),
            Suspicion::CountedFlops { ratio } => write!(
                f,
                "counted FLOPs are {ratio:.2} times 6ND, which no transformer's are: check the units of FLOPs, sizes and tokens, and which parameters N counts"
            ),
            Suspicion::Schedule { runs, excess } => write!(
                f,
                "checkpoints before the end of {runs} runs lie {:.1} % above where runs that end there would: use final losses only, or runs whose schedule ends with them",
                100.0 * excess
            ),
            Suspicion::Checkpoints { runs, observations } => write!(
                f,
                "{observations} observations come from {runs} runs: those of one run err together, and the intervals allow for it"
            ),
            Suspicion::Repeated { observations, most } => write!(
                f,
                "{observations} observations repeat their tokens, up to {most:.1} times, and the law takes every token for new, which is nearly right up to about four times (Muennighoff et al. 2023): leave out those that repeat more, or fit `data-constrained`, or `repetition-penalty` where more epochs hurt"
            ),
            Suspicion::Graded { least, most } => write!(
                f,
                "the runs saw text of quality {least:.3} to {most:.3}, and the law takes all text as alike: fit `data-quality`, or the runs on one text alone"
            ),
            Suspicion::ShortRange { quantity, factor } => write!(
                f,
                "{quantity} reaches over a factor of {factor:.1} only: a power and a constant look alike over less than ten"
            ),
            Suspicion::ResidualTrend {
                quantity,
                bends,
                change,
            } => {
                let shape = if *bends { "bend" } else { "drift" };
                write!(
                    f,
                    "residuals {shape} with {quantity} by {:.1} % over its range: the law's form does not hold for all of these runs",
                    100.0 * change.abs()
                )
            }
            Suspicion::Outliers { .. } | Suspicion::Influential { .. } => {
                f.write_str(&self.in_words(|index| format!("observation {}", index + 1)))
            }
            Suspicion::OffFrontier { observations, of } => write!(
                f,
                "{observations} of {of} observations are more than a factor of four from the best size for their compute: add runs near it"
            ),
        }
    }
}
