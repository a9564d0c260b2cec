//! Several lengths from one run: branches that anneal, each as if it had been trained alone.

use crate::engine::State;
use crate::trainer::{TrainError, TrainSpec, Trainer};

impl Trainer {
    /// A run of another length that goes on from here: the same bits as if it had been trained from
    /// its beginning. With [`Decay::Stable`](crate::Decay::Stable) one run gives the final losses
    /// of several lengths (Hägele et al. 2024, arXiv 2405.18392).
    ///
    /// # Errors
    /// [`TrainError::Branch`] unless `spec` differs in its schedule alone, and not before here;
    /// [`TrainError::Device`] when the state can't be fetched or placed.
    pub fn branch(&self, spec: TrainSpec) -> Result<Self, TrainError> {
        let step = self.steps_done();
        let of_this_schedule = TrainSpec {
            schedule: self.spec().schedule,
            ..spec.clone()
        };
        let same_way = self.spec().schedule.agrees_for(&spec.schedule, step);
        if of_this_schedule != *self.spec() || !same_way {
            return Err(TrainError::Branch { step });
        }
        let (first, second) = self.moments()?;
        let state = State {
            weights: self.weights()?.into_owned(),
            first: first.into_owned(),
            second: second.into_owned(),
        };
        Self::resume(self.device(), spec, state, self.losses().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Decay, ModelShape, Schedule};

    fn spec(steps: u64) -> TrainSpec {
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
                warmup: 4,
                steps,
                decay: Decay::Stable { annealed: 0.25 },
            },
            learning_rate: 1e-2,
            embedding_rate: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            optimizer: crate::Optimizer::AdamW,
            clip: 1.0,
            seed: 3,
        }
    }

    fn run(trainer: &mut Trainer, to: u64) {
        let text: Vec<u16> = (0..900_u32).map(|i| (i * i % 19) as u16).collect();
        while trainer.steps_done() < to {
            let step = trainer.steps_done() as usize;
            trainer.step(|i| &text[(step * 2 + i) * 8..][..9]).unwrap();
        }
    }

    #[test]
    fn every_branch_ends_with_the_bits_of_a_run_of_its_own() {
        let mut trunk = Trainer::new(spec(40)).unwrap();
        for steps in [12, 20, 40] {
            run(&mut trunk, spec(steps).schedule.annealing_begins());
            let mut branch = trunk.branch(spec(steps)).unwrap();
            run(&mut branch, steps);
            let mut alone = Trainer::new(spec(steps)).unwrap();
            run(&mut alone, steps);
            assert!(branch.is_finished());
            assert_eq!(branch.weights(), alone.weights());
            assert_eq!(branch.losses(), alone.losses());
        }
    }

    #[test]
    fn a_branch_that_would_not_have_come_this_way_is_refused() {
        let mut trunk = Trainer::new(spec(40)).unwrap();
        run(&mut trunk, 20);
        let other_seed = TrainSpec {
            seed: 4,
            ..spec(40)
        };
        let annealed_before = spec(20);
        let already_over = spec(12);
        for spec in [other_seed, annealed_before, already_over] {
            let error = trunk.branch(spec).err().unwrap();
            assert_eq!(error, TrainError::Branch { step: 20 });
        }
    }
}
