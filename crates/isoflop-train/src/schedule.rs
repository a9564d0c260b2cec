//! Learning rate against step. A ladder's schedule must end with its run: one schedule for all
//! lengths spoils the law (Hoffmann et al. 2022, section 3.1; Porian et al. 2024).

use serde::{Deserialize, Serialize};

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

    proptest! {
        #[test]
        fn stays_between_zero_and_one_and_never_rises_after_the_warm_up(
            steps in 1u64..500, warm in 0.0f64..1.0, at in 0u64..500
        ) {
            let warmup = (steps as f64 * warm) as u64;
            for decay in [Decay::Linear, Decay::Cosine { floor: 0.1 }, Decay::Constant] {
                let schedule = Schedule { warmup, steps, decay };
                let share = schedule.share(at.min(steps - 1));
                prop_assert!((0.0..=1.0).contains(&share));
                if at >= warmup && at + 1 < steps {
                    prop_assert!(schedule.share(at + 1) <= share + 1e-6);
                }
            }
        }
    }
}
