//! `/api/about`: what does not change while the page is open.

use super::{Answer, Shared, shown};
use axum::Json;
use axum::extract::State;
use isoflop_fit::FITTED_LAWS;
use isoflop_plan::{ACCELERATORS, KNOWN_MODELS};
use isoflop_report::FIGURE_NAMES;
use serde_json::{Value, json};

pub async fn answer(State(desk): Shared) -> Answer {
    let laws = FITTED_LAWS.iter().map(|law| {
        let card = law.card();
        json!([law.name(), card.title])
    });
    let figures = FIGURE_NAMES
        .iter()
        .map(|figure| json!([figure.name(), figure.shows()]));
    let devices = ACCELERATORS
        .iter()
        .map(|device| json!([device.name, device.peak_flops_per_sec / 1e12]));
    let models = KNOWN_MODELS.iter().map(|model| model.name);
    Ok(Json(json!({
        "source": shown(&desk.workplace.name()),
        "program": concat!("isoflop ", env!("CARGO_PKG_VERSION")),
        "law": desk.workplace.law(),
        "laws": laws.collect::<Vec<Value>>(),
        "figures": figures.collect::<Vec<Value>>(),
        "accelerators": devices.collect::<Vec<Value>>(),
        "models": models.collect::<Vec<&str>>(),
        "can_seal": desk.workplace.can_seal(),
    })))
}
