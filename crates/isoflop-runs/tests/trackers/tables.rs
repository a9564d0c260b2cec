//! Tables whose rows are runs or checkpoints, and logs.

use super::used;
#[cfg(feature = "parquet")]
use super::{expected, import};
use isoflop_runs::{ImportOptions, RowsAre, import_source};

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
