//! `isoflop quickstart` as a user meets it: killed and started again, and given what can't be used.

mod schemas;

use isoflop_corpus::CorpusOptions;
use isoflop_quickstart::{CorpusChoice, Options, prepare};
use isoflop_train::{Device, Recipe};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime};

const MINUTES: f64 = 30.0;
const RATIO: f64 = 2.0;

/// Makes a plan for the sources of a neighbour and cuts its runs to a fraction of a second.
fn prepared(out: &Path) {
    let options = Options {
        minutes: MINUTES,
        ratio: RATIO,
        corpus: CorpusChoice::Folder(sources().into()),
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
        checkpoint_every: Duration::from_millis(20),
    };
    prepare(&options, &mut |_| {}).unwrap();
    let path = out.join("plan.json");
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let ladder = &mut plan["ladder"];
    for (index, run) in ladder["small"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        cut(run, 32 + 16 * (index as u64 % 4), 60 << (index % 3));
    }
    cut(&mut ladder["target"], 80, 600);
    fs::write(&path, serde_json::to_string(&plan).unwrap()).unwrap();
}

fn cut(run: &mut Value, width: u64, steps: u64) {
    run["spec"]["shape"]["width"] = json!(width);
    run["spec"]["shape"]["heads"] = json!(width / 16);
    run["spec"]["schedule"]["steps"] = json!(steps);
    run["spec"]["schedule"]["warmup"] = json!(3);
    run["seconds"] = json!(1.0);
}

fn sources() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../isoflop-laws/src")
}

fn quickstart(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    command.arg("quickstart").args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(out: &Path) -> Child {
    let (minutes, ratio) = (MINUTES.to_string(), RATIO.to_string());
    let job = [
        "--minutes",
        &minutes,
        "--ratio",
        &ratio,
        "--seed",
        "3",
        "--json",
    ];
    let place = ["--corpus", sources(), "--out", out.to_str().unwrap()];
    quickstart(&[&job[..], &place].concat()).spawn().unwrap()
}

/// What a finished job says, without what depends on the clock or the folder.
fn said(out: &Path) -> Value {
    let output = start(out).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let mut said: Value = serde_json::from_slice(&output.stdout).unwrap();
    schemas::assert_follows("quickstart", &said, "quickstart");
    for changing in ["seconds", "report", "runs", "seal"] {
        assert!(
            said.as_object_mut().unwrap().remove(changing).is_some(),
            "{changing}"
        );
    }
    said
}

/// The table of runs without the column of seconds.
fn runs(out: &Path) -> Vec<Vec<String>> {
    let mut table = csv::Reader::from_path(out.join("runs.csv")).unwrap();
    let wall = table
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "wall_secs");
    let row = |record: csv::StringRecord| {
        let cells = record.iter().enumerate();
        let kept = cells.filter(|(column, _)| Some(*column) != wall);
        kept.map(|(_, cell)| cell.to_owned()).collect()
    };
    table.records().map(|record| row(record.unwrap())).collect()
}

/// Waits until the job has saved states of its training so many times, however fast the machine
/// is; whether it ended before.
fn ended_before_saving(job: &mut Child, out: &Path, times: usize) -> bool {
    for _ in 0..times {
        let before = saved(out);
        while saved(out) == before {
            if job.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    false
}

/// The states that lie in the folder, each with the time at which it was written.
fn saved(out: &Path) -> BTreeSet<(OsString, SystemTime)> {
    let Ok(entries) = fs::read_dir(out.join("checkpoints")) else {
        return BTreeSet::new();
    };
    let of =
        |entry: fs::DirEntry| Some((entry.file_name(), entry.metadata().ok()?.modified().ok()?));
    // A file can be renamed between being listed and being looked at.
    entries.filter_map(|entry| of(entry.ok()?)).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_job_killed_again_and_again_ends_with_the_numbers_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    prepared(&whole);
    prepared(&killed);
    // The same plan: it holds the measured speeds and the time at which it was made.
    fs::copy(whole.join("plan.json"), killed.join("plan.json")).unwrap();
    let expected = said(&whole);
    let mut random = rand::rngs::StdRng::seed_from_u64(4);
    let mut kills = 0;
    while kills < 12 {
        let mut job = start(&killed);
        if ended_before_saving(&mut job, &killed, random.random_range(1..=2)) {
            assert!(job.wait().unwrap().success());
            break;
        }
        // Somewhere before the next state, too.
        std::thread::sleep(Duration::from_millis(random.random_range(0..15)));
        job.kill().unwrap();
        job.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 5, "the job ended after {kills} kills");
    assert_eq!(said(&killed), expected);
    assert_eq!(runs(&killed), runs(&whole));
    assert!(runs(&whole).len() > 8);
}

#[test]
fn what_can_not_be_used_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (empty, binary, file) = (path("empty"), path("binary"), path("file"));
    let out = path("out");
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&binary).unwrap();
    for name in ["a.rs", "b.txt", "c.bin"] {
        let noise: Vec<u8> = (0..200_000_u32)
            .map(|i| (i.wrapping_mul(i) >> 7) as u8)
            .collect();
        fs::write(Path::new(&binary).join(name), noise).unwrap();
    }
    fs::write(&file, "not a folder").unwrap();
    let inside_file = path("file/out");
    let cases: [(&[&str], &str); 7] = [
        (&["--corpus", &empty, "--out", &out], "text"),
        (&["--corpus", &binary, "--out", &out], "text"),
        (&["--corpus", &path("absent"), "--out", &out], "absent"),
        (&["--corpus", sources(), "--out", &inside_file], "file"),
        (&["--minutes", "0", "--out", &out], "--minutes"),
        (&["--minutes", "soon", "--out", &out], "--minutes"),
        (&["--ratio", "1", "--out", &out], "--ratio"),
    ];
    for (arguments, named) in cases {
        let output = quickstart(arguments).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(said.contains(named), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        let sentences = said.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(sentences.count(), 1, "{arguments:?}: {said}");
    }
}
