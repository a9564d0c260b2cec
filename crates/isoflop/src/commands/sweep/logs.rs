//! `isoflop sweep logs`: what a run printed.

use super::{existing, named, read_status};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use serde::Serialize;
use std::path::PathBuf;

/// Print what the latest attempt at a run printed.
///
/// Example:
///   isoflop sweep logs sweep.sweep n1M-d20M-s0
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Name of the run
    run: String,
}

#[derive(Serialize)]
struct Answer {
    run: String,
    path: String,
    log: String,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let folder = existing(&args.sweep)?;
    let status = read_status(&folder)?;
    let run = named(&status, &args.run)?;
    let Some(nonce) = &run.nonce else {
        return Err(Failure::no(format!("run `{}` has not begun yet", args.run)));
    };
    let path = folder.attempt(&run.key, nonce).log();
    let log = std::fs::read(&path)
        .map_err(|error| Failure::no(format!("cannot read {}: {error}", path.display())))?;
    let answer = Answer {
        run: run.name.clone(),
        path: path.display().to_string(),
        log: String::from_utf8_lossy(&log).into_owned(),
    };
    output.answer(&answer, |answer| visible(&answer.log))?;
    Ok(Exit::Done)
}

/// The text with control characters shown, not obeyed; lines and tabs stay.
fn visible(log: &str) -> String {
    let mut text = String::with_capacity(log.len());
    for c in log.chars() {
        match c {
            '\n' | '\t' => text.push(c),
            // Progress bars return to the line's beginning: each state gets a line.
            '\r' => text.push('\n'),
            c if c.is_control() => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text
}
