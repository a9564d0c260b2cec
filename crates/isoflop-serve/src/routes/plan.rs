//! `/api/plan`: one budget, by the fitted law and by the rules of the schools.

use super::{Answer, Shared, compute};
use crate::choice::{Asked, Choice};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Query, State};
use isoflop_laws::Flops;
use serde::Deserialize;

/// The budget.
#[derive(Debug, Deserialize)]
pub struct Budget {
    flops: String,
}

pub async fn answer(
    State(desk): Shared,
    Query(asked): Query<Asked>,
    Query(budget): Query<Budget>,
) -> Answer {
    compute(move || {
        let flops: Flops = budget.flops.parse().map_err(Problem::misuse)?;
        let worked = desk.worked(&Choice::try_from(asked)?)?;
        let plan = worked.analysis.plan(flops).map_err(Problem::no)?;
        serde_json::to_value(plan)
            .map(Json)
            .map_err(Problem::failed)
    })
    .await
}
