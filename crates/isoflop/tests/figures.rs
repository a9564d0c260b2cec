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

#[test]
fn what_stands_between_backticks_is_code_in_a_report_and_escaped_like_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs.csv");
    let mut text = String::from("run,params,tokens,loss\n");
    for (n, d) in (0..5).flat_map(|i| (0..5).map(move |j| (1e7 * 3f64.powi(i), 1e9 * 3f64.powi(j))))
    {
        let loss = 1.8172 + 482.01 / n.powf(0.3478) + 2085.43 / d.powf(0.3658);
        text += &format!("{n}-{d},{n},{d},{loss}\n");
    }
    text += "odd,1e8,1e10,<img src=x>\n";
    std::fs::write(&runs, text).unwrap();
    let file = folder.path().join("report.html");
    let words = [
        "report",
        runs.to_str().unwrap(),
        "--law",
        "chinchilla",
        "-o",
    ];
    let output = isoflop(&[&words[..], &[file.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{output:?}");
    let page = std::fs::read_to_string(&file).unwrap();
    let (_, left_out) = page
        .split_once("Figures that these runs do not allow")
        .unwrap();
    let (left_out, _) = left_out.split_once("</ul>").unwrap();
    assert!(left_out.contains("the figure <code>capability</code> cannot be drawn"));
    assert!(!left_out.contains('`'), "{left_out}");
    assert!(page.contains("<code>&#60;img src=x&#62;</code>") && !page.contains("<img"));
}

#[test]
fn the_capability_figure_says_what_predict_says_of_the_metric() {
    let folder = tempfile::tempdir().unwrap();
    let header = "run,params,tokens,metric_cloze\n";
    let row = |k: i32| {
        let params = 1e9 * 2f64.powf(0.5 * f64::from(k));
        let off = 0.01 * f64::from(k * 7 % 5 - 2);
        let share = (-0.7 * 2f64.powf(-0.1 * f64::from(k))).exp() + off;
        format!("model-{k},{params},{},{share}\n", 20.0 * params)
    };
    let rows: Vec<String> = (0..10).map(row).collect();
    let file = |name: &str, rows: &[String]| {
        let path = folder.path().join(name);
        std::fs::write(&path, header.to_owned() + &rows.concat()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (all, smaller) = (file("all.csv", &rows), file("smaller.csv", &rows[..9]));
    let drawn = folder.path().join("capability.csv");
    let words = ["figure", "capability", &all, "--metric", "cloze", "-o"];
    let output = isoflop(&[&words[..], &[drawn.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{output:?}");
    let csv = std::fs::read_to_string(&drawn).unwrap();
    let row = csv.lines().find(|row| row.starts_with("prediction,"));
    let cells: Vec<&str> = row.unwrap().split(',').skip(4).collect();

    let flops = (120.0 * 1e18 * 2f64.powi(9)).to_string();
    let words = ["--metric", "cloze", "--flops", &flops, "--json"];
    let output = isoflop(&[&["predict", &smaller][..], &words].concat());
    assert!(output.status.success(), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let said = &said["metric"]["forecasts"][0];
    for (cell, name) in cells.into_iter().zip(["value", "lo", "hi"]) {
        let (drawn, said) = (cell.parse::<f64>().unwrap(), said[name].as_f64().unwrap());
        assert!((drawn / said - 1.0).abs() < 1e-6, "{name}: {drawn} {said}");
    }
}
