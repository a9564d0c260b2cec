//! `isoflop sweep status`: how a sweep stands, without asking any engine.

use super::{existing, read_status};
use crate::failure::{Exit, Failure};
use crate::output::{Output, columns};
use crate::text::paragraph;
use isoflop_laws::Loss;
use isoflop_sweep::{AdaptiveStatus, RunRow, Status, SweepFolder};
use serde::Serialize;
use std::path::PathBuf;

/// Tell how a sweep stands, whether or not anything is running.
///
/// Example:
///   isoflop sweep status sweep.sweep
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Folder of the sweep
    sweep: PathBuf,
}

#[derive(Serialize)]
pub(super) struct Answer {
    sweep: String,
    results: String,
    #[serde(flatten)]
    status: Status,
}

impl Answer {
    pub(super) fn new(folder: &SweepFolder, status: Status) -> Self {
        Answer {
            sweep: folder.root().display().to_string(),
            results: folder.results().display().to_string(),
            status,
        }
    }
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let folder = existing(&args.sweep)?;
    let status = read_status(&folder)?;
    output.answer(&Answer::new(&folder, status), text)?;
    Ok(Exit::Done)
}

/// Runs shown in text; `--json` has them all.
const MOST_SHOWN: usize = 60;

pub(super) fn text(answer: &Answer) -> String {
    let status = &answer.status;
    let shown = shown(&status.runs);
    let rows = shown.iter().map(|run| row(run));
    let mut text = columns(&["run", "state", "attempts", "loss", "why"], rows);
    if shown.len() < status.runs.len() {
        let more = status.runs.len() - shown.len();
        text += &format!("  and {more} more (`--json` lists all)\n");
    }
    text += &format!("\n{}\n", summary(status));
    match &status.controller {
        Some(holder) => text += &format!("run by process {} on {}\n", holder.pid, holder.host),
        None if status.counts.open() > 0 => {
            let hint = format!(
                "nobody runs this sweep now; as of {:.0}. `isoflop sweep resume {}` goes on",
                status.as_of, answer.sweep
            );
            text += &paragraph(&hint, 0);
        }
        None => {}
    }
    if let Some(held) = &status.held {
        text += &paragraph(&format!("Held: {held}"), 6);
    }
    if let Some(adaptive) = &status.adaptive {
        text += &in_words(adaptive);
    }
    for note in &status.notes {
        text += &paragraph(&format!("Note: {}", literal(note)), 6);
    }
    if status.counts.finished > 0 {
        text += &format!("results: {}\n", answer.results);
    }
    text
}

/// How the sweep adds runs of its own.
fn in_words(adaptive: &AdaptiveStatus) -> String {
    let mut text = String::new();
    if let Some(why) = adaptive.rounds.last() {
        let times = adaptive.rounds.len();
        text += &paragraph(
            &format!(
                "Runs were added ({times} times); the last: {}",
                literal(why)
            ),
            0,
        );
    }
    match &adaptive.ended {
        Some(why) => text += &paragraph(&format!("No more are added: {}", literal(why)), 0),
        None => text += "More runs may be added as results come.\n",
    }
    text
}

/// What needs attention first, then what runs, then the rest in the plan's order.
fn shown(runs: &[RunRow]) -> Vec<&RunRow> {
    let rank = |run: &RunRow| match run.state.as_str() {
        "failed" => 0,
        "diverged" => 1,
        "active" => 2,
        "cancelled" => 3,
        "finished" => 4,
        _ => 5,
    };
    let mut chosen: Vec<(usize, &RunRow)> = runs.iter().enumerate().collect();
    if chosen.len() > MOST_SHOWN {
        chosen.sort_by_key(|(place, run)| (rank(run), *place));
        chosen.truncate(MOST_SHOWN);
        chosen.sort_by_key(|(place, _)| *place);
    }
    chosen.into_iter().map(|(_, run)| run).collect()
}

fn row(run: &RunRow) -> Vec<String> {
    let loss = run.loss.and_then(|loss| Loss::new(loss).ok());
    let mut why = run.reason.as_deref().map(literal).unwrap_or_default();
    if run.conflict {
        why += " (another attempt came to another result)";
    }
    vec![
        literal(&run.name),
        run.state.clone(),
        run.attempts.to_string(),
        loss.map_or_else(|| "-".to_owned(), |loss| loss.to_string()),
        why,
    ]
}

/// One line that says it all.
pub(super) fn summary(status: &Status) -> String {
    let counts = &status.counts;
    let mut parts = vec![format!(
        "{} of {} finished",
        counts.finished,
        counts.total()
    )];
    for (number, what) in [
        (counts.active, "running"),
        (counts.planned, "waiting"),
        (counts.diverged, "diverged"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.conflicts, "in conflict"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if let (Some(seconds), true) = (status.remaining_secs, counts.open() > 0) {
        parts.push(format!("about {} left", duration(seconds)));
    }
    parts.join(", ")
}

/// Seconds as people say them.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 100.0 {
        format!("{seconds:.0} s")
    } else if seconds < 6000.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds < 100.0 * 3600.0 {
        format!("{:.1} h", seconds / 3600.0)
    } else {
        format!("{:.1} days", seconds / 86_400.0)
    }
}

/// Text with control characters shown, not obeyed.
pub(super) fn literal(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let shown: Vec<char> = if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            };
            shown
        })
        .collect()
}
