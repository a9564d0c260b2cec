//! `isoflop fit`: estimate a law from runs.

mod answer;
mod text;

use crate::failure::{Exit, Failure};
use crate::fitting::{CertaintyArguments, FittableRuns};
use crate::output::Output;
use crate::plot::{self, PlotArgument};
use crate::runs_argument::ReadingArguments;
use crate::saved_fit;
use answer::{Answer, GroupAnswer, Grouped, Wanted};
use isoflop_fit::{FitOptions, Objective, Prior};
use std::path::PathBuf;

/// Fit a law to runs: its parameters with intervals, and what must be known to use them.
///
/// Examples:
///   isoflop fit runs.csv --save fit.json
///   isoflop fit runs.csv --law chinchilla --against hoffmann-2022,besiroglu-2024
///   isoflop fit small-ladder.csv --law chinchilla --posterior
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A file of runs, a directory, a store, or - for standard input
    runs: PathBuf,
    /// Law to fit (`isoflop laws`); auto takes the one that forecasts best within the runs
    #[arg(long, default_value = "auto", value_name = "NAME")]
    law: String,
    /// What is minimised: huber, huber-likelihood or least-squares
    #[arg(long, default_value = "huber")]
    objective: Objective,
    /// Refits to resampled runs; 0 for none, and then no intervals
    #[arg(long, default_value_t = 400, value_name = "COUNT")]
    bootstraps: usize,
    /// Leave out the weak prior from published laws
    #[arg(long)]
    no_prior: bool,
    /// Say too what the runs and that prior make of the parameters together
    #[arg(long)]
    posterior: bool,
    /// Published laws to hold against the runs, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    against: Vec<String>,
    /// Fit the rows of each value of this column on their own
    #[arg(long, value_name = "COLUMN", conflicts_with = "save")]
    by: Option<String>,
    /// Keep the fit: every command reads it instead of runs
    #[arg(long, value_name = "FIT.json")]
    save: Option<PathBuf>,
    #[command(flatten)]
    plot: PlotArgument,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    certainty: CertaintyArguments,
}

impl Args {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            against: &self.against,
            posterior: self.posterior,
        }
    }
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let options = FitOptions {
        objective: args.objective,
        bootstraps: args.bootstraps,
        prior: if args.no_prior {
            Prior::Off
        } else {
            Prior::Published
        },
        ..args.certainty.options(Some(&args.law))?
    };
    if let Some(column) = &args.by {
        return by_group(&args, column, &options, output);
    }
    let runs = FittableRuns::new(args.reading.read(&args.runs)?, output)?;
    let fit = runs.fit(options.clone(), output)?;
    let saved = saved_fit::of_runs(fit, &runs);
    if let Some(path) = &args.save {
        saved_fit::write(&saved, path)?;
        output.note(format!("the fit is kept in {}", path.display()));
    }
    let plot = args
        .plot
        .below(output, || plot::of_fit(&saved, &[], options.level));
    let answer = Answer::new(saved.fit, &runs, &options, args.wanted())?;
    output.answer(&answer, |answer| text::one(answer) + &plot)?;
    Ok(Exit::Done)
}

fn by_group(
    args: &Args,
    column: &str,
    options: &FitOptions,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let rows = args.reading.read(&args.runs)?;
    let groups = rows.groups(column)?;
    rows.report_groups(&groups, rows.without(column), output);
    let mut answers = Vec::new();
    for group in groups {
        let fitted = FittableRuns::quietly(group.rows).and_then(|runs| {
            let fit = runs.fit(options.clone(), output)?;
            Answer::new(fit, &runs, options, args.wanted())
        });
        answers.push(GroupAnswer::new(group.value, fitted));
    }
    let answer = Grouped {
        by: column.to_owned(),
        dropped: answer::dropped(&rows.without(column)),
        groups: answers,
    };
    let exit = answer.exit();
    output.answer(&answer, text::groups)?;
    Ok(exit)
}
