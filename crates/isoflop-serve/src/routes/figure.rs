//! `/api/figure`: one figure of the fit, to be shown or kept.

use super::{Shared, compute, shown};
use crate::choice::{Asked, Choice};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use isoflop_laws::Flops;
use isoflop_report::{Figure, FigureName, Layout, Target};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which figure, for which budget, as what.
#[derive(Debug, Deserialize)]
pub struct Picture {
    name: String,
    /// Budget of the run that is forecast; ten times the largest run if it is not given.
    #[serde(default)]
    flops: String,
    /// `json`, `svg`, `png` or `csv`.
    #[serde(default = "json_kind")]
    kind: String,
}

fn json_kind() -> String {
    "json".to_owned()
}

/// Pixels for each unit of a drawing: 192 dots an inch.
const SCALE: f32 = 2.0;

pub async fn answer(
    State(desk): Shared,
    Query(asked): Query<Asked>,
    Query(picture): Query<Picture>,
) -> Result<Response, Problem> {
    compute(move || {
        let name: FigureName = picture.name.parse().map_err(Problem::misuse)?;
        let worked = desk.worked(&Choice::try_from(asked)?)?;
        let layout = Layout::default();
        let figure = if picture.flops.is_empty() {
            worked.analysis.figure(name, &layout)
        } else {
            let flops: Flops = picture.flops.parse().map_err(Problem::misuse)?;
            let aimed = worked.analysis.aimed_at(Target::Budget(flops));
            aimed.map_err(Problem::no)?.figure(name, &layout)
        };
        as_kind(&figure.map_err(Problem::no)?, &picture.kind)
    })
    .await
}

fn as_kind(figure: &Figure, kind: &str) -> Result<Response, Problem> {
    let file = |kind: &'static str, bytes: Vec<u8>| ([(CONTENT_TYPE, kind)], bytes).into_response();
    Ok(match kind {
        "json" => Json(drawn(figure)).into_response(),
        "svg" => file("image/svg+xml", figure.svg.clone().into_bytes()),
        "png" => file("image/png", figure.png(SCALE).map_err(Problem::failed)?),
        "csv" => file("text/csv; charset=utf-8", figure.csv.clone().into_bytes()),
        _ => return Err(Problem::misuse("expected json, svg, png or csv")),
    })
}

/// A figure as the page shows it.
pub fn drawn(figure: &Figure) -> Value {
    let spots = figure.spots.iter();
    let spots = spots.map(|spot| json!([spot.x, spot.y, shown(&spot.text)]));
    json!({
        "name": figure.name,
        "title": shown(&figure.title),
        "description": shown(&figure.description),
        "svg": figure.svg,
        "spots": spots.collect::<Vec<Value>>(),
    })
}
