//! Plots below answers: on a real terminal (a pseudo-terminal), in a pipe, and where asked for.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

const FIT: &[&str] = &["fit", "tests/decisions/runs.csv", "--bootstraps", "0"];
const PREDICT: &[&str] = &["predict", "tests/decisions/runs.csv", "--flops", "1e22"];
const BACKTEST: &[&str] = &[
    "backtest",
    "tests/decisions/runs.csv",
    "--law",
    "chinchilla",
];

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    command
        .args(words)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env_clear()
        .env("TERM", "xterm-256color");
    command
}

/// What the program writes to a terminal of so many columns.
fn on_terminal(words: &[&str], columns: u16, variables: &[(&str, &str)]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&terminal).expect("granted");
    unlockpt(&terminal).expect("unlocked");
    let size = Winsize {
        ws_row: 40,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).expect("a size");
    let name = ptsname(&terminal, Vec::new()).expect("a name");
    let screen = OpenOptions::new()
        .read(true)
        .write(true)
        .open(OsStr::from_bytes(name.as_bytes()))
        .expect("the terminal's other end");
    let mut child = program(words)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(screen)
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    // Standard output of the child is the only end that is open now: reading ends with it, as an
    // error on Linux.
    let mut bytes = Vec::new();
    let _ = std::fs::File::from(terminal).read_to_end(&mut bytes);
    assert!(child.wait().expect("it ends").success(), "{words:?}");
    String::from_utf8(bytes)
        .expect("text")
        .replace("\r\n", "\n")
}

fn in_pipe(words: &[&str]) -> String {
    let output = program(words).output().expect("the program runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The text without colours.
fn bare(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// What a plot in each answer says of itself.
const TITLES: &[(&[&str], &str)] = &[
    (FIT, "Loss (nats per token) against compute"),
    (PREDICT, "Loss (nats per token) against compute"),
    (BACKTEST, "Error of the forecast (%) against"),
];

#[test]
fn a_terminal_gets_a_plot_of_at_most_its_width_and_80_columns() {
    for (words, title) in TITLES {
        for columns in [60, 80, 200] {
            let text = on_terminal(words, columns, &[("LANG", "C.UTF-8")]);
            assert!(text.contains("\u{1b}["), "there are colours");
            let text = bare(&text);
            let (_, plot) = text.split_once(title).expect("a plot");
            assert!(plot.contains('•') && plot.contains('└'), "{plot}");
            for line in plot.lines().skip(1) {
                let width = line.chars().count();
                assert!(width <= usize::from(columns.min(80)), "{columns}: {line}");
            }
        }
    }
}

#[test]
fn a_pipe_gets_the_answer_alone_and_no_escape() {
    for (words, title) in TITLES {
        let text = in_pipe(words);
        assert!(!text.contains(title) && !text.contains('\u{1b}'), "{text}");
        // The terminal's answer is the same, with the plot below it.
        let shown = bare(&on_terminal(words, 80, &[]));
        assert!(shown.starts_with(&text), "{shown}\n{text}");
    }
}

#[test]
fn a_plot_that_is_asked_for_in_a_pipe_is_plain_text_of_80_columns() {
    for (words, title) in TITLES {
        let text = in_pipe(&[*words, &["--plot", "always"]].concat());
        assert!(text.contains(title) && text.contains('•'), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn colour_and_alphabet_follow_the_environment() {
    let text = on_terminal(PREDICT, 80, &[("NO_COLOR", "1"), ("LANG", "en_US.UTF-8")]);
    assert!(text.contains('◆') && !text.contains('\u{1b}'), "{text}");
    let text = on_terminal(PREDICT, 80, &[("LC_ALL", "C")]);
    let plot = bare(&text);
    let (_, plot) = plot.split_once("against compute").expect("a plot");
    assert!(
        plot.is_ascii() && plot.contains('#') && plot.contains('o'),
        "{plot}"
    );
    let text = on_terminal(PREDICT, 80, &[("TERM", "dumb")]);
    assert!(!text.contains("against compute"), "{text}");
}

#[test]
fn there_is_no_plot_where_it_is_not_wanted_or_has_no_room() {
    let never = on_terminal(&[PREDICT, &["--plot", "never"]].concat(), 80, &[]);
    let narrow = on_terminal(PREDICT, 40, &[]);
    let json = on_terminal(
        &[PREDICT, &["--json", "--plot", "always"]].concat(),
        80,
        &[],
    );
    for text in [never, narrow, json] {
        assert!(!text.contains("against compute"), "{text}");
    }
}
