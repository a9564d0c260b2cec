//! `isoflop experiment` as a user meets it: killed and started again, and given what can't be used.

mod schemas;

use isoflop_experiments::{Name, Options, experiment};
use isoflop_quickstart::CorpusChoice;
use isoflop_train::Recipe;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Plans runs of a fraction of a second, as the command would with the same options.
fn planned(out: &Path) {
    let options = Options {
        corpus: CorpusChoice::Synthetic,
        out: out.to_owned(),
        recipe: Recipe {
            context: 8,
            batch: 2,
            ..Recipe::default()
        },
        scale: Some(0.02),
        ..Options::of(Name::Valleys)
    };
    experiment(&options, &AtomicBool::new(true), &mut |_| {}).unwrap();
    let path = out.join("valleys/plan.json");
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    plan["scale_asked"] = Value::Null;
    fs::write(&path, serde_json::to_string(&plan).unwrap()).unwrap();
}

fn command(out: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    command.args(["experiment", "valleys", "--corpus", "synthetic", "--out"]);
    command.arg(out).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(out: &Path, arguments: &[&str]) -> Output {
    command(out, arguments).output().unwrap()
}

#[test]
fn a_killed_experiment_goes_on_and_answers_by_its_schema_and_in_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    planned(out);
    for _ in 0..2 {
        let mut child = command(out, &[]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let json = run(out, &["--json"]);
    let errors = String::from_utf8_lossy(&json.stderr).into_owned();
    assert_eq!(json.status.code(), Some(0), "{errors}");
    assert!(errors.contains("of an earlier start"), "{errors}");
    let answer: Value = serde_json::from_slice(&json.stdout).unwrap();
    schemas::assert_follows("experiment", &answer, "experiment valleys");
    assert_eq!(answer["n_runs"], 15);
    let text = String::from_utf8(run(out, &[]).stdout).unwrap();
    for word in [
        "Claim", "Here", "Law", "Counts", "Loss", "Runs", "Corpus", "Figure",
    ] {
        assert!(text.contains(word), "{word}:\n{text}");
    }
    // Paths are as long as the folder is.
    let prose = text.lines().filter(|line| !line.contains('/'));
    for line in prose {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn wrong_use_is_refused_with_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .args(["experiment", "valley"])
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(said.contains("is no experiment: choose one of"), "{said}");
    let minutes = run(folder.path(), &["--minutes", "0"]);
    assert_eq!(minutes.status.code(), Some(2));
    let said = String::from_utf8_lossy(&minutes.stderr).into_owned();
    assert!(said.contains("`--minutes` is 0"), "{said}");
}

#[test]
fn a_device_that_is_not_there_is_refused_before_any_text_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("run.json");
    let asked = r#"{"params": 1e4, "tokens": 1e4, "settings": {"device": "cuda"}}"#;
    fs::write(&spec, asked).unwrap();
    let started = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
        // A machine with a GPU shows none of them then.
        command.env("CUDA_VISIBLE_DEVICES", "").args(arguments);
        command.current_dir(folder.path()).output().unwrap()
    };
    let refused = [
        started(&["experiment", "valleys", "--device", "cuda", "--out", "out"]),
        started(&["quickstart", "--device", "cuda-tf32", "--out", "out"]),
        started(&["train", "run.json"]),
    ];
    for output in refused {
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("train on the cpu"), "{said}");
    }
    let unknown = started(&["quickstart", "--device", "gpu"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("cpu, cuda or cuda-tf32"), "{said}");
    assert!(!folder.path().join("out").exists());
}
