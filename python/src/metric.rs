//! What a metric of a run will be, beside its loss.

use crate::answer::{conventions, text};
use crate::errors::{misuse, misuse_with_hint, no};
use crate::fitted::Fit;
use crate::interrupt::interruptible;
use crate::request::{Point, forecast_at};
use crate::runs::Runs;
use isoflop_laws::{FlopCount, ParamCount};
use isoflop_plan::{
    Conventions, ForecastPoint, MetricAnswer, MetricError, MetricLaw, MetricRun, fit_metric,
};
use isoflop_runs::{Imported, SelectionOptions, Status};
use pyo3::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Keyword arguments of `predict_metric`.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct MetricArguments {
    metric: String,
    metric_law: Option<String>,
    families: Vec<Option<String>>,
    level: f64,
    seed: u64,
}

/// Forecasts of a metric, and of the loss by `fit`, which is None where no run has a loss. JSON.
#[pyfunction]
#[pyo3(signature = (runs, fit, points, arguments))]
pub fn predict_metric(
    py: Python<'_>,
    runs: &Runs,
    fit: Option<PyRef<'_, Fit>>,
    points: Vec<Point>,
    arguments: MetricArguments,
) -> PyResult<String> {
    let imported = runs.imported();
    let name = metric(&imported, &arguments.metric)?;
    let law = arguments.metric_law.as_deref().map(str::parse::<MetricLaw>);
    let law = law.transpose().map_err(misuse)?;
    let count = match &fit {
        Some(fit) => fit.saved().fit.param_count,
        None => {
            imported
                .select(SelectionOptions::default())
                .dataset
                .param_count
        }
    };
    let of_runs = runs_with(&imported, &name, count);
    let seed = arguments.seed;
    let fitted = interruptible(py, move || fit_metric(&name, &of_runs, law, seed))?;
    let fitted = fitted.map_err(failed)?;
    let level = arguments.level;
    match &fit {
        Some(fit) => {
            let losses = fit.forecasts(py, points, level)?;
            let metric = fitted.answer(&losses, &arguments.families, level);
            beside_the_loss(metric.map_err(failed)?, fit, losses, level)
        }
        None => {
            let asked = points.iter().map(forecast_at);
            let asked = asked.collect::<PyResult<Vec<_>>>()?;
            let metric = fitted.answer_by_compute(&asked, &arguments.families, level);
            by_compute_alone(metric.map_err(failed)?, &imported, count, level)
        }
    }
}

fn beside_the_loss(
    metric: MetricAnswer,
    fit: &Fit,
    losses: Vec<ForecastPoint>,
    level: f64,
) -> PyResult<String> {
    let saved = fit.saved();
    text(&json!({
        "law": saved.fit.law.name(), "level": level, "forecasts": losses,
        "conventions": conventions(&saved.fit), "n_used": saved.fit.n_used,
        "source": saved.source, "metric": metric, "warnings": saved.fit.warnings,
    }))
}

fn by_compute_alone(
    metric: MetricAnswer,
    imported: &Imported,
    param_count: ParamCount,
    level: f64,
) -> PyResult<String> {
    let conventions = Conventions {
        param_count,
        flop_count: FlopCount::SixNd,
    };
    text(&json!({
        "law": metric.law.name(), "level": level, "forecasts": [],
        "conventions": conventions, "n_used": metric.n_used,
        "source": imported.source, "metric": metric,
        "warnings": ["the runs have no loss, so that none is forecast"],
    }))
}

/// The metric's name as its column has it after `metric_`.
fn metric(imported: &Imported, asked: &str) -> PyResult<String> {
    let all = imported.rows.iter().flat_map(|row| row.run.metrics.keys());
    let known: BTreeSet<&str> = all.map(String::as_str).collect();
    let asked = asked.strip_prefix("metric_").unwrap_or(asked);
    if known.contains(asked) {
        return Ok(asked.to_owned());
    }
    if known.is_empty() {
        let sentence = format!("no run of {} has a metric", imported.source);
        let hint = format!("name the column: `map=[\"THEIRS=metric_{asked}\"]`");
        return Err(misuse_with_hint(sentence, hint));
    }
    let known: Vec<&str> = known.into_iter().collect();
    let hint = format!("the runs have {}", known.join(", "));
    Err(misuse_with_hint(
        format!("there is no metric `{asked}`"),
        hint,
    ))
}

/// The finished runs with this metric.
fn runs_with(imported: &Imported, name: &str, count: ParamCount) -> Vec<MetricRun> {
    let finished = imported.rows.iter().map(|row| &row.run);
    let finished = finished.filter(|run| run.status == Status::Finished);
    let with = finished.filter_map(|run| {
        Some(MetricRun {
            run: run.run.clone(),
            flops: run.compute(count)?,
            loss: run.loss,
            value: *run.metrics.get(name)?,
            family: run.family.clone(),
        })
    });
    with.collect()
}

fn failed(error: MetricError) -> PyErr {
    match error {
        MetricError::NotAShare { .. } => misuse(error),
        MetricError::NoCompute => misuse_with_hint(error, "give flops, or params and tokens"),
        other => no(other),
    }
}
