//! A live MLflow tracking server, over its REST API (MLflow, "REST API", version 2.0).

use super::Logged;
use super::mlflow_sqlite::status_word;
use super::sidecar::number;
use crate::import::ImportError;
use crate::import::history::LoggedRun;
use serde_json::{Value, json};
use std::time::Duration;

/// A server that does not answer within this time is given up.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Results on one page.
const PAGE: u32 = 1000;
/// Pages that are read at most of one listing: a server that always names another would
/// otherwise be asked forever.
const MAX_PAGES: usize = 10_000;

/// Reads every active run of every active experiment of the server at `address`.
pub(in crate::import) fn read(address: &str, logged: &mut Logged) -> Result<(), ImportError> {
    let server = Server {
        address: address.trim_end_matches('/').to_owned(),
        agent: ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into(),
    };
    let experiments = server.pages("experiments/search", json!({}), "experiments")?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    for experiment in &experiments {
        let wanted = json!({"experiment_ids": [text(experiment, "experiment_id")]});
        for run in server.pages("runs/search", wanted, "runs")? {
            let run = server.run(&run, &text(experiment, "name"))?;
            logged.runs.push(run);
        }
    }
    if logged.runs.is_empty() {
        let count = experiments.len();
        logged
            .notes
            .push(format!("{count} experiments, none with an active run"));
    }
    Ok(())
}

struct Server {
    address: String,
    agent: ureq::Agent,
}

impl Server {
    /// Every item of a listing, page by page.
    fn pages(&self, what: &str, mut body: Value, key: &str) -> Result<Vec<Value>, ImportError> {
        let url = format!("{}/api/2.0/mlflow/{what}", self.address);
        let mut items = Vec::new();
        body["max_results"] = PAGE.into();
        for _ in 0..MAX_PAGES {
            let answer = self.agent.post(&url).send_json(&body);
            let mut answer = self.checked(&url, answer)?;
            if let Value::Array(page) = answer[key].take() {
                items.extend(page);
            }
            match answer["next_page_token"].as_str() {
                Some(token) if !token.is_empty() => body["page_token"] = token.into(),
                _ => return Ok(items),
            }
        }
        Err(self.error(&url, "the listing does not end"))
    }

    fn run(&self, found: &Value, experiment: &str) -> Result<LoggedRun, ImportError> {
        let info = &found["info"];
        let word = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
        let id = word("run_id");
        let name = Some(word("run_name")).filter(|name| !name.is_empty());
        let mut run = LoggedRun {
            name: name.unwrap_or_else(|| id.clone()),
            source: format!(
                "{}/#/experiments/{}/runs/{id}",
                self.address,
                word("experiment_id")
            ),
            status: Some(status_word(&word("status"))),
            ..LoggedRun::default()
        };
        run.settings.insert("run_id".to_owned(), id.clone());
        run.settings
            .insert("experiment".to_owned(), experiment.to_owned());
        for param in found["data"]["params"].as_array().into_iter().flatten() {
            if let (Some(key), Some(value)) = (param["key"].as_str(), param["value"].as_str()) {
                run.settings.insert(key.to_owned(), value.to_owned());
            }
        }
        for metric in found["data"]["metrics"].as_array().into_iter().flatten() {
            if let Some(key) = metric["key"].as_str() {
                self.history(&mut run, &id, key)?;
            }
        }
        Ok(run)
    }

    fn history(&self, run: &mut LoggedRun, id: &str, key: &str) -> Result<(), ImportError> {
        let url = format!("{}/api/2.0/mlflow/metrics/get-history", self.address);
        let mut token = String::new();
        for _ in 0..MAX_PAGES {
            let mut request = self
                .agent
                .get(&url)
                .query("run_id", id)
                .query("metric_key", key)
                .query("max_results", PAGE.to_string());
            if !token.is_empty() {
                request = request.query("page_token", &token);
            }
            let answer = self.checked(&url, request.call())?;
            for point in answer["metrics"].as_array().into_iter().flatten() {
                if let Some(value) = number(&point["value"]) {
                    run.log(key, step(&point["step"]), value);
                }
            }
            match answer["next_page_token"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => return Ok(()),
            }
        }
        Err(self.error(&url, "the history does not end"))
    }

    fn checked(
        &self,
        url: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, ImportError> {
        let mut answer = answer.map_err(|error| self.error(url, &error.to_string()))?;
        let status = answer.status();
        let value: Result<Value, _> = answer.body_mut().read_json();
        match value {
            Ok(value) if status.is_success() => Ok(value),
            Ok(value) => {
                let message = value["message"].as_str().unwrap_or("no message");
                Err(self.error(url, &format!("status {status}: {message}")))
            }
            Err(_) => {
                let error = format!("status {status}, and no JSON: is this an MLflow server?");
                Err(self.error(url, &error))
            }
        }
    }

    fn error(&self, url: &str, error: &str) -> ImportError {
        ImportError::Server {
            address: url.to_owned(),
            error: error.to_owned(),
        }
    }
}

/// Protobuf's JSON has 64-bit integers as text.
fn step(value: &Value) -> u64 {
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_u64().or(text).unwrap_or(0)
}
