//! A fit as a file: what `isoflop fit --save` writes and every command reads instead of runs.

use crate::failure::Failure;
use crate::fitting::FittableRuns;
use isoflop_fit::Fit;
use isoflop_plan::SealedRun;
use isoflop_runs::write_atomically;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The layout that this version writes.
const FORMAT: &str = "isoflop-fit-1";

const AGAIN: &str = "fit the runs again with this version: `isoflop fit RUNS --save FIT.json`";

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
    /// The fit of these runs.
    pub fn new(fit: Fit, runs: &FittableRuns) -> Self {
        Self {
            format: FORMAT.to_owned(),
            source: runs.rows.source.clone(),
            fit,
            runs: inputs(runs),
            corpus_fingerprint: fingerprint(runs),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// Status 2 if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::misuse(format!("cannot write {}: {error}", path.display()))
        };
        let text = serde_json::to_string(self).map_err(|error| failed(error.into()))?;
        write_atomically(path, (text + "\n").as_bytes()).map_err(failed)
    }

    /// Reads it; `None` if the file is something else.
    ///
    /// # Errors
    /// Status 2 for a saved fit that is damaged or of a later version.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let Some(text) = json_object(path) else {
            return Ok(None);
        };
        let format = match serde_json::from_str::<Layout>(&text) {
            Ok(layout) if layout.format.starts_with("isoflop-fit-") => layout.format,
            _ => return Ok(None),
        };
        let name = path.display();
        if format != FORMAT {
            let sentence = format!("{name} is a fit of the format `{format}`: expected `{FORMAT}`");
            return Err(Failure::misuse(sentence).hint(AGAIN));
        }
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| {
            let sentence = format!("{name} is damaged, or of another version: {error}");
            Failure::misuse(sentence).hint(AGAIN)
        })
    }
}

/// The text of a file that is one JSON object; nothing for tables, stores and devices.
fn json_object(path: &Path) -> Option<String> {
    if path.extension()? != "json" {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    text.trim_start().starts_with('{').then_some(text)
}

fn inputs(runs: &FittableRuns) -> Vec<SealedRun> {
    let observed = &runs.selection.dataset.observations;
    let used = runs.selection.used.iter().zip(observed);
    used.map(|(&index, observation)| SealedRun {
        run: runs.rows.rows[index].run.run.clone(),
        params: Some(observation.params),
        tokens: Some(observation.tokens),
        flops: observation.flops,
        loss: observation.loss,
        loss_std: observation.loss_std,
    })
    .collect()
}

fn fingerprint(runs: &FittableRuns) -> Option<String> {
    let of = |&index: &usize| runs.rows.rows[index].run.corpus_fingerprint.clone();
    let first = runs.selection.used.first().and_then(of)?;
    let same = runs
        .selection
        .used
        .iter()
        .all(|index| of(index).as_ref() == Some(&first));
    same.then_some(first)
}
