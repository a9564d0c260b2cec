//! One ladder as every tracker's own tool wrote it (`real_tools/write_ladders.py`), imported.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use isoflop_runs::{
    FinalLoss, Format, ImportOptions, Imported, RowsAre, SelectionOptions, Status, Store,
    import_bytes, import_source,
};
use std::collections::{BTreeMap, BTreeSet};
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

#[test]
fn event_files_of_torch_and_of_tensorflow_give_the_same_runs() {
    let imported = import("tensorboard", &ImportOptions::default());
    let expected = expected();
    let used = used(&imported);
    assert_eq!(used.len(), expected.len());
    for (name, [n, d, loss]) in &used {
        // TensorBoard's scalars are single precision.
        let single = f64::from(expected[name][2] as f32);
        assert_eq!(
            [*n, *d, *loss],
            [expected[name][0], expected[name][1], single],
            "{name}"
        );
    }
    insta::assert_snapshot!(shown(&imported), @r#"
    `run` read as run
    `batch_tokens` read as batch_tokens
    `n_params` read as params
    `seed` read as seed
    `lr` read as lr
    `train/loss` kept as label_train/loss: loss is read from `val/loss`
    `val/loss` read as loss
    `step` read as step
    D of 9 runs is derived as steps times tokens per batch
    "#);
    assert!(imported.rows.iter().all(|row| row.curve.len() == 5));
}

#[test]
fn both_stores_of_mlflow_give_the_same_runs_and_a_nan_is_a_divergence() {
    for name in ["mlflow", "mlflow-sqlite"] {
        let imported = import(name, &ImportOptions::default());
        assert_eq!(used(&imported), expected(), "{name}");
        let diverged = imported
            .rows
            .iter()
            .find(|row| row.run.run == "diverged")
            .unwrap();
        assert_eq!(diverged.run.status, Status::Diverged);
        assert_eq!(
            diverged.run.reason.as_deref(),
            Some("loss is NaN at step 300")
        );
        let curves = imported.rows.iter().filter(|row| row.curve.len() == 5);
        assert_eq!(curves.count(), 9);
    }
}

#[test]
fn a_database_of_mlflow_is_not_changed_by_reading_it() {
    let path = fixture("mlflow-sqlite/mlflow.db");
    let before = std::fs::read(&path).unwrap();
    import("mlflow-sqlite/mlflow.db", &ImportOptions::default());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_trainers_last_checkpoint_gives_the_run_and_config_json_exact_parameters() {
    let imported = import("trainer-state", &ImportOptions::default());
    let used = used(&imported);
    for (name, [_, tokens, loss]) in expected() {
        let run = &imported
            .rows
            .iter()
            .find(|row| row.run.run == name)
            .unwrap()
            .run;
        assert_eq!([used[&name][1], used[&name][2]], [tokens, loss]);
        // 4 layers of 12 d² + 13 d, the last norm, 512 words and 256 positions.
        let d = run.text("n_embd").unwrap().parse::<f64>().unwrap();
        let inner = 4.0 * (12.0 * d * d + 13.0 * d) + 2.0 * d;
        assert_eq!(run.params_non_embedding.unwrap().get(), inner);
        assert_eq!(run.params.unwrap().get(), inner + (512.0 + 256.0) * d);
        assert_eq!(run.family.as_deref(), Some("gpt2"));
    }
    insta::assert_snapshot!(shown(&imported), @r#"
    `run` read as run
    `activation_function` kept as label_activation_function
    `add_cross_attention` kept as label_add_cross_attention
    `architectures` kept as label_architectures
    `attn_pdrop` kept as label_attn_pdrop
    `bos_token_id` kept as label_bos_token_id
    `embd_pdrop` kept as label_embd_pdrop
    `eos_token_id` kept as label_eos_token_id
    `epoch` kept as label_epoch
    `eval_steps` kept as label_eval_steps
    `family` read as family
    `hf_total_flos` kept as label_hf_total_flos
    `initializer_range` kept as label_initializer_range
    `layer_norm_epsilon` kept as label_layer_norm_epsilon
    `logging_steps` kept as label_logging_steps
    `max_steps` kept as label_max_steps
    `n_embd` kept as label_n_embd
    `n_head` kept as label_n_head
    `n_layer` kept as label_n_layer
    `n_positions` kept as label_n_positions
    `num_input_tokens_seen` read as tokens
    `num_train_epochs` kept as label_num_train_epochs
    `params` read as params
    `params_non_embedding` read as params_non_embedding
    `reorder_and_upcast_attn` kept as label_reorder_and_upcast_attn
    `resid_pdrop` kept as label_resid_pdrop
    `save_steps` kept as label_save_steps
    `scale_attn_by_inverse_layer_idx` kept as label_scale_attn_by_inverse_layer_idx
    `scale_attn_weights` kept as label_scale_attn_weights
    `summary_first_dropout` kept as label_summary_first_dropout
    `summary_proj_to_labels` kept as label_summary_proj_to_labels
    `summary_type` kept as label_summary_type
    `summary_use_proj` kept as label_summary_use_proj
    `tie_word_embeddings` kept as label_tie_word_embeddings
    `transformers_version` kept as label_transformers_version
    `use_cache` kept as label_use_cache
    `vocab_size` kept as label_vocab_size
    `eval_loss` read as loss
    `eval_runtime` kept as label_eval_runtime
    `learning_rate` read as lr
    `train_loss` kept as label_train_loss: loss is read from `eval_loss`
    `step` read as step
    "#);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_of_pandas_and_polars_with_snappy_zstd_and_gzip_is_read() {
    for name in ["pandas", "polars", "gzip"] {
        let imported = import(
            &format!("parquet/{name}.parquet"),
            &ImportOptions::default(),
        );
        assert_eq!(used(&imported), expected(), "{name}");
        let run = &imported.rows[0].run;
        assert_eq!(
            (run.seed, run.text("config").as_deref()),
            (Some(7), Some("base"))
        );
    }
}

/// The options for rows that are points of learning curves.
fn checkpoints() -> ImportOptions {
    ImportOptions {
        rows: RowsAre::Checkpoints,
        ..ImportOptions::default()
    }
}

#[cfg(feature = "parquet")]
#[test]
fn rows_that_are_checkpoints_become_runs_with_curves() {
    let imported = import("parquet/checkpoints.parquet", &checkpoints());
    assert_eq!(used(&imported), expected());
    assert!(imported.rows.iter().all(|row| row.curve.len() == 5));
}

#[test]
fn checkpoints_in_any_order_end_with_the_last_loss_and_keep_the_peak_rate() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("curve.csv");
    let text = "run,step,N,D,val_loss,train_loss,lr\n\
                a,20,1e8,2e9,3.5,3.4,1e-3\n\
                b,10,1e8,1e9,4.2,4.1,2e-3\n\
                a,10,1e8,1e9,4.0,3.9,2e-3\n\
                a,30,1e8,3e9,3.25,3.2,1e-4\n";
    std::fs::write(&table, text).unwrap();
    let imported = import_source(table.to_str().unwrap(), &checkpoints()).unwrap();
    assert_eq!(used(&imported)["a"], [1e8, 3e9, 3.25]);
    let row = &imported.rows[0];
    assert_eq!((row.curve.len(), row.run.lr, row.line), (3, Some(2e-3), 5));
    assert_eq!(row.curve[0].step, 10);
    assert_eq!(row.curve[2].train_loss.unwrap().get(), 3.2);
}

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
fn an_event_file_whose_last_record_is_cut_gives_the_run_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let name = "n10m-s500";
    let events = std::fs::read_dir(fixture("tensorboard").join(name)).unwrap();
    let path = events.map(|entry| entry.unwrap().path()).next().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let copy = folder.path().join(path.file_name().unwrap());
    for cut in 200..bytes.len() {
        std::fs::write(&copy, &bytes[..cut]).unwrap();
        // Too little is left for a loss: one sentence, no panic.
        let Ok(imported) =
            import_source(folder.path().to_str().unwrap(), &ImportOptions::default())
        else {
            continue;
        };
        let run = &imported.rows[0].run;
        let curve = &imported.rows[0].curve;
        assert_eq!(run.loss, curve.iter().rev().find_map(|point| point.loss));
    }
}

/// Where each record of an event file starts; the file's end is the last.
fn records(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    while let Some(length) = bytes
        .get(starts[starts.len() - 1]..)
        .filter(|rest| rest.len() > 8)
    {
        let length = u64::from_le_bytes(length[..8].try_into().unwrap());
        starts.push(starts[starts.len() - 1] + 16 + length as usize);
    }
    starts
}

/// R10 of event files: bits flipped at random, one to three at a time.
#[test]
fn flipped_bits_of_an_event_file_cost_their_records_and_no_other() {
    let folder = fixture("tensorboard").join("n10m-s500");
    let path = std::fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = std::fs::read(path).unwrap();
    // The hyperparameters are in a record of their own, which may be hit: these stand in for it.
    let mut options = ImportOptions {
        format: Some(Format::TensorBoard),
        ..ImportOptions::default()
    };
    options.add_value("params=10M").unwrap();
    options.add_value("batch_tokens=524288").unwrap();
    let read = |bytes: &[u8]| import_bytes("run", bytes, &options).unwrap();
    let intact = read(&whole).rows[0].curve.clone();
    let starts = records(&whole);
    assert_eq!((starts.len(), starts[starts.len() - 1]), (18, whole.len()));
    let mut random = 1u64;
    let mut next = move |below: usize| {
        // Knuth's multiplier and increment (MMIX); the high bits are the good ones.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for flip in 0..100_000 {
        let mut bytes = whole.clone();
        for _ in 0..=flip % 3 {
            let bit = next(8 * whole.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let changed = (0..whole.len()).filter(|at| bytes[*at] != whole[*at]);
        let hit: BTreeSet<usize> = changed
            .map(|at| starts.partition_point(|start| *start <= at) - 1)
            .collect();
        if hit.is_empty() {
            continue;
        }
        let imported = read(&bytes);
        let said = imported
            .notes
            .iter()
            .filter(|note| note.contains("are skipped"))
            .count();
        assert!(said > 0, "flip {flip} of records {hit:?} is not reported");
        // After the version and the hyperparameters: training loss, held-out loss and rate a step.
        for (k, point) in intact.iter().enumerate() {
            let of = |record: usize| !hit.contains(&(2 + 3 * k + record));
            let curve = &imported.rows[0].curve;
            let found = curve.iter().find(|found| found.step == point.step);
            let (train, held_out) = (of(0), of(1));
            assert_eq!(
                found.and_then(|f| f.train_loss),
                point.train_loss.filter(|_| train),
                "{flip}"
            );
            assert_eq!(
                found.and_then(|f| f.loss),
                point.loss.filter(|_| held_out),
                "{flip}"
            );
        }
    }
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
fn a_log_is_read_with_a_pattern_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("run-7.log");
    std::fs::write(
        &log,
        "boot\nit=10 held=3.5 toks=1e6\nit=20 held=3.1 toks=2e6\n",
    )
    .unwrap();
    let mut options = ImportOptions {
        pattern: Some(r"it=(?<step>\d+) held=(?<loss>\S+) toks=(?<tokens>\S+)".to_owned()),
        ..ImportOptions::default()
    };
    options.add_value("params=10M").unwrap();
    let imported = import_source(folder.path().to_str().unwrap(), &options).unwrap();
    assert_eq!(used(&imported)["run-7"], [1e7, 2e6, 3.1]);
    assert_eq!(imported.rows[0].curve.len(), 2);
}

#[test]
fn tables_of_a_folder_are_read_together_and_keep_their_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "run,N,D,loss\na,1e8,2e9,3.1\n").unwrap();
    std::fs::write(
        folder.path().join("b.jsonl"),
        "{\"run\":\"b\",\"N\":1e8,\"D\":3e9,\"loss\":3}",
    )
    .unwrap();
    let imported =
        import_source(folder.path().to_str().unwrap(), &ImportOptions::default()).unwrap();
    assert_eq!(used(&imported).len(), 2);
    let provenance = imported.provenance(&imported.rows[1]);
    assert!(
        provenance
            .iter()
            .all(|origin| origin.source.ends_with("b.jsonl"))
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
