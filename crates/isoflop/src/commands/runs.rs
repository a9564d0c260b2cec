//! `isoflop runs`: what is in a store.

mod exclude;
mod export;
mod list;
mod show;
mod tag;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_runs::Store;
use std::path::Path;

/// List, show, tag, exclude and export the runs of a store.
///
/// Examples:
///   isoflop runs list runs.db
///   isoflop runs exclude runs.db d64-3 --why "wrong tokeniser"
///   isoflop runs export runs.db -o runs.csv
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(list::Args),
    Show(show::Args),
    Tag(tag::Args),
    Exclude(exclude::Args),
    Include(exclude::Include),
    Export(export::Args),
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(&args, output),
        What::Show(args) => show::run(&args, output),
        What::Tag(args) => tag::run(&args, output),
        What::Exclude(args) => exclude::run(&args, output),
        What::Include(args) => exclude::include(&args, output),
        What::Export(args) => export::run(&args, output),
    }
}

fn open(store: &Path) -> Result<Store, Failure> {
    Store::open_existing(store).map_err(Failure::misuse)
}
