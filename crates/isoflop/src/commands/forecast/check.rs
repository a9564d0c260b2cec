//! `isoflop forecast check`: is a seal, or a whole ledger, as it was written?

use crate::failure::{Exit, Failure};
use crate::ledger_file::LedgerFile;
use crate::output::Output;
use crate::text::paragraph;
use isoflop_plan::SealedForecast;
use serde::Serialize;
use std::path::PathBuf;

/// Check that a sealed forecast, or the whole ledger, is as it was written.
///
/// Examples:
///   isoflop forecast check
///   isoflop forecast check isoflop-out/forecast.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A sealed forecast; by default the ledger is checked
    file: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerFile,
}

#[derive(Serialize)]
struct Answer {
    file: String,
    intact: bool,
    entries: usize,
    hash: String,
    reason: Option<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let answer = match args.file {
        Some(file) => {
            let text = std::fs::read_to_string(&file).map_err(|error| {
                Failure::misuse(format!("cannot read {}: {error}", file.display()))
            })?;
            let name = file.display().to_string();
            match SealedForecast::from_json(&text) {
                Ok(sealed) => intact(name, 1, sealed.hash()),
                Err(error) => broken(name, &error),
            }
        }
        None => {
            let name = args.ledger.path().display().to_string();
            args.ledger.must_exist()?;
            let ledger = args.ledger.parse()?;
            match ledger {
                Ok(ledger) => intact(name, ledger.entries().len(), ledger.head()),
                Err(error) => broken(name, &error),
            }
        }
    };
    let exit = if answer.intact { Exit::Done } else { Exit::No };
    output.answer(&answer, text)?;
    Ok(exit)
}

fn intact(file: String, entries: usize, hash: &str) -> Answer {
    Answer {
        file,
        intact: true,
        entries,
        hash: hash.to_owned(),
        reason: None,
    }
}

fn broken(file: String, error: &impl std::error::Error) -> Answer {
    Answer {
        file,
        intact: false,
        entries: 0,
        hash: String::new(),
        reason: Some(error.to_string()),
    }
}

fn text(answer: &Answer) -> String {
    match &answer.reason {
        None => {
            let noun = if answer.entries == 1 {
                "entry"
            } else {
                "entries"
            };
            format!(
                "{}: intact, {} {noun}. Last hash:\n{}\n",
                answer.file, answer.entries, answer.hash
            )
        }
        Some(reason) => paragraph(&format!("{}: {reason}", answer.file), 0),
    }
}
