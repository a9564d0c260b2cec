//! Settings in a JSON file beside a run.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Files that people keep a run's settings in.
const NAMES: [&str; 4] = ["config.json", "params.json", "hparams.json", "args.json"];

/// Settings of the first of [`NAMES`] that lies in `folder`, with the name of the file.
pub(super) fn beside(folder: &Path) -> Option<(&'static str, Value)> {
    NAMES.into_iter().find_map(|name| {
        let bytes = super::read_file(&folder.join(name)).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        value.is_object().then_some((name, value))
    })
}

/// `{"model": {"layers": 4}}` as the setting `model.layers`; lists stay one JSON text.
pub(in crate::import) fn flatten(
    name: &str,
    value: &Value,
    settings: &mut BTreeMap<String, String>,
) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let below = match name {
                    "" => key.clone(),
                    _ => format!("{name}.{key}"),
                };
                flatten(&below, value, settings);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            settings.insert(name.to_owned(), text.clone());
        }
        other => {
            settings.insert(name.to_owned(), other.to_string());
        }
    }
}

/// A number of a tracker's JSON; Python writes `NaN` and infinities as words.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" | "nan" => Some(f64::NAN),
            "Infinity" | "inf" => Some(f64::INFINITY),
            "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}
