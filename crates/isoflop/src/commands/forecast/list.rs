//! `isoflop forecast list`: what was said, what came, and how often it held.

use crate::failure::{Exit, Failure};
use crate::ledger_file::LedgerFile;
use crate::output::{Output, named_rows};
use crate::text::{factor, paragraph, percent};
use isoflop_laws::{FlopCount, ParamCount};
use isoflop_plan::{Score, TrackRecord};
use serde::Serialize;

/// List the forecasts of the ledger, what came of them, and how good they were.
///
/// Example:
///   isoflop forecast list
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerFile,
}

#[derive(Serialize)]
struct Answer {
    ledger: String,
    head: String,
    track_record: TrackRecord,
    forecasts: Vec<Score>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let ledger = args.ledger.read()?;
    let answer = Answer {
        ledger: args.ledger.path().display().to_string(),
        head: ledger.head().to_owned(),
        track_record: ledger.track_record(),
        forecasts: ledger.scores(),
    };
    output.answer(&answer, text)?;
    Ok(Exit::Done)
}

fn text(answer: &Answer) -> String {
    if answer.forecasts.is_empty() {
        return format!("{} has no forecasts yet\n", answer.ledger);
    }
    let rows = answer.forecasts.iter().map(|score| {
        let interval = match (score.said.lo, score.said.hi) {
            (Some(lo), Some(hi)) => format!("{lo} to {hi}"),
            _ => "-".to_owned(),
        };
        vec![
            score.name.clone(),
            score.sealed_at.to_string().chars().take(10).collect(),
            score.said.loss.to_string(),
            interval,
            score
                .actual
                .map_or("awaited".to_owned(), |loss| loss.to_string()),
            score
                .relative_error
                .map_or("-".to_owned(), |error| format!("{:+.2} %", error * 100.0)),
            match score.inside {
                Some(true) => "yes".to_owned(),
                Some(false) => "no".to_owned(),
                None => "-".to_owned(),
            },
        ]
    });
    let header = [
        "forecast", "sealed", "said", "interval", "came", "error", "held",
    ];
    let mut text = named_rows(&header, rows.collect());
    text += "\nWhat they rest on:\n";
    text += &named_rows(
        &["forecast", "law", "N counts", "C", "runs", "reach"],
        basis(answer),
    );
    text + "\n" + &paragraph(&summary(&answer.track_record), 0)
}

/// Law, conventions, runs and extrapolation of each forecast.
fn basis(answer: &Answer) -> Vec<Vec<String>> {
    let rows = answer.forecasts.iter().map(|score| {
        let param_count = match score.conventions.param_count {
            ParamCount::Total => "all",
            ParamCount::NonEmbedding => "non-embedding",
        };
        let flop_count = match score.conventions.flop_count {
            FlopCount::SixNd => "6ND",
            FlopCount::Counted => "counted",
        };
        let reach = score.said.extrapolation;
        vec![
            score.name.clone(),
            score.law.clone(),
            param_count.to_owned(),
            flop_count.to_owned(),
            score.n_used.to_string(),
            reach.map_or("-".to_owned(), |times| format!("x{}", factor(times))),
        ]
    });
    rows.collect()
}

fn summary(record: &TrackRecord) -> String {
    let mut text = format!("{} of {} scored", record.n_scored, record.n_forecasts);
    if let Some(median) = record.median_relative_error {
        text += &format!(", median error {}", percent(median));
    }
    if let (Some(held), Some(claimed)) = (record.coverage, record.claimed_coverage) {
        text += &format!(
            ", {} of the intervals held ({} claimed)",
            percent(held),
            percent(claimed)
        );
    }
    text + "."
}
