//! `/api/forecasts`: what was put on record, and one thing more to put there.

use super::{Answer, Shared, compute, shown};
use crate::choice::{Asked, Choice};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use isoflop_laws::{Params, Tokens};
use isoflop_plan::Score;
use serde::Deserialize;
use serde_json::{Value, json};

/// The ledger with what came of each forecast.
pub async fn list(State(desk): Shared) -> Answer {
    compute(move || {
        let ledger = desk.workplace.ledger().map_err(Problem::failed)?;
        let scores = ledger.scores();
        Ok(Json(json!({
            "head": ledger.head(),
            "forecasts": scores.iter().map(row).collect::<Vec<Value>>(),
            "track_record": ledger.track_record(),
        })))
    })
    .await
}

fn row(score: &Score) -> Value {
    json!({
        "name": shown(&score.name),
        "hash": score.forecast,
        "law": score.law,
        "said": score.said,
        "level": score.level,
        "actual": score.actual,
        "relative_error": score.relative_error,
        "inside": score.inside,
        "sealed_at": score.sealed_at,
    })
}

/// What is to be put on record.
#[derive(Debug, Deserialize)]
pub struct Sealing {
    name: String,
    params: String,
    tokens: String,
    #[serde(flatten)]
    asked: Asked,
}

/// The longest name, bytes.
const LONGEST_NAME: usize = 200;

/// Puts the forecast of a run on record before it is made.
pub async fn seal(State(desk): Shared, Json(sealing): Json<Sealing>) -> Answer {
    compute(move || {
        let name = sealing.name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(Problem::misuse(
                "a forecast needs a name of 1 to 200 letters",
            ));
        }
        let choice = Choice::try_from(sealing.asked.clone())?;
        let worked = desk.worked(&choice)?;
        let now = jiff::Timestamp::now();
        let params: Params = sealing.params.parse().map_err(Problem::misuse)?;
        let tokens: Tokens = sealing.tokens.parse().map_err(Problem::misuse)?;
        let body = worked
            .analysis
            .forecast_body(name.to_owned(), now, params, tokens)
            .map_err(Problem::no)?;
        let sealed = desk.workplace.seal(body).ok_or_else(|| {
            Problem::refused(
                StatusCode::FORBIDDEN,
                "this page was opened to be read only",
            )
        })?;
        let sealed = sealed.map_err(Problem::no)?;
        Ok(Json(json!({ "hash": sealed.hash(), "name": shown(name) })))
    })
    .await
}
