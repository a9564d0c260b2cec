//! `isoflop figure` and `isoflop report` on public measurements, as a user runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn isoflop(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    command.args(words).output().expect("the program starts")
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../data")
        .join(file)
}

fn figure(name: &str, file: &Path, more: &[&str]) -> Output {
    let runs = data("chinchilla_epoch.csv");
    let mut words = vec![
        "figure",
        name,
        runs.to_str().unwrap(),
        "--law",
        "chinchilla",
    ];
    words.extend(["-o", file.to_str().unwrap()]);
    words.extend(more);
    isoflop(&words)
}

#[test]
fn a_figure_becomes_svg_png_or_csv_by_the_ending_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, start) in [
        ("svg", "<svg"),
        ("png", "\u{fffd}PNG"),
        ("csv", "kind,run,flops"),
    ] {
        let file = folder.path().join(format!("contours.{ending}"));
        let output = figure("contours", &file, &["--width", "85mm"]);
        assert!(output.status.success(), "{output:?}");
        let written = std::fs::read(&file).unwrap();
        assert!(
            String::from_utf8_lossy(&written).starts_with(start),
            "{ending}"
        );
    }
}

#[test]
fn what_cannot_be_drawn_is_wrong_use_or_too_little_data_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("isoflp", "a.svg", Some(2), "did you mean `isoflop`?"),
        (
            "isoflop",
            "a.pdf",
            Some(2),
            "does not end in .svg, .png or .csv",
        ),
        ("capability", "a.svg", Some(1), "metric_NAME"),
    ];
    for (name, file, status, said) in cases {
        let file = folder.path().join(file);
        let output = figure(name, &file, &[]);
        assert_eq!(output.status.code(), status, "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(said),
            "{output:?}"
        );
        assert!(!file.exists());
    }
}

#[test]
fn a_report_is_one_file_with_the_command_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let runs = data("chinchilla_epoch.csv");
    let output = isoflop(&[
        "report",
        runs.to_str().unwrap(),
        "--law",
        "chinchilla",
        "--flops",
        "5.76e23",
        "-o",
        file.to_str().unwrap(),
        "--json",
    ]);
    assert!(output.status.success(), "{output:?}");
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.contains("--flops 5.76e23"));
    // Runs without standard errors, in nats per token: no empty column, and none twice.
    assert!(!page.contains("Standard error"));
    assert_eq!(
        page.matches("<th scope=\"col\">Loss<br>").count(),
        2,
        "budgets and runs"
    );
    assert!(page.contains("default-src 'none'; script-src 'sha256-"));
    for elsewhere in ["src=\"http", "href=\"http", "url(", "@import"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}
