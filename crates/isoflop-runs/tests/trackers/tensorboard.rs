//! TensorBoard's event files, whole and damaged.

use super::{expected, fixture, import, shown, used};
use isoflop_runs::{Format, ImportOptions, import_bytes, import_source};
use std::collections::BTreeSet;

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
