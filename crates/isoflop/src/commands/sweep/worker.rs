//! `isoflop sweep worker`: makes attempts, one after the other, where an executor started it.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_sweep::{AttemptFolder, Lock, Worked, work};
use std::path::PathBuf;

/// Make the attempts in these folders; executors start this, people need not.
///
/// Example:
///   isoflop sweep worker sweep.sweep/runs/KEY/attempt-NONCE
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Folders of attempts
    attempts: Vec<PathBuf>,
    /// Read the folders from line N of this file, counted from 0, separated by tabs
    #[arg(long, value_name = "FILE", requires = "line")]
    list: Option<PathBuf>,
    /// The line of --list
    #[arg(long, value_name = "N")]
    line: Option<usize>,
    /// Standard input is the attempt's lock, and it is held
    #[arg(long)]
    locked: bool,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let isoflop = std::env::current_exe()?;
    let lock = if args.locked {
        Lock::Inherited
    } else {
        Lock::Free
    };
    let mut exit = Exit::Done;
    let mut attempts = args.attempts;
    if let (Some(list), Some(line)) = (args.list, args.line) {
        attempts.extend(listed(&list, line)?);
    }
    for attempt in attempts {
        let folder = AttemptFolder::new(attempt);
        match work(&folder, &isoflop, lock) {
            Ok(Worked::Sealed) => {}
            Ok(Worked::AlreadyRunning) => output.note("another process makes this attempt"),
            Ok(Worked::Stopped) => exit = Exit::No,
            // A signal is for the whole list.
            Ok(Worked::Signalled) => return Ok(Exit::No),
            Err(error) => {
                output.note(format!("{}: {error}", folder.root().display()));
                exit = Exit::Misuse;
            }
        }
    }
    Ok(exit)
}

fn listed(list: &std::path::Path, line: usize) -> Result<Vec<PathBuf>, Failure> {
    let text = std::fs::read_to_string(list)
        .map_err(|error| Failure::misuse(format!("cannot read {}: {error}", list.display())))?;
    let line = text
        .lines()
        .nth(line)
        .ok_or_else(|| Failure::misuse(format!("{} has no line {line}", list.display())))?;
    Ok(line.split('\t').map(PathBuf::from).collect())
}
