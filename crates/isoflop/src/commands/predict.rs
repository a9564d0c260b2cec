//! `isoflop predict`: the loss of runs that are not made yet.

mod metric;

use crate::failure::{Exit, Failure};
use crate::law_argument::{LawArgument, Needs, Source};
use crate::output::{Output, columns};
use crate::plot::{self, PlotArgument};
use crate::points::PointArguments;
use crate::text::{basis, paragraph, percent, reach, warnings};
use isoflop_fit::{Forecast, ForecastAt, ForecastError};
use isoflop_plan::{
    Conventions, ForecastPoint, MetricAnswer, MetricLaw, SavedFit, conventions_of,
    published_forecast,
};
use serde::Serialize;

/// Say what the loss of a run will be, with an interval, before it is made.
///
/// Examples:
///   isoflop predict runs.csv --params 7B --tokens 140B
///   isoflop predict fit.json --flops 1e22 --level 0.8
///   isoflop predict --law besiroglu-2024 --at points.csv --json
///   isoflop predict runs.csv --metric mmlu --flops 1e24 --family Llama-2
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    law: LawArgument,
    #[command(flatten)]
    points: PointArguments,
    /// Forecast this metric too: a share, in a column metric_NAME
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// two-step (from the loss) or capability (from compute)
    #[arg(long, value_name = "LAW", requires = "metric")]
    metric_law: Option<MetricLaw>,
    /// The family of the run to forecast, where the runs are of several; in a file, column family
    #[arg(long, value_name = "NAME", requires = "metric", conflicts_with = "at")]
    family: Option<String>,
    #[command(flatten)]
    plot: PlotArgument,
}

/// Forecasts in the fields that scripts rely on, and what they rest on.
#[derive(Debug, Serialize)]
pub struct Answer {
    pub law: String,
    pub level: f64,
    pub forecasts: Vec<ForecastPoint>,
    pub conventions: Conventions,
    pub n_used: Option<usize>,
    pub source: Option<String>,
    pub metric: Option<MetricAnswer>,
    pub warnings: Vec<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let (answer, plot) = match &args.metric {
        Some(name) => (metric::predict(&args, name, output)?, String::new()),
        None => predict(&args, output)?,
    };
    output.answer(&answer, |answer| text(answer) + &plot)?;
    Ok(Exit::Done)
}

/// The answer, and the plot below it.
fn predict(args: &Args, output: &mut Output) -> Result<(Answer, String), Failure> {
    let level = args.law.certainty.level;
    match args.law.read(Needs::AnyLaw, output)? {
        // Without runs there is nothing to see but the law.
        Source::Published(name) => Ok((by_published(&name, args)?, String::new())),
        Source::Fitted(saved) => {
            let points = args.points.read(saved.fit.param_count)?;
            let answer = by_fit(&saved, &points, level)?;
            let said = &answer.forecasts;
            let plot = args
                .plot
                .below(output, || plot::of_fit(&saved, said, level));
            Ok((answer, plot))
        }
    }
}

/// The forecasts of a fit.
///
/// # Errors
/// Status 2 if a run is not given as the law needs it, status 1 if the law has no answer.
pub fn by_fit(saved: &SavedFit, points: &[ForecastAt], level: f64) -> Result<Answer, Failure> {
    let fit = &saved.fit;
    let forecast = |at: &ForecastAt| fit.forecast(at, level).map(point);
    let forecasts = points.iter().map(forecast).collect::<Result<_, _>>()?;
    Ok(Answer {
        law: fit.law.name().to_owned(),
        level,
        forecasts,
        conventions: Conventions {
            param_count: fit.param_count,
            flop_count: fit.flop_count,
        },
        n_used: Some(fit.n_used),
        source: Some(saved.source.clone()),
        metric: None,
        warnings: fit.warnings.clone(),
    })
}

fn by_published(name: &str, args: &Args) -> Result<Answer, Failure> {
    let entry = isoflop_laws::find(name)?;
    let conventions = conventions_of(&entry);
    let points = args.points.read(conventions.param_count)?;
    let forecast = |at: &ForecastAt| published_forecast(&entry, at).map_err(Failure::misuse);
    let forecasts = points.iter().map(forecast).collect::<Result<_, _>>()?;
    let note = entry
        .fit()
        .map(|fit| fit.note)
        .filter(|note| !note.is_empty());
    let mut warnings =
        vec!["a published law has no interval for your runs: fit your own to get one".to_owned()];
    warnings.extend(note.map(str::to_owned));
    Ok(Answer {
        law: entry.fit().map_or(entry.name(), |fit| fit.name).to_owned(),
        level: args.law.certainty.level,
        forecasts,
        conventions,
        n_used: None,
        source: None,
        metric: None,
        warnings,
    })
}

fn point(said: Forecast) -> ForecastPoint {
    ForecastPoint {
        params: said.params,
        tokens: said.tokens,
        flops: said.flops,
        loss: said.loss,
        lo: Some(said.lo),
        hi: Some(said.hi),
        extrapolation: Some(said.extrapolation),
    }
}

impl From<ForecastError> for Failure {
    fn from(error: ForecastError) -> Failure {
        match error {
            ForecastError::NoOptimum { .. } | ForecastError::Law(_) => Failure::no(error),
            misuse => Failure::misuse(misuse),
        }
    }
}

fn text(answer: &Answer) -> String {
    let of_loss = answer.forecasts.iter();
    let of_loss = of_loss.filter_map(|point| point.extrapolation);
    let of_metric = answer.metric.iter().flat_map(|metric| &metric.forecasts);
    let of_metric = of_metric.map(|forecast| forecast.extrapolation);
    let furthest = of_loss.chain(of_metric).reduce(f64::max);
    let law = &answer.law;
    let mut text = basis(law, answer.conventions, answer.n_used, &reach(furthest)) + "\n";
    match answer.forecasts.as_slice() {
        [] => {}
        [one] => text += &paragraph(&in_words(one, answer.level), 0),
        several => text += &table(several, answer.level),
    }
    if let Some(metric) = &answer.metric {
        text += &metric::text(metric, answer.level);
    }
    text + &warnings(&answer.warnings)
}

pub fn in_words(point: &ForecastPoint, level: f64) -> String {
    let mut text = String::from("A run");
    if let (Some(params), Some(tokens)) = (point.params, point.tokens) {
        text += &format!(" of N = {params} parameters on D = {tokens} tokens");
    }
    text += &format!(
        " ({} FLOPs) will have a loss of {} nats a token",
        point.flops, point.loss
    );
    if let (Some(lo), Some(hi)) = (point.lo, point.hi) {
        text += &format!(", {lo} to {hi} at {}", percent(level));
    }
    text + "."
}

fn table(points: &[ForecastPoint], level: f64) -> String {
    let size = |size: Option<String>| size.unwrap_or_else(|| "-".to_owned());
    let rows = points.iter().map(|point| {
        vec![
            size(point.params.map(|n| n.to_string())),
            size(point.tokens.map(|d| d.to_string())),
            point.flops.to_string(),
            point.loss.to_string(),
            size(
                point
                    .lo
                    .zip(point.hi)
                    .map(|(lo, hi)| format!("{lo} to {hi}")),
            ),
            size(point.extrapolation.map(crate::text::factor)),
        ]
    });
    let interval = format!("{} interval", percent(level));
    columns(&["N", "D", "FLOPs", "loss", &interval, "reach"], rows)
}
