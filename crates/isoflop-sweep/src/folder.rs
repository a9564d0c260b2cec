//! The folder of a sweep: what lies where, and nothing outside it.
//!
//! ```text
//! SWEEP/sweep.toml                      the plan, as it was when the sweep began
//! SWEEP/added.toml                      runs that the sweep added by itself, and why
//! SWEEP/state.db                        the controller's journal; no other process opens it
//! SWEEP/status.json                     what the controller last knew, for everyone
//! SWEEP/results.db                      the store of accepted runs
//! SWEEP/controller.lock                 held by the one controller
//! SWEEP/requests/                       what people ask of the controller
//! SWEEP/batches/                        which attempts a job of an engine makes
//! SWEEP/runs/KEY/attempt-NONCE/         one attempt: specification, log, checkpoint, result
//! ```

use crate::key::{Nonce, RunKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepFolder {
    root: PathBuf,
}

/// The folder of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFolder {
    root: PathBuf,
}

/// Permissions of every folder: the owner's alone.
const PRIVATE: u32 = 0o700;

impl SweepFolder {
    /// The sweep at `root`, which must be absolute for workers to find it from anywhere.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        SweepFolder { root }
    }

    /// Creates what is missing.
    ///
    /// # Errors
    /// Those of the file system; a link or file in the place of a folder is one.
    pub fn create(&self) -> io::Result<()> {
        if let Some(parent) = self.root.parent() {
            fs::create_dir_all(parent)?;
        }
        for folder in ["", "runs", "requests", "batches"] {
            create_folder(&self.root.join(folder))?;
        }
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.root.join("sweep.toml")
    }

    /// The runs that the sweep added by itself.
    #[must_use]
    pub fn added(&self) -> PathBuf {
        self.root.join("added.toml")
    }

    /// The controller's journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// What the controller last knew.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.root.join("status.json")
    }

    /// The store of accepted runs.
    #[must_use]
    pub fn results(&self) -> PathBuf {
        self.root.join("results.db")
    }

    /// The controller's lock.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("controller.lock")
    }

    /// What people ask of the controller.
    #[must_use]
    pub fn requests(&self) -> PathBuf {
        self.root.join("requests")
    }

    /// Which attempts the jobs of a batch make.
    #[must_use]
    pub fn batch(&self, nonce: &Nonce) -> PathBuf {
        self.root.join("batches").join(nonce.as_str())
    }

    /// The attempt of this key and nonce.
    #[must_use]
    pub fn attempt(&self, key: &RunKey, nonce: &Nonce) -> AttemptFolder {
        let run = self.root.join("runs").join(key.as_str());
        AttemptFolder {
            root: run.join(format!("attempt-{nonce}")),
        }
    }
}

impl AttemptFolder {
    /// The attempt at `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        AttemptFolder { root }
    }

    /// Creates the folder.
    ///
    /// # Errors
    /// Those of the file system; a link or file in the place of a folder is one.
    pub fn create(&self) -> io::Result<()> {
        if let Some(run) = self.root.parent() {
            create_folder(run)?;
        }
        create_folder(&self.root)?;
        create_folder(&self.checkpoint())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the worker is to do.
    #[must_use]
    pub fn order(&self) -> PathBuf {
        self.root.join("attempt.json")
    }

    /// The specification that the trainer reads.
    #[must_use]
    pub fn spec(&self) -> PathBuf {
        self.root.join("spec.json")
    }

    /// What the trainer writes.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.root.join("output.json")
    }

    /// The learning curve that the trainer may write.
    #[must_use]
    pub fn curve(&self) -> PathBuf {
        self.root.join("curve.jsonl")
    }

    /// Where the trainer keeps its state.
    #[must_use]
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    /// What the trainer prints.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The truth: what came of the attempt, with key and nonce.
    #[must_use]
    pub fn result(&self) -> PathBuf {
        self.root.join("result.json")
    }

    /// Held by every process of a live attempt.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// A counter that grows while the worker lives.
    #[must_use]
    pub fn progress(&self) -> PathBuf {
        self.root.join("progress")
    }

    /// There if the attempt must end.
    #[must_use]
    pub fn stop(&self) -> PathBuf {
        self.root.join("stop")
    }
}

/// Creates a private folder, or finds a real one: no link is followed.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(PRIVATE).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    if fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    let message = format!("{} is not a folder of its own: remove it", path.display());
    Err(io::Error::new(io::ErrorKind::NotADirectory, message))
}

/// Free bytes below which a failure is put down to the full disk.
const FULL: u64 = 256 << 10;

/// Whether the disk that holds `path` is full.
pub(crate) fn is_disk_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL)
}

/// Opens a file to append to, created private if missing; never through a link.
///
/// # Errors
/// Those of the file system.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .custom_flags(no_follow)
        .open(path)
}

/// Reads a file of at most `limit` bytes, never through a link; `None` if there is none.
///
/// # Errors
/// Those of the file system; a file that is too long is one.
pub(crate) fn read_limited(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // Not to wait for a pipe's other end, where a trainer left one in the place of a file.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("{} is longer than {limit} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn planted_links_are_refused_and_nothing_is_written_outside() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::new(inside.path().join("sweep"));
        sweep.create().unwrap();
        let key = RunKey::of(&serde_json::json!(1));
        symlink(outside.path(), sweep.root.join("runs").join(key.as_str())).unwrap();
        let attempt = sweep.attempt(&key, &Nonce::issue());
        assert!(attempt.create().is_err());
        let victim = outside.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let link = inside.path().join("log");
        symlink(&victim, &link).unwrap();
        assert!(open_to_append(&link).is_err());
        assert!(read_limited(&link, 10).is_err());
        isoflop_runs::write_atomically(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_are_the_owners_alone() {
        let inside = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::new(inside.path().join("sweep"));
        sweep.create().unwrap();
        let attempt = sweep.attempt(&RunKey::of(&serde_json::json!(1)), &Nonce::issue());
        attempt.create().unwrap();
        for folder in [sweep.root(), attempt.root(), &attempt.checkpoint()] {
            let mode = fs::metadata(folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
    }
}
