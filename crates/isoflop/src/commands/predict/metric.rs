//! `isoflop predict --metric`: what a metric will be beside the loss.

use super::{Answer, Args, by_fit};
use crate::failure::Failure;
use crate::law_argument::Needs;
use crate::output::{Output, columns};
use crate::runs_argument::{Row, RunRows};
use crate::saved_fit;
use crate::text::{factor, paragraph, percent, warnings};
use isoflop_fit::ForecastAt;
use isoflop_laws::{FlopCount, ParamCount};
use isoflop_plan::{Conventions, MetricAnswer, MetricError, MetricFit, MetricRun, fit_metric};
use isoflop_runs::Status;
use std::collections::BTreeSet;

/// The forecasts of a metric, and of the loss where the runs have one.
///
/// # Errors
/// Status 2 if no run has the metric, or it is no share; status 1 if the runs do not determine
/// its law.
pub fn predict(args: &Args, asked: &str, output: &mut Output) -> Result<Answer, Failure> {
    let hint = "give the runs, with a column metric_NAME, or `--map theirs=metric_NAME`";
    let Some(path) = &args.law.source else {
        return Err(Failure::misuse("a published law says nothing of metrics").hint(hint));
    };
    if saved_fit::read(path)?.is_some() {
        return Err(Failure::misuse("a saved fit keeps no metrics").hint(hint));
    }
    let rows = args.law.reading.read(path)?;
    let name = column(&rows, asked)?;
    let level = args.law.certainty.level;
    let fit = |count| {
        let runs = runs_with(&rows, &name, count);
        fit_metric(&name, &runs, args.metric_law, args.law.certainty.seed).map_err(failed)
    };
    let has_loss = |row: &Row| row.run.loss.is_some();
    if !rows.rows.iter().any(has_loss) {
        return by_compute_alone(args, &rows, &fit(count(&rows))?, level);
    }
    let saved = args.law.fit_rows(rows.clone(), Needs::AnyLaw, output)?;
    let (points, families) = asked_for(args, saved.fit.param_count)?;
    let mut answer = by_fit(&saved, &points, level)?;
    let fit = fit(saved.fit.param_count)?;
    let said = fit.answer(&answer.forecasts, &families, level);
    answer.metric = Some(said.map_err(failed)?);
    Ok(answer)
}

/// Without a loss there is nothing but the compute to go by.
fn by_compute_alone(
    args: &Args,
    rows: &RunRows,
    fit: &MetricFit,
    level: f64,
) -> Result<Answer, Failure> {
    let param_count = count(rows);
    let (points, families) = asked_for(args, param_count)?;
    let metric = fit.answer_by_compute(&points, &families, level);
    let metric = metric.map_err(failed)?;
    Ok(Answer {
        law: fit.law.name().to_owned(),
        level,
        forecasts: Vec::new(),
        conventions: Conventions {
            param_count,
            flop_count: FlopCount::SixNd,
        },
        n_used: Some(fit.n_used),
        source: Some(rows.source.clone()),
        metric: Some(metric),
        warnings: vec!["the runs have no loss, so that none is forecast".to_owned()],
    })
}

/// The runs to forecast, and the family of each.
fn asked_for(
    args: &Args,
    count: ParamCount,
) -> Result<(Vec<ForecastAt>, Vec<Option<String>>), Failure> {
    let read = args.points.read_with_families(count)?.into_iter();
    let of = |(at, family): (ForecastAt, Option<String>)| (at, family.or(args.family.clone()));
    Ok(read.map(of).unzip())
}

/// The metric's name as its column has it after `metric_`.
fn column(rows: &RunRows, asked: &str) -> Result<String, Failure> {
    let all = rows.rows.iter().flat_map(|row| row.run.metrics.keys());
    let known: BTreeSet<&str> = all.map(String::as_str).collect();
    let asked = asked.strip_prefix("metric_").unwrap_or(asked);
    if known.contains(asked) {
        return Ok(asked.to_owned());
    }
    if known.is_empty() {
        let sentence = format!("no run of {} has a metric", rows.source);
        let hint = format!(
            "name the column: `--map THEIRS=metric_{asked}`, THEIRS being what it is called there"
        );
        return Err(Failure::misuse(sentence).hint(hint));
    }
    Err(Failure::unknown("metric", asked, known))
}

/// N as most runs count it.
fn count(rows: &RunRows) -> ParamCount {
    rows.select().dataset.param_count
}

/// The finished runs with this metric.
fn runs_with(rows: &RunRows, name: &str, count: ParamCount) -> Vec<MetricRun> {
    let run = |row: &Row| {
        let run = &row.run;
        Some(MetricRun {
            run: run.run.clone(),
            flops: run.compute(count)?,
            loss: run.loss,
            value: *run.metrics.get(name)?,
            family: run.family.clone(),
        })
    };
    let finished = rows.rows.iter();
    let finished = finished.filter(|row| row.run.status == Status::Finished);
    finished.filter_map(run).collect()
}

fn failed(error: MetricError) -> Failure {
    match error {
        MetricError::NotAShare { .. } => Failure::misuse(error),
        MetricError::NoCompute => {
            Failure::misuse(error).hint("give --flops, or --params and --tokens")
        }
        other => Failure::no(other),
    }
}

/// The metric as text, below the loss.
pub fn text(answer: &MetricAnswer, level: f64) -> String {
    let name = &answer.name;
    let share = |value: f64| format!("{value:.3}");
    let mut text = match answer.forecasts.as_slice() {
        [one] => paragraph(
            &format!(
                "Its {name}{} will be {}, {} to {} at {} (law {}, {} runs with {name}, {} times the largest of them).",
                one.family
                    .as_ref()
                    .map_or(String::new(), |family| format!(", as of family {family},")),
                share(one.value),
                share(one.lo),
                share(one.hi),
                percent(level),
                answer.law,
                answer.n_used,
                factor(one.extrapolation),
            ),
            0,
        ),
        several => {
            let interval = format!("{} interval", percent(level));
            let mut names = vec!["FLOPs", name, &interval, "reach"];
            let of_families = several.iter().any(|one| one.family.is_some());
            if of_families {
                names.push("family");
            }
            let rows = several.iter().map(|one| {
                let mut row = vec![
                    one.flops.to_string(),
                    share(one.value),
                    format!("{} to {}", share(one.lo), share(one.hi)),
                    factor(one.extrapolation),
                ];
                if of_families {
                    row.push(one.family.clone().unwrap_or_else(|| "-".to_owned()));
                }
                row
            });
            format!(
                "\n{name} by law {}, {} runs:\n{}",
                answer.law,
                answer.n_used,
                columns(&names, rows)
            )
        }
    };
    text += &warnings(&answer.warnings);
    text
}
