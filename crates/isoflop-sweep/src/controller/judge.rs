//! What is concluded from what an engine says: little.

use super::{Controller, ControllerError};
use crate::executor::{ExecutorError, Job, Sight};
use crate::folder::read_limited;
use crate::worker::is_locked;
use isoflop_runs::write_atomically;

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
        let mut lost = Vec::new();
        for job in self.live()? {
            let sight = seen
                .sights
                .get(&job.attempt.nonce)
                .copied()
                .unwrap_or(Sight::Missing);
            // What began after the engine answered is not in its answer.
            if !live
                .iter()
                .any(|known| known.attempt.nonce == job.attempt.nonce)
            {
                continue;
            }
            if !job.attempt.wanted {
                self.end(&job, sight)?;
            } else if self.is_lost(&job, sight)? {
                self.fence(&job)?;
                lost.push((
                    job.attempt.nonce.clone(),
                    "it ended without a result".to_owned(),
                ));
            }
        }
        if !lost.is_empty() {
            self.journal.lose(&lost)?;
            self.changed = true;
        }
        Ok(())
    }

    /// Whether an attempt without a result is beyond hope.
    fn is_lost(&mut self, job: &Job, sight: Sight) -> Result<bool, ControllerError> {
        let nonce = &job.attempt.nonce;
        match sight {
            Sight::Gone => return Ok(true),
            Sight::Elsewhere => {
                let host = &job.attempt.host;
                self.note(format!(
                    "attempts of machine {host} can't be seen from here; if it is gone for good, resume with `--gone {host}`"
                ));
                return Ok(false);
            }
            Sight::Alive => {
                self.silence.remove(nonce);
                return Ok(false);
            }
            Sight::Missing => {}
        }
        if is_locked(&job.folder).unwrap_or(true) {
            self.silence.remove(nonce);
            return Ok(false);
        }
        let progress = read_limited(&job.folder.progress(), 4096)
            .ok()
            .flatten()
            .unwrap_or_default();
        let (last, looks) = self.silence.entry(nonce.clone()).or_default();
        if *last == progress {
            *looks += 1;
        } else {
            (*last, *looks) = (progress, 0);
        }
        Ok(*looks >= self.plan.limits.silent_polls)
    }

    /// Ends an attempt whose run no longer waits for it.
    fn end(&mut self, job: &Job, sight: Sight) -> Result<(), ControllerError> {
        if self.stopping.insert(job.attempt.nonce.clone()) {
            self.fence(job)?;
            if let Err(error) = self.executor.cancel(job) {
                self.note(format!("the engine could not cancel an attempt: {error}"));
            }
        }
        let ended = match sight {
            Sight::Gone => true,
            Sight::Missing => !is_locked(&job.folder).unwrap_or(true),
            Sight::Alive | Sight::Elsewhere => false,
        };
        if ended {
            self.journal.stopped(&job.attempt.nonce)?;
            self.changed = true;
        }
        Ok(())
    }

    /// Leaves the word that ends an attempt wherever it may still run, or be started late.
    fn fence(&self, job: &Job) -> Result<(), ControllerError> {
        // An attempt whose folder never was made can't run either.
        if job.folder.root().exists() {
            write_atomically(&job.folder.stop(), b"stop\n")?;
        }
        Ok(())
    }
}
