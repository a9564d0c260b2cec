//! `isoflop accelerators`: the devices that budgets may be given in.

use crate::failure::{Exit, Failure};
use crate::output::{Output, columns};
use isoflop_plan::{ACCELERATORS, Accelerator};
use serde::Serialize;

/// List the accelerators that `plan --gpus` knows, with their peak speed.
///
/// Example:
///   isoflop accelerators
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    accelerators: &'static [Accelerator],
}

pub fn run(_: Args, output: &mut Output) -> Result<Exit, Failure> {
    let answer = Answer {
        accelerators: ACCELERATORS,
    };
    output.answer(&answer, |answer| {
        let rows = answer.accelerators.iter().map(|device| {
            vec![
                device.name.to_owned(),
                format!("{:.0}", device.peak_flops_per_sec / 1e12),
                device.precision.to_owned(),
                device.source.to_owned(),
            ]
        });
        columns(&["device", "TFLOP/s", "format", "source"], rows)
    })?;
    Ok(Exit::Done)
}
