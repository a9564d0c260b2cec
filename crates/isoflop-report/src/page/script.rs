//! The page's one script, the data that it reads, and the policy that lets only it run.

use super::{Explorer, ExplorerPoint, Page};
use crate::figure::LossUnit;
use crate::visible::visible;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The script that the report and the local page share: figures that name their runs under the
/// pointer, and the budget control.
pub const WIDGETS: &str = include_str!("../../templates/widgets.js");
pub(super) const SCRIPT: &str = concat!(
    include_str!("../../templates/widgets.js"),
    include_str!("../../templates/report.js")
);
/// The style sheet of the report, and the base of the local page's.
pub const STYLE: &str = include_str!("../../templates/report.css");

/// The page's policy: nothing is loaded from anywhere, and only this script and this style sheet
/// are used (W3C, Content Security Policy Level 3).
pub(super) fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

impl Page<'_> {
    /// What the script reads, as JSON that is safe inside HTML: no `<` in it can end the element.
    pub(super) fn data(&self) -> String {
        let mut texts: Vec<String> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut figures = Map::new();
        for figure in &self.report.figures {
            let mut spots = Vec::new();
            for spot in &figure.spots {
                let text = visible(&spot.text);
                let index = *known.entry(text.clone()).or_insert_with(|| {
                    texts.push(text);
                    texts.len() - 1
                });
                spots.extend([json!(spot.x), json!(spot.y), json!(index)]);
            }
            figures.insert(figure.name.to_owned(), Value::Array(spots));
        }
        let explorer = self.extras.explorer.as_ref();
        let explorer = explorer.map(|explorer| explorer.to_json(self.report.unit));
        let data = json!({ "texts": texts, "figures": figures, "explorer": explorer });
        let text = data.to_string();
        text.replace('&', "\\u0026")
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
    }
}

impl Explorer {
    /// What the budget control of [`WIDGETS`] reads: rows of C, N, D, loss, its interval, and the
    /// interval of N.
    #[must_use]
    pub fn to_json(&self, unit: LossUnit) -> Value {
        let points: Vec<Value> = self.points.iter().map(|p| row(p, unit)).collect();
        let schools: Vec<Value> = self
            .schools
            .iter()
            .map(|school| {
                json!([
                    school.name,
                    school.anchor_params.get(),
                    school.anchor_flops.get(),
                    school.exponent
                ])
            })
            .collect();
        json!({
            "points": points,
            "schools": schools,
            "target": self.target.get(),
            "largest": self.largest.get(),
            "unit": unit.name(),
        })
    }
}

fn row(point: &ExplorerPoint, unit: LossUnit) -> Value {
    let ends = point.params_interval;
    let losses = [point.loss, point.low, point.high].map(|loss| round(unit.convert(loss)));
    json!([
        round(point.flops.get()),
        round(point.params.get()),
        round(point.tokens.get()),
        losses[0],
        losses[1],
        losses[2],
        ends.map(|ends| round(ends.0.get())),
        ends.map(|ends| round(ends.1.get())),
    ])
}

/// Seven significant digits: more than is shown.
fn round(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}
