use super::*;
use crate::run::Status;
use isoflop_laws::{FlopCount, Flops, Loss, Params, Tokens};
use proptest::prelude::*;

fn finished(name: &str, loss: f64) -> Run {
    Run {
        params: Params::new(1.23e6).ok(),
        params_non_embedding: Params::new(9.8e5).ok(),
        tokens: Tokens::new(2.5e7).ok(),
        unique_tokens: Tokens::new(2.0e7).ok(),
        flops: Flops::new(1.845e14).ok(),
        flop_count: Some(FlopCount::Counted),
        loss: Loss::new(loss).ok(),
        loss_std: Some(0.004),
        bits_per_byte: Some(1.21),
        step: Some(6103),
        batch_tokens: Tokens::new(4096.0).ok(),
        lr: Some(3e-3),
        schedule: Some("cosine to 10%".into()),
        seed: Some(7),
        dataset: Some("rust".into()),
        family: Some("gpt-mini".into()),
        metrics: [("pass_rate".to_owned(), 0.1 + 0.2)].into(),
        labels: [("config".to_owned(), "base, long warm-up".to_owned())].into(),
        status: Status::Finished,
        reason: None,
        corpus_fingerprint: Some("blake3:ab".into()),
        wall_secs: Some(12.5),
        spec: serde_json::json!({"layers": 4, "seed": 7, "betas": [0.9, 0.95]}),
        ..Run::new(name)
    }
}

fn at(status: Status, name: &str) -> Run {
    Run {
        status,
        ..Run::new(name)
    }
}

#[test]
fn a_run_comes_back_bit_for_bit_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let run = finished("d64-1", std::f64::consts::PI);
    let origin = Provenance {
        field: "loss".into(),
        source: "runs.csv".into(),
        line: 7,
        note: "val_loss".into(),
    };
    let mut store = Store::open(&path).unwrap();
    assert_eq!(
        store
            .record_from(&run, std::slice::from_ref(&origin))
            .unwrap(),
        Recorded::Added
    );
    drop(store);
    let store = Store::open_existing(&path).unwrap();
    assert_eq!(store.run("d64-1").unwrap(), Some(run));
    assert_eq!(store.provenance("d64-1").unwrap(), vec![origin]);
    assert_eq!(store.run("none").unwrap(), None);
}

#[test]
fn the_file_is_write_ahead_with_full_synchronisation() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("runs.db")).unwrap();
    let pragma = |name: &str| -> String {
        let query = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        store
            .connection
            .query_row(&query, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2");
}

#[test]
fn a_newer_schema_is_refused_and_the_file_left_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    drop(Store::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "user_version", schema::VERSION + 1)
        .unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_older_schema_is_migrated_with_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let mut connection = Connection::open(&path).unwrap();
    schema::migrate_to(&mut connection, &path, 1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO runs (run, loss, metrics, status, spec)
             VALUES ('old', 3.0, '{\"acc\": 0.5}', 'finished', 'null')",
        )
        .unwrap();
    drop(connection);
    let mut store = Store::open(&path).unwrap();
    let run = Run {
        loss: Loss::new(3.0).ok(),
        metrics: [("acc".to_owned(), 0.5)].into(),
        status: Status::Finished,
        ..Run::new("old")
    };
    assert_eq!(store.run("old").unwrap(), Some(run));
    store.exclude("old", "tokeniser changed").unwrap();
}

#[test]
fn files_of_other_programs_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database").unwrap();
    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(connection);
    for path in [text, other] {
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    let missing = Store::open_existing(&folder.path().join("none.db")).unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn another_result_under_the_same_name_is_a_conflict_that_names_the_columns() {
    let mut store = Store::in_memory().unwrap();
    store.record(&finished("a", 3.0)).unwrap();
    let error = store.record(&finished("a", 3.1)).unwrap_err().to_string();
    assert!(
        error.contains("`a`") && error.contains("different loss"),
        "{error}"
    );
    assert_eq!(store.runs().unwrap(), vec![finished("a", 3.0)]);
    store.replace(&finished("a", 3.1)).unwrap();
    assert_eq!(store.runs().unwrap(), vec![finished("a", 3.1)]);
}

#[test]
fn many_runs_are_recorded_all_or_none() {
    let mut store = Store::in_memory().unwrap();
    let runs = [finished("a", 3.0), Run::new("")];
    let error = store.record_all(runs.iter().map(|run| (run, &[][..])));
    assert!(matches!(error, Err(StoreError::InvalidRun(_))));
    assert!(store.runs().unwrap().is_empty());
}

#[test]
fn excluding_needs_a_reason_survives_a_replay_and_can_be_undone() {
    let mut store = Store::in_memory().unwrap();
    let run = finished("a", 3.0);
    store.record(&run).unwrap();
    assert!(store.exclude("a", " ").is_err());
    assert!(matches!(
        store.exclude("b", "typo"),
        Err(StoreError::NoSuchRun(_))
    ));
    store.exclude("a", "wrong data order").unwrap();
    assert_eq!(store.record(&run).unwrap(), Recorded::Unchanged);
    let shown = store.run("a").unwrap().unwrap();
    assert_eq!(shown.status, Status::Excluded);
    assert_eq!(shown.reason.as_deref(), Some("wrong data order"));
    assert_eq!(store.record(&shown).unwrap(), Recorded::Unchanged);
    assert!(store.include("a").unwrap());
    assert!(!store.include("a").unwrap());
    assert_eq!(store.run("a").unwrap(), Some(run));
}

#[test]
fn a_tag_lies_over_the_labels_and_survives_a_replay() {
    let mut store = Store::in_memory().unwrap();
    let run = finished("a", 3.0);
    store.record(&run).unwrap();
    store.tag("a", "sweep", "warm-up").unwrap();
    store.tag("a", "config", "other").unwrap();
    let shown = store.run("a").unwrap().unwrap();
    assert_eq!(shown.text("sweep").as_deref(), Some("warm-up"));
    assert_eq!(shown.text("config").as_deref(), Some("other"));
    assert_eq!(store.record(&run).unwrap(), Recorded::Unchanged);
    assert_eq!(store.record(&shown).unwrap(), Recorded::Unchanged);
    store.tag("a", "sweep", "").unwrap();
    store.tag("a", "config", "").unwrap();
    assert_eq!(store.run("a").unwrap(), Some(run));
    assert!(matches!(
        store.tag("b", "x", "y"),
        Err(StoreError::NoSuchRun(_))
    ));
}

#[test]
fn checkpoints_are_kept_by_step_and_replayed_without_doubling() {
    let mut store = Store::in_memory().unwrap();
    let point = |step: u64, loss: f64| Checkpoint {
        step,
        tokens: Tokens::new(step as f64 * 4096.0).unwrap(),
        loss: Loss::new(loss).ok(),
        train_loss: None,
        lr: Some(1e-3),
    };
    let curve = [point(10, 5.0), point(20, 4.5)];
    store.record_checkpoints("a", &curve).unwrap();
    store.record_checkpoints("a", &curve[1..]).unwrap();
    assert_eq!(store.checkpoints("a").unwrap(), curve);
    let error = store.record_checkpoints("a", &[point(30, 4.0), point(20, 4.4)]);
    assert!(matches!(
        error,
        Err(StoreError::CheckpointConflict { step: 20, .. })
    ));
    assert_eq!(store.checkpoints("a").unwrap(), curve);
}

#[test]
fn two_processes_writing_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    drop(Store::open(&path).unwrap());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let mut store = Store::open(path).unwrap();
                for k in 0..10 {
                    store
                        .record(&finished(&format!("{writer}-{k}"), 3.0))
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(Store::open(&path).unwrap().runs().unwrap().len(), 40);
}

#[test]
fn hostile_names_are_kept_as_they_are() {
    let mut store = Store::in_memory().unwrap();
    let name = "'; DROP TABLE runs; -- <script>\u{1b}[31m\0\u{202e}";
    store.record(&Run::new(name)).unwrap();
    assert_eq!(store.runs().unwrap()[0].run, name);
}

/// Up to six runs, each with the statuses it went through, each event one to five times, in any
/// order.
fn history() -> impl Strategy<Value = Vec<Run>> {
    let ends = vec![Status::Failed, Status::Diverged, Status::Finished];
    let life = (0..=3usize, proptest::sample::select(ends));
    let events = proptest::collection::vec((life, 1..=5usize), 1..=6).prop_map(|lives| {
        let mut events = Vec::new();
        for (k, ((stages, end), copies)) in lives.into_iter().enumerate() {
            let name = format!("run {k}");
            let mut stages_of_life = vec![at(Status::Planned, &name)];
            if stages > 0 {
                stages_of_life.push(at(Status::Running, &name));
            }
            if stages > 1 {
                let mut last = finished(&name, 3.0 + k as f64);
                last.status = end;
                stages_of_life.push(last);
            }
            for event in stages_of_life {
                events.extend(std::iter::repeat_n(event, copies));
            }
        }
        events
    });
    events.prop_shuffle()
}

/// The record of a status comes from one place, whenever it arrives.
fn origin(event: &Run) -> Provenance {
    Provenance {
        field: "status".into(),
        source: format!("{}.csv", event.status),
        line: 1,
        note: "`state` read as status".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn a_replayed_history_gives_one_row_per_run_whatever_the_order(events in history()) {
        let mut expected = std::collections::BTreeMap::<String, Run>::new();
        let mut store = Store::in_memory().unwrap();
        for event in &events {
            store.record_from(event, &[origin(event)]).unwrap();
            let latest = expected.entry(event.run.clone()).or_insert_with(|| event.clone());
            if event.status > latest.status {
                *latest = event.clone();
            }
        }
        let expected: Vec<Run> = expected.into_values().collect();
        for run in &expected {
            prop_assert_eq!(store.provenance(&run.run).unwrap(), vec![origin(run)]);
        }
        prop_assert_eq!(store.runs().unwrap(), expected);
    }
}
