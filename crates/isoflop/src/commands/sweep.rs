//! `isoflop sweep`: ladders of runs on local processes, Slurm and Ray.

mod cancel;
mod drive;
mod logs;
mod plan;
mod resume;
mod run;
mod status;
mod watch;
mod worker;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_sweep::{RunRow, Status, SweepFolder};
use std::path::Path;

/// Plan a ladder of runs, make it on this machine, on Slurm or on Ray, and keep every result.
///
/// Examples:
///   isoflop sweep plan --budget 1e16 -o sweep.toml -- python3 train.py {spec} {result}
///   isoflop sweep run sweep.toml
///   isoflop sweep status sweep.sweep
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)] // One is made in the life of the process.
enum What {
    Plan(Box<plan::Args>),
    Run(run::Args),
    Resume(resume::Args),
    Status(status::Args),
    Watch(watch::Args),
    Cancel(cancel::Args),
    Logs(logs::Args),
    #[command(hide = true)]
    Worker(worker::Args),
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    match args.what {
        What::Plan(args) => plan::run(*args, output),
        What::Run(args) => run::run(args, output),
        What::Resume(args) => resume::run(args, output),
        What::Status(args) => status::run(args, output),
        What::Watch(args) => watch::run(args, output),
        What::Cancel(args) => cancel::run(args, output),
        What::Logs(args) => logs::run(args, output),
        What::Worker(args) => worker::run(args, output),
    }
}

/// The sweep in `path`, which must hold one.
fn existing(path: &Path) -> Result<SweepFolder, Failure> {
    let absolute = std::path::absolute(path)?;
    let folder = SweepFolder::new(absolute);
    if folder.plan().exists() {
        return Ok(folder);
    }
    let failure = Failure::misuse(format!("there is no sweep in {}", path.display()));
    Err(failure.hint("`isoflop sweep run PLAN.toml` begins one beside the plan"))
}

fn read_status(folder: &SweepFolder) -> Result<Status, Failure> {
    Status::read(folder).map_err(|error| {
        Failure::misuse(format!(
            "cannot read {}: {error}",
            folder.status().display()
        ))
    })
}

fn named<'a>(status: &'a Status, name: &str) -> Result<&'a RunRow, Failure> {
    status.run(name).ok_or_else(|| {
        let names: Vec<&str> = status.runs.iter().map(|run| run.name.as_str()).collect();
        Failure::unknown("run", name, names)
    })
}
