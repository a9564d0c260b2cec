//! Runs of the Hugging Face `Trainer`: `trainer_state.json`, and the model's `config.json` beside
//! it.

use super::architecture;
use super::sidecar::{beside, flatten, number};
use super::{Importer, Logged, name_below, read_file};
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::json::quote_strange_numbers;
use crate::import::{ImportError, ImportOptions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads `trainer_state.json` files.
pub(super) struct TrainerState;

impl Importer for TrainerState {
    fn format(&self) -> Format {
        Format::TrainerState
    }

    fn claims(&self, path: &Path) -> bool {
        path.file_name()
            .is_some_and(|name| name == "trainer_state.json")
    }

    fn read(
        &self,
        folder: &Path,
        files: &[PathBuf],
        _options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError> {
        let mut by_run = BTreeMap::<&Path, Vec<&PathBuf>>::new();
        for file in files {
            by_run.entry(run_folder(file)).or_default().push(file);
        }
        for (place, mut files) in by_run {
            // The log of a later checkpoint holds that of the earlier ones.
            files.sort_by_key(|file| std::cmp::Reverse(checkpoint_step(file)));
            for file in files {
                match parse(&read_file(file)?) {
                    Ok(state) => {
                        let mut run = run_of(&state, file, name_below(folder, place));
                        let beside = file.parent().unwrap_or(Path::new(""));
                        add_model(&mut run, beside, &mut logged.notes);
                        logged.runs.push(run);
                        break;
                    }
                    Err(error) => {
                        let shown = file.display();
                        let notes = &mut logged.notes;
                        notes.push(format!("{shown} is not readable JSON: {error}"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The run's own folder: that of the file, or the one above if that is `checkpoint-500`.
fn run_folder(file: &Path) -> &Path {
    let folder = file.parent().unwrap_or(Path::new(""));
    match checkpoint_step(file) {
        Some(_) => folder.parent().unwrap_or(folder),
        None => folder,
    }
}

/// The step in `checkpoint-500/trainer_state.json`.
fn checkpoint_step(file: &Path) -> Option<u64> {
    let folder = file.parent()?.file_name()?.to_str()?;
    folder.strip_prefix("checkpoint-")?.parse().ok()
}

/// Reads a state that is in memory, without a `config.json` beside it.
pub(super) fn read_bytes(bytes: &[u8], path: &Path, logged: &mut Logged) {
    match parse(bytes) {
        Ok(state) => {
            let run = run_of(&state, path, path.display().to_string());
            logged.runs.push(run);
        }
        Err(error) => {
            let shown = path.display();
            let notes = &mut logged.notes;
            notes.push(format!("{shown} is not readable JSON: {error}"));
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let text = String::from_utf8_lossy(bytes);
    serde_json::from_str(&quote_strange_numbers(&text))
}

fn run_of(state: &Value, file: &Path, name: String) -> LoggedRun {
    let mut run = LoggedRun {
        name,
        source: file.display().to_string(),
        ..LoggedRun::default()
    };
    for (key, value) in state.as_object().into_iter().flatten() {
        let is_setting = value.is_number() || value.is_string();
        let seen_none = key == "num_input_tokens_seen" && value.as_u64() == Some(0);
        // Its FLOPs are 6 times tokens times parameters of its own count: kept, not used.
        let key = if key == "total_flos" {
            "hf_total_flos"
        } else {
            key
        };
        if is_setting && !seen_none {
            flatten(key, value, &mut run.settings);
        }
    }
    let entries = state["log_history"].as_array();
    for entry in entries.into_iter().flatten() {
        add_entry(&mut run, entry);
    }
    // The number of the state is as of the last step; the one logged goes with the loss.
    if run.series.contains_key("num_input_tokens_seen") {
        run.settings.remove("num_input_tokens_seen");
    }
    run.settings.remove("global_step");
    run
}

fn add_entry(run: &mut LoggedRun, entry: &Value) {
    let step = entry["step"].as_u64().unwrap_or(0);
    let is_summary = !entry["train_runtime"].is_null();
    for (key, value) in entry.as_object().into_iter().flatten() {
        let Some(value) = number(value) else { continue };
        match key.as_str() {
            "step" | "total_flos" => {}
            // The mean over the whole training is no loss of the final model.
            "train_loss" if is_summary => {
                run.settings
                    .insert("mean_train_loss".to_owned(), value.to_string());
            }
            "loss" => run.log("train_loss", step, value),
            key => run.log(key, step, value),
        }
    }
}

/// What `config.json` says of the model, beside the file or one folder above.
fn add_model(run: &mut LoggedRun, folder: &Path, notes: &mut Vec<String>) {
    let above = || folder.parent().and_then(beside);
    let Some((_, config)) = beside(folder).or_else(above) else {
        notes.push(format!(
            "{}: there is no config.json beside trainer_state.json: the number of parameters is \
             not known",
            run.name
        ));
        return;
    };
    let mut settings = BTreeMap::new();
    flatten("", &config, &mut settings);
    if let Some(kind) = settings.remove("model_type") {
        settings.insert("family".to_owned(), kind);
    }
    match architecture::count(&config) {
        Some(counts) => {
            settings.insert("params".to_owned(), counts.total.to_string());
            settings.insert(
                "params_non_embedding".to_owned(),
                counts.non_embedding.to_string(),
            );
        }
        None => notes.push(format!(
            "{}: the parameters of a model of type `{}` are not counted from its config.json",
            run.name,
            config["model_type"].as_str().unwrap_or("unknown")
        )),
    }
    for (key, value) in settings {
        run.settings.entry(key).or_insert(value);
    }
}
