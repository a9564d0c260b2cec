//! The lock that makes one controller of many.

use crate::folder::open_to_append;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// [`ControllerLock::holder`] locks for a moment to look: that is no holder.
const A_LOOK: Duration = Duration::from_millis(100);
/// A holder that has just won writes its name within this.
const A_NAME: Duration = Duration::from_millis(800);
/// A holder that was killed while it started a worker leaves its lock to that process for a moment:
/// until the worker's own program is loaded, which takes long on a machine that is flooded.
const A_DEATH: Duration = Duration::from_secs(20);

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

    /// Whether it was a process of this machine that is no more.
    fn is_gone(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        self.host == Holder::this_process().host
            && pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
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
        let began = Instant::now();
        loop {
            let mut file = open_to_append(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = read(&mut file);
                    let patience = match &holder {
                        Some(holder) if holder.is_gone() => A_DEATH,
                        Some(_) => A_LOOK,
                        None => A_NAME,
                    };
                    if began.elapsed() < patience {
                        std::thread::sleep(Duration::from_millis(10));
                        continue;
                    }
                    return Err(LockError::Held { holder });
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

    #[test]
    fn the_lock_of_a_dead_holder_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let holder = Holder {
            pid: gone.id(),
            ..Holder::this_process()
        };
        std::fs::write(&path, serde_json::to_vec(&holder).unwrap()).unwrap();
        // What a killed controller's half-started worker still has open.
        let left = File::open(&path).unwrap();
        left.lock().unwrap();
        let let_go = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1500));
            drop(left);
        });
        assert!(ControllerLock::take(&path, false).is_ok());
        let_go.join().unwrap();
    }

    #[test]
    fn one_who_only_looks_is_not_taken_for_a_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, "").unwrap();
        let looking = File::open(&path).unwrap();
        looking.lock_shared().unwrap();
        let look = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(looking);
        });
        assert!(ControllerLock::take(&path, false).is_ok());
        look.join().unwrap();
    }
}
