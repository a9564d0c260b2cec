//! A run that outlives its process: begun or resumed from a checkpoint, saved as time passes.

use crate::checkpoint::CheckpointError;
use crate::device::Device;
use crate::trainer::{TrainError, TrainSpec, Trainer};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time between checkpoints: what a kill costs at most.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// Why a run can't be continued.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The run itself failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Its state can't be kept or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// A trainer with the file that keeps its state.
pub struct Session {
    trainer: Trainer,
    path: PathBuf,
    every: Duration,
    saved: Instant,
}

impl Session {
    /// Goes on from the checkpoint at `path` if there is one, else begins.
    ///
    /// # Errors
    /// [`SessionError`] for an impossible specification, or a checkpoint that is damaged or of
    /// another run: nothing is overwritten.
    pub fn open(spec: TrainSpec, path: PathBuf, every: Duration) -> Result<Self, SessionError> {
        Self::open_on(Device::Cpu, spec, path, every)
    }

    /// As [`Session::open`], on `device`.
    ///
    /// # Errors
    /// As [`Session::open`], and for a device that is not there.
    pub fn open_on(
        device: Device,
        spec: TrainSpec,
        path: PathBuf,
        every: Duration,
    ) -> Result<Self, SessionError> {
        let trainer = if path.exists() {
            Trainer::load_on(device, &path, &spec)?
        } else {
            Trainer::new_on(device, spec)?
        };
        Ok(Self {
            trainer,
            path,
            every,
            saved: Instant::now(),
        })
    }

    /// The run.
    #[must_use]
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// One step, as [`Trainer::step`]; saves when the time has come.
    ///
    /// # Errors
    /// [`SessionError`]; after a divergence the last checkpoint stays as it is.
    pub fn step<'d>(&mut self, data: impl FnMut(usize) -> &'d [u16]) -> Result<f64, SessionError> {
        let loss = self.trainer.step(data)?;
        if self.saved.elapsed() >= self.every {
            self.save()?;
        }
        Ok(loss)
    }

    /// Mean loss of each window, as [`Trainer::evaluate`].
    ///
    /// # Errors
    /// [`SessionError::Train`] for windows that do not fit.
    pub fn evaluate(&mut self, windows: &[&[u16]]) -> Result<Vec<f64>, SessionError> {
        Ok(self.trainer.evaluate(windows)?)
    }

    /// Writes the checkpoint now.
    ///
    /// # Errors
    /// [`SessionError::Checkpoint`] when it can't be written; the old one stays.
    pub fn save(&mut self) -> Result<(), SessionError> {
        self.trainer.save(&self.path)?;
        self.saved = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Decay, ModelShape, Schedule};

    fn spec() -> TrainSpec {
        TrainSpec {
            shape: ModelShape {
                layers: 1,
                width: 32,
                heads: 2,
                vocabulary: 19,
                context: 8,
                architecture: Architecture::PLAIN,
            },
            batch: 2,
            schedule: Schedule {
                warmup: 2,
                steps: 9,
                decay: Decay::Linear,
            },
            learning_rate: 1e-2,
            embedding_rate: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            optimizer: crate::Optimizer::AdamW,
            clip: 1.0,
            seed: 5,
        }
    }

    #[test]
    fn a_session_that_is_dropped_anywhere_ends_with_the_same_bits() {
        let text: Vec<u16> = (0..400_u32).map(|i| (i * i % 19) as u16).collect();
        let window = |step: u64, i: usize| &text[(step as usize * 2 + i) * 8..][..9];
        let folder = tempfile::tempdir().unwrap();
        let run = |path: PathBuf, lives: &[u64], every: Duration| {
            for steps in lives {
                let mut session = Session::open(spec(), path.clone(), every).unwrap();
                for _ in 0..*steps {
                    let at = session.trainer().steps_done();
                    if session.trainer().is_finished() {
                        break;
                    }
                    session.step(|i| window(at, i)).unwrap();
                }
            }
            let session = Session::open(spec(), path, every).unwrap();
            (
                session.trainer().weights().unwrap().to_vec(),
                session.trainer().losses().to_vec(),
            )
        };
        // Saved after every step: a life that ends early loses nothing.
        let broken = run(folder.path().join("a"), &[2, 3, 1, 9], Duration::ZERO);
        let whole = run(folder.path().join("b"), &[9], Duration::ZERO);
        assert_eq!(whole.1.len(), 9);
        assert_eq!(broken, whole);
        // Never saved: every life begins anew.
        assert!(
            run(folder.path().join("c"), &[4, 4], Duration::from_secs(3600))
                .1
                .is_empty()
        );
    }
}
