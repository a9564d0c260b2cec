//! Learning rate against step. A ladder's schedule must end with its run: one schedule for all
//! lengths spoils the law (Hoffmann et al. 2022, section 3.1; Porian et al. 2024).

use serde::{Deserialize, Serialize};
use std::fmt;

/// The shape of the decay after the warm-up, as a share of the peak rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Half a cosine down to `floor` of the peak.
    Cosine {
        /// Share of the peak rate at the last step.
        floor: f32,
    },
    /// A straight line down to zero (Bergsma et al. 2025, arXiv 2502.15938).
    Linear,
    /// The peak rate to the end.
    Constant,
    /// The peak rate, then a straight line down to zero over the last `annealed` share of the run
    /// (warm-up, stable, decay: Hu et al. 2024, arXiv 2404.06395; Hägele et al. 2024, arXiv
    /// 2405.18392). Runs of one model that differ in length only are the same run up to the
    /// decay of the shorter one.
    Stable {
        /// Share of the steps after the warm-up that anneal.
        annealed: f32,
    },
    /// The peak rate for `flat` steps, then as the step's power −1/2, then a straight line down to
    /// zero over the last `annealed` share of the run (Zhai et al. 2022, arXiv 2106.04560). A run
    /// that is annealed from anywhere had a rate on its way that suits its length, where the best
    /// rate falls as about that power of it.
    InverseRoot {
        /// Steps at the peak rate, warm-up included.
        flat: u64,
        /// Share of the steps after the warm-up that anneal.
        annealed: f32,
    },
}

/// Linear warm-up, then [`Decay`] that reaches its end with the last step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Steps of warm-up, at most `steps`.
    pub warmup: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// What comes after the warm-up.
    pub decay: Decay,
}

impl Schedule {
    /// Share of the peak learning rate at `step`, from 0.
    #[must_use]
    pub fn share(&self, step: u64) -> f32 {
        if step < self.warmup {
            return (step + 1) as f32 / self.warmup as f32;
        }
        // The last step still moves: a linear decay would waste it at rate zero.
        let done = (step - self.warmup) as f32 / (self.steps - self.warmup).max(1) as f32;
        match self.decay {
            Decay::Cosine { floor } => {
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f32::consts::PI * done.min(1.0)).cos())
            }
            Decay::Linear => (1.0 - done).max(0.0),
            Decay::Constant => 1.0,
            Decay::Stable { .. } | Decay::InverseRoot { .. } => {
                let onset = self.annealing_begins();
                if step < onset {
                    return self.before_annealing(step);
                }
                let annealed = (step - onset) as f32 / (self.steps - onset).max(1) as f32;
                self.before_annealing(onset) * (1.0 - annealed).max(0.0)
            }
        }
    }

    /// Share of the peak rate of a run whose annealing has not begun.
    fn before_annealing(&self, step: u64) -> f32 {
        match self.decay {
            Decay::InverseRoot { flat, .. } => {
                let flat = flat.max(1);
                (flat as f32 / step.max(flat) as f32).sqrt()
            }
            _ => 1.0,
        }
    }

    /// The first step at which a [`Decay::Stable`] or [`Decay::InverseRoot`] schedule anneals; for
    /// any other, the first after the warm-up.
    #[must_use]
    pub fn annealing_begins(&self) -> u64 {
        let after = self.steps.saturating_sub(self.warmup);
        match self.decay {
            Decay::Stable { annealed } | Decay::InverseRoot { annealed, .. } => {
                let share = f64::from(annealed.clamp(0.0, 1.0));
                self.steps - (after as f64 * share).round() as u64
            }
            Decay::Constant => self.steps,
            Decay::Cosine { .. } | Decay::Linear => self.warmup.min(self.steps),
        }
    }

    /// Whether the first `steps` steps have the same rates under both schedules, to the bit: then
    /// a run of one can be continued as a run of the other.
    #[must_use]
    pub fn agrees_for(&self, other: &Self, steps: u64) -> bool {
        let ends = self.steps.min(other.steps);
        steps <= ends && (0..steps).all(|step| self.share(step) == other.share(step))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warm-up {} steps, ", self.warmup)?;
        match self.decay {
            Decay::Linear => f.write_str("linear to 0"),
            Decay::Cosine { floor } => write!(f, "cosine to {floor}"),
            Decay::Constant => f.write_str("constant"),
            Decay::Stable { annealed } => {
                write!(f, "constant, linear to 0 over the last {annealed}")
            }
            Decay::InverseRoot { flat, annealed } => write!(
                f,
                "constant to step {flat}, as its inverse root, linear to 0 over the last {annealed}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rises_to_the_peak_and_ends_with_the_run() {
        let schedule = Schedule {
            warmup: 10,
            steps: 100,
            decay: Decay::Linear,
        };
        assert_eq!(schedule.share(0), 0.1);
        assert_eq!(schedule.share(9), 1.0);
        assert_eq!(schedule.share(10), 1.0);
        assert!(schedule.share(99) > 0.0 && schedule.share(99) < 0.02);
        let cosine = Schedule {
            decay: Decay::Cosine { floor: 0.1 },
            ..schedule
        };
        assert!((cosine.share(99) - 0.1).abs() < 0.01);
    }

    #[test]
    fn stable_schedules_of_two_lengths_agree_until_the_shorter_one_anneals() {
        let long = Schedule {
            warmup: 10,
            steps: 1000,
            decay: Decay::Stable { annealed: 0.2 },
        };
        let short = Schedule { steps: 110, ..long };
        assert_eq!(short.annealing_begins(), 90);
        assert_eq!(short.share(90), 1.0, "the decay begins at the peak");
        assert!((short.share(100) - 0.5).abs() < 1e-6);
        assert!(short.share(109) > 0.0);
        assert!(long.agrees_for(&short, 91));
        assert!(!long.agrees_for(&short, 92));
        assert!(!long.agrees_for(&short, 111), "one of them has ended");
    }

    proptest! {
        #[test]
        fn stays_between_zero_and_one_and_never_rises_after_the_warm_up(
            steps in 1u64..500, warm in 0.0f64..1.0, at in 0u64..500
        ) {
            let warmup = (steps as f64 * warm) as u64;
            let stable = Decay::Stable { annealed: 0.3 };
            for decay in [Decay::Linear, Decay::Cosine { floor: 0.1 }, Decay::Constant, stable] {
                let schedule = Schedule { warmup, steps, decay };
                let share = schedule.share(at.min(steps - 1));
                prop_assert!((0.0..=1.0).contains(&share));
                if at >= warmup && at + 1 < steps {
                    prop_assert!(schedule.share(at + 1) <= share + 1e-6);
                }
            }
        }
    }

    #[test]
    fn an_inverse_root_falls_as_the_root_and_anneals_from_there() {
        let long = Schedule {
            warmup: 10,
            steps: 1600,
            decay: Decay::InverseRoot {
                flat: 100,
                annealed: 0.25,
            },
        };
        assert_eq!(
            (long.share(9), long.share(60), long.share(100)),
            (1.0, 1.0, 1.0)
        );
        assert_eq!(long.share(400), 0.5);
        let onset = long.annealing_begins();
        assert!((long.share(onset) / long.share(onset - 1) - 1.0).abs() < 1e-2);
        assert!(long.share(1599) > 0.0 && long.share(1599) < 1e-3);
        let short = Schedule { steps: 400, ..long };
        let begins = short.annealing_begins();
        assert!(short.agrees_for(&long, begins + 1) && !short.agrees_for(&long, begins + 3));
        assert!(long.to_string().contains("inverse root"), "{long}");
    }
}
