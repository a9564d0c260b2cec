//! What holds whichever tool wrote the runs: options, refusals and the store.

use super::{expected, import, used};
use isoflop_runs::{FinalLoss, Format, ImportOptions, Status, Store, import_source};

#[test]
fn the_final_loss_follows_the_stated_rule() {
    let last = used(&import("wandb", &ImportOptions::default()));
    let rule = |final_loss| ImportOptions {
        final_loss,
        ..ImportOptions::default()
    };
    let mean = used(&import("wandb", &rule(FinalLoss::MeanOfLast(2))));
    for (name, [_, _, loss]) in &mean {
        assert!(*loss > last[name][2], "{name}");
    }
    // The ladder decays to a tenth of the nominal rate.
    assert_eq!(used(&import("wandb", &rule(FinalLoss::Annealed))), last);
    let unknown = import("mlflow", &rule(FinalLoss::Annealed));
    assert!(
        unknown
            .rows
            .iter()
            .all(|row| row.run.status != Status::Finished)
            || unknown.rows.is_empty()
    );
    assert!(
        unknown.dropped[0]
            .reason
            .contains("no learning rate is logged")
    );
}

#[test]
fn a_value_given_for_all_runs_fills_what_a_source_does_not_say() {
    let mut options = ImportOptions::default();
    options.add_value("dataset=made up").unwrap();
    options.add_value("params=5").unwrap();
    let imported = import("wandb", &options);
    assert!(
        imported
            .rows
            .iter()
            .all(|row| row.run.dataset.as_deref() == Some("made up"))
    );
    assert_eq!(used(&imported), expected());
    assert!(options.add_value("params=many").is_err());
    assert!(options.add_value("parms=5").is_err());
}

#[test]
fn a_folder_with_nothing_to_read_says_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = import_source(folder.path().to_str().unwrap(), &ImportOptions::default());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("TensorBoard") && error.contains("Parquet"),
        "{error}"
    );
}

#[test]
fn imported_curves_reach_the_store_and_a_second_import_changes_nothing() {
    let mut store = Store::in_memory().unwrap();
    let options = ImportOptions {
        format: Some(Format::Wandb),
        ..ImportOptions::default()
    };
    for _ in 0..2 {
        let imported = import("wandb", &options);
        store.record_imported(&[imported]).unwrap();
    }
    assert_eq!(store.runs().unwrap().len(), 9);
    assert_eq!(store.checkpoints("n10m-s500").unwrap().len(), 5);
    let origins = store.provenance("n10m-s500").unwrap();
    assert!(
        origins
            .iter()
            .any(|origin| origin.field == "loss" && origin.note.contains("val/loss"))
    );
}
