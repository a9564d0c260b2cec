//! Answers by published laws, and the catalogue.

use crate::answer::text;
use crate::design::{DesignArguments, designed};
use crate::errors::{misuse, misuse_with_hint, no, of_law, of_law_in_use};
use crate::interrupt::interruptible;
use crate::request::{Hardware, PlanArguments, Point, Size, forecast_at};
use isoflop_plan::{
    ACCELERATORS, KNOWN_MODELS, LawInUse, PlanRequest, conventions_of, diagnose, known_model, plan,
    published_forecast,
};
use pyo3::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

#[pyfunction]
pub fn predict_published(law: &str, points: Vec<Point>, level: f64) -> PyResult<String> {
    let entry = isoflop_laws::find(law).map_err(of_law)?;
    let forecast = |point| published_forecast(&entry, &forecast_at(point)?).map_err(misuse);
    let forecasts = points.iter().map(forecast).collect::<PyResult<Vec<_>>>()?;
    let mut warnings =
        vec!["a published law has no interval for your runs: fit your own to get one".to_owned()];
    let note = entry
        .fit()
        .map(|fit| fit.note)
        .filter(|note| !note.is_empty());
    warnings.extend(note.map(str::to_owned));
    text(&json!({
        "law": entry.fit().map_or(entry.name(), |fit| fit.name), "level": level,
        "forecasts": forecasts, "conventions": conventions_of(&entry),
        "n_used": null, "source": null, "metric": null, "warnings": warnings,
    }))
}

#[pyfunction]
pub fn plan_published(law: &str, arguments: PlanArguments) -> PyResult<String> {
    let law = LawInUse::published(law).map_err(of_law_in_use)?;
    planned(&law, arguments.request()?)
}

/// A plan, and the devices that its budget came from. JSON.
pub fn planned(law: &LawInUse, request: (PlanRequest, Option<Hardware>)) -> PyResult<String> {
    #[derive(Serialize)]
    struct Answer {
        #[serde(flatten)]
        plan: isoflop_plan::PlanAnswer,
        hardware: Option<Hardware>,
    }
    let (request, hardware) = request;
    let plan = plan(law, &request).map_err(no)?;
    text(&Answer { plan, hardware })
}

#[pyfunction]
#[pyo3(signature = (law, params, tokens, model))]
pub fn diagnose_published(
    law: &str,
    params: Option<Size>,
    tokens: Option<Size>,
    model: Option<&str>,
) -> PyResult<String> {
    diagnosis(
        &LawInUse::published(law).map_err(of_law_in_use)?,
        params,
        tokens,
        model,
    )
}

/// A diagnosis with the fields that scripts rely on. JSON.
pub fn diagnosis(
    law: &LawInUse,
    params: Option<Size>,
    tokens: Option<Size>,
    model: Option<&str>,
) -> PyResult<String> {
    let (params, tokens, source) = match (model, params, tokens) {
        (Some(name), None, None) => {
            let model = known_model(name).ok_or_else(|| unknown_model(name))?;
            let (params, tokens) = (model.params(), model.tokens());
            (
                params.map_err(misuse)?,
                tokens.map_err(misuse)?,
                Some(model.source),
            )
        }
        (None, Some(params), Some(tokens)) => (params.read()?, tokens.read()?, None),
        _ => return Err(misuse("give params and tokens, or model")),
    };
    let found = diagnose(&law.surface(), params, tokens).map_err(no)?;
    let mut answer = json!({
        "law": law.name, "conventions": law.conventions, "n_used": law.n_used,
        "extrapolation": law.extrapolation(found.model.flops),
        "optimal_params": found.optimal.params, "optimal_tokens": found.optimal.tokens,
        "loss": found.model.loss, "optimal_loss": found.optimal.loss,
        "source": source, "warnings": law.warnings,
    });
    if let (Value::Object(answer), Ok(Value::Object(details))) =
        (&mut answer, serde_json::to_value(&found))
    {
        answer.extend(details);
    }
    text(&answer)
}

fn unknown_model(name: &str) -> PyErr {
    let known: Vec<&str> = KNOWN_MODELS.iter().map(|model| model.name).collect();
    let hint = format!("known are {}", known.join(", "));
    misuse_with_hint(format!("there is no well-known model `{name}`"), hint)
}

#[pyfunction]
pub fn design_published(py: Python<'_>, law: &str, arguments: DesignArguments) -> PyResult<String> {
    let law = LawInUse::published(law).map_err(of_law_in_use)?;
    interruptible(py, move || designed(law, arguments))?
}

/// The catalogue, or the explanation of one entry. JSON.
#[pyfunction]
#[pyo3(signature = (name=None))]
pub fn laws(name: Option<&str>) -> PyResult<String> {
    match name {
        None => text(&isoflop_laws::catalogue()),
        Some(name) => {
            let law = isoflop_laws::explain(&isoflop_laws::find(name).map_err(of_law)?);
            let fitted = isoflop_fit::FITTED_LAWS.iter();
            let is_fitted = fitted
                .map(|law| law.name())
                .any(|name| name == law.card.name);
            let mut said = serde_json::to_value(&law).map_err(misuse)?;
            said["is_fitted"] = json!(is_fitted);
            text(&said)
        }
    }
}

/// Devices and their peaks. JSON.
#[pyfunction]
pub fn accelerators() -> PyResult<String> {
    text(&ACCELERATORS)
}
