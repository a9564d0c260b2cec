//! `isoflop sweep run`: make the runs of a plan.

use super::drive::drive;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_sweep::{Beginning, SweepFolder};
use std::path::PathBuf;

/// Make the runs of a plan; a sweep that was begun before goes on.
///
/// Example:
///   isoflop sweep run sweep.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The plan (`isoflop sweep plan` writes one)
    plan: PathBuf,
    /// Folder of the sweep; the plan's name with `.sweep` if not given
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Try failed and cancelled runs again
    #[arg(long)]
    retry: bool,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let text = std::fs::read_to_string(&args.plan).map_err(|error| {
        Failure::misuse(format!("cannot read {}: {error}", args.plan.display()))
    })?;
    let folder = args
        .into
        .unwrap_or_else(|| args.plan.with_extension("sweep"));
    let beginning = Beginning {
        folder: SweepFolder::new(std::path::absolute(folder)?),
        plan: Some((args.plan, text)),
        take_over: false,
        gone_hosts: Vec::new(),
        retry: args.retry,
    };
    drive(beginning, false, output)
}
