//! `/api/fit`: the law and the answer for every budget; `/api/sure`: how sure it is.

use super::{Answer, Shared, compute, shown};
use crate::choice::{Asked, Choice};
use crate::desk::Worked;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Query, State};
use isoflop_report::{Analysis, LossUnit};
use serde_json::{Value, json};

pub async fn answer(State(desk): Shared, Query(asked): Query<Asked>) -> Answer {
    compute(move || {
        let worked = desk.worked(&Choice::try_from(asked)?)?;
        said(&worked).map(Json)
    })
    .await
}

/// How sure the answer is: the law is tried out on the runs that are there, which takes many fits.
pub async fn how_sure(State(desk): Shared, Query(asked): Query<Asked>) -> Answer {
    compute(move || {
        let worked = desk.worked(&Choice::try_from(asked)?)?;
        let sentences = worked.analysis.how_sure();
        let sentences: Vec<String> = sentences.iter().map(|text| shown(text)).collect();
        Ok(Json(json!({ "how_sure": sentences })))
    })
    .await
}

fn said(worked: &Worked) -> Result<Value, Problem> {
    if let Some(said) = worked.said.get() {
        return Ok(said.clone());
    }
    let said = all_of(&worked.analysis)?;
    Ok(worked.said.get_or_init(|| said).clone())
}

fn all_of(analysis: &Analysis) -> Result<Value, Problem> {
    let explorer = analysis.explorer().map_err(Problem::no)?;
    let summary = analysis.fit_summary();
    let fit = analysis.fit();
    let parameters = summary.parameters.iter().map(|parameter| {
        json!([
            parameter.name,
            parameter.value,
            parameter.interval.map(|ends| ends.0),
            parameter.interval.map(|ends| ends.1),
            parameter.unit,
        ])
    });
    let target = analysis.prediction();
    Ok(json!({
        "law": fit.law,
        "formula": summary.law,
        "n_used": fit.n_used,
        "level": fit.level,
        "largest": fit.largest_flops,
        "target": {
            "params": target.params, "tokens": target.tokens, "flops": target.flops,
            "loss": target.loss, "lo": target.low, "hi": target.high,
        },
        "explorer": explorer.to_json(LossUnit::NatsPerToken),
        "parameters": parameters.collect::<Vec<Value>>(),
        "diagnostics": summary.diagnostics,
        "warnings": summary.warnings.iter().map(|text| shown(text)).collect::<Vec<_>>(),
        "conventions": analysis.convention_rows(),
    }))
}
