//! `isoflop serve`: a page on some runs, in a browser of this machine.

mod workplace;

use crate::failure::{Exit, Failure};
use crate::ledger_file::LedgerFile;
use crate::output::Output;
use crate::runs_argument::ReadingArguments;
use isoflop_fit::LawChoice;
use isoflop_runs::is_store;
use isoflop_serve::Page;
use isoflop_sweep::SweepFolder;
use serde::Serialize;
use std::path::{Path, PathBuf};
use workplace::Runs;

/// Open a page on some runs in a browser of this machine: runs as they arrive, fit, budget, figures.
///
/// Examples:
///   isoflop serve runs.db
///   isoflop serve sweep.sweep --port 8421
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A store, the folder of a sweep, or a file or directory of runs [default: the store or sweep
    /// in this directory, if there is one]
    store: Option<PathBuf>,
    /// Port of the loopback address; 0 takes any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Law that the page starts with (`isoflop laws`); auto takes the one that forecasts best
    #[arg(long, default_value = "auto", value_name = "NAME")]
    law: String,
    /// Only look: no forecast can be sealed from the page
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    ledger: LedgerFile,
    #[command(flatten)]
    reading: ReadingArguments,
}

/// Where the page is.
#[derive(Debug, Serialize)]
struct Answer {
    address: String,
    source: String,
    ledger: Option<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let path = match args.store {
        Some(path) => path,
        None => only_one(Path::new("."))?,
    };
    let law: LawChoice = args.law.parse().map_err(Failure::from)?;
    let runs = Runs::new(path, law, args.reading, args.ledger, args.read_only)?;
    let mut answer = Answer {
        address: String::new(),
        source: runs.path().display().to_string(),
        ledger: (!args.read_only).then(|| runs.ledger_path().display().to_string()),
    };
    let page = Page::open(runs, args.port).map_err(|error| {
        let sentence = format!("cannot listen on port {} of 127.0.0.1: {error}", args.port);
        Failure::misuse(sentence).hint("`--port 0` takes any port that is free")
    })?;
    answer.address = page.address();
    output.answer(&answer, text)?;
    page.serve()?;
    Ok(Exit::Done)
}

fn text(answer: &Answer) -> String {
    format!(
        "The page on {} is open until Ctrl-C:\n\n  {}\n\nIt answers this machine only, and whoever \
         has this address.\n",
        answer.source, answer.address
    )
}

/// The one store or sweep in a directory.
fn only_one(directory: &Path) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_sweep(path) || (path.is_file() && is_store(path)))
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(
            Failure::misuse("there is no store or sweep in this directory")
                .hint("name the runs: `isoflop serve RUNS`, a store, a sweep, or any file of runs"),
        ),
        several => {
            let names: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
            let sentence = "there is more than one store or sweep in this directory";
            Err(Failure::misuse(sentence).hint(format!("name one: {}", names.join(", "))))
        }
    }
}

/// Whether a directory is the folder of a sweep.
fn is_sweep(path: &Path) -> bool {
    let folder = SweepFolder::new(path.to_owned());
    folder.plan().is_file() && folder.status().is_file()
}
