//! `--json` of every command against the schemas in `docs/schema`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod schemas;
mod sweeps;

use schemas::{assert_follows, repository};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn isoflop(folder: &Path, arguments: &[&str]) -> (i32, Vec<u8>) {
    let output = Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    (output.status.code().unwrap(), output.stdout)
}

/// The answer, once it is one JSON object that follows its schema.
fn answer(folder: &Path, schema: &str, arguments: &[&str], status: i32) -> Value {
    let mut all = arguments.to_vec();
    if !all.contains(&"--json") {
        all.push("--json");
    }
    let (code, stdout) = isoflop(folder, &all);
    assert_eq!(code, status, "{all:?}");
    let answer: Value = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{all:?} prints no single JSON object: {error}"));
    assert_follows(schema, &answer, &all.join(" "));
    answer
}

#[test]
fn every_json_answer_follows_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (_, runs) = isoflop(at, &["simulate", "--noise", "0.003", "--seed", "1"]);
    std::fs::write(at.join("runs.csv"), runs).unwrap();
    std::fs::write(at.join("points.csv"), "N,D\n7B,140B\n1B,20B\n").unwrap();
    let quick = [
        "fit",
        "runs.csv",
        "--law",
        "chinchilla",
        "--bootstraps",
        "40",
    ];
    let fit = [
        &quick[..],
        &[
            "--against",
            "hoffmann-2022,kaplan-2020",
            "--save",
            "fit.json",
        ],
    ];
    let found = answer(at, "fit", &fit.concat(), 0);
    assert_eq!(found["n_used"], 45);
    let posterior = [&quick[..], &["--posterior"]].concat();
    let found = answer(at, "fit", &posterior, 0);
    assert_eq!(found["posterior"].as_array().unwrap().len(), 5);
    assert_eq!(found["posterior"][3]["symbol"], "alpha");
    answer(
        at,
        "fit-by",
        &[&quick[..], &["--by", "dataset"]].concat(),
        0,
    );
    let found = answer(
        at,
        "predict",
        &["predict", "fit.json", "--at", "points.csv"],
        0,
    );
    assert_eq!(found["forecasts"][1]["params"], 1e9);
    answer(
        at,
        "predict",
        &["predict", "--law", "kaplan-c", "--flops", "1e20"],
        0,
    );
    let ladder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions/metric.csv");
    let metric = ["predict", ladder.to_str().unwrap(), "--metric", "mmlu"];
    let far = ["--params", "70B", "--tokens", "1.4T", "--law", "chinchilla"];
    let found = answer(at, "predict", &[&metric[..], &far].concat(), 0);
    assert_eq!(found["metric"]["law"], "two-step");
    let data = repository().join("data/obsscaling_base_benchmarks.csv");
    let without_loss = [
        "predict",
        data.to_str().unwrap(),
        "--map",
        "acc_MMLU=metric_mmlu",
        "--metric",
        "mmlu",
        "--flops",
        "1e26",
    ];
    let found = answer(at, "predict", &without_loss, 0);
    assert_eq!(found["law"], "capability");
    let by_valleys = ["plan", "runs.csv", "--law", "isoflop", "--flops", "1e22"];
    let found = answer(at, "plan", &by_valleys, 0);
    assert!(found["plans"][0]["loss"].is_number());
    let alone = ["plan", "--law", "hoffmann-2022-isoflop", "--params", "7B"];
    let found = answer(at, "plan", &alone, 0);
    assert!(found["plans"][0]["loss"].is_null() && found["valley"].is_null());
    let whole = [
        "--compare",
        "--stop",
        "--unique-tokens",
        "1T",
        "--served-tokens",
        "10T",
    ];
    let budget = [
        "plan", "--gpus", "512xH100", "--money", "1e6", "--price", "2.5",
    ];
    answer(at, "plan", &[&budget[..], &whole].concat(), 0);
    let found = answer(at, "plan", &["plan", "fit.json", "--flops", "1e21"], 0);
    assert!(found["plans"][0]["lo"].is_number() && found["plans"][0]["params_lo"].is_number());
    answer(at, "diagnose", &["diagnose", "--model", "GPT-3"], 0);
    answer(
        at,
        "diagnose-known",
        &["diagnose", "fit.json", "--known"],
        0,
    );
    let run = ["--params", "1B", "--tokens", "20B"];
    answer(
        at,
        "elasticity",
        &[&["elasticity", "fit.json"][..], &run].concat(),
        0,
    );
    let spend = ["--target-flops", "1e22", "--budget", "1e20"];
    let design = answer(
        at,
        "design",
        &[&["design", "fit.json"][..], &spend].concat(),
        0,
    );
    // Users compare the two: they say the same of the same run.
    let target = |field: &str| design["target"][field].to_string();
    let (params, tokens) = (target("params"), target("tokens"));
    let run = [
        "predict", "fit.json", "--params", &params, "--tokens", &tokens,
    ];
    let said = &answer(at, "predict", &run, 0)["forecasts"][0];
    let number = |field: &str| said[field].as_f64().unwrap();
    let width = (number("hi") - number("lo")) / number("loss");
    let before = design["interval_before"].as_f64().unwrap();
    assert!((before / width - 1.0).abs() < 1e-9, "{before} {width}");
    answer(at, "backtest", &["backtest", "runs.csv", "--cuts", "2"], 0);
    answer(at, "simulate", &["simulate", "--sizes", "3"], 0);
    let catalogue = answer(at, "laws", &["laws"], 0);
    for name in ["besiroglu-2024", "kaplan-nd", "step-law-2025"] {
        answer(at, "law", &["laws", name], 0);
    }
    assert!(catalogue["laws"].as_array().unwrap().len() > 30);
    answer(at, "accelerators", &["accelerators"], 0);
}

#[test]
fn stores_figures_and_ladders_answer_by_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (_, runs) = isoflop(at, &["simulate", "--noise", "0.003", "--seed", "1"]);
    std::fs::write(at.join("runs.csv"), runs).unwrap();
    answer(
        at,
        "import",
        &["import", "runs.csv", "--into", "runs.db"],
        0,
    );
    answer(
        at,
        "runs-tag",
        &["runs", "tag", "runs.db", "sim-0001", "sweep=a"],
        0,
    );
    let why = [
        "runs",
        "exclude",
        "runs.db",
        "sim-0002",
        "--why",
        "wrong tokeniser",
    ];
    answer(at, "runs-exclude", &why, 0);
    answer(
        at,
        "runs-exclude",
        &["runs", "include", "runs.db", "sim-0002"],
        0,
    );
    let found = answer(at, "runs-show", &["runs", "show", "runs.db", "sim-0001"], 0);
    assert_eq!(found["run"]["label_sweep"], "a");
    let found = answer(at, "runs-list", &["runs", "list", "runs.db"], 0);
    assert_eq!(found["runs"].as_array().unwrap().len(), 45);
    let figure = ["figure", "forecast", "runs.csv", "-o", "forecast.svg"];
    answer(
        at,
        "figure",
        &[&figure[..], &["--law", "chinchilla"]].concat(),
        0,
    );
    let report = ["report", "runs.csv", "-o", "report.html"];
    answer(
        at,
        "report",
        &[&report[..], &["--law", "chinchilla"]].concat(),
        0,
    );
    let ladder = ["sweep", "plan", "--budget", "1e16", "-o", "sweep.toml"];
    let trainer = ["--json", "--", "train", "{spec}", "{result}"];
    answer(at, "sweep-plan", &[&ladder[..], &trainer].concat(), 0);
}

#[test]
fn sweeps_answer_by_their_schemas() {
    let sweep = sweeps::Sweep::new(2, 0.0, "");
    assert!(sweep.finish().status.success());
    let at = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = sweep.folder();
    let found = answer(at, "sweep-status", &["sweep", "status", root], 0);
    assert_eq!(found["counts"]["finished"], 2);
    answer(at, "sweep-status", &["sweep", "resume", root], 0);
    answer(at, "sweep-logs", &["sweep", "logs", root, "run-00000"], 0);
}

#[test]
fn the_ledger_answers_by_its_schemas_and_says_no_with_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (_, runs) = isoflop(at, &["simulate", "--noise", "0.003", "--seed", "1"]);
    std::fs::write(at.join("runs.csv"), runs).unwrap();
    let seal = [
        "forecast",
        "seal",
        "big",
        "runs.csv",
        "--law",
        "chinchilla",
        "--flops",
        "1e21",
    ];
    answer(at, "forecast-seal", &seal, 0);
    answer(at, "forecast-list", &["forecast", "list"], 0);
    let found = answer(
        at,
        "forecast-score",
        &["forecast", "score", "big", "--loss", "3.0"],
        1,
    );
    assert_eq!(found["inside"], false);
    answer(at, "forecast-check", &["forecast", "check"], 0);
    let ledger = at.join("isoflop-ledger.jsonl");
    let changed = std::fs::read_to_string(&ledger)
        .unwrap()
        .replacen("big", "bog", 1);
    std::fs::write(&ledger, changed).unwrap();
    let found = answer(at, "forecast-check", &["forecast", "check"], 1);
    assert_eq!(found["intact"], false);
}
