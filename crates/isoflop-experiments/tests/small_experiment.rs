//! Experiments small enough for a test: the synthetic source, real training, killed and resumed.

use isoflop_experiments::{Ending, Event, ExperimentError, Name, Options, Outcome, experiment};
use isoflop_quickstart::CorpusChoice;
use isoflop_runs::{Run, Store};
use isoflop_train::Recipe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn options(name: Name, out: &Path) -> Options {
    Options {
        minutes: 0.5,
        corpus: CorpusChoice::Synthetic,
        out: out.to_owned(),
        seed: 3,
        recipe: Recipe {
            context: 8,
            batch: 2,
            ..Recipe::default()
        },
        checkpoint_every: Duration::from_millis(30),
        scale: Some(0.02),
        ..Options::of(name)
    }
}

fn done(ending: Ending) -> Outcome {
    match ending {
        Ending::Done(outcome) => *outcome,
        Ending::Stopped { ended, of } => panic!("stopped after {ended} of {of}"),
    }
}

/// Runs and measurements on the way, in the order of the store.
fn kept(out: &Path) -> Vec<(Run, String)> {
    let store = Store::open_existing(&out.join("runs.sqlite")).unwrap();
    let runs = store.runs().unwrap().into_iter();
    let with_points = runs.map(|run| {
        let points = format!("{:?}", store.checkpoints(&run.run).unwrap());
        (run, points)
    });
    with_points.collect()
}

#[test]
fn a_stopped_ladder_of_branches_goes_on_to_the_bits_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let never = AtomicBool::new(false);
    let expected = done(experiment(&options(Name::Wsd, &whole), &never, &mut |_| {}).unwrap());
    let (mut lives, mut patience) = (0, 150);
    let found = loop {
        let (stop, mut seen) = (AtomicBool::new(false), 0);
        let ending = experiment(&options(Name::Wsd, &broken), &stop, &mut |event| {
            if let Event::Progress(_) = event {
                seen += 1;
                stop.store(seen >= patience, Ordering::Relaxed);
            }
        });
        lives += 1;
        patience += 200;
        if let Ending::Done(outcome) = ending.unwrap() {
            break *outcome;
        }
    };
    assert!(lives > 2, "{lives}");
    assert_eq!(kept(&broken.join("wsd")), kept(&whole.join("wsd")));
    assert_eq!(found.sentence, expected.sentence);
    assert_eq!(found.findings, expected.findings);
    for file in ["wsd.json", "wsd.svg", "wsd.png", "wsd.csv", "runs.csv"] {
        assert!(whole.join("wsd").join(file).exists(), "{file}");
    }
}

#[test]
fn experiments_of_one_set_of_runs_train_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let never = AtomicBool::new(false);
    let first = options(Name::KaplanPanels, folder.path());
    let first = done(experiment(&first, &never, &mut |_| {}).unwrap());
    assert_eq!((first.n_runs, first.n_lost), (30, 0));
    let second = options(Name::SampleEfficiency, folder.path());
    let mut trained = 0;
    let second = experiment(&second, &never, &mut |event| {
        trained += u32::from(matches!(event, Event::Progress(_)));
    });
    match second {
        Ok(ending) => assert_eq!(done(ending).n_used, 30),
        // So few steps need not bring all sizes to one loss.
        Err(error) => assert!(error.is_insufficient(), "{error}"),
    }
    assert_eq!(trained, 0);
}

#[test]
fn other_options_and_impossible_minutes_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(true);
    let first = options(Name::Valleys, folder.path());
    let ending = experiment(&first, &stop, &mut |_| {}).unwrap();
    assert!(
        matches!(ending, Ending::Stopped { ended: 0, of: 15 }),
        "{ending:?}"
    );
    let other = Options {
        seed: 4,
        ..first.clone()
    };
    let error = experiment(&other, &stop, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("--seed 3") && error.contains("--out DIR"),
        "{error}"
    );
    for minutes in [0.0, -1.0, f64::NAN, 1e9] {
        let wrong = Options {
            minutes,
            ..first.clone()
        };
        let error = experiment(&wrong, &stop, &mut |_| {}).unwrap_err();
        assert!(matches!(error, ExperimentError::Minutes(_)), "{error}");
    }
    let short = Options {
        minutes: 0.001,
        scale: None,
        out: folder.path().join("short"),
        ..first
    };
    let error = experiment(&short, &stop, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("`--minutes "), "{error}");
}
