//! R12 of whole imports: snapshots of a tracker, taken while its runs went on, imported in any order
//! and any number of times.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use isoflop_runs::{
    Checkpoint, ImportOptions, Imported, Provenance, RowsAre, Run, Store, import_bytes,
};
use proptest::prelude::*;

const RUNS: usize = 3;
/// How far a run is: not there, then three times on its way, then at its end.
const STAGES: usize = 4;

/// A tracker's runs at these stages, as it would export them: learning curves with a status.
fn snapshot(source: usize, stages: &[usize]) -> Imported {
    let mut text = String::new();
    for (run, stage) in stages.iter().enumerate() {
        let end = match (stage, run) {
            (&STAGES, 2) => "failed",
            (&STAGES, _) => "finished",
            _ => "running",
        };
        for step in 1..=*stage {
            let loss = 4.0 - 0.1 * step as f64 - 0.01 * run as f64;
            text += &format!(
                "{{\"run\": \"r{run}\", \"step\": {step}, \"N\": 1e8, \"D\": {step}e9, \
                 \"loss\": {loss}, \"status\": \"{end}\"}}\n"
            );
        }
    }
    let options = ImportOptions {
        rows: RowsAre::Checkpoints,
        ..ImportOptions::default()
    };
    import_bytes(
        &format!("snapshot-{source}.jsonl"),
        text.as_bytes(),
        &options,
    )
    .unwrap()
}

type Contents = Vec<(Run, Vec<Checkpoint>, Vec<Provenance>)>;

fn contents(store: &Store) -> Contents {
    let runs = store.runs().unwrap().into_iter();
    let all = runs.map(|run| {
        let curve = store.checkpoints(&run.run).unwrap();
        let mut origins = store.provenance(&run.run).unwrap();
        origins.sort();
        (run, curve, origins)
    });
    all.collect()
}

/// Stages of the runs in each snapshot, and the order in which snapshots are imported: each one to
/// five times.
fn history() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<usize>)> {
    let stages = proptest::collection::vec(0..=STAGES, RUNS);
    let with_runs = stages.prop_filter("a snapshot of nothing", |stages| {
        stages.iter().any(|s| *s > 0)
    });
    let snapshots = proptest::collection::vec(with_runs, 1..=3);
    snapshots.prop_flat_map(|snapshots| {
        let times = proptest::collection::vec(1..=5usize, snapshots.len());
        let order = times.prop_flat_map(|times| {
            let each = times.iter().enumerate();
            let all: Vec<usize> = each.flat_map(|(k, times)| vec![k; *times]).collect();
            Just(all).prop_shuffle()
        });
        (Just(snapshots), order)
    })
}

/// Histories of an ordinary test run; `REPLAYS=10000` asks for more.
fn histories() -> u32 {
    let asked = std::env::var("REPLAYS")
        .ok()
        .and_then(|count| count.parse().ok());
    asked.unwrap_or(500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(histories()))]
    #[test]
    fn snapshots_in_any_order_and_number_give_one_row_a_run((snapshots, order) in history()) {
        let imported: Vec<Imported> = snapshots
            .iter()
            .enumerate()
            .map(|(source, stages)| snapshot(source, stages))
            .collect();
        let mut once = Store::in_memory().unwrap();
        once.record_imported(&imported).unwrap();
        let mut replayed = Store::in_memory().unwrap();
        for source in &order {
            replayed.record_imported(&imported[*source..=*source]).unwrap();
        }
        prop_assert_eq!(contents(&replayed), contents(&once));
        for (run, found) in (0..RUNS).map(|run| {
            (run, once.run(&format!("r{run}")).unwrap())
        }) {
            let latest = snapshots.iter().map(|stages| stages[run]).max().unwrap_or(0);
            prop_assert_eq!(found.as_ref().and_then(|found| found.step), (latest > 0).then_some(latest as u64));
            let curve = once.checkpoints(&format!("r{run}")).unwrap();
            prop_assert_eq!(curve.len(), latest);
        }
    }
}
