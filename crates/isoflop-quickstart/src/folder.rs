//! The folder that a quickstart works in, for one process at a time.

use crate::error::QuickstartError;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Where everything of a job lies.
#[derive(Debug)]
pub struct JobFolder {
    path: PathBuf,
    /// Held until the job ends; a killed process loses it.
    _lock: File,
}

impl JobFolder {
    /// Makes the folder if need be, and keeps other processes out of it.
    ///
    /// # Errors
    /// [`QuickstartError::Unwritable`] and [`QuickstartError::Busy`].
    pub fn open(path: &Path) -> Result<Self, QuickstartError> {
        let unwritable = |source| QuickstartError::Unwritable {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path.join("checkpoints")).map_err(unwritable)?;
        let lock = File::create(path.join(".lock")).map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(QuickstartError::Busy {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(unwritable(source)),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The plan: written once, and then only read.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// The tokenised corpus.
    #[must_use]
    pub fn corpus(&self) -> PathBuf {
        self.path.join("corpus")
    }

    /// The store of runs.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("runs.sqlite")
    }

    /// All runs as CSV.
    #[must_use]
    pub fn runs_csv(&self) -> PathBuf {
        self.path.join("runs.csv")
    }

    /// The state of a run.
    #[must_use]
    pub fn checkpoint(&self, run: &str) -> PathBuf {
        self.path
            .join("checkpoints")
            .join(format!("{run}.safetensors"))
    }

    /// The sealed forecast.
    #[must_use]
    pub fn forecast(&self) -> PathBuf {
        self.path.join("forecast.json")
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), QuickstartError> {
        isoflop_runs::write_atomically(path, bytes).map_err(|source| QuickstartError::Unwritable {
            path: path.to_owned(),
            source,
        })
    }

    /// The text of a file that an earlier start wrote; `None` if it did not.
    pub(crate) fn read(path: &Path) -> Result<Option<String>, QuickstartError> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(QuickstartError::Unreadable {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let held = JobFolder::open(&path).unwrap();
        let error = JobFolder::open(&path).unwrap_err();
        assert!(matches!(error, QuickstartError::Busy { .. }), "{error}");
        drop(held);
        assert!(JobFolder::open(&path).is_ok());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "a file").unwrap();
        let sentence = JobFolder::open(&path).unwrap_err().to_string();
        assert!(sentence.contains("--out DIR"), "{sentence}");
    }
}
