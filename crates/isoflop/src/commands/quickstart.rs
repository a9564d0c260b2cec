//! `isoflop quickstart`: forecast a model's loss from small runs, train it, and compare.

mod show;
pub mod text;

use crate::commands::training::{TrainingArgs, stopped};
use crate::failure::{Exit, Failure};
use crate::interrupt;
use crate::output::Output;
use isoflop_quickstart::{Ending, Options, QuickstartError, quickstart};
use show::Show;
use std::path::PathBuf;

/// Forecast a model's loss from small runs, then train it and see whether the forecast held.
///
/// Trains a ladder of small models, fits the laws, seals the forecast of a larger model, trains
/// that too, and writes a report. Started again with the same options it goes on where it ended.
///
/// Examples:
///   isoflop quickstart
///   isoflop quickstart --minutes 30 --ratio 50 --corpus ~/text --out my-ladder
///   isoflop quickstart --corpus stories.jsonl.gz --text-field story --tokenizer tokenizer.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Minutes for everything
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Compute of the forecast model ÷ that of the largest small one
    #[arg(long, default_value_t = 10.0)]
    ratio: f64,
    /// Folder for runs, forecast, figures and report
    #[arg(long, default_value = "isoflop-out", value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    training: TrainingArgs,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let defaults = Options::default();
    let options = Options {
        text: args.training.text(),
        tokenizer: args.training.tokenizer,
        device: args.training.device,
        minutes: args.minutes,
        ratio: args.ratio,
        corpus: args.training.corpus,
        out: args.out,
        seed: args.training.seed,
        ..defaults
    };
    let stop = interrupt::stop_flag()?;
    let mut show = Show::new();
    let ending = quickstart(&options, &stop, &mut |event| show.event(&event));
    show.end();
    match ending? {
        Ending::Done(outcome) => {
            output.answer(&*outcome, text::outcome)?;
            Ok(Exit::Done)
        }
        Ending::Stopped { ended, of } => {
            Err(stopped((ended, of), &options.out, &options.command()))
        }
    }
}

impl From<QuickstartError> for Failure {
    fn from(error: QuickstartError) -> Self {
        if error.is_insufficient() {
            Failure::no(error)
        } else {
            Failure::misuse(error)
        }
    }
}
