//! `isoflop sweep watch`: how a sweep goes, as it goes.

use super::status::{Answer, summary, text};
use super::{existing, read_status};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Show how a sweep goes until it ends or nobody runs it.
///
/// Example:
///   isoflop sweep watch sweep.sweep
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Folder of the sweep
    sweep: PathBuf,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let folder = existing(&args.sweep)?;
    let is_terminal = std::io::stderr().is_terminal();
    let mut last = String::new();
    loop {
        let status = read_status(&folder)?;
        let line = summary(&status);
        let goes_on = status.counts.open() > 0 && status.controller.is_some();
        if is_terminal {
            write!(std::io::stderr(), "\r\x1b[2K{line}")?;
            std::io::stderr().flush()?;
        } else if line != last {
            writeln!(std::io::stderr(), "{line}")?;
        }
        if !goes_on {
            if is_terminal {
                writeln!(std::io::stderr())?;
            }
            output.answer(&Answer::new(&folder, status), text)?;
            return Ok(Exit::Done);
        }
        last = line;
        std::thread::sleep(Duration::from_secs(1));
    }
}
