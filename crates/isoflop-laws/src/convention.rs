//! What a count of parameters or FLOPs includes. Laws of different conventions are never
//! compared in silence: converting between them needs the architecture.

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
