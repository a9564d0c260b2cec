//! Runs from files, folders, stores and servers.

use crate::errors::{misuse, no};
use crate::interrupt::interruptible;
use isoflop_fit::Dataset;
use isoflop_laws::{ParamCount, Steps};
use isoflop_plan::SealedRun;
use isoflop_runs::{
    ColumnMap, FinalLoss, Format, ImportOptions, Imported, ImportedRow, RowsAre, Selection,
    SelectionOptions, Store, import_bytes, import_source, is_store, write_atomically,
};
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Runs as they were read, and how they were understood.
#[pyclass(frozen, module = "isoflop._native")]
pub struct Runs(Arc<Imported>);

impl Runs {
    pub fn new(imported: Imported) -> Self {
        Self(Arc::new(imported))
    }

    pub fn imported(&self) -> Arc<Imported> {
        Arc::clone(&self.0)
    }
}

/// Arguments of `isoflop import`, by name.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct ReadArguments {
    format: Option<String>,
    map: Vec<String>,
    set: Vec<String>,
    final_loss: String,
    checkpoints: bool,
    bytes_per_token: Option<f64>,
    pattern: Option<String>,
}

impl ReadArguments {
    pub fn options(&self) -> PyResult<ImportOptions> {
        let mut columns = ColumnMap::default();
        for pair in &self.map {
            columns.add(pair).map_err(misuse)?;
        }
        let format = self.format.as_deref().map(str::parse::<Format>);
        let mut options = ImportOptions {
            format: format.transpose().map_err(misuse)?,
            map: columns,
            rows: match self.checkpoints {
                true => RowsAre::Checkpoints,
                false => RowsAre::Runs,
            },
            final_loss: self.final_loss.parse::<FinalLoss>().map_err(misuse)?,
            bytes_per_token: self.bytes_per_token,
            pattern: self.pattern.clone(),
            ..ImportOptions::default()
        };
        for pair in &self.set {
            options.add_value(pair).map_err(misuse)?;
        }
        Ok(options)
    }
}

/// Reads runs from a file, a folder, a store or an MLflow server.
#[pyfunction]
pub fn read(py: Python<'_>, source: String, arguments: ReadArguments) -> PyResult<Runs> {
    let options = arguments.options()?;
    let path = Path::new(&source);
    if is_store(path) {
        return Ok(Runs::new(of_store(path)?));
    }
    let imported = interruptible(py, move || import_source(&source, &options))?;
    Ok(Runs::new(imported.map_err(misuse)?))
}

fn of_store(path: &Path) -> PyResult<Imported> {
    let store = Store::open_existing(path).map_err(misuse)?;
    let rows = store
        .runs()
        .map_err(misuse)?
        .into_iter()
        .map(|run| ImportedRow {
            run,
            line: 0,
            source: None,
            curve: Vec::new(),
        });
    Ok(Imported {
        source: path.display().to_string(),
        rows: rows.collect(),
        dropped: Vec::new(),
        columns: Vec::new(),
        notes: Vec::new(),
    })
}

#[pymethods]
impl Runs {
    fn __len__(&self) -> usize {
        self.0.rows.len()
    }

    /// Whether any run has a loss.
    fn has_losses(&self) -> bool {
        self.0.rows.iter().any(|row| row.run.loss.is_some())
    }

    /// Where they came from.
    #[getter]
    fn source(&self) -> &str {
        &self.0.source
    }

    /// How each column was understood, one sentence each.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.0.columns.iter().map(ToString::to_string).collect()
    }

    /// What was derived, left out or looks wrong.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.notes.clone()
    }

    /// Rows that are no runs: name, line and reason. JSON.
    fn dropped(&self) -> String {
        Value::from_iter(self.0.dropped.iter().map(dropped)).to_string()
    }

    /// The runs as objects with isoflop's column names. JSON.
    fn records(&self, py: Python<'_>) -> String {
        let rows = &self.0.rows;
        py.detach(|| Value::from_iter(rows.iter().map(|row| row.run.to_json())).to_string())
    }
}

/// A row that is not used, as the command line lists it.
pub fn dropped(dropped: &isoflop_runs::Dropped) -> Value {
    json!({"line": dropped.line, "run": dropped.run, "reason": dropped.reason})
}

/// The runs that can be used in one convention.
pub fn select(imported: &Imported, count: Option<&str>) -> PyResult<Selection> {
    let param_count = match count {
        None => None,
        Some("total") => Some(ParamCount::Total),
        Some("non-embedding") => Some(ParamCount::NonEmbedding),
        Some(other) => {
            let sentence = format!("`{other}` is no count of parameters");
            return Err(misuse(format!(
                "{sentence}: expected total or non-embedding"
            )));
        }
    };
    let selection = imported.select(SelectionOptions { param_count });
    if selection.dataset.observations.is_empty() {
        let of = imported.rows.len() + imported.dropped.len();
        let reason = selection.dropped.first().map(|dropped| &dropped.reason);
        let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let source = &imported.source;
        return Err(no(format!(
            "no run of {source} can be used, of {of} rows{why}"
        )));
    }
    Ok(selection)
}

/// Optimiser steps of the runs that are used, if all have them.
pub fn steps(imported: &Imported, selection: &Selection) -> Option<Vec<Steps>> {
    let used = selection.used.iter();
    used.map(|&index| Steps::new(imported.rows[index].run.step? as f64).ok())
        .collect()
}

/// The runs of a fit as they are kept with it.
pub fn inputs(imported: &Imported, used: &[usize], dataset: &Dataset) -> Vec<SealedRun> {
    let rows = used.iter().zip(&dataset.observations);
    rows.map(|(&index, observation)| SealedRun {
        run: imported.rows[index].run.run.clone(),
        params: Some(observation.params),
        tokens: Some(observation.tokens),
        flops: observation.flops,
        loss: observation.loss,
        loss_std: observation.loss_std,
    })
    .collect()
}

/// The corpus of all the runs of a fit, where they agree on one.
pub fn fingerprint(imported: &Imported, used: &[usize]) -> Option<String> {
    let of = |index: usize| imported.rows[index].run.corpus_fingerprint.as_ref();
    let first = of(*used.first()?)?;
    let same = used.iter().all(|&index| of(index) == Some(first));
    same.then(|| first.clone())
}

/// Writes one run record, given as a JSON object, to a file of its own: whole or not at all.
#[pyfunction]
pub fn write_record(path: &str, record: &str) -> PyResult<()> {
    let options = ImportOptions {
        format: Some(Format::JsonLines),
        ..ImportOptions::default()
    };
    let imported = import_bytes(path, record.as_bytes(), &options).map_err(misuse)?;
    if let Some(dropped) = imported.dropped.first() {
        return Err(misuse(&dropped.reason));
    }
    let mut text = String::new();
    for mut run in imported.rows.iter().map(|row| row.run.to_json()) {
        // A run that has no loss yet says so: a file without the column would hold no runs.
        for column in ["params", "tokens", "loss"] {
            if run[column].is_null() {
                run[column] = Value::Null;
            }
        }
        text += &format!("{run}\n");
    }
    write(path, text.as_bytes())
}

/// Writes a text to a file: whole or not at all.
#[pyfunction]
pub fn write_text(path: &str, text: &str) -> PyResult<()> {
    write(path, text.as_bytes())
}

fn write(path: &str, bytes: &[u8]) -> PyResult<()> {
    let written = write_atomically(Path::new(path), bytes);
    written.map_err(|error| misuse(format!("cannot write {path}: {error}")))
}
