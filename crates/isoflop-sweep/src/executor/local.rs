//! Processes on this machine, as many as its cores and memory hold.
//!
//! A worker outlives its controller: the next one finds it by its lock. Whether an attempt lives
//! is asked of the lock alone (see [`crate::worker`]), so the answer is certain.

use super::{Batch, Executor, ExecutorError, Job, Seen, Sight};
use crate::folder::open_to_append;
use crate::key::Nonce;
use crate::plan::ExecutorPlan;
use crate::worker::is_locked;
use std::fs::TryLockError;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Share of the memory that runs may fill.
const MEMORY_SHARE: f64 = 0.9;

/// Processes on this machine.
#[derive(Debug)]
pub struct Local {
    isoflop: PathBuf,
    host: String,
    slots: usize,
    memory_mib: u64,
    children: Vec<Child>,
}

impl Local {
    /// `isoflop` is this program, `host` this machine's name.
    #[must_use]
    pub fn new(plan: &ExecutorPlan, isoflop: PathBuf, host: &str) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let by_cores = (cores / plan.cores_per_run).max(1);
        let by_memory = memory("MemTotal").map_or(usize::MAX, |mib| {
            (mib as f64 * MEMORY_SHARE / plan.memory_per_run_mib.max(1) as f64) as usize
        });
        // A stated number is a wish to share cores; memory can't be shared.
        let slots = plan.parallel.unwrap_or(by_cores).min(by_memory.max(1));
        Local {
            isoflop,
            host: host.to_owned(),
            slots,
            memory_mib: plan.memory_per_run_mib,
            children: Vec::new(),
        }
    }

    /// Runs that are made at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    fn start(&self, job: &Job) -> io::Result<Child> {
        let lock = open_to_append(&job.folder.lock())?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::Error::other("the attempt's lock is held already"),
        })?;
        let log = open_to_append(&job.folder.log())?;
        let mut command = Command::new(&self.isoflop);
        command
            .args(["sweep", "worker", "--locked"])
            .arg(job.folder.root())
            .stdin(Stdio::from(lock))
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in the controller's terminal is not for the workers.
            .process_group(0);
        command.spawn()
    }
}

impl Executor for Local {
    fn room(&mut self, live: &[Job]) -> usize {
        let room = self.slots.saturating_sub(live.len());
        if room == 0 || live.is_empty() {
            return room;
        }
        // Other programs need memory too: begin one at a time, while there is some.
        match memory("MemAvailable") {
            Some(available) if available < self.memory_mib => 0,
            Some(available) => room.min((available / self.memory_mib.max(1)) as usize),
            None => room,
        }
    }

    fn submit(&mut self, batch: &Batch) -> Result<Vec<(Nonce, String)>, ExecutorError> {
        let mut handles = Vec::new();
        for job in &batch.jobs {
            let child = self.start(job).map_err(|error| {
                ExecutorError::Unclear(format!("cannot start a worker: {error}"))
            })?;
            handles.push((job.attempt.nonce.clone(), child.id().to_string()));
            self.children.push(child);
        }
        Ok(handles)
    }

    fn look(&mut self, live: &[Job]) -> Result<Seen, ExecutorError> {
        // Takes ended children off the process table.
        self.children
            .retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        let mut seen = Seen::default();
        for job in live {
            let sight = if job.attempt.host != self.host {
                Sight::Elsewhere
            } else {
                match is_locked(&job.folder) {
                    Ok(true) | Err(_) => Sight::Running,
                    Ok(false) => Sight::Gone,
                }
            };
            seen.sights.insert(job.attempt.nonce.clone(), sight);
        }
        Ok(seen)
    }

    fn cancel(&mut self, _jobs: &[Job]) -> Result<(), ExecutorError> {
        Ok(())
    }

    fn poll_every(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn beat(&self) -> Duration {
        Duration::from_millis(500)
    }
}

/// A line of `/proc/meminfo` in MiB.
fn memory(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_packed_by_cores_and_never_beyond_memory() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let plan = |parallel, memory_per_run_mib| ExecutorPlan {
            parallel,
            memory_per_run_mib,
            ..ExecutorPlan::default()
        };
        let slots = |plan: ExecutorPlan| Local::new(&plan, "isoflop".into(), "here").slots();
        assert_eq!(slots(plan(None, 1)), cores);
        assert_eq!(slots(plan(Some(5), 1)), 5);
        let total = memory("MemTotal").unwrap();
        assert_eq!(slots(plan(Some(64), total / 3)), 2);
        // A run that is larger than the machine is tried alone.
        assert_eq!(slots(plan(Some(64), total * 2)), 1);
    }
}
