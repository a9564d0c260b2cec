//! `isoflop runs export`.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_runs::{write_atomically, write_csv, write_jsonl};
use std::path::{Path, PathBuf};

/// Write the runs of a store as CSV or JSONL.
///
/// Example:
///   isoflop runs export runs.db -o runs.csv
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The store
    store: PathBuf,
    /// A file that ends in .csv or .jsonl [default: CSV on standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let runs = super::open(&args.store)?.runs().map_err(Failure::misuse)?;
    let mut bytes = Vec::new();
    match args.output.as_deref().and_then(Path::extension) {
        Some(end) if end == "jsonl" || end == "ndjson" => write_jsonl(&runs, &mut bytes)?,
        None if output.is_json() => write_jsonl(&runs, &mut bytes)?,
        Some(end) if end != "csv" => {
            let sentence = format!("`.{}` is not written", end.display());
            return Err(Failure::misuse(sentence).hint("name a file that ends in .csv or .jsonl"));
        }
        _ => write_csv(&runs, &mut bytes)?,
    }
    match &args.output {
        Some(path) => {
            write_atomically(path, &bytes).map_err(|error| {
                Failure::misuse(format!("cannot write {}: {error}", path.display()))
            })?;
            output.note(format!("{} runs are in {}", runs.len(), path.display()));
        }
        None => output.raw(&bytes)?,
    }
    Ok(Exit::Done)
}
