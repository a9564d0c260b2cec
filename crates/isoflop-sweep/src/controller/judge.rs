//! What is concluded from what an engine says: little.

use super::{Controller, ControllerError};
use crate::executor::{ExecutorError, Job, Sight};
use crate::folder::read_limited;
use crate::key::Nonce;
use crate::worker::is_locked;
use isoflop_runs::write_atomically;
use std::collections::HashSet;

/// How much longer a job may be silent that its engine says is running.
const PATIENCE_WITH_RUNNING: u32 = 5;

impl Controller {
    /// Asks the engine once about everything that is live, and judges each attempt.
    pub(super) fn look(&mut self) -> Result<(), ControllerError> {
        let live = self.live()?;
        let seen = match self.executor.look(&live) {
            Ok(seen) => seen,
            Err(ExecutorError::Refused(message) | ExecutorError::Unclear(message)) => {
                // Silence is not failure: nothing is concluded, nothing begun, until it answers.
                self.failed_looks += 1;
                self.note(format!("the engine does not answer: {message}"));
                return Ok(());
            }
        };
        self.failed_looks = 0;
        for note in seen.notes {
            self.note(note);
        }
        if !seen.handles.is_empty() {
            self.journal.submitted(&seen.handles)?;
        }
        // A result may have come between the last reading and the engine's answer: it wins.
        let awaited = self.journal.awaited()?;
        self.take_results(&awaited)?;
        let (mut lost, mut given_up, mut unwanted) = (Vec::new(), Vec::new(), Vec::new());
        let asked: HashSet<&Nonce> = live.iter().map(|job| &job.attempt.nonce).collect();
        for job in self.live()? {
            let sight = seen
                .sights
                .get(&job.attempt.nonce)
                .copied()
                .unwrap_or(Sight::Missing);
            // What began after the engine answered is not in its answer.
            if !asked.contains(&job.attempt.nonce) {
                continue;
            }
            if !job.attempt.wanted {
                unwanted.push((job, sight));
            } else if self.is_lost(&job, sight)? {
                self.fence(&job)?;
                given_up.push(job.clone());
                lost.push((
                    job.attempt.nonce.clone(),
                    "it ended without a result".to_owned(),
                ));
            }
        }
        self.end(unwanted)?;
        if !lost.is_empty() {
            // Frees what the engine may still hold for them; their workers are fenced anyway.
            let _ = self.executor.cancel(&given_up);
            self.journal.lose(&lost)?;
            self.changed = true;
        }
        Ok(())
    }

    /// Whether an attempt without a result is beyond hope.
    fn is_lost(&mut self, job: &Job, sight: Sight) -> Result<bool, ControllerError> {
        let silent = self.plan.limits.silent_polls;
        let patience = match sight {
            Sight::Gone => return Ok(true),
            Sight::Waiting => {
                self.silence.remove(&job.attempt.nonce);
                return Ok(false);
            }
            Sight::Elsewhere => {
                let host = &job.attempt.host;
                self.note(format!(
                    "attempts of machine {host} can't be seen from here; if it is gone for good, resume with `--gone {host}`"
                ));
                return Ok(false);
            }
            Sight::Missing => silent,
            // Slurm calls jobs running whose start was lost with a daemon, for half an hour.
            Sight::Running => silent.saturating_mul(PATIENCE_WITH_RUNNING),
        };
        Ok(self.looks_without_a_sign(job) >= patience)
    }

    /// Looks since the worker gave a sign: its lock, or progress.
    fn looks_without_a_sign(&mut self, job: &Job) -> u32 {
        if is_locked(&job.folder).unwrap_or(true) {
            self.silence.remove(&job.attempt.nonce);
            return 0;
        }
        let progress = read_limited(&job.folder.progress(), 4096)
            .ok()
            .flatten()
            .unwrap_or_default();
        let (last, looks) = self.silence.entry(job.attempt.nonce.clone()).or_default();
        if *last == progress {
            *looks += 1;
        } else {
            (*last, *looks) = (progress, 0);
        }
        *looks
    }

    /// Ends attempts whose runs no longer wait for them.
    fn end(&mut self, unwanted: Vec<(Job, Sight)>) -> Result<(), ControllerError> {
        let mut told = Vec::new();
        let mut ended = Vec::new();
        for (job, sight) in unwanted {
            if self.stopping.insert(job.attempt.nonce.clone()) {
                self.fence(&job)?;
                told.push(job.clone());
            }
            let gone = match sight {
                Sight::Gone => true,
                Sight::Missing => !is_locked(&job.folder).unwrap_or(true),
                Sight::Waiting | Sight::Running | Sight::Elsewhere => false,
            };
            if gone {
                ended.push(job.attempt.nonce);
            }
        }
        if let Err(error) = self.executor.cancel(&told) {
            self.note(format!("the engine could not cancel attempts: {error}"));
        }
        if !ended.is_empty() {
            self.journal.stopped(&ended)?;
            self.changed = true;
        }
        Ok(())
    }

    /// Leaves the word that ends an attempt wherever it may still run, or be started late.
    fn fence(&self, job: &Job) -> Result<(), ControllerError> {
        // An attempt whose folder never was made can't run either.
        if job.folder.root().exists() {
            // Not by a controller that slept while another one issued new attempts.
            self.journal.assert_current()?;
            write_atomically(&job.folder.stop(), b"stop\n")?;
        }
        Ok(())
    }
}
