//! Answers and refusals of the decision commands as people see them, at 80 columns.

use std::path::Path;
use std::process::{Command, Output};

#[test]
fn every_decision_is_told_as_recorded() {
    trycmd::TestCases::new().case("tests/decisions/*.trycmd");
}

fn isoflop(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The commands that are recorded, one by one.
fn recorded() -> Vec<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let texts = files.filter(|file| file.path().extension().is_some_and(|end| end == "trycmd"));
    let texts = texts.map(|file| std::fs::read_to_string(file.path()).expect("text"));
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    texts
        .flat_map(|text| {
            let commands = text
                .lines()
                .filter_map(|line| line.strip_prefix("$ isoflop "));
            commands.map(words).collect::<Vec<Vec<String>>>()
        })
        .collect()
}

fn assert_80_columns(text: &str, what: &str) {
    for line in text.lines() {
        let width = line.chars().count();
        assert!(width <= 80, "{what}: {width} columns\n{line}");
    }
}

#[test]
fn no_answer_is_wider_than_80_columns_or_leaves_out_what_it_rests_on() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut answers = 0;
    for command in recorded() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = isoflop(here, &words);
        if matches!(words[0], "simulate" | "accelerators") || output.stdout.is_empty() {
            continue;
        }
        let text = stdout(&output);
        assert_80_columns(&text, &command.join(" "));
        let labels: &[&str] = match words[0] {
            "fit" => &["Law ", "Counts ", "Runs ", "C from "],
            _ => &["Law ", "Counts ", "Reach "],
        };
        for label in labels {
            assert!(text.contains(label), "{words:?} does not say `{label}`");
        }
        let runs = ["fitted to ", "as published", " used"];
        assert!(runs.iter().any(|said| text.contains(said)), "{words:?}");
        answers += 1;
    }
    assert!(answers > 15, "only {answers} answers");
}

#[test]
fn the_ledger_tells_what_each_forecast_rests_on_and_fits_80_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs = include_str!("decisions/runs.csv");
    std::fs::write(folder.path().join("runs.csv"), runs).expect("a file");
    let at = folder.path();
    let seal = [
        "forecast",
        "seal",
        "big-run",
        "runs.csv",
        "--law",
        "chinchilla",
    ];
    let sealed = isoflop(at, &[&seal[..], &["--flops", "1e21"]].concat());
    assert_eq!(sealed.status.code(), Some(0));
    let scored = isoflop(at, &["forecast", "score", "big-run", "--loss", "2.3"]);
    assert_eq!(scored.status.code(), Some(0));
    let listed = isoflop(at, &["forecast", "list"]);
    let checked = isoflop(at, &["forecast", "check"]);
    for (output, what) in [
        (&sealed, "seal"),
        (&scored, "score"),
        (&listed, "list"),
        (&checked, "check"),
    ] {
        assert_80_columns(&stdout(output), what);
    }
    for output in [&sealed, &scored] {
        for said in [
            "chinchilla, fitted to 45 runs",
            "N total parameters, C = 6ND",
            "10 times the largest run behind the law",
        ] {
            assert!(stdout(output).contains(said), "{said}\n{}", stdout(output));
        }
    }
    for said in ["big-run", "chinchilla", "6ND", "45", "x10"] {
        assert!(
            stdout(&listed).contains(said),
            "{said}\n{}",
            stdout(&listed)
        );
    }
    assert!(stdout(&checked).contains("intact"));
    let again = isoflop(at, &["forecast", "score", "big-run", "--loss", "2.4"]);
    assert_ne!(again.status.code(), Some(0));
    let refusal = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(refusal.contains("an outcome is recorded once"), "{refusal}");
}

#[test]
fn every_refusal_is_one_sentence_with_status_1_or_2_and_nothing_on_standard_output() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut refusals = 0;
    for command in recorded() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = isoflop(here, &words);
        if output.status.success() {
            continue;
        }
        let code = output.status.code();
        assert!(matches!(code, Some(1 | 2)), "{words:?}: {code:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("error: "), "{words:?}: {said}");
        assert!(!said.contains("panicked"), "{words:?}: {said}");
        refusals += 1;
    }
    assert!(refusals > 20, "only {refusals} refusals");
}
