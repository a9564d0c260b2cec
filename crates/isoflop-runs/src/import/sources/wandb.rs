//! Offline runs of Weights & Biases: the `run-ID.wandb` file in `wandb/offline-run-…/`.
//!
//! Messages are the few fields of `wandb_internal.proto` (wandb 0.31) that say what a run was and
//! logged; protobuf readers pass over the others.

use super::leveldb_log::{self, Record as LogRecord};
use super::sidecar::{flatten, number};
use super::tfrecord::Item;
use super::{Importer, Logged, read_file};
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::{ImportError, ImportOptions};
use prost::Message;
use std::path::{Path, PathBuf};

/// Reads `run-ID.wandb` files.
pub(super) struct Wandb;

impl Importer for Wandb {
    fn format(&self) -> Format {
        Format::Wandb
    }

    fn claims(&self, path: &Path) -> bool {
        path.extension()
            .is_some_and(|extension| extension == "wandb")
    }

    fn read(
        &self,
        _folder: &Path,
        files: &[PathBuf],
        _options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError> {
        for path in files {
            read_bytes(&read_file(path)?, path, logged);
        }
        Ok(())
    }
}

/// Reads a run's file that is in memory.
pub(super) fn read_bytes(bytes: &[u8], path: &Path, logged: &mut Logged) {
    if leveldb_log::is_log(bytes) {
        let run = read_run(bytes, path, &mut logged.notes);
        return logged.runs.push(run);
    }
    let shown = path.display();
    logged.notes.push(format!(
        "{shown} does not start as a W&B run does: not read"
    ));
}

/// The run in a file's bytes, with a note on each range that is unreadable.
fn read_run(bytes: &[u8], path: &Path, notes: &mut Vec<String>) -> LoggedRun {
    let mut run = LoggedRun {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        source: path.display().to_string(),
        ..LoggedRun::default()
    };
    let mut exit = None;
    let shown = path.display().to_string();
    leveldb_log::read(bytes, &mut |record| match record {
        LogRecord::Data(data) => match Record::decode(&data[..]) {
            Ok(record) => {
                exit = record.exit.as_ref().map(|exit| exit.exit_code).or(exit);
                add(&mut run, record);
            }
            Err(error) => notes.push(format!("{shown}: a record is not readable: {error}")),
        },
        LogRecord::Skipped(Item::Skipped { start, bytes, why }) => {
            notes.push(format!(
                "{shown}: {bytes} bytes from byte {start} are skipped: {why}"
            ));
        }
        LogRecord::Skipped(Item::Record(_)) => {}
    });
    run.status = Some(match exit {
        Some(0) => "finished".to_owned(),
        Some(_) => "crashed".to_owned(),
        None => "running".to_owned(),
    });
    run
}

fn add(run: &mut LoggedRun, record: Record) {
    if let Some(info) = record.run {
        if !info.display_name.is_empty() {
            run.name = info.display_name;
        }
        for (key, value) in [("run_id", info.run_id), ("project", info.project)] {
            if !value.is_empty() {
                run.settings.insert(key.to_owned(), value);
            }
        }
        add_settings(run, info.config.unwrap_or_default());
    }
    add_settings(run, record.config.unwrap_or_default());
    if let Some(history) = record.history {
        add_history(run, history);
    }
    for item in record.summary.unwrap_or_default().update {
        let key = item.path();
        // The summary repeats the last value of each series; what is only there is a setting.
        if !key.starts_with("_wandb")
            && !run.series.contains_key(&key)
            && let Ok(value) = serde_json::from_str(&item.value_json)
        {
            flatten(&key, &value, &mut run.settings);
        }
    }
}

fn add_settings(run: &mut LoggedRun, config: Items) {
    for item in config.update {
        let key = item.path();
        // `_wandb` holds the tool's own state.
        if key != "_wandb"
            && let Ok(value) = serde_json::from_str(&item.value_json)
        {
            flatten(&key, &value, &mut run.settings);
        }
    }
}

fn add_history(run: &mut LoggedRun, history: History) {
    let values: Vec<(String, serde_json::Value)> = history
        .item
        .into_iter()
        .filter_map(|item| Some((item.path(), json(&item.value_json)?)))
        .collect();
    let step = values.iter().find(|(key, _)| key == "_step");
    let step = step
        .and_then(|(_, value)| value.as_u64())
        .or(history.step.map(|step| step.num.max(0).cast_unsigned()))
        .unwrap_or(0);
    for (key, value) in values {
        if let Some(value) = number(&value).filter(|_| key != "_step") {
            run.settings.remove(&key);
            run.log(&key, step, value);
        }
    }
}

/// W&B writes `NaN` and `Infinity` bare.
fn json(text: &str) -> Option<serde_json::Value> {
    match text {
        "NaN" | "Infinity" | "-Infinity" => Some(serde_json::Value::from(text)),
        _ => serde_json::from_str(text).ok(),
    }
}

#[derive(Message)]
struct Record {
    #[prost(message, optional, tag = "2")]
    history: Option<History>,
    #[prost(message, optional, tag = "3")]
    summary: Option<Items>,
    #[prost(message, optional, tag = "5")]
    config: Option<Items>,
    #[prost(message, optional, tag = "17")]
    run: Option<RunInfo>,
    #[prost(message, optional, tag = "18")]
    exit: Option<Exit>,
}

#[derive(Message)]
struct History {
    #[prost(message, repeated, tag = "1")]
    item: Vec<JsonItem>,
    #[prost(message, optional, tag = "2")]
    step: Option<Step>,
}

#[derive(Message)]
struct Step {
    #[prost(int64, tag = "1")]
    num: i64,
}

/// `ConfigRecord` and `SummaryRecord`.
#[derive(Message)]
struct Items {
    #[prost(message, repeated, tag = "1")]
    update: Vec<JsonItem>,
}

/// `HistoryItem`, `ConfigItem` and `SummaryItem`: a key in one piece or several.
#[derive(Message)]
struct JsonItem {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, repeated, tag = "2")]
    nested_key: Vec<String>,
    #[prost(string, tag = "16")]
    value_json: String,
}

impl JsonItem {
    fn path(&self) -> String {
        match self.nested_key.is_empty() {
            true => self.key.clone(),
            false => self.nested_key.join("."),
        }
    }
}

#[derive(Message)]
struct RunInfo {
    #[prost(string, tag = "1")]
    run_id: String,
    #[prost(string, tag = "3")]
    project: String,
    #[prost(message, optional, tag = "4")]
    config: Option<Items>,
    #[prost(string, tag = "8")]
    display_name: String,
}

#[derive(Message)]
struct Exit {
    #[prost(int32, tag = "1")]
    exit_code: i32,
}
