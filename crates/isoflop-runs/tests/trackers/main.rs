//! One ladder as every tracker's own tool wrote it (`real_tools/write_ladders.py`), imported.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod every_source;
mod mlflow;
mod tables;
mod tensorboard;
mod trainer_state;
mod wandb;

use isoflop_runs::{ImportOptions, Imported, SelectionOptions, import_source};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn import(name: &str, options: &ImportOptions) -> Imported {
    import_source(fixture(name).to_str().unwrap(), options).unwrap()
}

/// What the script says that it wrote: N, D and loss by name.
fn expected() -> BTreeMap<String, [f64; 3]> {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    let runs: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let number = |run: &serde_json::Value, key: &str| run[key].as_f64().unwrap();
    runs.iter()
        .map(|run| {
            let name = run["run"].as_str().unwrap().to_owned();
            let values = ["params", "tokens", "loss"].map(|key| number(run, key));
            (name, values)
        })
        .collect()
}

/// N, D and loss of the runs that a fit would use.
fn used(imported: &Imported) -> BTreeMap<String, [f64; 3]> {
    let selection = imported.select(SelectionOptions::default());
    let runs = selection.used.iter().zip(&selection.dataset.observations);
    runs.map(|(index, observation)| {
        let values = [
            observation.params.get(),
            observation.tokens.get(),
            observation.loss.get(),
        ];
        (imported.rows[*index].run.run.clone(), values)
    })
    .collect()
}

/// Guesses that were made, and notes.
fn shown(imported: &Imported) -> String {
    let lines = imported.columns.iter().map(ToString::to_string);
    lines
        .chain(imported.notes.iter().cloned())
        .collect::<Vec<_>>()
        .join("\n")
}
