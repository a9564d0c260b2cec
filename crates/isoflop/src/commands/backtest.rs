//! `isoflop backtest`: how good would forecasts of these runs have been?

mod text;

use crate::failure::{Exit, Failure};
use crate::fitting::{CertaintyArguments, FittableRuns};
use crate::output::Output;
use crate::plot::PlotArgument;
use crate::runs_argument::{Group, ReadingArguments};
use isoflop_fit::{Dataset, Fit, FitOptions, fit};
use isoflop_laws::Flops;
use isoflop_plan::{Backtest, BacktestError, BacktestPoint, Conventions, Split, backtest, pooled};
use isoflop_report::terminal::backtest_plot;
use serde::Serialize;
use std::path::PathBuf;

/// Forecast the larger runs from the smaller ones, and say what came.
///
/// Examples:
///   isoflop backtest runs.csv
///   isoflop backtest runs.csv --fit-below 1e20 --law chinchilla
///   isoflop backtest runs.csv --split split --by config --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A file of runs, a directory, a store, or - for standard input
    runs: PathBuf,
    /// Fit the runs up to this compute and forecast the others
    #[arg(long, value_name = "C")]
    fit_below: Option<Flops>,
    /// Fit rows that say `fit` in this column, forecast rows that say `test`
    #[arg(long, value_name = "COLUMN", conflicts_with = "fit_below")]
    split: Option<String>,
    /// Backtest the rows of each value of this column on their own
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Law to fit (`isoflop laws`)
    #[arg(long, default_value = "auto", value_name = "NAME")]
    law: String,
    /// Cuts between small and large, unless a split is given
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    cuts: usize,
    #[command(flatten)]
    plot: PlotArgument,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    certainty: CertaintyArguments,
}

/// All forecasts together, and those of each group.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    pub all: Backtest,
    pub conventions: Conventions,
    pub source: String,
    pub split: String,
    pub by: Option<String>,
    pub groups: Vec<GroupAnswer>,
    pub n_dropped: usize,
}

impl Answer {
    /// Every forecast of every group.
    fn points(&self) -> Vec<BacktestPoint> {
        let found = self
            .groups
            .iter()
            .filter_map(|group| group.backtest.as_ref());
        found.flat_map(|found| found.points.clone()).collect()
    }
}

/// The backtest of one value of the column, or why there is none.
#[derive(Debug, Serialize)]
pub struct GroupAnswer {
    pub group: String,
    pub backtest: Option<Backtest>,
    /// Name of the run behind each point of the backtest.
    pub runs: Vec<String>,
    pub error: Option<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let options = FitOptions {
        // Intervals of forecasts do not rest on refits.
        bootstraps: 0,
        ..args.certainty.options(Some(&args.law))?
    };
    let rows = args.reading.read(&args.runs)?;
    let mut n_dropped = 0;
    let groups = match &args.by {
        Some(column) => {
            let groups = rows.groups(column)?;
            let without = rows.without(column);
            n_dropped += rows.dropped.len() + without.len();
            rows.report_groups(&groups, without, output);
            groups
        }
        None => {
            rows.report(&rows.select(), output);
            vec![Group {
                value: "all".to_owned(),
                rows: rows.clone(),
            }]
        }
    };
    let source = rows.source.clone();
    let mut ladders = Vec::new();
    for group in groups {
        ladders.push((group.value, FittableRuns::quietly(group.rows)?));
    }
    let conventions = common_conventions(&ladders)?;
    let of_groups = ladders.iter().map(|(_, runs)| runs.selection.dropped.len());
    n_dropped += of_groups.sum::<usize>();
    let working = output.counting("backtesting", ladders.len());
    let mut answers = Vec::new();
    for (group, runs) in &ladders {
        let found = args.backtest(runs, &options)?;
        answers.push(GroupAnswer::new(group.clone(), found, runs));
        working.advance();
    }
    working.done();
    let tested: Vec<&Backtest> = answers.iter().filter_map(|a| a.backtest.as_ref()).collect();
    let Some(all) = pooled(&tested) else {
        let reason = answers.into_iter().find_map(|answer| answer.error);
        return Err(Failure::no(
            reason.unwrap_or_else(|| "no run could be forecast".to_owned()),
        ));
    };
    let answer = Answer {
        all,
        conventions,
        source,
        split: args.split_in_words(),
        by: args.by,
        groups: answers,
        n_dropped,
    };
    let plot = args
        .plot
        .below(output, || backtest_plot(&answer.points(), answer.all.level));
    output.answer(&answer, |answer| text::render(answer) + &plot)?;
    Ok(Exit::Done)
}

/// What N and C count in every group.
///
/// # Errors
/// Status 2 where groups differ: their errors would be pooled over unlike compute.
fn common_conventions(ladders: &[(String, FittableRuns)]) -> Result<Conventions, Failure> {
    let of = |runs: &FittableRuns| Conventions {
        param_count: runs.selection.dataset.param_count,
        flop_count: runs.selection.dataset.flop_count,
    };
    let (first, runs) = &ladders[0];
    let common = of(runs);
    let Some((other, runs)) = ladders.iter().find(|(_, runs)| of(runs) != common) else {
        return Ok(common);
    };
    let found = of(runs);
    let sentence = format!(
        "groups count differently: `{first}` has N {} and {}, `{other}` has N {} and {}",
        common.param_count, common.flop_count, found.param_count, found.flop_count
    );
    Err(Failure::misuse(sentence)
        .hint("say which N with `--count`, or backtest one group with `--where COLUMN=VALUE`"))
}

impl Args {
    /// The backtest of one group.
    ///
    /// # Errors
    /// Status 2 if the split column says nothing that is understood.
    fn backtest(
        &self,
        runs: &FittableRuns,
        options: &FitOptions,
    ) -> Result<Result<Backtest, BacktestError>, Failure> {
        let splits = self.splits(runs)?;
        let level = options.level;
        let dataset = &runs.selection.dataset;
        let fitted = |smaller: &Dataset| -> Result<(Fit, f64), String> {
            let fit = fit(smaller, options).map_err(|error| error.to_string())?;
            Ok((fit, level))
        };
        Ok(backtest(dataset, &splits, &self.law, level, fitted))
    }

    fn splits(&self, runs: &FittableRuns) -> Result<Vec<Split>, Failure> {
        let dataset = &runs.selection.dataset;
        if let Some(largest) = self.fit_below {
            return Ok(vec![Split::below(dataset, largest)]);
        }
        if let Some(column) = &self.split {
            return Ok(vec![by_column(runs, column)?]);
        }
        // A law of five parameters needs a few more runs than that.
        let fewest = 8.min(dataset.observations.len() / 2);
        Ok(Split::forward_chain(dataset, self.cuts, fewest))
    }

    fn split_in_words(&self) -> String {
        match (self.fit_below, &self.split) {
            (Some(largest), _) => format!("runs up to {largest} FLOPs against the others"),
            (None, Some(column)) => format!("`fit` against `test` in column {column}"),
            (None, None) => "forward chaining over compute".to_owned(),
        }
    }
}

fn by_column(runs: &FittableRuns, column: &str) -> Result<Split, Failure> {
    runs.rows.check_column(column)?;
    let says = |word: &str| {
        let rows = runs.selection.used.iter().enumerate();
        let said = rows.filter(|(_, row)| {
            let cell = runs.rows.cell(&runs.rows.rows[**row], column);
            cell.is_some_and(|cell| cell.eq_ignore_ascii_case(word))
        });
        said.map(|(position, _)| position).collect::<Vec<_>>()
    };
    let split = Split {
        fit: says("fit"),
        test: says("test"),
    };
    if split.fit.is_empty() && split.test.is_empty() {
        let sentence = format!("column `{column}` says neither `fit` nor `test` in any row");
        return Err(Failure::misuse(sentence));
    }
    Ok(split)
}

impl GroupAnswer {
    fn new(group: String, found: Result<Backtest, BacktestError>, runs: &FittableRuns) -> Self {
        let (backtest, error) = match found {
            Ok(backtest) => (Some(backtest), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let points = backtest.iter().flat_map(|backtest| &backtest.points);
        Self {
            group,
            runs: points.map(|point| runs.run_at(point.run)).collect(),
            backtest,
            error,
        }
    }
}
