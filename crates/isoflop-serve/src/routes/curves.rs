//! `/api/curves`: learning curves as they grow.

use super::{Answer, Shared, compute, figure};
use crate::problem::Problem;
use crate::sweep::live_curves;
use axum::Json;
use axum::extract::State;
use isoflop_report::{Layout, LossUnit};

pub async fn answer(State(desk): Shared) -> Answer {
    compute(move || {
        let mut evidence = desk.seen()?.reading.evidence.clone();
        if let Some(folder) = desk.workplace.sweep() {
            let known = std::mem::take(&mut evidence.curves);
            evidence.curves = live_curves(&folder, known);
        }
        let drawing = evidence.envelope(LossUnit::NatsPerToken);
        let drawing = drawing.map_err(Problem::no)?;
        let drawn = drawing.render_in(&Layout::default()).map_err(Problem::no)?;
        Ok(Json(figure::drawn(&drawn)))
    })
    .await
}
