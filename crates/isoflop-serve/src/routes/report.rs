//! `/api/report`: the whole fit as one file to keep.

use super::{Shared, compute};
use crate::choice::{Asked, Choice};
use crate::problem::Problem;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use isoflop_laws::Flops;
use isoflop_report::{ReportText, Target};
use serde::Deserialize;

/// The budget that the report is for.
#[derive(Debug, Deserialize)]
pub struct Budget {
    flops: String,
}

pub async fn answer(
    State(desk): Shared,
    Query(asked): Query<Asked>,
    Query(budget): Query<Budget>,
) -> Result<Response, Problem> {
    compute(move || {
        let flops: Flops = budget.flops.parse().map_err(Problem::misuse)?;
        let command = command(&desk.workplace.name(), &asked, &budget.flops);
        let worked = desk.worked(&Choice::try_from(asked)?)?;
        let aimed = worked.analysis.aimed_at(Target::Budget(flops));
        let text = ReportText {
            title: None,
            command,
            program: concat!("isoflop ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let page = aimed.map_err(Problem::no)?.report(&text);
        let page = page.map_err(Problem::no)?.map_err(Problem::failed)?;
        Ok(Html(page).into_response())
    })
    .await
}

/// The command that makes the same report, but for runs that were left out by hand: the report
/// lists those.
fn command(source: &str, asked: &Asked, flops: &str) -> String {
    let source = source.replace('\'', r"'\''");
    format!(
        "isoflop report '{source}' --law {} --level {} --flops {flops} -o report.html",
        asked.law, asked.level
    )
}
