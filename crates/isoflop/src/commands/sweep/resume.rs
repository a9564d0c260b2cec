//! `isoflop sweep resume`: go on with a sweep, here or on another machine.

use super::drive::drive;
use super::existing;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_sweep::Beginning;
use std::path::PathBuf;

/// Go on with a sweep whose controller ended, here or on another machine that shares the folder.
///
/// Example:
///   isoflop sweep resume sweep.sweep
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Try failed and cancelled runs again
    #[arg(long)]
    retry: bool,
    /// Take the sweep from a controller that can't be reached; that one can't write from then on
    #[arg(long)]
    take_over: bool,
    /// A machine that is gone for good: runs that were local to it are made again
    #[arg(long, value_name = "HOST")]
    gone: Vec<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let beginning = Beginning {
        folder: existing(&args.sweep)?,
        plan: None,
        take_over: args.take_over,
        gone_hosts: args.gone,
        retry: args.retry,
    };
    drive(beginning, false, output)
}
