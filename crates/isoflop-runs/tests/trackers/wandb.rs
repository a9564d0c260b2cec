//! What W&B keeps on disk, and what was exported from it.

use super::{expected, fixture, import, shown, used};
use isoflop_runs::{ImportOptions, Status, import_source};
use std::collections::BTreeMap;

#[test]
fn offline_runs_of_wandb_are_read_to_the_last_bit_with_their_curves() {
    let imported = import("wandb", &ImportOptions::default());
    assert_eq!(used(&imported), expected());
    insta::assert_snapshot!(shown(&imported), @r#"
    `run` read as run
    `_step` kept as label__step: step is read from `step`
    `batch_tokens` read as batch_tokens
    `learning_rate` kept as label_learning_rate: lr is read from `lr`
    `model.n_layer` kept as label_model.n_layer
    `n_params` read as params
    `project` kept as label_project
    `run_id` kept as label_run_id: run is read from `run`
    `_runtime` read as wall_secs
    `_timestamp` kept as label__timestamp
    `lr` read as lr
    `tokens` read as tokens
    `train/loss` kept as label_train/loss: loss is read from `val/loss`
    `val/loss` read as loss
    `step` read as step
    `status` read as status
    "#);
    for row in &imported.rows {
        assert_eq!(row.run.status, Status::Finished);
        assert_eq!(row.run.lr, Some(3e-3 * (1.0 - 0.9 * 100.0 / 500.0)));
        assert_eq!(row.curve.len(), 5);
        let last = row.curve.last().unwrap();
        assert_eq!(
            (last.loss, Some(last.tokens)),
            (row.run.loss, row.run.tokens)
        );
        assert!(last.train_loss.unwrap() < last.loss.unwrap());
        assert!(last.lr.unwrap() < 3.1e-4);
    }
}

/// Losses that went through pandas' `to_json`, which rounds to ten digits.
fn assert_near(found: &BTreeMap<String, [f64; 3]>, expected: &BTreeMap<String, [f64; 3]>) {
    assert_eq!(found.len(), expected.len());
    for (name, values) in expected {
        for (one, other) in found[name].iter().zip(values) {
            assert!((one / other - 1.0).abs() < 1e-9, "{name}: {one}, {other}");
        }
    }
}

/// `real_tools/write_wandb_exports.py` says how these files came about without W&B's server.
#[test]
fn histories_exported_from_wandb_are_runs_with_their_curves() {
    let mut names = vec!["history.csv.gz"];
    if cfg!(feature = "parquet") {
        names.push("history.parquet");
    }
    for name in names {
        let imported = import(&format!("wandb-export/{name}"), &ImportOptions::default());
        assert_eq!(used(&imported), expected(), "{name}");
        for row in &imported.rows {
            assert_eq!(row.run.lr, Some(3e-3 * (1.0 - 0.9 * 100.0 / 500.0)));
            let last = row.curve.last().unwrap();
            assert_eq!(
                (row.curve.len(), last.loss, Some(last.tokens)),
                (5, row.run.loss, row.run.tokens)
            );
            assert!(last.train_loss.unwrap() < last.loss.unwrap());
        }
        let rows = imported.rows.iter();
        let lines: Vec<u64> = rows.map(|row| row.line).collect();
        let header = u64::from(name.ends_with(".gz"));
        assert_eq!(
            lines,
            (1..=9).map(|run| header + 5 * run).collect::<Vec<_>>()
        );
        assert!(
            imported
                .notes
                .iter()
                .any(|note| note.contains("history of W&B runs"))
        );
    }
}

#[test]
fn a_history_without_a_name_is_the_run_that_its_file_is_named_after() {
    let mut options = ImportOptions::default();
    options.add_value("params=10M").unwrap();
    let first = expected()
        .into_iter()
        .filter(|(name, _)| name == "n10m-s500")
        .collect();
    for ending in ["csv", "jsonl"] {
        let imported = import(
            &format!("wandb-export/history/n10m-s500.{ending}"),
            &options,
        );
        assert_eq!(used(&imported), first, "{ending}");
        assert_eq!(imported.rows[0].curve.len(), 5);
    }
    let error = import_source(
        fixture("wandb-export/history/n10m-s500.csv")
            .to_str()
            .unwrap(),
        &ImportOptions::default(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("two of params, tokens and flops")
    );
}

#[test]
fn projects_exported_from_wandb_are_runs() {
    let exact = |name: &str| {
        let imported = import(&format!("wandb-export/{name}"), &ImportOptions::default());
        assert_eq!(used(&imported), expected(), "{name}");
        imported
    };
    let of_guide = exact("project.csv");
    let table = exact("runs-table.csv");
    if cfg!(feature = "parquet") {
        exact("project.parquet");
    }
    let rounded = import("wandb-export/project.jsonl", &ImportOptions::default());
    assert_near(&used(&rounded), &expected());
    for row in of_guide.rows.iter().chain(&rounded.rows) {
        assert_eq!(
            row.run.lr,
            Some(3e-3),
            "the configured rate, not the last one"
        );
    }
    assert!(
        table
            .rows
            .iter()
            .all(|row| row.run.status == Status::Finished && row.curve.is_empty())
    );
    insta::assert_snapshot!(shown(&of_guide), @r#"
    `` kept as label_column_1
    `name` read as run
    `summary._runtime` read as wall_secs
    `summary._step` read as step
    `summary._timestamp` kept as label_summary._timestamp
    `summary.lr` kept as label_summary.lr: lr is read from `config.learning_rate`
    `summary.tokens` read as tokens
    `summary.train/loss` kept as label_summary.train/loss: loss is read from `summary.val/loss`
    `summary.val/loss` read as loss
    `config.batch_tokens` read as batch_tokens
    `config.learning_rate` read as lr
    `config.model.n_layer` kept as label_config.model.n_layer
    `config.n_params` read as params
    "#);
    insta::assert_snapshot!(shown(&table), @r#"
    `Name` read as run
    `State` read as status
    `Notes` kept as label_Notes
    `User` kept as label_User
    `Tags` kept as label_Tags
    `Created` kept as label_Created
    `Runtime` read as wall_secs
    `Sweep` kept as label_Sweep
    `model.n_layer` kept as label_model.n_layer
    `n_params` read as params
    `learning_rate` kept as label_learning_rate: lr is read from `lr`
    `batch_tokens` read as batch_tokens
    `_runtime` kept as label__runtime: wall_secs is read from `Runtime`
    `_step` read as step
    `_timestamp` kept as label__timestamp
    `lr` read as lr
    `tokens` read as tokens
    `train/loss` kept as label_train/loss: loss is read from `val/loss`
    `val/loss` read as loss
    "#);
}

#[test]
fn rows_of_a_history_that_are_no_points_are_listed_and_a_nan_is_a_divergence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wild.csv");
    let text = "_step,_runtime,N,tokens,val/loss,note\n\
                10,1,1e8,1e9,3.5,\n\
                x,2,1e8,2e9,3.4,\n\
                ,2,1e8,2e9,3.4,\n\
                20,3,1e8,2e9,,restarted\n\
                30.0,4,1e8,3e9,NaN,\n";
    std::fs::write(&path, text).unwrap();
    let imported = import_source(path.to_str().unwrap(), &ImportOptions::default()).unwrap();
    let lines: Vec<Option<u64>> = imported.dropped.iter().map(|one| one.line).collect();
    assert_eq!(lines, [Some(3), Some(4)]);
    assert_eq!(
        imported.dropped[0].reason,
        "`_step` is `x`: expected a whole number"
    );
    let run = &imported.rows[0].run;
    assert_eq!((run.run.as_str(), run.status), ("wild", Status::Diverged));
    assert_eq!(run.reason.as_deref(), Some("loss is NaN at step 30"));
    assert_eq!(run.text("note").as_deref(), Some("restarted"));
}
