//! MLflow's file store: `mlruns/EXPERIMENT/RUN/{meta.yaml,params,metrics,tags}`.

use super::{Importer, Logged, read_file};
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::{ImportError, ImportOptions};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Reads MLflow runs that are kept as files.
pub(super) struct MlflowFiles;

/// What `meta.yaml` of a run says.
#[derive(Deserialize)]
struct Meta {
    run_id: String,
    #[serde(default)]
    run_name: Option<String>,
    #[serde(default)]
    status: Option<u8>,
    #[serde(default)]
    lifecycle_stage: Option<String>,
    #[serde(default)]
    experiment_id: Option<String>,
}

/// What `meta.yaml` of an experiment says.
#[derive(Deserialize)]
struct Experiment {
    experiment_id: String,
    #[serde(default)]
    name: String,
}

impl Importer for MlflowFiles {
    fn format(&self) -> Format {
        Format::Mlflow
    }

    fn claims(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == "meta.yaml")
    }

    fn read(
        &self,
        _folder: &Path,
        files: &[PathBuf],
        _options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError> {
        let mut experiments = HashMap::new();
        let mut metas = Vec::new();
        for file in files {
            let bytes = read_file(file)?;
            if let Ok(meta) = serde_yaml_ng::from_slice::<Meta>(&bytes) {
                metas.push((file, meta));
            } else if let Ok(found) = serde_yaml_ng::from_slice::<Experiment>(&bytes) {
                experiments.insert(found.experiment_id, found.name);
            } else {
                let shown = file.display();
                logged.notes.push(format!(
                    "{shown} is neither a run nor an experiment: not read"
                ));
            }
        }
        for (file, meta) in metas {
            let place = file.parent().unwrap_or(Path::new(""));
            let experiment = meta.experiment_id.as_ref();
            let experiment = experiment.and_then(|id| experiments.get(id)).cloned();
            let run = read_run(place, meta, experiment, &mut logged.notes)?;
            logged.runs.push(run);
        }
        // Folders are named by hashes: in the order of names a listing can be compared.
        logged.runs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }
}

fn read_run(
    place: &Path,
    meta: Meta,
    experiment: Option<String>,
    notes: &mut Vec<String>,
) -> Result<LoggedRun, ImportError> {
    let mut run = LoggedRun {
        name: meta
            .run_name
            .filter(|name| !name.is_empty())
            .unwrap_or(meta.run_id.clone()),
        source: place.display().to_string(),
        status: meta.status.map(status_word),
        ..LoggedRun::default()
    };
    if meta.lifecycle_stage.as_deref() == Some("deleted") {
        run.unusable = Some("deleted in MLflow".to_owned());
    }
    run.settings.insert("run_id".to_owned(), meta.run_id);
    if let Some(experiment) = experiment {
        run.settings.insert("experiment".to_owned(), experiment);
    }
    for (key, file) in keyed_files(&place.join("params")) {
        let text = String::from_utf8_lossy(&read_file(&file)?)
            .trim()
            .to_owned();
        run.settings.insert(key, text);
    }
    for (key, file) in keyed_files(&place.join("metrics")) {
        let text = String::from_utf8_lossy(&read_file(&file)?).into_owned();
        for (number, line) in (1..).zip(text.lines()) {
            match point(line) {
                Some((step, value)) => run.log(&key, step, value),
                None => notes.push(format!(
                    "{}:{number}: `{line}` is skipped: expected time, value and step",
                    file.display()
                )),
            }
        }
    }
    Ok(run)
}

/// `TIME VALUE STEP`; old releases wrote no step.
fn point(line: &str) -> Option<(u64, f64)> {
    let mut words = line.split_whitespace();
    let _time: i64 = words.next()?.parse().ok()?;
    let value = words.next()?.parse().ok()?;
    let step: i64 = words.next().map_or(Some(0), |step| step.parse().ok())?;
    Some((step.max(0).cast_unsigned(), value))
}

/// Keys may have slashes: they are folders then.
fn keyed_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
    walk.into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let key = entry.path().strip_prefix(folder).ok()?;
            let key = key.to_string_lossy().replace('\\', "/");
            Some((key, entry.into_path()))
        })
        .collect()
}

/// MLflow's `RunStatus` numbers.
fn status_word(number: u8) -> String {
    match number {
        1 => "running",
        2 => "pending",
        4 => "failed",
        5 => "killed",
        _ => "finished",
    }
    .to_owned()
}
