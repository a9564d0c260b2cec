//! How far a job is and how long it will take.

use crate::train::RunProgress;
use std::time::{Duration, Instant};

/// How far a run, and the whole job, is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The run at hand.
    pub run: String,
    /// Its own progress.
    pub of_run: RunProgress,
    /// Share of all training that is done.
    pub whole: f64,
    /// Time left for all training, at the pace so far.
    pub left: Duration,
}

/// Planned seconds that must have passed before a pace is told from them.
const LEAST_EVIDENCE_SECS: f64 = 5.0;

/// Compares planned with actual time. All times in seconds.
#[derive(Debug)]
pub(crate) struct Pace {
    planned: f64,
    /// Planned time of what is done, by this start or an earlier one.
    done: f64,
    /// Of that, what this start did, and how long it took.
    done_here: f64,
    spent_here: f64,
}

impl Pace {
    pub(crate) fn new(planned: f64) -> Self {
        Self {
            planned,
            done: 0.0,
            done_here: 0.0,
            spent_here: 0.0,
        }
    }

    /// A run that an earlier start finished, or that is left out.
    pub(crate) fn skip(&mut self, planned: f64) {
        self.done += planned;
    }

    /// A run that this start took from `share` to its end.
    pub(crate) fn finish(&mut self, planned: f64, from_share: f64, began: Instant) {
        self.done += planned;
        self.done_here += planned * (1.0 - from_share);
        self.spent_here += began.elapsed().as_secs_f64();
    }

    /// Actual ÷ planned time; 1 before there is evidence.
    pub(crate) fn factor(&self) -> f64 {
        if self.done_here < LEAST_EVIDENCE_SECS {
            1.0
        } else {
            self.spent_here / self.done_here
        }
    }

    /// Seconds that the rest will take, with the run at hand done to `share` of its `planned`.
    pub(crate) fn left(&self, planned: f64, share: f64) -> f64 {
        (self.planned - self.done - planned * share).max(0.0) * self.factor()
    }

    pub(crate) fn progress(&self, run: &str, planned: f64, of_run: RunProgress) -> Progress {
        let whole = (self.done + planned * of_run.share) / self.planned;
        Progress {
            run: run.to_owned(),
            of_run,
            whole: whole.min(1.0),
            left: Duration::from_secs_f64(self.left(planned, of_run.share)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_of_half_the_speed_takes_twice_the_time() {
        let mut pace = Pace::new(100.0);
        assert_eq!(pace.left(0.0, 0.0), 100.0);
        pace.skip(20.0);
        assert_eq!(pace.left(0.0, 0.0), 80.0);
        let began = Instant::now() - Duration::from_secs(60);
        pace.finish(30.0, 0.0, began);
        assert!((pace.factor() - 2.0).abs() < 0.01);
        assert!((pace.left(40.0, 0.5) - 60.0).abs() < 0.5);
    }
}
