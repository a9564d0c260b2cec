//! Sweeps on a real Ray, whose head is killed under them (bar R14 of the reliability bars).
//!
//! Needs `ray` of PyPI's `ray[default]`, on the PATH or in the folder RAY_BIN; fails where it is
//! missing. Part of the tests with `--features ray-tests`.

mod sweeps;

use isoflop_sweep::RESULT_SEALED;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use sweeps::{Sweep, assert_forecast_holds, assert_whole};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/ray.sh");
const TOKEN: &str = "a-token-of-the-tests-that-is-long-enough";

/// A Ray of one node, gone when it is dropped.
struct Ray {
    folder: tempfile::TempDir,
    port: u16,
    dashboard: u16,
}

impl Ray {
    fn start() -> Self {
        Ray::start_with(&[])
    }

    fn start_with(variables: &[(&str, &str)]) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (a, b) = (free(), free());
        let port = |listener: TcpListener| listener.local_addr().unwrap().port();
        let ray = Ray {
            // Ray's sockets live below it, and their names may not be long.
            folder: tempfile::tempdir_in("/tmp").unwrap(),
            port: port(a),
            dashboard: port(b),
        };
        ray.begin(variables);
        ray
    }

    fn begin(&self, variables: &[(&str, &str)]) {
        let ports = [self.port.to_string(), self.dashboard.to_string()];
        self.script("start", &[&ports[0], &ports[1]], variables);
    }

    fn script(&self, action: &str, more: &[&str], variables: &[(&str, &str)]) {
        let done = Command::new(SCRIPT)
            .arg(action)
            .arg(self.folder.path())
            .args(more)
            .envs(variables.iter().copied())
            .env("RAY_AUTH_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(
            done.success(),
            "a real Ray is needed for this test: {action}"
        );
    }

    fn executor(&self) -> String {
        format!(
            "kind = \"ray\"\n[executor.ray]\naddress = \"http://127.0.0.1:{}\"\npoll_secs = 0.5\n",
            self.dashboard
        )
    }

    fn start_sweep(&self, sweep: &Sweep) -> Child {
        sweep.start(&[("RAY_AUTH_TOKEN", TOKEN)])
    }

    /// What Ray's own API answers.
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-m", "20", "-X", method, "-w", "\n%{http_code}"])
            .args(["-H", &format!("Authorization: Bearer {TOKEN}")])
            .args(["-H", "Content-Type: application/json"]);
        if let Some(body) = body {
            curl.args(["-d", &body.to_string()]);
        }
        let url = format!("http://127.0.0.1:{}/api/{path}", self.dashboard);
        let output = curl.arg(url).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    fn jobs(&self) -> Vec<Value> {
        let (_, body) = self.ask("GET", "jobs/", None);
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// Waits for Ray to say that a job runs, and gives its name.
    fn running(&self) -> String {
        let began = Instant::now();
        loop {
            let jobs = self.jobs();
            if let Some(job) = jobs.iter().find(|job| job["status"] == "RUNNING") {
                return job["submission_id"].as_str().unwrap().to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{jobs:?}");
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Ray {
    fn drop(&mut self) {
        let _ = Command::new(SCRIPT)
            .arg("stop")
            .arg(self.folder.path())
            .env("RAY_AUTH_TOKEN", TOKEN)
            .status();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_accepted_once(sweep: &Sweep, output: &Output, runs: u64) {
    assert!(output.status.success(), "{}", said(output));
    let status = sweep.status();
    assert_eq!(status["counts"]["finished"], runs, "{status}");
    assert_eq!(status["counts"]["conflicts"], 0, "{status}");
    assert_eq!(sweep.accepted().lines().count() as u64, runs + 1);
}

/// A ladder gives what it gives locally; what was begun is not begun again by its name; a job that
/// Ray calls failed though its result is there counts; a token that is missing is named.
#[test]
fn a_ladder_runs_once_whatever_ray_says_of_it() {
    let ray = Ray::start();
    let sweep = Sweep::new(4, 1.0, &ray.executor());
    let controller = ray.start_sweep(&sweep);
    let name = ray.running();
    assert!(name.starts_with("isoflop-"), "{name}");
    // A duplicate is refused by Ray itself: the name makes submission idempotent.
    let again = json!({"entrypoint": "true", "submission_id": name});
    let (status, body) = ray.ask("POST", "jobs/", Some(again));
    assert!(
        status != "200" && body.contains("already exists"),
        "{status}: {body}"
    );
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 4);
    assert_eq!(sweep.starts(), 4, "a run was made twice");
    let local = Sweep::new(4, 0.0, "");
    assert!(local.finish().status.success());
    assert_eq!(sweep.accepted(), local.accepted());
    // The plan's folder holds no token.
    let found = Command::new("grep")
        .args(["-rlF", TOKEN, sweep.folder()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");

    // A job that somebody else stops is made again.
    let sweep = Sweep::new(2, 2.0, &format!("parallel = 1\n{}", ray.executor()));
    let controller = ray.start_sweep(&sweep);
    sweep.wait_until(|status| status["counts"]["active"] == 1);
    let first = ray.running();
    let (status, _) = ray.ask("POST", &format!("jobs/{first}/stop"), Some(json!({})));
    assert_eq!(status, "200");
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);

    // Without the token Ray does not answer, and the sweep says what is wanting.
    let sweep = Sweep::new(1, 0.0, &ray.executor());
    let output = sweep
        .start(&[("RAY_AUTH_TOKEN", ""), ("HOME", "/nonexistent")])
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("RAY_AUTH_TOKEN"),
        "{}",
        said(&output)
    );
}

#[test]
fn an_adaptive_ladder_adds_its_runs_as_jobs() {
    let ray = Ray::start();
    let sweep = Sweep::adaptive(0.0, &ray.executor());
    let output = ray.start_sweep(&sweep).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_whole(&sweep);
    assert_forecast_holds(&sweep);
}

#[test]
fn the_built_in_trainer_works_as_jobs() {
    let ray = Ray::start();
    let sweep = Sweep::built_in(&ray.executor());
    let output = ray.start_sweep(&sweep).wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    assert_eq!(sweep.attempts(), 2);
    let local = Sweep::built_in("");
    assert!(local.finish().status.success());
    assert_eq!(sweep.accepted(), local.accepted());
}

/// FAILED with a result: every worker is killed as soon as it has sealed its result.
#[test]
fn a_result_counts_whatever_became_of_its_job() {
    let ray = Ray::start_with(&[("ISOFLOP_FAILPOINT", RESULT_SEALED)]);
    let sweep = Sweep::new(2, 0.2, &ray.executor());
    let output = ray.start_sweep(&sweep).wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    assert_eq!(sweep.starts(), 2);
    let began = Instant::now();
    while !ray.jobs().iter().all(|job| job["status"] == "FAILED") {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            ray.jobs()
        );
        sleep(Duration::from_millis(200));
    }
}

/// The head is killed while a run is made; the next head knows nothing of it.
#[test]
fn a_run_outlives_the_head_that_began_it() {
    let ray = Ray::start();
    let sweep = Sweep::new(2, 12.0, &format!("parallel = 1\n{}", ray.executor()));
    let controller = ray.start_sweep(&sweep);
    let begun = ray.running();
    ray.script("kill-head", &[], &[]);
    // Nothing is concluded while nobody answers.
    sweep.wait_until(|status| status["notes"].to_string().contains("does not answer"));
    assert_eq!(sweep.status()["counts"]["active"], 1);
    ray.script("stop", &[], &[]);
    ray.begin(&[]);
    let of_the_old_head = |job: &Value| job["submission_id"] == begun.as_str();
    assert!(!ray.jobs().iter().any(of_the_old_head), "the head knows it");
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    let attempts: Vec<u64> = sweep.status()["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["attempts"].as_u64().unwrap())
        .collect();
    println!(
        "head killed: attempts {attempts:?}, starts {}",
        sweep.starts()
    );
}

/// A sweep that is cancelled leaves no job behind.
#[test]
fn a_cancelled_sweep_stops_its_jobs() {
    let ray = Ray::start();
    let sweep = Sweep::new(2, 60.0, &ray.executor());
    let controller = ray.start_sweep(&sweep);
    ray.running();
    let cancelled = Command::new(sweeps::ISOFLOP)
        .args(["sweep", "cancel", sweep.folder()])
        .env("RAY_AUTH_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(cancelled.status.success(), "{}", said(&cancelled));
    controller.wait_with_output().unwrap();
    assert_eq!(sweep.status()["counts"]["cancelled"], 2);
    let began = Instant::now();
    while ray.jobs().iter().any(|job| job["status"] == "RUNNING") {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            ray.jobs()
        );
        sleep(Duration::from_millis(200));
    }
    assert!(sweep.processes().is_empty());
}
