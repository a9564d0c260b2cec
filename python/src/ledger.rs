//! The ledger of forecasts as a file, under the lock that the command line takes too.

use crate::answer::{conventions, text};
use crate::errors::{misuse, of_ledger};
use isoflop_laws::Loss;
use isoflop_plan::{ForecastBody, ForecastPoint, LawForecast, Ledger, LedgerError, SavedFit};
use isoflop_runs::write_atomically;
use jiff::Timestamp;
use pyo3::prelude::*;
use serde_json::json;
use std::fs::File;
use std::io;
use std::path::Path;

/// Seals the forecasts of a fit.
pub fn seal(
    path: &str,
    name: String,
    saved: &SavedFit,
    level: f64,
    forecasts: Vec<ForecastPoint>,
) -> PyResult<String> {
    let constants = saved.fit.parameters.iter();
    let body = ForecastBody {
        name,
        sealed_at: Timestamp::now(),
        conventions: conventions(&saved.fit),
        corpus_fingerprint: saved.corpus_fingerprint.clone(),
        level,
        stated: LawForecast {
            law: saved.fit.law.name().to_owned(),
            constants: constants.map(|p| (p.symbol.clone(), p.value)).collect(),
            forecasts,
        },
        others: Vec::new(),
        inputs: saved.runs.clone(),
    };
    let sealed = change(path, |ledger| {
        if ledger.scores().iter().any(|score| score.name == body.name) {
            return Err(LedgerError::NameTaken(body.name));
        }
        ledger.seal(body)
    })?;
    let body = sealed.body();
    text(&json!({
        "name": body.name, "ledger": path, "hash": sealed.hash(), "sealed_at": body.sealed_at,
        "law": body.stated.law, "level": body.level, "n_used": saved.fit.n_used,
        "forecasts": body.stated.forecasts,
    }))
}

/// Records the loss that a forecast run reached. JSON.
#[pyfunction]
pub fn score(forecast: &str, loss: f64, point: usize, ledger: &str) -> PyResult<String> {
    let loss = Loss::new(loss).map_err(misuse)?;
    let now = Timestamp::now();
    text(&change(ledger, |ledger| {
        ledger.record(forecast, point, loss, now)
    })?)
}

/// Every forecast of a ledger beside what came, and how good they were. JSON.
#[pyfunction]
pub fn scores(ledger: &str) -> PyResult<String> {
    let found = read(ledger)?;
    text(&json!({"forecasts": found.scores(), "track_record": found.track_record()}))
}

fn read(path: &str) -> PyResult<Ledger> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|error| failed("read", path, &error))?,
    };
    Ledger::from_jsonl(&text).map_err(|error| of_ledger(path, error))
}

fn change<T>(
    path: &str,
    change: impl FnOnce(&mut Ledger) -> Result<T, LedgerError>,
) -> PyResult<T> {
    let guard =
        File::create(format!("{path}.lock")).map_err(|error| failed("lock", path, &error))?;
    guard.lock().map_err(|error| failed("lock", path, &error))?;
    let mut ledger = read(path)?;
    let done = change(&mut ledger).map_err(|error| of_ledger(path, error))?;
    write_atomically(Path::new(path), ledger.to_jsonl().as_bytes())
        .map_err(|error| failed("write", path, &error))?;
    Ok(done)
}

fn failed(verb: &str, path: &str, error: &io::Error) -> PyErr {
    misuse(format!("cannot {verb} {path}: {error}"))
}
