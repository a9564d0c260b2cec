//! `isoflop forecast`: forecasts sealed before a run, scored when the result arrives.

mod check;
mod list;
mod score;
mod seal;

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Keep forecasts that were made before a run, and score them when its result arrives.
///
/// Examples:
///   isoflop forecast seal big-run runs.csv --params 7B --tokens 140B
///   isoflop forecast score big-run --loss 1.97
///   isoflop forecast check
///   isoflop forecast list
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Seal(Box<seal::Args>),
    Score(score::Args),
    Check(check::Args),
    List(list::Args),
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    match args.what {
        What::Seal(args) => seal::run(*args, output),
        What::Score(args) => score::run(args, output),
        What::Check(args) => check::run(args, output),
        What::List(args) => list::run(args, output),
    }
}
