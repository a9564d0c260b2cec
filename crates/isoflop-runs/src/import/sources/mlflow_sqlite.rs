//! MLflow's SQLite store.

use super::{Importer, Logged};
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::{ImportError, ImportOptions};
use rusqlite::{Connection, OpenFlags, Row};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads MLflow databases such as `mlflow.db`.
pub(super) struct MlflowSqlite;

impl Importer for MlflowSqlite {
    fn format(&self) -> Format {
        Format::Mlflow
    }

    fn claims(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_named = [".db", ".sqlite", ".sqlite3"]
            .iter()
            .any(|end| name.ends_with(end));
        let mut magic = [0; 16];
        let mut start =
            || std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
        is_named && start().is_ok() && &magic == b"SQLite format 3\0" && is_mlflow(path)
    }

    fn read(
        &self,
        _folder: &Path,
        files: &[PathBuf],
        _options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError> {
        for path in files {
            read_database(path, logged).map_err(|error| ImportError::Broken {
                source_name: path.display().to_string(),
                format: "MLflow",
                error: error.to_string(),
            })?;
        }
        Ok(())
    }
}

/// Opened for reading only: an import never changes its source.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn is_mlflow(path: &Path) -> bool {
    let count = open(path).and_then(|connection| {
        connection.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('runs', 'metrics', 'params', 'experiments')",
            [],
            |row| row.get::<_, i64>(0),
        )
    });
    count.is_ok_and(|count| count == 4)
}

fn read_database(path: &Path, logged: &mut Logged) -> rusqlite::Result<()> {
    let connection = open(path)?;
    let mut index = HashMap::<String, usize>::new();
    let source = path.display().to_string();
    let mut statement = connection.prepare(
        "SELECT run_uuid, runs.name, status, runs.lifecycle_stage, experiments.name
         FROM runs LEFT JOIN experiments USING (experiment_id) ORDER BY start_time, run_uuid",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        index.insert(row.get(0)?, logged.runs.len());
        logged.runs.push(run_of(row, &source)?);
    }
    let mut statement = connection.prepare("SELECT run_uuid, key, value FROM params")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(&at) = index.get(&row.get::<_, String>(0)?) {
            logged.runs[at].settings.insert(row.get(1)?, row.get(2)?);
        }
    }
    let mut statement = connection.prepare(
        "SELECT run_uuid, key, step, value, is_nan FROM metrics ORDER BY run_uuid, key, step, timestamp",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(&at) = index.get(&row.get::<_, String>(0)?) {
            let step: i64 = row.get(2)?;
            // MLflow stores NaN as zero and a mark, and infinities as the largest numbers.
            let value = match (row.get::<_, f64>(3)?, row.get::<_, bool>(4)?) {
                (_, true) => f64::NAN,
                (value, _) if value.abs() >= 1.797_693_134_862_315e308 => value * 2.0,
                (value, _) => value,
            };
            logged.runs[at].log(
                &row.get::<_, String>(1)?,
                step.max(0).cast_unsigned(),
                value,
            );
        }
    }
    Ok(())
}

fn run_of(row: &Row<'_>, source: &str) -> rusqlite::Result<LoggedRun> {
    let id: String = row.get(0)?;
    let name = row.get::<_, Option<String>>(1)?;
    let mut run = LoggedRun {
        name: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone()),
        source: source.to_owned(),
        status: row
            .get::<_, Option<String>>(2)?
            .map(|word| status_word(&word)),
        ..LoggedRun::default()
    };
    if row.get::<_, Option<String>>(3)?.as_deref() == Some("deleted") {
        run.unusable = Some("deleted in MLflow".to_owned());
    }
    run.settings.insert("run_id".to_owned(), id);
    if let Some(experiment) = row.get::<_, Option<String>>(4)? {
        run.settings.insert("experiment".to_owned(), experiment);
    }
    Ok(run)
}

/// MLflow's words for a run's end in ours.
pub(super) fn status_word(word: &str) -> String {
    match word {
        "SCHEDULED" => "pending".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}
