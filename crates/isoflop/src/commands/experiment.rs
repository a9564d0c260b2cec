//! `isoflop experiment`: a claim of the founding papers, put to the test on the user's own runs.

mod show;
mod text;

use crate::commands::training::{TrainingArgs, stopped};
use crate::failure::{Exit, Failure};
use crate::interrupt;
use crate::output::Output;
use isoflop_experiments::{Ending, ExperimentError, Name, Options, experiment};
use show::Show;
use std::path::PathBuf;

/// Test a claim of the founding papers on small runs of your own.
///
/// Trains the runs that the claim needs, fits its law, draws it, and says whether it held here.
/// Started again with the same options it goes on where it ended.
///
///   kaplan-panels         power laws in compute, data and size
///   sample-efficiency     larger models need fewer tokens for the same loss
///   early-stopping        compute is best spent well before convergence
///   critical-batch        steps and tokens to a loss against the batch size
///   valleys               the best size at each of three budgets, and how it grows
///   data-quality          larger data help only if they are good
///   repetition            few unique tokens, many epochs
///   tokens-per-parameter  the best ratio of data to size against 20, and what moves it
///   wsd                   several lengths from one run, by annealing its checkpoints
///
/// Examples:
///   isoflop experiment valleys
///   isoflop experiment repetition --minutes 20 --corpus ~/text
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Which one
    name: Name,
    /// Minutes for everything
    #[arg(long, default_value_t = 4.0)]
    minutes: f64,
    /// Folder for runs, figures and records of all experiments
    #[arg(long, default_value = "isoflop-experiments", value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    training: TrainingArgs,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let options = Options {
        text: args.training.text(),
        minutes: args.minutes,
        corpus: args.training.corpus,
        out: args.out,
        seed: args.training.seed,
        tokenizer: args.training.tokenizer,
        device: args.training.device,
        ..Options::of(args.name)
    };
    let stop = interrupt::stop_flag()?;
    let mut show = Show::new();
    let ending = experiment(&options, &stop, &mut |event| show.event(&event));
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

impl From<ExperimentError> for Failure {
    fn from(error: ExperimentError) -> Self {
        if error.is_insufficient() {
            Failure::no(error)
        } else {
            Failure::misuse(error)
        }
    }
}
