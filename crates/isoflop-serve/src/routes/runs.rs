//! `/api/runs`: the runs as a table, and all of them as CSV.

use super::{Answer, Shared, compute, shown};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use isoflop_runs::write_csv;
use serde_json::{Value, json};

/// Rows that are listed: nobody reads more in a page; the CSV has them all.
const LISTED: usize = 2000;

pub async fn answer(State(desk): Shared) -> Answer {
    compute(move || {
        let seen = desk.seen()?;
        let evidence = &seen.reading.evidence;
        let used = (0..evidence.names.len()).take(LISTED).map(|position| {
            let run = evidence.point(position);
            json!([
                position,
                shown(&run.run),
                run.params.to_string(),
                run.tokens.to_string(),
                run.flops.to_string(),
                run.loss.get(),
            ])
        });
        let not_used = evidence.not_used.iter().take(LISTED);
        let not_used = not_used.map(|row| json!([shown(&row.run), shown(&row.reason)]));
        let notes = evidence.notes.iter().map(|note| shown(note));
        Ok(Json(json!({
            "version": seen.version,
            "used": used.collect::<Vec<Value>>(),
            "n_used": evidence.names.len(),
            "not_used": not_used.collect::<Vec<Value>>(),
            "n_not_used": evidence.not_used.len(),
            "notes": notes.collect::<Vec<String>>(),
        })))
    })
    .await
}

/// Every run, as `isoflop runs export` writes it.
pub async fn table(State(desk): Shared) -> Result<Response, Problem> {
    let bytes = compute(move || {
        let mut bytes = Vec::new();
        write_csv(&desk.seen()?.reading.runs, &mut bytes).map_err(Problem::failed)?;
        Ok(bytes)
    });
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], bytes.await?).into_response())
}
