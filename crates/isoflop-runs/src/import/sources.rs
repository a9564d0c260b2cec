//! Where runs are logged: one file for each tracker or trainer, behind one trait.

mod architecture;
mod console;
mod console_patterns;
mod leveldb_log;
mod mlflow_files;
pub(super) mod mlflow_server;
mod mlflow_sqlite;
mod sidecar;
mod tensorboard;
mod tfrecord;
mod trainer_state;
mod wandb;
pub(super) mod wandb_history;

use super::format::Format;
use super::history::LoggedRun;
use super::{ImportError, ImportOptions};
pub(super) use sidecar::flatten;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What was read from a tracker.
#[derive(Debug, Default)]
pub(super) struct Logged {
    /// The runs.
    pub runs: Vec<LoggedRun>,
    /// What could not be read, one sentence each.
    pub notes: Vec<String>,
}

impl Logged {
    /// Gives runs of one name a number each: names are keys.
    pub fn make_names_unique(&mut self) {
        let mut seen = HashMap::<String, usize>::new();
        for run in &mut self.runs {
            let count = seen.entry(run.name.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                // Trackers that have ids put them into the settings.
                let id = run.settings.get("run_id").cloned();
                let suffix = id.unwrap_or_else(|| count.to_string());
                run.name = format!("{} ({suffix})", run.name);
            }
        }
    }
}

/// One tracker or trainer.
pub(super) trait Importer: Sync {
    /// The format that it reads.
    fn format(&self) -> Format;

    /// Whether a file is its to read, told by name and first bytes.
    fn claims(&self, path: &Path) -> bool;

    /// Reads files of one folder; names of runs are relative to it. What is unreadable in part
    /// goes into [`Logged::notes`].
    fn read(
        &self,
        folder: &Path,
        files: &[PathBuf],
        options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError>;
}

/// In the order in which they are tried on a folder.
static IMPORTERS: [&dyn Importer; 6] = [
    &trainer_state::TrainerState,
    &wandb::Wandb,
    &mlflow_files::MlflowFiles,
    &mlflow_sqlite::MlflowSqlite,
    &tensorboard::TensorBoard,
    &console::Console,
];

/// Every importer.
pub(super) fn all() -> impl Iterator<Item = &'static dyn Importer> {
    IMPORTERS.into_iter()
}

/// The importer of a single file; `None` where it is a table.
pub(super) fn for_file(path: &Path, format: Option<Format>) -> Option<&'static dyn Importer> {
    match format {
        Some(format) => {
            let of_format = || all().filter(|importer| importer.format() == format);
            of_format()
                .find(|importer| importer.claims(path))
                .or_else(|| of_format().next())
        }
        None => all().find(|importer| importer.claims(path)),
    }
}

/// The files of an importer.
pub(super) fn claimed(
    importer: &dyn Importer,
    files: &[PathBuf],
    options: &ImportOptions,
) -> Vec<PathBuf> {
    // With a pattern of one's own, no program has to show itself in the log.
    let by_name = options.pattern.is_some() && importer.format() == Format::Log;
    let claimed = files.iter().filter(|file| match by_name {
        true => console::is_log_name(file),
        false => importer.claims(file),
    });
    claimed.cloned().collect()
}

/// Reads one file of a tracker from its bytes; `None` for formats that are no single file.
pub(super) fn read_bytes(
    name: &str,
    bytes: &[u8],
    options: &ImportOptions,
) -> Option<Result<Logged, ImportError>> {
    let (path, mut logged) = (Path::new(name), Logged::default());
    match options.format? {
        Format::TrainerState => trainer_state::read_bytes(bytes, path, &mut logged),
        Format::TensorBoard => tensorboard::read_bytes(bytes, path, &mut logged),
        // Else an exported history, which is a table.
        Format::Wandb if leveldb_log::is_log(bytes) => {
            wandb::read_bytes(bytes, path, &mut logged);
        }
        Format::Log => {
            let pattern = options.pattern.as_deref();
            if let Err(error) = console::read_bytes(bytes, path, pattern, &mut logged) {
                return Some(Err(error));
            }
        }
        _ => return None,
    }
    Some(Ok(logged))
}

/// A run's name: its folder below the one that was named, or that one's own name.
pub(super) fn name_below(folder: &Path, run: &Path) -> String {
    let below = run.strip_prefix(folder).unwrap_or(run);
    let shown = below.to_string_lossy();
    if !shown.is_empty() {
        return shown.replace('\\', "/");
    }
    let absolute = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    match absolute.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => absolute.display().to_string(),
    }
}

/// Bytes that a single file may hold: trackers keep one run in a file, and a file is held in
/// memory.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// A whole file of at most [`MAX_FILE`] bytes.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ImportError> {
    let source_name = path.display().to_string();
    let length = std::fs::metadata(path)
        .map_err(|error| ImportError::unreadable(&source_name, error))?
        .len();
    if length > MAX_FILE {
        return Err(ImportError::TooLarge {
            source_name,
            limit_mib: MAX_FILE >> 20,
        });
    }
    std::fs::read(path).map_err(|error| ImportError::unreadable(&source_name, error))
}
