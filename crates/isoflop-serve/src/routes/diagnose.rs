//! `/api/diagnose`: whether a model was the right size for its compute.

use super::{Answer, Shared, compute};
use crate::choice::{Asked, Choice};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Query, State};
use isoflop_laws::{Params, Tokens};
use isoflop_plan::{diagnose, known_model};
use serde::Deserialize;
use serde_json::json;

/// The model, by name or by size and data.
#[derive(Debug, Deserialize)]
pub struct Model {
    #[serde(default)]
    model: String,
    #[serde(default)]
    params: String,
    #[serde(default)]
    tokens: String,
}

pub async fn answer(
    State(desk): Shared,
    Query(asked): Query<Asked>,
    Query(model): Query<Model>,
) -> Answer {
    compute(move || {
        let (params, tokens, source) = model.read()?;
        let worked = desk.worked(&Choice::try_from(asked)?)?;
        let law = worked.analysis.law();
        let found = diagnose(&law.surface(), params, tokens).map_err(Problem::no)?;
        let reach = found.model.flops.get() / worked.analysis.fit().largest_flops.get();
        Ok(Json(json!({
            "law": law.name,
            "diagnosis": found,
            "extrapolation": reach,
            "source": source,
        })))
    })
    .await
}

impl Model {
    fn read(&self) -> Result<(Params, Tokens, Option<&'static str>), Problem> {
        if self.model.is_empty() {
            let params = self.params.parse().map_err(Problem::misuse)?;
            let tokens = self.tokens.parse().map_err(Problem::misuse)?;
            return Ok((params, tokens, None));
        }
        let unknown = || Problem::misuse("there is no such model");
        let model = known_model(&self.model).ok_or_else(unknown)?;
        let params = model.params().map_err(Problem::failed)?;
        let tokens = model.tokens().map_err(Problem::failed)?;
        Ok((params, tokens, Some(model.source)))
    }
}
