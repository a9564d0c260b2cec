//! What a machine does to a sweep: disks that fill up (bar R5 of the reliability bars) and clocks
//! that jump (R8).
//!
//! Needs the right to mount a tmpfs, and Debian's faketime; fails where they are missing. Part of
//! the tests with `--features machine-tests`.
//! `SWEEP_DISK_STEP_KIB=4 cargo test --workspace --features isoflop/machine-tests --test sweep_machine -- --nocapture disk`
//! fills the disk at every 4 KiB.

mod sweeps;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use sweeps::{Sweep, number};

/// A disk of its own size, gone when it is dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn of(kib: usize) -> Self {
        let disk = Disk {
            folder: tempfile::tempdir().unwrap(),
        };
        disk.mount(&format!("size={kib}k"));
        disk
    }

    fn mount(&self, options: &str) {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(self.path())
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "this test needs the right to mount a tmpfs"
        );
    }

    fn grow(&self) {
        self.mount("remount,size=64m");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// How long a sweep on a disk that is too small is watched before the disk grows.
const WATCHED: Duration = Duration::from_millis(2500);

#[test]
fn a_full_disk_pauses_the_sweep_and_spoils_nothing() {
    const RUNS: usize = 3;
    let undisturbed = Sweep::new(RUNS, 0.0, "parallel = 2");
    assert!(undisturbed.finish().status.success());
    let expected = undisturbed.accepted();
    let (mut paused, mut told, mut enough) = (0, 0, 0);
    let step = number("SWEEP_DISK_STEP_KIB", 512);
    let (from, to) = (
        number("SWEEP_DISK_FROM_KIB", 64),
        number("SWEEP_DISK_TO_KIB", 4096),
    );
    // At 72 KiB SQLite once gave a new epoch and then did not keep it.
    for kib in (from..=to).step_by(step).chain([72]) {
        let disk = Disk::of(kib);
        let sweep = Sweep::new(RUNS, 0.0, "parallel = 2").at(&disk.path().join("sweep"));
        let mut controller = sweep.start(&[]);
        let (said, heard) = mpsc::channel();
        let lines = BufReader::new(controller.stderr.take().unwrap()).lines();
        let listener = std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| said.send(line).unwrap_or(()));
        });
        let began = Instant::now();
        let mut ended = None;
        while ended.is_none() && began.elapsed() < WATCHED {
            ended = controller.try_wait().unwrap();
            sleep(Duration::from_millis(10));
        }
        disk.grow();
        let status = match ended {
            Some(status) => status,
            None => controller.wait().unwrap(),
        };
        listener.join().unwrap();
        let words = heard.iter().collect::<Vec<String>>().join("\n");
        assert!(status.success(), "{kib} KiB: {words}");
        if ended.is_some() {
            enough += 1;
        } else {
            paused += 1;
            told += usize::from(words.contains("the disk is full"));
        }
        assert_eq!(sweep.accepted(), expected, "{kib} KiB: {words}");
        assert_eq!(sweep.status()["counts"]["finished"], RUNS);
        assert_eq!(sweep.processes(), BTreeSet::new());
    }
    println!(
        "disks of {from} to {to} KiB in steps of {step}: {paused} paused ({told} of them the controller, the others a worker) and went on, {enough} sufficed; results equal every time"
    );
    assert!(told > 0, "no disk was too small");
}

/// The library that shifts the clock of a program, as Debian's `faketime` installs it.
fn faketime() -> String {
    let found = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketime.so.1"));
    let found = found.into_iter().find(|path| Path::new(path).exists());
    found.expect("this test needs faketime: apt-get install -y --no-install-recommends faketime")
}

#[test]
fn clocks_that_jump_by_a_day_declare_no_run_dead() {
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    let set = |offset: &str| {
        // Read at any time: replaced as a whole.
        std::fs::write(folder.path().join("new"), offset).unwrap();
        std::fs::rename(folder.path().join("new"), &clock).unwrap();
    };
    set("+0");
    let library = faketime();
    let clock = clock.display().to_string();
    let shifted = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.as_str()),
        ("FAKETIME_NO_CACHE", "1"),
        // What counts time since the start of the machine does not jump when a clock is set.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let runs = 6;
    let sweep = Sweep::new(runs, 2.0, "parallel = 2");
    let mut jumps = 0;
    let mut last_day = String::new();
    let mut days = BTreeSet::new();
    // Controllers that are killed and followed by one whose clock is another day.
    for offset in ["+1d", "-1d", "+0"] {
        set(offset);
        let mut controller = sweep.start(&shifted);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) && controller.try_wait().unwrap().is_none() {
            set(["+1d", "-1d"][jumps % 2]);
            jumps += 1;
            sleep(Duration::from_millis(300));
            if let Ok(text) = std::fs::read_to_string(sweep.root().join("status.json")) {
                let status: serde_json::Value = serde_json::from_str(&text).unwrap();
                last_day = status["as_of"].as_str().unwrap()[..10].to_owned();
                days.insert(last_day.clone());
            }
        }
        controller.kill().unwrap();
        controller.wait().unwrap();
    }
    let mut controller = sweep.start(&shifted);
    while controller.try_wait().unwrap().is_none() {
        set(["+1d", "-1d"][jumps % 2]);
        jumps += 1;
        sleep(Duration::from_millis(300));
    }
    assert!(controller.wait().unwrap().success(), "{}", sweep.status());
    assert!(
        days.len() >= 2,
        "the clock did not jump: {days:?} {last_day}"
    );
    let status = sweep.status();
    assert_eq!(status["counts"]["finished"], runs);
    assert_eq!(sweep.starts(), runs, "a run was made twice");
    let undisturbed = Sweep::new(runs, 0.0, "parallel = 2");
    undisturbed.finish();
    assert_eq!(sweep.accepted(), undisturbed.accepted());
    println!(
        "{jumps} jumps of a day: {runs} runs, each begun once; days that the status showed: {days:?}"
    );
}
