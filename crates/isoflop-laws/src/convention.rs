//! What a count of parameters or FLOPs includes. Laws of different conventions are never
//! compared in silence: converting between them needs the architecture.

use crate::Counts;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which parameters `N` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParamCount {
    /// All parameters, embeddings and head included (Hoffmann et al. 2022).
    Total,
    /// Without token and position embeddings (Kaplan et al. 2020).
    NonEmbedding,
}

/// How the training compute `C` was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlopCount {
    /// `C = 6 N D`: 2 FLOPs a parameter forward, 4 backward (Kaplan et al. 2020, section 2.1).
    SixNd,
    /// Counted from the architecture, attention and output layer included
    /// (Hoffmann et al. 2022, appendix F).
    Counted,
}

impl fmt::Display for ParamCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParamCount::Total => "total parameters",
            ParamCount::NonEmbedding => "non-embedding parameters",
        })
    }
}

impl fmt::Display for FlopCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FlopCount::SixNd => "C = 6ND",
            FlopCount::Counted => "C counted from the architecture",
        })
    }
}

/// Two numbers that count different things.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConventionError {
    /// One N counts the embeddings and the other does not.
    #[error(
        "{one} counts {one_counts}, {other} counts {other_counts}: give both in one convention, or the architecture to convert by"
    )]
    Params {
        /// What the first N belongs to, such as `law kaplan-n`.
        one: String,
        /// What it counts.
        one_counts: ParamCount,
        /// What the second N belongs to.
        other: String,
        /// What it counts.
        other_counts: ParamCount,
    },
    /// One C is 6ND and the other was counted.
    #[error(
        "{one} takes {one_counts}, {other} takes {other_counts}: give both in one convention, or the architecture to convert by"
    )]
    Flops {
        /// What the first C belongs to.
        one: String,
        /// How it was obtained.
        one_counts: FlopCount,
        /// What the second C belongs to.
        other: String,
        /// How it was obtained.
        other_counts: FlopCount,
    },
    /// A model smaller than its own embeddings.
    #[error(
        "a model of {params} total parameters cannot hold {embedding} embedding parameters: check the vocabulary and the width"
    )]
    SmallerThanEmbeddings {
        /// Total parameters as given.
        params: String,
        /// Embedding parameters of the architecture.
        embedding: u64,
    },
    /// A converted number is too large or too small.
    #[error("{0} cannot be converted: the result is no positive finite number")]
    OutOfRange(String),
}

impl Counts {
    /// Whether two fits, or a fit and data, count alike; what one of them lacks agrees with
    /// anything.
    ///
    /// # Errors
    /// [`ConventionError`], which says which counts what.
    pub fn agree(self, one: &str, other: &str, counts: Counts) -> Result<(), ConventionError> {
        if let (Some(one_counts), Some(other_counts)) = (self.params, counts.params)
            && one_counts != other_counts
        {
            return Err(ConventionError::Params {
                one: one.to_owned(),
                one_counts,
                other: other.to_owned(),
                other_counts,
            });
        }
        if let (Some(one_counts), Some(other_counts)) = (self.flops, counts.flops)
            && one_counts != other_counts
        {
            return Err(ConventionError::Flops {
                one: one.to_owned(),
                one_counts,
                other: other.to_owned(),
                other_counts,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find;

    #[test]
    fn mixing_conventions_says_which_counts_what() {
        let counts = |name: &str| find(name).unwrap().counts().unwrap();
        let kaplan = counts("kaplan-2020-n");
        let hoffmann = counts("hoffmann-2022");
        let error = kaplan.agree("law kaplan-2020-n", "the table of runs", hoffmann);
        insta::assert_snapshot!(
            error.unwrap_err(),
            @"law kaplan-2020-n counts non-embedding parameters, the table of runs counts total parameters: give both in one convention, or the architecture to convert by"
        );
        let counted = Counts {
            flops: Some(FlopCount::Counted),
            ..Counts::TOTAL
        };
        let error = hoffmann.agree("law hoffmann-2022", "run 7", counted);
        insta::assert_snapshot!(
            error.unwrap_err(),
            @"law hoffmann-2022 takes C = 6ND, run 7 takes C counted from the architecture: give both in one convention, or the architecture to convert by"
        );
    }

    #[test]
    fn what_a_law_does_not_count_agrees_with_anything() {
        for counts in [Counts::NONE, Counts::TOTAL, Counts::NON_EMBEDDING] {
            assert_eq!(Counts::NONE.agree("a", "b", counts), Ok(()));
            assert_eq!(counts.agree("a", "b", counts), Ok(()));
        }
    }
}
