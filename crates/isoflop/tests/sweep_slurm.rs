//! Sweeps on a real Slurm, whose daemons are killed under them.
//!
//! Needs Debian's slurm-wlm slurmctld slurmd slurm-client munge; fails where they are missing.
//! Part of the tests with `--features slurm-tests`.
//! `bench/sweep/run R16` is the load test in full.

mod sweeps;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use sweeps::{ISOFLOP, Sweep, assert_forecast_holds, assert_whole, number};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/slurm.sh");

/// A Slurm of one node, gone when it is dropped.
struct Slurm {
    folder: tempfile::TempDir,
}

impl Slurm {
    fn start() -> Self {
        Slurm::start_with(&[])
    }

    fn start_with(variables: &[(&str, &str)]) -> Self {
        let slurm = Slurm {
            folder: tempfile::tempdir().unwrap(),
        };
        let ports: Vec<String> = [(); 2]
            .map(|()| TcpListener::bind("127.0.0.1:0").unwrap())
            .iter()
            .map(|listener| listener.local_addr().unwrap().port().to_string())
            .collect();
        let started = Command::new(SCRIPT)
            .arg("start")
            .arg(slurm.folder.path())
            .args(&ports)
            .envs(variables.iter().copied())
            // A daemon that inherits a pipe keeps it open: its messages go to its own log.
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(started.success(), "a real Slurm is needed for this test");
        slurm
    }

    fn script(&self, action: &str, daemon: &str) {
        let done = Command::new(SCRIPT)
            .arg(action)
            .arg(self.folder.path())
            .arg(daemon)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success(), "{action} {daemon}");
    }

    fn configuration(&self) -> String {
        self.folder
            .path()
            .join("etc/slurm.conf")
            .display()
            .to_string()
    }

    /// A command of Slurm; fails the test unless it succeeds.
    fn command(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .env("SLURM_CONF", self.configuration())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn queue(&self) -> String {
        self.command("squeue", &["-h", "-r", "-o", "%i|%T|%j|%r"])
    }

    fn start_sweep(&self, sweep: &Sweep) -> Child {
        sweep.start(&[("SLURM_CONF", &self.configuration())])
    }

    /// Waits for Slurm to know a running job.
    fn wait_until_running(&self, jobs: usize) {
        let began = Instant::now();
        while self.queue().matches("|RUNNING|").count() < jobs {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "no job runs: {}",
                self.queue()
            );
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let _ = Command::new("scancel")
            .args(["--me"])
            .env("SLURM_CONF", self.configuration())
            .status();
        let _ = Command::new(SCRIPT)
            .arg("stop")
            .arg(self.folder.path())
            .status();
    }
}

/// The executor's part of a plan: quick looks, so that a test is short.
fn executor(options: &str, more: &str) -> String {
    format!("kind = \"slurm\"\n{more}\n[executor.slurm]\npoll_secs = 0.5\noptions = [{options}]")
}

fn assert_accepted_once(sweep: &Sweep, output: &Output, runs: u64) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let status = sweep.status();
    assert_eq!(status["counts"]["finished"], runs, "{status}");
    assert_eq!(status["counts"]["conflicts"], 0, "{status}");
    assert_eq!(sweep.accepted().lines().count() as u64, runs + 1);
}

#[test]
fn a_ladder_runs_in_arrays_with_several_runs_a_task() {
    let slurm = Slurm::start();
    let sweep = Sweep::new(9, 0.1, &(executor("", "") + "\nruns_per_task = 2"));
    let output = slurm.start_sweep(&sweep).wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 9);
    assert_eq!(sweep.attempts(), 9);
    let local = Sweep::new(9, 0.1, "");
    local.finish();
    assert_eq!(sweep.accepted(), local.accepted());
}

#[test]
fn the_built_in_trainer_works_as_jobs() {
    let slurm = Slurm::start();
    let sweep = Sweep::built_in(&executor("", ""));
    let output = slurm.start_sweep(&sweep).wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    assert_eq!(sweep.attempts(), 2);
    let local = Sweep::built_in("");
    assert!(local.finish().status.success());
    assert_eq!(sweep.accepted(), local.accepted());
}

#[test]
fn an_adaptive_ladder_adds_its_runs_as_jobs() {
    let slurm = Slurm::start();
    let sweep = Sweep::adaptive(0.0, &(executor("", "") + "\nruns_per_task = 3"));
    let output = slurm.start_sweep(&sweep).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_whole(&sweep);
    assert_forecast_holds(&sweep);
}

/// Case L: Slurm forgets a job that it acknowledged and gives its number to another one.
#[test]
fn a_job_that_slurm_forgot_is_neither_lost_nor_made_twice() {
    let slurm = Slurm::start();
    let sweeps = [0, 1, 2].map(|_| Sweep::new(1, 8.0, &executor("", "")));
    let mut controllers = Vec::new();
    for sweep in &sweeps[..2] {
        controllers.push(slurm.start_sweep(sweep));
        sweep.wait_until(|_| true);
        slurm.wait_until_running(controllers.len());
        sleep(Duration::from_secs(1));
    }
    let before = slurm.queue();
    slurm.script("kill", "slurmctld");
    slurm.script("revive", "slurmctld");
    controllers.push(slurm.start_sweep(&sweeps[2]));
    sleep(Duration::from_secs(2));
    let after = slurm.queue();
    let mut reported = false;
    while controllers
        .iter_mut()
        .any(|controller| controller.try_wait().unwrap().is_none())
    {
        // Slurm drains the node for a duplicate number; its administrator reads that and acts.
        if slurm
            .command("sinfo", &["-h", "-o", "%T"])
            .contains("drain")
        {
            sweeps[2].wait_until(|status| {
                status["notes"].to_string().contains("Duplicate jobid")
                    || status["counts"]["finished"] == 1
            });
            reported |= sweeps[2].status()["notes"]
                .to_string()
                .contains("Duplicate jobid");
            let node = slurm.command("sinfo", &["-h", "-o", "%n"]);
            let node = format!("nodename={}", node.trim());
            slurm.command("scontrol", &["update", &node, "state=resume"]);
        }
        sleep(Duration::from_millis(500));
    }
    for (sweep, controller) in sweeps.iter().zip(controllers) {
        let output = controller.wait_with_output().unwrap();
        assert_accepted_once(sweep, &output, 1);
    }
    let attempts: Vec<u64> = sweeps.iter().map(Sweep::attempts).collect();
    println!(
        "case L: queue before\n{before}after\n{after}attempts {attempts:?}, drained node reported: {reported}"
    );
}

/// Case D2: a job ends while Slurm's controller is down, and is put back into the queue.
#[test]
fn a_job_that_ended_while_slurm_was_down_is_not_made_again() {
    ends_while_down("", "D2");
}

/// Case N: the same without requeueing: Slurm records the finished run as cancelled.
#[test]
fn a_finished_run_that_slurm_calls_cancelled_is_accepted() {
    ends_while_down("\"--no-requeue\"", "N");
}

fn ends_while_down(options: &str, case: &str) {
    let slurm = Slurm::start();
    // The second run begins when the first has ended, so that the sweep needs Slurm again.
    let sweep = Sweep::new(2, 4.0, &executor(options, "parallel = 1"));
    let controller = slurm.start_sweep(&sweep);
    slurm.wait_until_running(1);
    slurm.script("kill", "slurmctld");
    sweep.wait_until(|status| status["counts"]["finished"] == 1);
    slurm.script("revive", "slurmctld");
    sleep(Duration::from_secs(1));
    let queue = slurm.queue();
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    println!(
        "case {case}: queue after the restart\n{queue}attempts {}",
        sweep.attempts()
    );
    assert_eq!(sweep.starts(), 2, "a run was made twice");
}

/// Case G: Slurm's controller is killed right after its first acknowledgement.
#[test]
fn a_kill_right_after_the_acknowledgement_loses_nothing() {
    let slurm = Slurm::start();
    let sweep = Sweep::new(2, 2.0, &executor("", ""));
    let controller = slurm.start_sweep(&sweep);
    let began = Instant::now();
    while slurm.queue().is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "nothing was submitted"
        );
    }
    slurm.script("kill", "slurmctld");
    slurm.script("revive", "slurmctld");
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    println!("case G: attempts {}", sweep.attempts());
}

#[test]
fn kills_of_slurmd_and_cancels_by_others_lose_nothing() {
    let slurm = Slurm::start_with(&[("MIN_JOB_AGE", "2")]);
    let sweep = Sweep::new(3, 5.0, &executor("", ""));
    let controller = slurm.start_sweep(&sweep);
    slurm.wait_until_running(3);
    slurm.script("kill", "slurmd");
    slurm.script("revive", "slurmd");
    let queue = slurm.queue();
    let job = queue.lines().next().unwrap().split('|').next().unwrap();
    slurm.command("scancel", &[job]);
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 3);
    println!(
        "slurmd killed, one job cancelled by another, MinJobAge=2: attempts {}",
        sweep.attempts()
    );
}

#[test]
fn an_orphan_of_slurms_own_step_daemon_still_counts() {
    let slurm = Slurm::start();
    let sweep = Sweep::new(1, 6.0, &executor("", ""));
    let controller = slurm.start_sweep(&sweep);
    slurm.wait_until_running(1);
    // The parent of our worker.
    let folder = sweep.root().join("batches").display().to_string();
    let worker = pid_of(&["sweep", "worker", &folder]);
    let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
    let parent = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let parent = rustix::process::Pid::from_raw(parent).unwrap();
    rustix::process::kill_process(parent, rustix::process::Signal::KILL).unwrap();
    let output = controller.wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 1);
    assert_eq!(sweep.attempts(), 1);
}

fn pid_of(parts: &[&str]) -> u32 {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
                continue;
            };
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            if parts.iter().all(|part| command.contains(part)) {
                return pid;
            }
        }
        sleep(Duration::from_millis(20));
    }
    panic!("no process with {parts:?}");
}

/// R15: the engine does not answer for as long as `SWEEP_SILENT_SECS` says, 3600 in full.
#[test]
fn silence_of_the_engine_cancels_and_resubmits_nothing() {
    let slurm = Slurm::start();
    let broken = tempfile::tempdir().unwrap();
    let squeue = broken.path().join("squeue");
    std::fs::write(&squeue, "#!/bin/sh\necho x >> \"$0.count\"\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&squeue, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        broken.path().display(),
        std::env::var("PATH").unwrap()
    );
    let silent = number("SWEEP_SILENT_SECS", 5);
    let sweep = Sweep::new(
        2,
        2.0 + silent as f64,
        &executor("", "parallel = 2").replace("0.5", "0.05"),
    );
    // The intact engine takes the runs in; then it falls silent.
    let mut first = slurm.start_sweep(&sweep);
    slurm.wait_until_running(2);
    sweep.wait_until(|status| status["counts"]["active"] == 2);
    first.kill().unwrap();
    first.wait().unwrap();
    let variables = [("SLURM_CONF", slurm.configuration()), ("PATH", path)];
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let began = Instant::now();
    let output = sweep.start(&variables).wait_with_output().unwrap();
    assert_accepted_once(&sweep, &output, 2);
    let asked = std::fs::read_to_string(broken.path().join("squeue.count"))
        .unwrap()
        .lines()
        .count();
    println!(
        "{asked} looks failed in a row in {:.0} s; attempts {}",
        began.elapsed().as_secs_f64(),
        sweep.attempts()
    );
    let silence = began.elapsed().as_secs_f64();
    assert!(silence >= silent as f64, "only {silence} s of silence");
    assert!(asked >= silent, "only {asked} looks failed");
    assert_eq!(sweep.attempts(), 2);
    assert!(slurm.queue().matches("isoflop-").count() <= 2);
}

/// R16: many runs planned and a thousand in flight: status, recovery and memory.
#[test]
fn ten_thousand_planned_runs_are_no_burden() {
    let planned = number("SWEEP_PLANNED", 1500);
    let live = planned.min(2000) / 2;
    let slurm = Slurm::start();
    let more = format!("parallel = {live}");
    let sweep = Sweep::new(planned, 0.0, &executor("\"--begin=now+1hour\"", &more));
    let mut first = slurm.start_sweep(&sweep);
    sweep.wait_until(|status| status["counts"]["active"] == live);
    first.kill().unwrap();
    first.wait().unwrap();
    let began = Instant::now();
    let mut second = slurm.start_sweep(&sweep);
    sweep.wait_until(|status| status["epoch"] == 2);
    let recovered = began.elapsed();
    let asked = Instant::now();
    let output = Command::new(ISOFLOP)
        .args(["sweep", "status", sweep.folder()])
        .output()
        .unwrap();
    let status = asked.elapsed();
    assert!(output.status.success());
    let memory = std::fs::read_to_string(format!("/proc/{}/status", second.id())).unwrap();
    let peak = memory
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .to_owned();
    println!(
        "{planned} planned, {live} in flight: recovery {:.2} s, status {:.0} ms, peak memory {peak}",
        recovered.as_secs_f64(),
        status.as_secs_f64() * 1e3
    );
    let cancelled = Command::new(ISOFLOP)
        .args(["sweep", "cancel", sweep.folder()])
        .env("SLURM_CONF", slurm.configuration())
        .output()
        .unwrap();
    assert!(
        cancelled.status.success(),
        "{}",
        String::from_utf8_lossy(&cancelled.stderr)
    );
    second.wait().unwrap();
    assert_eq!(sweep.status()["counts"]["cancelled"], planned);
    assert_eq!(slurm.queue(), "");
    let kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib < 200 * 1024, "{peak}");
}

#[test]
fn a_partition_that_is_not_there_ends_the_sweep_with_slurms_own_words() {
    let slurm = Slurm::start();
    let sweep = Sweep::new(1, 0.0, &executor("\"--partition=nowhere\"", ""));
    let output = slurm.start_sweep(&sweep).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("invalid partition"), "{said}");
    assert!(Path::new(sweep.folder()).exists());
}
