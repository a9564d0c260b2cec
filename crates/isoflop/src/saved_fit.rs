//! A fit as a file: what `isoflop fit --save` writes and every command reads instead of runs.

use crate::failure::Failure;
use crate::fitting::FittableRuns;
use isoflop_fit::Fit;
use isoflop_plan::{SavedFit, SavedFitError, SealedRun};
use isoflop_runs::write_atomically;
use std::path::Path;

/// The fit of these runs, to be kept.
pub fn of_runs(fit: Fit, runs: &FittableRuns) -> SavedFit {
    let source = runs.rows.source.clone();
    SavedFit::new(source, fit, inputs(runs), fingerprint(runs))
}

/// Writes it.
///
/// # Errors
/// Status 2 if the file cannot be written.
pub fn write(saved: &SavedFit, path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::misuse(format!("cannot write {}: {error}", path.display()))
    };
    let text = saved.to_json().map_err(|error| failed(error.into()))?;
    write_atomically(path, (text + "\n").as_bytes()).map_err(failed)
}

/// Reads it; `None` if the file is something else.
///
/// # Errors
/// Status 2 for a saved fit that is damaged or of another version.
pub fn read(path: &Path) -> Result<Option<SavedFit>, Failure> {
    let Some(text) = json_object(path) else {
        return Ok(None);
    };
    SavedFit::from_json(&text).map_err(|error| {
        let sentence = format!("{} {error}", path.display());
        Failure::misuse(sentence).hint(SavedFitError::HINT)
    })
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
