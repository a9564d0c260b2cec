//! `isoflop train`: kills, signals, divergences, bad input, and sweeps of the built-in trainer.
//!
//! `TRAIN_KILLS=200 cargo test --workspace --test train -- --nocapture kill` is the full harness;
//! without the variable a shorter one runs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod schemas;
mod sweeps;

use isoflop_train::{TrainSpec, Trainer};
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use schemas::{assert_follows, repository};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use sweeps::{ISOFLOP, number};

/// A folder with a specification of a run on text that is always there.
struct Run {
    folder: PathBuf,
}

impl Run {
    fn new(folder: &Path, changes: Value) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut spec = json!({
            "run": "test", "tokens": 6400, "batch_tokens": 64, "seed": 4,
            "settings": {
                "corpus": repository().join("crates/isoflop-laws/src"), "vocabulary": 320,
                "min_bytes": 10_000, "cache": folder.parent().unwrap().join("corpus"),
                "width": 32, "context": 16, "validation_tokens": 3200, "checkpoint_secs": 0.01,
            },
        });
        for (name, value) in changes.as_object().unwrap() {
            spec[name] = value.clone();
        }
        fs::write(folder.join("run.json"), spec.to_string()).unwrap();
        Self {
            folder: folder.to_owned(),
        }
    }

    fn start(&self) -> Child {
        Command::new(ISOFLOP)
            .args(["train", "run.json", "--json"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn finish(&self) -> Output {
        self.start().wait_with_output().unwrap()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    fn result(&self) -> Value {
        serde_json::from_str(&self.text("run.result.json")).unwrap()
    }

    /// What was trained, of a run that has ended.
    fn spec(&self) -> TrainSpec {
        serde_json::from_value(self.result()["spec"].clone()).unwrap()
    }

    fn state(&self) -> PathBuf {
        self.folder.join("run.checkpoint/run.safetensors")
    }

    /// How far its saved state is; a run on its way has no `spec` to be read by.
    fn steps_done(&self, spec: &TrainSpec) -> usize {
        let state = self.state();
        if !state.exists() {
            return 0;
        }
        Trainer::load(&state, spec).unwrap().steps_done() as usize
    }

    /// The bits of the weights and of the loss log, and the files beside.
    fn bits(&self) -> (Vec<u32>, Vec<u32>, String, String) {
        let trainer = Trainer::load(&self.state(), &self.spec()).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
        (
            bits(&trainer.weights().unwrap()),
            bits(trainer.losses()),
            self.text("run.result.json"),
            self.text("run.curve.jsonl"),
        )
    }
}

#[test]
fn a_run_killed_at_random_instants_ends_with_the_same_bits() {
    let kills = number("TRAIN_KILLS", 10);
    let steps = 1500 + 250 * kills;
    let folder = tempfile::tempdir().unwrap();
    let changes = json!({"tokens": 64 * steps});
    let whole = Run::new(&folder.path().join("whole"), changes.clone());
    assert!(whole.finish().status.success());
    // With the corpus in its cache: how long a run takes from its start to its end.
    fs::remove_dir_all(whole.folder.join("run.checkpoint")).unwrap();
    let began = Instant::now();
    assert!(whole.finish().status.success());
    let (mut lived, mut done) = (0.05 * began.elapsed().as_secs_f64(), steps / 20);

    let killed = Run::new(&folder.path().join("killed"), changes);
    let spec = whole.spec();
    let mut random = rand::rngs::StdRng::seed_from_u64(2);
    let mut count = [0; 3];
    while count.iter().sum::<usize>() < kills {
        let mut child = killed.start();
        let pid = Pid::from_child(&child);
        // As far on average as spreads the kills over what is left of the run, at the pace until now.
        let left = (kills - count.iter().sum::<usize>()) as f64;
        let mean = lived / done as f64 * (steps - killed.steps_done(&spec)) as f64 / left;
        // A run may have been killed after its last step: then it lives for no time at all.
        let life = Duration::from_secs_f64(random.random_range(0.0..=2.0 * mean));
        let (born, mut ended) = (Instant::now(), false);
        while born.elapsed() < life && !ended {
            ended = child.try_wait().unwrap().is_some();
            sleep(Duration::from_millis(1));
        }
        if ended {
            break;
        }
        // Mostly the kill that nothing can prepare for.
        let kind = random.random_range(0..6usize).saturating_sub(3).min(2);
        match kind {
            0 => child.kill().unwrap(),
            1 => kill_process(pid, Signal::TERM).unwrap(),
            _ => {
                kill_process(pid, Signal::USR1).unwrap();
                sleep(Duration::from_millis(random.random_range(0..30)));
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        count[kind] += 1;
        lived += life.as_secs_f64();
        done = steps / 20 + killed.steps_done(&spec);
    }
    assert!(killed.finish().status.success());
    let (expected, found) = (whole.bits(), killed.bits());
    assert_eq!(found.1.len(), steps);
    assert!(
        found == expected,
        "weights, loss log, result or curve differ"
    );
    println!(
        "{} kill -9, {} SIGTERM, {} SIGUSR1 in a run of {steps} steps: weights, loss log, result and curve bit-identical",
        count[0], count[1], count[2]
    );
    let fell = count.iter().sum::<usize>();
    assert!(fell * 2 >= kills, "only {fell} kills fell into the run");
}

#[test]
fn a_told_run_saves_its_state_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(&folder.path().join("run"), json!({"tokens": 64_000_000}));
    let child = run.start();
    let state = run.state();
    while !state.exists() {
        sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`isoflop train run.json` goes on"), "{said}");
    assert!(!run.folder.join("run.result.json").exists());
}

#[test]
fn a_divergence_is_a_result_with_reason_and_step() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(&folder.path().join("run"), json!({"learning_rate": 1e30}));
    let output = run.finish();
    assert_eq!(output.status.code(), Some(1));
    let result = run.result();
    assert_eq!(result["status"], "diverged");
    assert_eq!(result["loss"], Value::Null);
    let step = result["step"].as_u64().unwrap();
    let reason = result["reason"].as_str().unwrap();
    assert!(
        reason.contains(&format!("diverged at step {step}")),
        "{reason}"
    );
    assert!((1..100).contains(&step));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, result);
    assert_follows("train", &result, "a divergence");
}

#[test]
fn a_result_follows_its_schema_and_counts_what_was_trained() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(&folder.path().join("run"), json!({}));
    assert!(run.finish().status.success());
    let result = run.result();
    assert_follows("train", &result, "a finished run");
    assert_eq!(
        (&result["tokens"], &result["step"]),
        (&json!(6400.0), &json!(100))
    );
    let loss = result["loss"].as_f64().unwrap();
    assert!(loss > 1.0 && loss < (320_f64).ln(), "{loss}");
    let curve = run.text("run.curve.jsonl");
    let last: Value = serde_json::from_str(curve.lines().last().unwrap()).unwrap();
    assert_eq!(last["step"], 100);
    // Again: nothing is trained, and the result is the same.
    assert!(run.finish().status.success());
    assert_eq!(run.result(), result);
}

#[test]
fn a_family_is_said_in_the_specification_and_counted_in_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = json!({
        "width": 32, "layers": 1, "head_width": 8, "kv_heads": 2, "feed_forward": "swiglu",
        "hidden_width": 24, "embeddings": "untied", "experts": {"count": 4, "active": 2},
    });
    let plain = Run::new(&folder.path().join("run"), json!({}));
    let spec: Value = serde_json::from_str(&plain.text("run.json")).unwrap();
    for (name, value) in spec["settings"].as_object().unwrap() {
        settings
            .as_object_mut()
            .unwrap()
            .entry(name)
            .or_insert(value.clone());
    }
    let run = Run::new(
        &plain.folder,
        json!({"settings": settings, "tokens": 32_000}),
    );
    let output = run.finish();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let result = run.result();
    assert_follows("train", &result, "a mixture of experts");
    let number = |name: &str| result[name].as_f64().unwrap();
    // q 32², k and v 32 · 16, o 32², router 32 · 4, two gains and the last, 3 · 32 · 24 an expert.
    let block = |experts: f64| 32.0 * (32.0 + 32.0 + 32.0 + 4.0) + 96.0 + experts * 2304.0;
    let tables = 2.0 * 320.0 * 32.0;
    assert_eq!(number("params"), tables + block(4.0));
    assert_eq!(number("params_active"), tables + block(2.0));
    assert_eq!(number("params_non_embedding"), block(4.0));
    assert_eq!(
        number("flops_6nd"),
        6.0 * number("params_active") * number("tokens")
    );
    let words =
        "1 layer, heads of 8, 2 heads of keys, SwiGLU 24, 2 of 4 experts, embeddings not tied";
    assert_eq!(result["family"], words);
    let uniform = 320f64.ln();
    assert!(number("loss") < uniform - 1.0, "{}", number("loss"));
}

#[test]
fn bad_specifications_are_explained_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let said = |text: &str| {
        fs::write(folder.path().join("bad.json"), text).unwrap();
        let output = Command::new(ISOFLOP)
            .args(["train", "bad.json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        String::from_utf8(output.stderr).unwrap()
    };
    for (text, expected) in [
        ("", "bad.json, line 1: "),
        (
            "{\"tokens\": 1e6}",
            "`params` is not given: expected a number of parameters, or a width",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e6, \"setings\": {}}",
            "unknown field `setings`",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e6, \"settings\": {\"corpus\": \"none\"}}",
            "`none` does not exist",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e6, \"settings\": {\"corpus\": \"synthetic\", \"heads\": 7}}",
            "can't be split into 7 heads",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e6, \"settings\": {\"kv_heads\": 3, \"width\": 64}}",
            "3 heads of keys and values can't be shared evenly by 4 heads of queries",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e6, \"settings\": {\"experts\": {\"count\": 2, \"active\": 3}}}",
            "a token can't pass through 3 of 2 experts",
        ),
    ] {
        let said = said(text);
        assert!(
            said.contains(expected) && !said.contains("panicked"),
            "{said}"
        );
    }
}

#[test]
fn a_small_sweep_of_built_in_runs_goes_from_its_plan_to_a_fit() {
    let folder = tempfile::tempdir().unwrap();
    let isoflop = |arguments: &[&str], status: i32| {
        let output = Command::new(ISOFLOP)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = repository().join("crates/isoflop-laws/src");
    let plan = [
        "sweep",
        "plan",
        "--params",
        "35e3,71e3,119e3",
        "--tokens",
        "5e4,1e5,2e5",
        "--built-in",
        "--corpus",
        text.to_str().unwrap(),
        "-o",
        "small.toml",
        "--set",
        "vocabulary=320",
        "--set",
        "min_bytes=10000",
        "--set",
        "context=16",
        "--set",
        "validation_tokens=8000",
        "--batch-tokens",
        "128",
    ];
    isoflop(&plan, 0);
    let written = fs::read_to_string(folder.path().join("small.toml")).unwrap();
    assert!(written.contains("command = \"built-in\""), "{written}");
    isoflop(&["sweep", "run", "small.toml"], 0);
    let status: Value =
        serde_json::from_str(&isoflop(&["sweep", "status", "small.sweep", "--json"], 0)).unwrap();
    assert_eq!(status["counts"]["finished"], 9, "{status}");
    let fit = [
        "fit",
        "small.sweep/results.db",
        "--law",
        "chinchilla",
        "--bootstraps",
        "40",
        "--json",
    ];
    let fit: Value = serde_json::from_str(&isoflop(&fit, 0)).unwrap();
    assert_eq!(fit["n_used"], 9, "{fit}");
    // All runs read the text once, and are on the same corpus.
    let kept = fs::read_dir(folder.path().join("small.corpus")).unwrap();
    let inputs = kept.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("input-")
    });
    assert_eq!(inputs.count(), 1);
}

#[test]
fn settings_that_the_built_in_trainer_does_not_know_are_refused_when_planned() {
    let output = Command::new(ISOFLOP)
        .args([
            "sweep",
            "plan",
            "--budget",
            "1e12",
            "--built-in",
            "--set",
            "widht=3",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the built-in trainer: unknown field `widht`"),
        "{said}"
    );
}
