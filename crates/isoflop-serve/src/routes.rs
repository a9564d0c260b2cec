//! Every answer: one line below, one file in this folder.

mod about;
mod curves;
mod diagnose;
mod figure;
mod fit;
mod forecasts;
mod plan;
mod report;
mod runs;
mod state;

use crate::assets;
use crate::desk::Desk;
use crate::guard::{self, Guard};
use crate::problem::Problem;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use std::sync::Arc;

/// A desk as routes share it.
type Shared = axum::extract::State<Arc<Desk>>;
/// An answer as JSON.
type Answer = Result<Json<Value>, Problem>;

/// All routes behind the guard.
pub fn router(desk: Arc<Desk>, guard: Guard) -> Router {
    Router::new()
        .route("/", get(assets::document))
        .route("/page.css", get(assets::style))
        .route("/widgets.js", get(assets::widgets))
        .route("/page.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
        .route("/api/about", get(about::answer))
        .route("/api/state", get(state::answer))
        .route("/api/runs", get(runs::answer))
        .route("/api/runs.csv", get(runs::table))
        .route("/api/curves", get(curves::answer))
        .route("/api/fit", get(fit::answer))
        .route("/api/sure", get(fit::how_sure))
        .route("/api/plan", get(plan::answer))
        .route("/api/diagnose", get(diagnose::answer))
        .route("/api/figure", get(figure::answer))
        .route("/api/report", get(report::answer))
        .route("/api/forecasts", get(forecasts::list).post(forecasts::seal))
        .fallback(nothing)
        .with_state(desk)
        .layer(from_fn_with_state(guard, guard::watch))
}

async fn nothing() -> Problem {
    Problem::refused(StatusCode::NOT_FOUND, "there is nothing here")
}

/// Computes an answer beside the connections.
async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Problem::failed("the program failed while it computed this")))
}

/// Text from outside, with what would hide or reorder it written out.
fn shown(text: &str) -> String {
    isoflop_report::visible(text)
}
