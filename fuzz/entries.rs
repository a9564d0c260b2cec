//! What hostile bytes are fed to: one function for each kind of input.
//!
//! The fuzz targets call these with what the fuzzer makes up, and an ordinary test
//! (`crates/isoflop/tests/hostile_input.rs`) with the files of `corpus/`.

use isoflop_plan::{Ledger, SavedFit, SealedForecast};
use isoflop_runs::{Format, ImportOptions, Imported, RowsAre, SelectionOptions, import_bytes};

/// A reader, under the name of its target and of its folder in `corpus/`.
pub type Entry = (&'static str, fn(&[u8]));

/// Every reader of hostile input.
pub const ENTRIES: &[Entry] = &[
    ("csv", csv),
    ("json", json),
    ("jsonl", jsonl),
    ("compressed", compressed),
    ("parquet", parquet),
    ("tensorboard", tensorboard),
    ("wandb", wandb),
    ("trainer_state", trainer_state),
    ("log", log),
    ("saved", saved),
];

/// Tables as runs, and as points of learning curves.
pub fn csv(bytes: &[u8]) {
    table(Format::Csv, bytes);
}

/// One JSON text in any shape.
pub fn json(bytes: &[u8]) {
    table(Format::Json, bytes);
}

/// One object a line.
pub fn jsonl(bytes: &[u8]) {
    table(Format::JsonLines, bytes);
}

/// gzip and zstd, and whatever is in them; the format is told from the bytes.
pub fn compressed(bytes: &[u8]) {
    read(bytes, &ImportOptions::default());
}

/// Parquet files.
pub fn parquet(bytes: &[u8]) {
    read(bytes, &of(Format::Parquet));
}

/// TensorBoard event files.
pub fn tensorboard(bytes: &[u8]) {
    read(bytes, &of(Format::TensorBoard));
}

/// Offline runs of W&B.
pub fn wandb(bytes: &[u8]) {
    read(bytes, &of(Format::Wandb));
}

/// `trainer_state.json` of Hugging Face.
pub fn trainer_state(bytes: &[u8]) {
    read(bytes, &of(Format::TrainerState));
}

/// Console logs, by the known patterns.
pub fn log(bytes: &[u8]) {
    read(bytes, &of(Format::Log));
}

/// Saved fits, sealed forecasts and ledgers.
pub fn saved(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = SavedFit::from_json(text);
    let _ = SealedForecast::from_json(text);
    if let Ok(ledger) = Ledger::from_jsonl(text) {
        assert_eq!(
            ledger.to_jsonl(),
            text,
            "an accepted ledger is written as it was"
        );
    }
}

fn of(format: Format) -> ImportOptions {
    ImportOptions {
        format: Some(format),
        ..ImportOptions::default()
    }
}

fn table(format: Format, bytes: &[u8]) {
    read(bytes, &of(format));
    let checkpoints = ImportOptions {
        rows: RowsAre::Checkpoints,
        ..of(format)
    };
    read(bytes, &checkpoints);
}

/// Reads, and does with the runs what every command does.
fn read(bytes: &[u8], options: &ImportOptions) {
    let Ok(imported) = import_bytes("input", bytes, options) else {
        return;
    };
    let selection = imported.select(SelectionOptions::default());
    assert_eq!(selection.used.len(), selection.dataset.observations.len());
    assert_eq!(
        selection.used.len() + selection.dropped.len(),
        imported.rows.len() + imported.dropped.len(),
        "every row is used or listed"
    );
    check(&imported);
}

fn check(imported: &Imported) {
    for row in &imported.rows {
        assert!(!row.run.run.trim().is_empty(), "a run has a name");
        assert!(row.run.validate().is_ok(), "{:?}", row.run.validate());
        let steps = row.curve.windows(2);
        assert!(
            steps.into_iter().all(|pair| pair[0].step < pair[1].step),
            "a curve is in order of steps"
        );
        let _ = imported.provenance(row);
    }
}
