//! `isoflop runs list`.

use crate::failure::{Exit, Failure};
use crate::output::{Output, named_rows};
use isoflop_runs::{Run, Status};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;

/// List the runs of a store.
///
/// Example:
///   isoflop runs list runs.db --status excluded
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The store
    store: PathBuf,
    /// Only runs of this status: planned, running, finished, diverged, failed or excluded
    #[arg(long)]
    status: Option<Status>,
}

#[derive(Debug, Serialize)]
struct Answer {
    runs: Vec<Value>,
}

pub fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let runs = super::open(&args.store)?.runs().map_err(Failure::misuse)?;
    let wanted = |run: &Run| args.status.is_none_or(|status| run.status == status);
    let runs: Vec<Run> = runs.into_iter().filter(wanted).collect();
    let answer = Answer {
        runs: runs.iter().map(Run::to_json).collect(),
    };
    output.answer(&answer, |_| text(&runs))?;
    Ok(if runs.is_empty() {
        Exit::No
    } else {
        Exit::Done
    })
}

fn text(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "There is no such run.\n".to_owned();
    }
    let shown = |size: Option<String>| size.unwrap_or_else(|| "-".to_owned());
    let rows = runs.iter().map(|run| {
        vec![
            run.run.clone(),
            shown(
                run.params
                    .or(run.params_non_embedding)
                    .map(|n| n.to_string()),
            ),
            shown(run.tokens.map(|d| d.to_string())),
            shown(run.flops.map(|c| c.to_string())),
            shown(run.loss.map(|loss| loss.to_string())),
            run.status.to_string(),
            run.reason.clone().unwrap_or_default(),
        ]
    });
    let header = ["run", "N", "D", "FLOPs", "loss", "status", "reason"];
    named_rows(&header, rows.collect())
}
