//! Sweeps on local processes: kills, double starts, hostile values, secrets.
//!
//! `SWEEP_RUNS=50 SWEEP_KILLS=200 cargo test -p isoflop --test sweep_local -- --nocapture kill`
//! is the full harness; without the variables a shorter one runs.

mod sweeps;

use isoflop_sweep::FAILPOINTS;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use sweeps::{Sweep, number};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The sweep that nothing disturbed, to compare with.
fn undisturbed(runs: usize) -> String {
    let sweep = Sweep::new(runs, 0.0, "parallel = 2");
    assert!(sweep.finish().status.success());
    sweep.accepted()
}

#[test]
fn every_run_of_a_killed_controller_is_accepted_exactly_once() {
    let (runs, kills) = (number("SWEEP_RUNS", 8), number("SWEEP_KILLS", 12));
    // A controller's life must reach beyond its start, however slow this machine is now; the
    // sweep must be long enough that the kills fall into it, not after it.
    let start = time_of_a_start();
    let longest = 2.0 * start.as_secs_f64() + 0.3;
    let seconds = longest / 2.0 * kills as f64 * 2.0 / runs as f64;
    let sweep = Sweep::new(runs, seconds, "parallel = 2");
    let watching = AtomicBool::new(true);
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let mut killed = 0;
    std::thread::scope(|scope| {
        let most = scope.spawn(|| most_live_attempts(&sweep, &watching));
        while killed < kills {
            let mut controller = sweep.start(&[]);
            let life = Duration::from_secs_f64(random.random_range(0.0..longest));
            let began = Instant::now();
            let mut ended = None;
            while began.elapsed() < life && ended.is_none() {
                ended = controller.try_wait().unwrap();
                sleep(Duration::from_millis(1));
            }
            if let Some(status) = ended {
                assert!(
                    status.success(),
                    "{}",
                    said(&controller.wait_with_output().unwrap())
                );
                break;
            }
            controller.kill().unwrap();
            controller.wait().unwrap();
            killed += 1;
        }
        let last = sweep.finish();
        watching.store(false, Ordering::Relaxed);
        assert!(last.status.success(), "{}", said(&last));
        assert_eq!(most.join().unwrap(), 1, "live attempts of one run");
    });
    let status = sweep.status();
    assert_eq!(status["counts"]["finished"], runs);
    assert_eq!(status["counts"]["conflicts"], 0);
    let attempts = sweep.attempts();
    assert_eq!(sweep.accepted(), undisturbed(runs));
    assert_eq!(sweep.processes(), BTreeSet::new(), "orphans");
    println!(
        "{runs} runs, {killed} kills: {runs} accepted once, {attempts} attempts issued, results byte-equal, no orphan, never two live attempts of a run"
    );
    assert!(
        killed * 10 >= kills * 9,
        "only {killed} kills fell into the sweep"
    );
}

/// How long a controller takes from its start to its first attempt.
fn time_of_a_start() -> Duration {
    let sweep = Sweep::new(1, 0.0, "");
    let began = Instant::now();
    let mut controller = sweep.start(&[]);
    while !sweep.root().join("status.json").exists() {
        sleep(Duration::from_millis(2));
    }
    let start = began.elapsed();
    controller.wait().unwrap();
    start
}

/// The most attempts of one run that were ever seen alive together.
fn most_live_attempts(sweep: &Sweep, watching: &AtomicBool) -> usize {
    let mut most = 1;
    while watching.load(Ordering::Relaxed) {
        let mut by_run: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, nonce) in sweep.processes() {
            by_run.entry(key).or_default().insert(nonce);
        }
        most = by_run.values().map(BTreeSet::len).fold(most, usize::max);
        sleep(Duration::from_millis(20));
    }
    most
}

#[test]
fn a_kill_at_any_named_instant_loses_and_doubles_nothing() {
    let expected = undisturbed(3);
    for failpoint in FAILPOINTS {
        let sweep = Sweep::new(3, 0.0, "parallel = 2");
        let killed = sweep
            .start(&[("ISOFLOP_FAILPOINT", failpoint)])
            .wait_with_output()
            .unwrap();
        assert!(!killed.status.success(), "{failpoint} was not passed");
        assert!(sweep.finish().status.success(), "{failpoint}");
        assert_eq!(sweep.accepted(), expected, "{failpoint}");
        assert_eq!(sweep.processes(), BTreeSet::new(), "{failpoint}");
    }
}

#[test]
fn of_many_controllers_one_wins_and_the_others_name_it() {
    let sweep = Sweep::new(2, 60.0, "parallel = 2");
    let starts = number("SWEEP_STARTS", 10);
    let controllers: Vec<_> = (0..starts).map(|_| sweep.start(&[])).collect();
    sweep.wait_until(|status| status["counts"]["active"] == 2);
    let holder = sweep.status()["controller"]["pid"].as_u64().unwrap();
    let mut losers = 0;
    let mut winner = None;
    for controller in controllers {
        if u64::from(controller.id()) == holder {
            winner = Some(controller);
            continue;
        }
        let output = controller.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("process {holder} on ")), "{said}");
        losers += 1;
    }
    assert_eq!(losers, starts - 1);
    let mut winner = winner.expect("one of them holds the sweep");
    // How long one more takes to leave, on a machine that is not flooded by the others.
    let began = Instant::now();
    assert_eq!(sweep.finish().status.code(), Some(1));
    println!(
        "{losers} of {starts} left naming the holder; one more leaves in {:.0} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    assert!(
        sweep
            .isoflop(&["sweep", "cancel", sweep.folder()])
            .status
            .success()
    );
    assert_eq!(winner.wait().unwrap().code(), Some(1));
    assert_eq!(sweep.status()["counts"]["cancelled"], 2);
    assert_eq!(sweep.processes(), BTreeSet::new());
}

#[test]
fn a_controller_that_slept_through_a_take_over_cannot_write() {
    let sweep = Sweep::new(4, 0.5, "parallel = 1");
    let mut sleeper = sweep.start(&[]);
    sweep.wait_until(|status| status["counts"]["active"] == 1);
    let pid = rustix::process::Pid::from_child(&sleeper);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    sleep(Duration::from_secs(number("SWEEP_SLEEP_SECS", 1) as u64));
    let taken = sweep.isoflop(&["sweep", "resume", "--take-over", sweep.folder()]);
    assert!(
        taken.status.success(),
        "{}",
        String::from_utf8_lossy(&taken.stderr)
    );
    let before = sweep.state();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    assert_eq!(sleeper.wait().unwrap().code(), Some(2));
    let mut said = String::new();
    std::io::Read::read_to_string(sleeper.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert!(
        said.contains("another controller has taken this sweep over"),
        "{said}"
    );
    assert_eq!(sweep.state(), before);
    assert_eq!(sweep.accepted(), undisturbed(4));
}

#[test]
fn hostile_values_reach_the_command_byte_for_byte() {
    const EACH: usize = 1000;
    let batches = number("SWEEP_HOSTILE", 4000) / EACH;
    let mut random = rand::rngs::StdRng::seed_from_u64(2);
    let mut sent = 0;
    for _ in 0..batches {
        let values: Vec<String> = (0..EACH).map(|_| hostile(&mut random)).collect();
        let mut sweep = Sweep::new(1, 0.0, "");
        // The last place has an empty format's worth of output: paths are not compared.
        let mut command = vec!["printf".to_owned(), "%s\\0".to_owned()];
        command.extend(values.iter().cloned());
        command.extend(["{spec}".to_owned(), "{result}".to_owned()]);
        sweep.set_command(&command);
        sweep.finish();
        let log = std::fs::read(sweep.only_attempt().join("log")).unwrap();
        let mut received: Vec<&[u8]> = log.split(|byte| *byte == 0).collect();
        received.truncate(EACH);
        let expected: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
        assert!(received == expected, "a value was changed");
        sent += EACH;
    }
    println!("{sent} hostile values arrived byte-equal");
}

/// A text that shells, formats and parsers stumble over, without a place such as `{spec}`.
fn hostile(random: &mut impl Rng) -> String {
    const PIECES: [&str; 24] = [
        "$(touch pwned)",
        "`id`",
        ";",
        "&&",
        "|",
        ">",
        "<",
        "'",
        "\"",
        "\\",
        "\n",
        "\t",
        " ",
        "*",
        "?",
        "~",
        "!",
        "#",
        "%s",
        "--help",
        "-rf",
        "é",
        "\u{202e}",
        "\u{1b}[2J",
    ];
    let count = random.random_range(0..8);
    (0..count)
        .map(|_| match random.random_range(0..4) {
            0 => char::from_u32(random.random_range(1..0xd800)).map_or_else(String::new, |c| {
                if c == '{' {
                    "}".to_owned()
                } else {
                    c.to_string()
                }
            }),
            _ => PIECES[random.random_range(0..PIECES.len())].to_owned(),
        })
        .collect()
}

#[test]
fn secrets_of_the_environment_reach_no_run_and_no_file() {
    let mut sweep = Sweep::new(2, 0.0, "");
    sweep.set_command(&[
        "sh".to_owned(),
        "-c".to_owned(),
        "env; printf '{\"loss\": 2.5, \"dataset\": \"%s\"}' \"$HF_TOKEN$WANDB_API_KEY\" > \"$2\""
            .to_owned(),
        "{spec}".to_owned(),
        "{spec}".to_owned(),
        "{result}".to_owned(),
    ]);
    let secret = "s3cr3t-4b1d";
    let variables = [
        ("HF_TOKEN", secret),
        ("WANDB_API_KEY", secret),
        ("MY_PASSWORD", secret),
    ];
    let output = sweep.start(&variables).wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(sweep.status()["counts"]["finished"], 2);
    let searched = files_with(sweep.root(), secret.as_bytes());
    assert_eq!(searched, Vec::<String>::new());
    let log = std::fs::read_to_string(sweep.only_attempt().join("log")).unwrap();
    assert!(
        log.contains("PATH=") && log.contains("OMP_NUM_THREADS=1"),
        "{log}"
    );
}

fn files_with(folder: &Path, what: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&entry.path(), what));
        } else if std::fs::read(entry.path())
            .unwrap()
            .windows(what.len())
            .any(|part| part == what)
        {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn a_run_that_diverges_is_stopped_and_one_that_fails_is_tried_again() {
    let mut sweep = Sweep::new(1, 0.0, "");
    sweep.set_command(&[
        "sh".to_owned(),
        "-c".to_owned(),
        "echo '{\"step\": 7, \"tokens\": 9e99, \"loss\": NaN}' > \"$3\"; sleep 60".to_owned(),
        "{spec}".to_owned(),
        "{spec}".to_owned(),
        "{result}".to_owned(),
        "{curve}".to_owned(),
    ]);
    let began = Instant::now();
    sweep.finish();
    assert!(
        began.elapsed() < Duration::from_secs(50),
        "the run was not stopped"
    );
    let run = &sweep.status()["runs"][0];
    assert_eq!(run["state"], "diverged");
    assert_eq!(run["reason"], "the loss is NaN at step 7");

    let mut sweep = Sweep::new(1, 0.0, "");
    sweep.set_command(&[
        "sh".to_owned(),
        "-c".to_owned(),
        "echo x >> checkpoint-count; exit 3".to_owned(),
        "{spec}".to_owned(),
        "{result}".to_owned(),
    ]);
    assert_eq!(sweep.finish().status.code(), Some(1));
    let run = &sweep.status()["runs"][0];
    assert_eq!(run["state"], "failed");
    assert_eq!(
        run["reason"],
        "the command ended with status 3 (3 attempts)"
    );
}

#[test]
fn a_later_attempt_finds_the_state_that_an_earlier_one_left() {
    let mut sweep = Sweep::new(1, 0.0, "");
    // Fails at first, and leaves a state; with that state it succeeds. Hugging Face's Trainer
    // leaves folders; a link in them leads anywhere, and is not followed.
    sweep.set_command(&[
        "sh".to_owned(),
        "-c".to_owned(),
        "if [ -e \"$3/step-5/deep/state\" ] && [ -e \"$3/file\" ]; then
             [ -e \"$3/step-5/link\" ] || echo '{\"loss\": 2.5}' > \"$2\"
         else
             mkdir -p \"$3/step-5/deep\"; ln -s /etc/passwd \"$3/step-5/link\"
             echo 1 > \"$3/step-5/deep/state\"; echo 1 > \"$3/file\"; exit 1
         fi"
        .to_owned(),
        "{spec}".to_owned(),
        "{spec}".to_owned(),
        "{result}".to_owned(),
        "{checkpoint}".to_owned(),
    ]);
    assert!(sweep.finish().status.success());
    assert_eq!(sweep.status()["runs"][0]["attempts"], 2);
}
