//! Reads a file, a directory, a store, or standard input.

use super::{Row, RunRows};
use crate::failure::Failure;
use isoflop_runs::{
    ColumnGuess, ColumnMap, Dropped, GuessKind, ImportError, ImportOptions, Imported, Run, Store,
    holds_logged_runs, import_bytes, import_file, import_source, is_store,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Endings of files that a directory is searched for.
const ENDINGS: &[&str] = &["csv", "tsv", "json", "jsonl", "ndjson", "parquet"];

pub(super) fn read(path: &Path, map: ColumnMap) -> Result<RunRows, Failure> {
    let options = ImportOptions {
        map,
        ..ImportOptions::default()
    };
    if path == Path::new("-") {
        let imported = import_bytes("standard input", std::io::stdin().lock(), &options);
        return Ok(imported.map_err(unreadable)?.into());
    }
    let address = path.to_string_lossy();
    if address.starts_with("http://") || address.starts_with("https://") {
        return Ok(import_source(&address, &options)
            .map_err(unreadable)?
            .into());
    }
    if path.is_dir() {
        // A tracker's folder is read as a whole.
        if !has_tables(path)? && holds_logged_runs(path) {
            return Ok(import_file(path, &options).map_err(unreadable)?.into());
        }
        return read_directory(path, &options);
    }
    if !path.exists() {
        return Err(
            Failure::misuse(format!("there is no file {}", path.display()))
                .hint("RUNS is a CSV, JSON, JSONL or Parquet file, a directory, a store, or `-`"),
        );
    }
    if is_store(path) {
        return read_store(path);
    }
    Ok(import_file(path, &options).map_err(unreadable)?.into())
}

fn unreadable(error: ImportError) -> Failure {
    Failure::misuse(error)
}

/// Whether a directory has a table or a store right in it; trackers keep JSON files of their own.
fn has_tables(path: &Path) -> Result<bool, Failure> {
    let is_json = |file: &PathBuf| file.extension().is_some_and(|end| end == "json");
    Ok(files(path)?.iter().any(|file| !is_json(file)))
}

/// The stores at a path: the file itself, or those of a directory.
pub fn stores_in(path: &Path) -> Vec<PathBuf> {
    let files = match path.is_dir() {
        true => files(path).unwrap_or_default(),
        false => vec![path.to_owned()],
    };
    files.into_iter().filter(|file| is_store(file)).collect()
}

fn read_store(path: &Path) -> Result<RunRows, Failure> {
    let store = Store::open_existing(path).map_err(Failure::misuse)?;
    let runs = store.runs().map_err(Failure::misuse)?;
    Ok(RunRows {
        source: path.display().to_string(),
        rows: runs.into_iter().map(row_of_store).collect(),
        dropped: vec![],
        guesses: vec![],
        notes: vec![],
        columns: BTreeMap::new(),
        count: None,
    })
}

fn row_of_store(run: Run) -> Row {
    Row { run, line: None }
}

/// Every file of runs in the directory, in the order of their names; other files are named.
fn read_directory(path: &Path, options: &ImportOptions) -> Result<RunRows, Failure> {
    let mut all: Option<RunRows> = None;
    let mut others = Vec::new();
    for file in files(path)? {
        let read = if is_store(&file) {
            read_store(&file)
        } else {
            match import_file(&file, options) {
                Ok(imported) => Ok(imported.into()),
                // Results and settings of other programs lie beside runs.
                Err(ImportError::NoColumn { .. } | ImportError::Empty { .. }) => {
                    others.push(format!("{} holds no runs", file.display()));
                    continue;
                }
                Err(error) => Err(unreadable(error)),
            }
        };
        match &mut all {
            None => all = Some(read?),
            Some(all) => all.append(read?, &file),
        }
    }
    let Some(mut all) = all else {
        return Err(
            Failure::misuse(format!("{} holds no file of runs", path.display())).hint(format!(
                "looked for a store, and for files that end in {}",
                ENDINGS.join(", ")
            )),
        );
    };
    all.source = path.display().to_string();
    all.notes.append(&mut others);
    Ok(all)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed =
        |error: std::io::Error| Failure::misuse(format!("cannot read {}: {error}", path.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.is_file() && (has_ending(&file) || is_store(&file)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn has_ending(file: &Path) -> bool {
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.contains(&ending)
}

impl RunRows {
    /// Adds the rows of another file of the same directory. Runs named by their line are told
    /// apart by the file's name, which is in theirs.
    fn append(&mut self, other: RunRows, file: &Path) {
        let name = file
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into());
        self.rows.extend(other.rows);
        self.dropped
            .extend(other.dropped.into_iter().map(|dropped| Dropped {
                reason: format!("{name}: {}", dropped.reason),
                ..dropped
            }));
        for guess in other.guesses {
            if !self.guesses.contains(&guess) {
                self.guesses.push(guess);
            }
        }
        self.columns.extend(other.columns);
        let notes = other
            .notes
            .into_iter()
            .map(|note| format!("{name}: {note}"));
        self.notes.extend(notes);
    }
}

impl From<Imported> for RunRows {
    fn from(imported: Imported) -> RunRows {
        let guessed = |guess: &&ColumnGuess| match guess.kind {
            GuessKind::Exact => false,
            // A column kept as a label is only worth a word where it could have been read.
            GuessKind::Kept => guess.note.is_some(),
            GuessKind::Mapped | GuessKind::Recognised => true,
        };
        let rows = imported.rows.into_iter().map(|row| Row {
            run: row.run,
            line: Some(row.line).filter(|line| *line > 0),
        });
        let guesses = imported.columns.iter().filter(guessed);
        let guesses = guesses.map(ToString::to_string).collect();
        let columns = imported.columns.into_iter();
        let columns = columns.filter_map(|guess| Some((guess.theirs, guess.ours?)));
        RunRows {
            source: imported.source,
            rows: rows.collect(),
            dropped: imported.dropped,
            guesses,
            columns: columns.collect(),
            notes: imported.notes,
            count: None,
        }
    }
}
