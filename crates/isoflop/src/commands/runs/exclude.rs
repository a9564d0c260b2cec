//! `isoflop runs exclude` and `isoflop runs include`.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use serde::Serialize;
use std::path::PathBuf;

/// Keep a run out of fits, for a reason that every report shows.
///
/// Example:
///   isoflop runs exclude runs.db d64-3 --why "wrong tokeniser"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The store
    store: PathBuf,
    /// The run
    run: String,
    /// Why
    #[arg(long)]
    why: String,
}

/// Take an exclusion back.
///
/// Example:
///   isoflop runs include runs.db d64-3
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Include {
    /// The store
    store: PathBuf,
    /// The run
    run: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    run: String,
    excluded: bool,
    reason: Option<String>,
}

pub fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let mut store = super::open(&args.store)?;
    store
        .exclude(&args.run, &args.why)
        .map_err(Failure::misuse)?;
    let answer = Answer {
        run: args.run.clone(),
        excluded: true,
        reason: Some(args.why.trim().to_owned()),
    };
    output.answer(&answer, |answer| {
        let why = answer.reason.as_deref().unwrap_or_default();
        format!("{} is kept out of fits from now on: {why}\n", answer.run)
    })?;
    Ok(Exit::Done)
}

/// Takes an exclusion back.
pub fn include(args: &Include, output: &mut Output) -> Result<Exit, Failure> {
    let mut store = super::open(&args.store)?;
    let was_excluded = store.include(&args.run).map_err(Failure::misuse)?;
    let answer = Answer {
        run: args.run.clone(),
        excluded: false,
        reason: None,
    };
    output.answer(&answer, |answer| match was_excluded {
        true => format!("{} is used in fits again.\n", answer.run),
        false => format!("{} was not excluded.\n", answer.run),
    })?;
    Ok(if was_excluded { Exit::Done } else { Exit::No })
}
