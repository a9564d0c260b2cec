//! A sweep in a temporary folder, driven through the program itself.

#![allow(dead_code, reason = "each test file uses its own part")]

use isoflop_runs::{Run, Store, write_csv};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The program under test.
pub const ISOFLOP: &str = env!("CARGO_BIN_EXE_isoflop");
/// The trainer of the examples, and what slows it down.
const TRAINER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/sweep/minimal.py"
);

const SLOW_TRAINER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sweeps/train.py");

/// A whole number from the environment, or the default of the short form of a harness.
pub fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

/// FLOPs of the run that adaptive ladders forecast.
pub const TARGET: f64 = 1e20;
/// FLOPs that they may spend.
pub const LIMIT: f64 = 1e18;

/// What must hold of an adaptive ladder that has ended, however it came there.
pub fn assert_whole(sweep: &Sweep) {
    let status = sweep.status();
    let runs = status["runs"].as_array().unwrap().len();
    assert_eq!(status["counts"]["finished"], runs, "{status}");
    assert_eq!(status["counts"]["conflicts"], 0);
    assert_eq!(sweep.starts(), runs, "a run was made twice");
    assert_eq!(sweep.accepted().lines().count(), runs + 1);
    let spent = status["counts"]["spent_flops"].as_f64().unwrap();
    assert!(spent <= LIMIT, "{spent}");
    let adaptive = &status["adaptive"];
    assert!(adaptive["ended"].is_string(), "{adaptive}");
    let added = std::fs::read_to_string(sweep.root().join("added.toml")).unwrap();
    let rounds = adaptive["rounds"].as_array().unwrap();
    assert!(!rounds.is_empty());
    assert_eq!(added.matches("[[round]]").count(), rounds.len());
    assert_eq!(added.matches("[[round.run]]").count(), runs - 15);
}

/// The forecast of an adaptive ladder holds what the trainer's law says of its target.
pub fn assert_forecast_holds(sweep: &Sweep) {
    let status = sweep.status();
    let forecast = &status["adaptive"]["forecast"];
    let at = |name: &str| forecast[name].as_f64().unwrap();
    let truth = best_loss(TARGET);
    assert!(
        (at("lo")..=at("hi")).contains(&truth),
        "{forecast}, truth {truth}"
    );
    assert!((at("hi") - at("lo")) / at("loss") < 0.1, "{forecast}");
}

/// The smallest loss at a budget by the law that `examples/sweep/minimal.py` follows.
fn best_loss(flops: f64) -> f64 {
    let loss = |params: f64| {
        1.69 + 406.4 / params.powf(0.34) + 410.7 / (flops / (6.0 * params)).powf(0.28)
    };
    let sizes = (0..4000).map(|step| 10f64.powf(5.0 + f64::from(step) * 0.002));
    sizes.map(loss).fold(f64::INFINITY, f64::min)
}

/// A sweep in a temporary folder.
pub struct Sweep {
    folder: tempfile::TempDir,
    root: String,
    runs: usize,
    executor: String,
}

impl Sweep {
    /// `runs` runs that take `seconds` each, with further lines of the plan's `[executor]`.
    pub fn new(runs: usize, seconds: f64, executor: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(TRAINER, folder.path().join("minimal.py")).unwrap();
        std::fs::copy(SLOW_TRAINER, folder.path().join("train.py")).unwrap();
        std::fs::write(folder.path().join("seconds"), seconds.to_string()).unwrap();
        let root = folder.path().join("plan.sweep").display().to_string();
        let sweep = Sweep {
            folder,
            root,
            runs,
            executor: executor.to_owned(),
        };
        let command = ["python3", "train.py", "{spec}", "{result}", "{curve}"];
        sweep.write_plan(&command.map(str::to_owned));
        sweep
    }

    /// A ladder that adds runs within [`LIMIT`], for the forecast of a run of [`TARGET`] FLOPs.
    pub fn adaptive(seconds: f64, executor: &str) -> Self {
        let (target, limit) = (format!("{TARGET:e}"), format!("{LIMIT:e}"));
        let ladder = ["--budget", "1e17", "--adaptive", &target, "--spend", &limit];
        let command = ["--", "python3", "train.py", "{spec}", "{result}", "{curve}"];
        Sweep::planned(seconds, &[&ladder[..], &command].concat(), executor)
    }

    /// Runs of the built-in trainer on the synthetic source.
    pub fn built_in(executor: &str) -> Self {
        let ladder = ["--params", "35e3,71e3", "--tokens", "5e4", "--built-in"];
        let corpus = ["--corpus", "synthetic", "--set", "synthetic_tokens=100000"];
        let small = ["--set", "validation_tokens=6400"];
        Sweep::planned(0.0, &[&ladder[..], &corpus, &small].concat(), executor)
    }

    /// A sweep as `isoflop sweep plan` plans it, with another executor.
    fn planned(seconds: f64, arguments: &[&str], executor: &str) -> Self {
        let sweep = Sweep::new(0, seconds, "");
        std::fs::remove_file(sweep.plan()).unwrap();
        let plan = sweep.plan().display().to_string();
        let command = [&["sweep", "plan", "-o", &plan], arguments].concat();
        let planned = sweep.isoflop(&command);
        let said = String::from_utf8_lossy(&planned.stderr).into_owned();
        assert!(planned.status.success(), "{said}");
        let text = std::fs::read_to_string(&plan).unwrap();
        let (before, rest) = text.split_once("[executor]").unwrap();
        let (_, after) = rest.split_once("[limits]").unwrap();
        // Such runs need little memory, wherever this is tested.
        let executor = format!("[executor]\nmemory_per_run_mib = 1\n{executor}\n\n[limits]");
        std::fs::write(&plan, before.to_owned() + &executor + after).unwrap();
        sweep
    }

    /// Another place for the sweep's folder.
    pub fn at(mut self, root: &Path) -> Self {
        self.root = root.display().to_string();
        self
    }

    /// Trains with another command.
    pub fn set_command(&mut self, command: &[String]) {
        self.write_plan(command);
    }

    fn write_plan(&self, command: &[String]) {
        // JSON's texts are TOML's, but for one character that TOML wants escaped.
        let command = serde_json::to_string(command)
            .unwrap()
            .replace('\u{7f}', "\\u007f");
        let mut plan = format!(
            "name = \"test\"\n[trainer]\ncommand = {command}\n[executor]\nmemory_per_run_mib = 1\n{}\n",
            self.executor
        );
        for index in 0..self.runs {
            plan += &format!(
                "[[run]]\nname = \"run-{index:05}\"\nparams = {}\ntokens = {}\n",
                1_000_000 + index * 1000,
                20_000_000
            );
        }
        std::fs::write(self.plan(), plan).unwrap();
    }

    fn plan(&self) -> PathBuf {
        self.folder.path().join("plan.toml")
    }

    /// The sweep's folder.
    pub fn folder(&self) -> &str {
        &self.root
    }

    /// The sweep's folder as a path.
    pub fn root(&self) -> &Path {
        Path::new(&self.root)
    }

    /// Starts a controller.
    pub fn start(&self, variables: &[(&str, &str)]) -> Child {
        Command::new(ISOFLOP)
            .args(["sweep", "run", "--into", &self.root])
            .arg(self.plan())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a controller to its end.
    pub fn finish(&self) -> Output {
        self.start(&[]).wait_with_output().unwrap()
    }

    /// Runs the program.
    pub fn isoflop(&self, arguments: &[&str]) -> Output {
        Command::new(ISOFLOP)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The answer of `isoflop sweep status --json`.
    pub fn status(&self) -> Value {
        let output = self.isoflop(&["sweep", "status", "--json", &self.root]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits until the status is as wished.
    pub fn wait_until(&self, wish: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        while !(self.root().join("status.json").exists() && wish(&self.status())) {
            assert!(
                began.elapsed() < Duration::from_secs(300),
                "it never came to that: {}",
                self.status()
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Every accepted run as CSV, without what depends on the clock.
    pub fn accepted(&self) -> String {
        let store = Store::open_existing(&self.root().join("results.db")).unwrap();
        let runs: Vec<Run> = store
            .runs()
            .unwrap()
            .into_iter()
            .map(|run| Run {
                wall_secs: None,
                ..run
            })
            .collect();
        let mut csv = Vec::new();
        write_csv(&runs, &mut csv).unwrap();
        String::from_utf8(csv).unwrap()
    }

    /// What must not change when a controller may not write: the journal's and store's contents.
    pub fn state(&self) -> (Value, String) {
        let mut status = self.status();
        status["controller"] = Value::Null;
        (status, self.accepted())
    }

    /// Key and nonce of every attempt of this sweep that has a process.
    pub fn processes(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(command) = std::fs::read(entry.path().join("cmdline")) else {
                continue;
            };
            let command = String::from_utf8_lossy(&command).into_owned();
            let mut rest = command.as_str();
            while let Some(at) = rest.find(&format!("{}/runs/", self.root)) {
                rest = &rest[at + self.root.len() + "/runs/".len()..];
                let mut parts = rest.split(['/', '\0']);
                if let (Some(key), Some(attempt)) = (parts.next(), parts.next()) {
                    found.insert((key.to_owned(), attempt.to_owned()));
                }
            }
        }
        found
    }

    /// How often the trainer began a run, counted in the logs of all attempts.
    pub fn starts(&self) -> usize {
        let mut starts = 0;
        for run in std::fs::read_dir(self.root().join("runs")).unwrap() {
            for attempt in std::fs::read_dir(run.unwrap().path()).unwrap() {
                let log = attempt.unwrap().path().join("log");
                let log = std::fs::read_to_string(log).unwrap_or_default();
                starts += log
                    .lines()
                    .filter(|line| line.starts_with("step 1:"))
                    .count();
            }
        }
        starts
    }

    /// How many attempts were issued, for all runs together.
    pub fn attempts(&self) -> u64 {
        let status = self.status();
        let runs = status["runs"].as_array().unwrap().iter();
        runs.map(|run| run["attempts"].as_u64().unwrap()).sum()
    }

    /// The folder of an attempt; of the only one, where there is one.
    pub fn only_attempt(&self) -> PathBuf {
        let run = std::fs::read_dir(self.root().join("runs"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        std::fs::read_dir(run.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    }
}
