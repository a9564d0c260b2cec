//! `isoflop sweep cancel`: end runs, whoever makes them.

use super::drive::drive;
use super::{existing, named, read_status};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_sweep::{Beginning, ControllerLock, Request};
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// End runs of a sweep, or all of them; results that are there already stay.
///
/// Examples:
///   isoflop sweep cancel sweep.sweep
///   isoflop sweep cancel sweep.sweep n1M-d20M-s0
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Names of the runs to end; all that have not ended if none is given
    runs: Vec<String>,
}

/// Time that a running controller has to take the request up.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Answer {
    taken_up: bool,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let folder = existing(&args.sweep)?;
    let request = if args.runs.is_empty() {
        Request::CancelAll
    } else {
        let status = read_status(&folder)?;
        let keys = args
            .runs
            .iter()
            .map(|name| Ok(named(&status, name)?.key.clone()));
        Request::Cancel(keys.collect::<Result<_, Failure>>()?)
    };
    let left = request.leave(&folder)?;
    let since = Instant::now();
    while ControllerLock::holder(&folder.lock()).is_some() {
        if !left.exists() {
            output.answer(&Answer { taken_up: true }, |_| {
                "the controller takes it up: `isoflop sweep status` shows when the runs have ended\n".to_owned()
            })?;
            return Ok(Exit::Done);
        }
        if since.elapsed() > PATIENCE {
            let failure = Failure::no("the controller has not taken the request up yet");
            return Err(failure.hint("it waits in the sweep's folder and is not lost"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // Nobody runs the sweep: end the runs ourselves, and begin none.
    let beginning = Beginning {
        folder,
        plan: None,
        take_over: false,
        gone_hosts: Vec::new(),
        retry: false,
    };
    drive(beginning, true, output)?;
    Ok(Exit::Done)
}
