//! A fit as a text that is kept: every front end writes it and reads it instead of runs.

use crate::sealed::SealedRun;
use isoflop_fit::Fit;
use serde::{Deserialize, Serialize};

/// The layout that this version writes.
const FORMAT: &str = "isoflop-fit-1";

/// Why a saved fit is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedFitError {
    /// Another layout, written by another version.
    #[error("is a fit of the format `{0}`: expected `{FORMAT}`")]
    Format(String),
    /// Not what this version writes.
    #[error("is damaged, or of another version: {0}")]
    Damaged(String),
}

impl SavedFitError {
    /// What helps against it.
    pub const HINT: &str =
        "fit the runs again with this version: `isoflop fit RUNS --save FIT.json`";
}

/// A fit and the runs that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedFit {
    format: String,
    /// Where the runs came from.
    pub source: String,
    /// The fit.
    pub fit: Fit,
    /// The runs that it used, in its order.
    pub runs: Vec<SealedRun>,
    /// Hash of the corpus of all the runs, where they agree on one.
    pub corpus_fingerprint: Option<String>,
}

/// Only the layout: enough to tell a saved fit from any other JSON.
#[derive(Deserialize)]
struct Layout {
    format: String,
}

impl SavedFit {
    /// A fit of these runs, which came from `source`.
    #[must_use]
    pub fn new(
        source: impl Into<String>,
        fit: Fit,
        runs: Vec<SealedRun>,
        corpus_fingerprint: Option<String>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            source: source.into(),
            fit,
            runs,
            corpus_fingerprint,
        }
    }

    /// The text that [`from_json`](Self::from_json) reads: one line.
    ///
    /// # Errors
    /// The serialiser's own; there is none for numbers that a fit can hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads it; `None` if the text is something else than a saved fit.
    ///
    /// # Errors
    /// [`SavedFitError`] for a saved fit that is damaged or of another version.
    pub fn from_json(text: &str) -> Result<Option<Self>, SavedFitError> {
        match serde_json::from_str::<Layout>(text) {
            Ok(layout) if layout.format == FORMAT => {}
            Ok(layout) if layout.format.starts_with("isoflop-fit-") => {
                return Err(SavedFitError::Format(layout.format));
            }
            _ => return Ok(None),
        }
        let read = serde_json::from_str(text);
        read.map(Some)
            .map_err(|error| SavedFitError::Damaged(error.to_string()))
    }
}
