//! A job small enough for a test: real text, real training, a plan cut short.

use isoflop_corpus::CorpusOptions;
use isoflop_quickstart::{
    CorpusChoice, Ending, Event, Options, Outcome, Plan, QuickstartError, prepare, quickstart,
};
use isoflop_runs::{Run, Status, Store};
use isoflop_train::{Device, Recipe};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Text that is always there: the sources of a neighbour.
fn options(out: &Path) -> Options {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../isoflop-laws/src");
    Options {
        minutes: 30.0,
        ratio: 2.0,
        corpus: CorpusChoice::Folder(sources),
        out: out.to_owned(),
        seed: 3,
        recipe: Recipe {
            vocabulary: 320,
            context: 16,
            batch: 4,
            ..Recipe::default()
        },
        text: CorpusOptions {
            min_bytes: 10_000,
            ..CorpusOptions::default()
        },
        tokenizer: None,
        device: Device::Cpu,
        checkpoint_every: Duration::from_millis(50),
    }
}

/// Makes the plan and cuts it to runs of a fraction of a second.
fn prepared(out: &Path) -> Options {
    let options = options(out);
    prepare(&options, &mut |_| {}).unwrap();
    let path = out.join("plan.json");
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let ladder = &mut plan["ladder"];
    let small = ladder["small"].as_array_mut().unwrap();
    let widths = [
        (32, 2),
        (48, 2),
        (64, 2),
        (32, 2),
        (48, 2),
        (64, 2),
        (32, 2),
        (48, 2),
        (64, 2),
    ];
    small.truncate(widths.len());
    assert_eq!(small.len(), widths.len());
    for (index, run) in small.iter_mut().enumerate() {
        cut(run, widths[index], 60 << (index / 3));
    }
    cut(&mut ladder["target"], (80, 3), 400);
    fs::write(&path, serde_json::to_string(&plan).unwrap()).unwrap();
    options
}

fn cut(run: &mut Value, (width, layers): (u64, u64), steps: u64) {
    let spec = &mut run["spec"];
    spec["shape"]["width"] = json!(width);
    spec["shape"]["heads"] = json!(width / 16);
    spec["shape"]["layers"] = json!(layers);
    spec["schedule"]["steps"] = json!(steps);
    spec["schedule"]["warmup"] = json!(3);
    spec["learning_rate"] = json!(0.02);
    run["seconds"] = json!(1.0);
}

fn go(options: &Options) -> Ending {
    quickstart(options, &AtomicBool::new(false), &mut |_| {}).unwrap()
}

fn done(ending: Ending) -> Outcome {
    match ending {
        Ending::Done(outcome) => *outcome,
        Ending::Stopped { ended, of } => panic!("stopped after {ended} of {of}"),
    }
}

/// What does not depend on the clock.
fn timeless(out: &Path) -> Vec<Run> {
    let mut runs = Store::open_existing(&out.join("runs.sqlite"))
        .unwrap()
        .runs()
        .unwrap();
    runs.iter_mut().for_each(|run| run.wall_secs = None);
    runs
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_stopped_job_goes_on_to_the_numbers_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let options = prepared(&whole);
    copy(&whole, &broken);
    let expected = done(go(&options));
    assert_eq!(expected.n_used, 9);

    // Stopped after ever more steps, so in the middle of runs and of validation.
    let options = Options {
        out: broken.clone(),
        ..options
    };
    let (mut lives, mut patience) = (0, 50);
    let found = loop {
        let (stop, mut steps) = (AtomicBool::new(false), 0);
        let ending = quickstart(&options, &stop, &mut |event| {
            if let Event::Progress(_) = event {
                steps += 1;
                stop.store(steps >= patience, Ordering::Relaxed);
            }
        });
        lives += 1;
        patience += 97;
        if let Ending::Done(outcome) = ending.unwrap() {
            break outcome;
        }
    };
    assert!(lives > 4, "{lives}");
    assert_eq!(timeless(&broken), timeless(&whole));
    assert_eq!(found.comparison, expected.comparison);
    // A finished job started again trains nothing and says the same.
    let again = quickstart(&options, &AtomicBool::new(false), &mut |event| {
        assert!(!matches!(event, Event::RunBegan { .. }));
    });
    assert_eq!(done(again.unwrap()).comparison, expected.comparison);
}

#[test]
fn the_forecast_is_sealed_before_the_target_and_never_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let options = prepared(&out);
    let (stop, mut began) = (AtomicBool::new(false), Vec::new());
    let ending = quickstart(&options, &stop, &mut |event| {
        if let Event::RunBegan { run, .. } = event {
            began.push((run.name.clone(), out.join("forecast.json").exists()));
            stop.store(run.name == "target", Ordering::Relaxed);
        }
    });
    assert!(matches!(
        ending.unwrap(),
        Ending::Stopped { ended: 9, of: 10 }
    ));
    for (name, sealed) in began {
        assert_eq!(sealed, name == "target", "{name}");
    }
    let path = out.join("forecast.json");
    let text = fs::read_to_string(&path).unwrap();

    fs::write(&path, text.replace("\"level\": 0.9", "\"level\": 0.8")).unwrap();
    let error = quickstart(&options, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("the seal is broken"), "{error}");

    fs::remove_file(&path).unwrap();
    let error = quickstart(&options, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
    assert!(
        matches!(error, QuickstartError::ForecastTooLate { .. }),
        "{error}"
    );

    fs::write(&path, &text).unwrap();
    let outcome = done(go(&options));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert!(text.contains(&outcome.seal));
    for file in [
        "report.html",
        "runs.csv",
        "forecast.svg",
        "forecast.png",
        "residuals.png",
        "residuals.csv",
    ] {
        assert!(out.join(file).exists(), "{file}");
    }
    let runs = timeless(&out);
    assert!(
        runs.iter()
            .all(|run| run.status == Status::Finished && run.loss_std.is_some())
    );
    assert!(
        runs.iter()
            .all(|run| run.corpus_fingerprint.as_ref() == Some(&outcome.corpus_fingerprint))
    );
}

#[test]
fn other_options_in_the_same_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    prepare(&options, &mut |_| {}).unwrap();
    let mut resumed = false;
    let again: Plan = prepare(&options, &mut |event| {
        resumed |= matches!(event, Event::Planned { resumed: true, .. });
    })
    .unwrap();
    assert!(resumed && again.seed == 3);
    let other = Options { seed: 4, ..options };
    let sentence = prepare(&other, &mut |_| {}).unwrap_err().to_string();
    assert!(
        sentence.contains("--seed 3") && sentence.contains("--out DIR"),
        "{sentence}"
    );
}
