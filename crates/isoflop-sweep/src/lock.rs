//! The lock that makes one controller of many.

use crate::folder::open_to_append;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Who holds a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine.
    pub host: String,
    /// The process on that machine.
    pub pid: u32,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn this_process() -> Self {
        let name = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        Holder {
            host: name,
            pid: std::process::id(),
        }
    }
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("this sweep is being run by {}", holder.as_ref().map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} on {}", holder.pid, holder.host)
    ))]
    Held {
        /// That process, as far as it is known.
        holder: Option<Holder>,
    },
    /// The file can't be used.
    #[error("cannot use the lock: {0}")]
    Unusable(#[from] io::Error),
}

/// The lock; it is free again when this is dropped or the process ends in any way.
#[derive(Debug)]
pub struct ControllerLock {
    _file: File,
}

impl ControllerLock {
    /// Takes the lock at `path`. `take_over` takes it from a holder that can't be reached; the
    /// journal's epoch keeps that one from writing.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder.
    pub fn take(path: &Path, take_over: bool) -> Result<Self, LockError> {
        if take_over
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        loop {
            let mut file = open_to_append(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held {
                        holder: read(&mut file),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            // Someone may have put another file in its place between opening and locking.
            if std::fs::metadata(path).is_ok_and(|now| {
                file.metadata()
                    .is_ok_and(|own| (own.dev(), own.ino()) == (now.dev(), now.ino()))
            }) {
                file.set_len(0)?;
                let holder =
                    serde_json::to_vec(&Holder::this_process()).map_err(io::Error::from)?;
                file.write_all(&holder)?;
                return Ok(ControllerLock { _file: file });
            }
        }
    }

    /// The holder, if any process of this machine holds the lock.
    #[must_use]
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read(&mut file),
            _ => None,
        }
    }
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first_unless_it_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("controller.lock");
        let first = ControllerLock::take(&path, false).unwrap();
        let LockError::Held { holder } = ControllerLock::take(&path, false).unwrap_err() else {
            panic!("not held");
        };
        assert_eq!(holder, Some(Holder::this_process()));
        assert_eq!(ControllerLock::holder(&path), holder);
        let second = ControllerLock::take(&path, true).unwrap();
        drop(first);
        assert!(ControllerLock::take(&path, false).is_err());
        drop(second);
        assert_eq!(ControllerLock::holder(&path), None);
        ControllerLock::take(&path, false).unwrap();
    }
}
