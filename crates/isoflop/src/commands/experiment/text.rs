//! What an experiment says in words.

pub use crate::commands::quickstart::text::{corpus, duration};
use crate::output::named_rows;
use crate::text::{labelled, number, paragraph, percent};
use isoflop_experiments::{Finding, Outcome, Progress};
use std::time::Duration;

/// The runs in one line.
pub fn planned(runs: usize, ended: usize, time: Duration, resumed: bool) -> String {
    let made = if resumed {
        format!("plan (of an earlier start): {runs} runs, {ended} of them have ended")
    } else {
        format!("plan: {runs} runs")
    };
    format!("{made}; {} of training in all", duration(time))
}

/// How far it is, in one line.
pub fn progress(progress: &Progress) -> String {
    format!(
        "{} of {} runs have ended; {} of everything, {} left",
        progress.ended,
        progress.of,
        percent(progress.whole),
        duration(progress.left)
    )
}

/// The answer.
pub fn outcome(outcome: &Outcome) -> String {
    let mut text = labelled("Claim", &outcome.claim);
    text += &labelled("", &format!("({})", outcome.source));
    let verdict = outcome.verdict.to_string();
    text += &labelled("Here", &format!("it {}", said(&verdict)));
    text += "\n";
    text += &paragraph(&outcome.sentence, 0);
    if !outcome.findings.is_empty() {
        text += "\n";
        let header = ["", "value", &interval(outcome), "paper"];
        text += &named_rows(&header, outcome.findings.iter().map(row).collect());
    }
    text += "\n";
    text += &labelled("Law", &outcome.law);
    let counts = outcome.conventions;
    text += &labelled(
        "Counts",
        &format!("N {}, {}", counts.param_count, counts.flop_count),
    );
    text += &labelled("Loss", &outcome.loss);
    let runs = format!(
        "{} trained, {} measurements used, {} without a loss; seed {}",
        outcome.n_runs, outcome.n_used, outcome.n_lost, outcome.seed
    );
    text += &labelled("Runs", &runs);
    text += &labelled("Corpus", &outcome.corpus);
    for figure in &outcome.figures {
        text += &labelled("Figure", &figure.display().to_string());
    }
    text += &labelled("Record", &outcome.runs.display().to_string());
    text += &crate::text::warnings(&outcome.warnings);
    text
}

fn said(verdict: &str) -> String {
    match verdict {
        "undecided" => "is undecided: these runs allow both".to_owned(),
        other => other.to_owned(),
    }
}

fn interval(outcome: &Outcome) -> String {
    format!("{:.0} % interval", outcome.level * 100.0)
}

fn row(finding: &Finding) -> Vec<String> {
    let what = match finding.unit.as_str() {
        "" => finding.what.clone(),
        unit => format!("{}, {unit}", finding.what),
    };
    let ends = finding.lo.zip(finding.hi);
    let ends = ends.map(|(lo, hi)| format!("{} to {}", number(lo), number(hi)));
    vec![
        what,
        number(finding.value),
        ends.unwrap_or_default(),
        finding.paper.map(number).unwrap_or_default(),
    ]
}
