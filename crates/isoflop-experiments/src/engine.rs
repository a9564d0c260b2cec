//! Many runs at once, each on a thread of its own: for models this small two runs on two cores are
//! faster than one run on both (`examples/packing.rs` measures it).

use crate::design::PlannedRun;
use crate::error::ExperimentError;
use crate::training::{Surroundings, train};
use isoflop_quickstart::JobFolder;
use isoflop_runs::Status;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

/// How far an experiment is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Runs that have ended.
    pub ended: usize,
    /// All runs.
    pub of: usize,
    /// Runs at hand.
    pub running: Vec<String>,
    /// Share of all training that is done.
    pub whole: f64,
    /// Time left, at the pace so far.
    pub left: Duration,
}

/// What a worker says.
enum Word {
    Share(usize, f64),
    Ended(usize),
    Failed(ExperimentError),
}

/// Trains all runs that the store does not have, the longest first. Breaks when `stop` became true;
/// the state of every run at hand is then saved.
///
/// # Errors
/// The first error of a run; the others are stopped.
pub(crate) fn train_all(
    runs: &[PlannedRun],
    around: &Surroundings<'_>,
    folder: &JobFolder,
    workers: usize,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Progress),
) -> Result<ControlFlow<()>, ExperimentError> {
    let mut left = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let known = around.store().run(&run.name)?;
        if known.is_none_or(|run| run.status < Status::Diverged) {
            left.push(index);
        }
    }
    left.sort_by(|a, b| runs[*b].seconds.total_cmp(&runs[*a].seconds));
    let mut clock = Clock::new(runs, &left, workers);
    let (failed, next) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (sender, words) = mpsc::channel();
    let stopped = || stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            let (sender, left, next, stopped) = (sender.clone(), &left, &next, &stopped);
            scope.spawn(move || {
                let work = || work(runs, left, next, around, folder, stopped, &sender);
                // A pool of one thread: the trainer's own parts run where they are.
                match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) => pool.install(work),
                    Err(_) => work(),
                }
            });
        }
        drop(sender);
        listen(&words, &mut clock, &failed, tell)
    })?;
    match clock.ended == runs.len() {
        true => Ok(ControlFlow::Continue(())),
        false => Ok(ControlFlow::Break(())),
    }
}

/// Takes one run after the other until none is left.
fn work(
    runs: &[PlannedRun],
    left: &[usize],
    next: &AtomicUsize,
    around: &Surroundings<'_>,
    folder: &JobFolder,
    stopped: &(impl Fn() -> bool + Sync),
    sender: &Sender<Word>,
) {
    while let Some(&index) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
        if stopped() {
            return;
        }
        let run = &runs[index];
        let checkpoint = folder.checkpoint(&run.name);
        let end = train(run, around, &checkpoint, &mut |share| {
            // Whoever listened is gone only when all is over.
            let _ = sender.send(Word::Share(index, share));
            match stopped() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        let _ = match end {
            Ok(ControlFlow::Continue(())) => sender.send(Word::Ended(index)),
            Ok(ControlFlow::Break(())) => return,
            Err(error) => {
                let _ = sender.send(Word::Failed(error));
                return;
            }
        };
    }
}

fn listen(
    words: &Receiver<Word>,
    clock: &mut Clock,
    failed: &AtomicBool,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), ExperimentError> {
    let mut first = Ok(());
    for word in words {
        match word {
            Word::Share(index, share) => clock.share(index, share),
            Word::Ended(index) => clock.end(index),
            Word::Failed(error) => {
                failed.store(true, Ordering::Relaxed);
                if first.is_ok() {
                    first = Err(error);
                }
                continue;
            }
        }
        tell(clock.progress());
    }
    first
}

/// Planned against actual time.
struct Clock {
    names: Vec<String>,
    seconds: Vec<f64>,
    shares: Vec<f64>,
    /// Shares at which this start took runs up.
    began_at: Vec<Option<f64>>,
    ended: usize,
    workers: f64,
    began: Instant,
}

/// Planned seconds that must have passed before a pace is told from them.
const LEAST_EVIDENCE_SECS: f64 = 4.0;

impl Clock {
    fn new(runs: &[PlannedRun], left: &[usize], workers: usize) -> Self {
        let done = |index: &usize| f64::from(u8::from(!left.contains(index)));
        Self {
            names: runs.iter().map(|run| run.name.clone()).collect(),
            seconds: runs.iter().map(|run| run.seconds).collect(),
            shares: (0..runs.len()).map(|index| done(&index)).collect(),
            began_at: vec![None; runs.len()],
            ended: runs.len() - left.len(),
            workers: workers.max(1) as f64,
            began: Instant::now(),
        }
    }

    fn share(&mut self, index: usize, share: f64) {
        self.began_at[index].get_or_insert(share);
        self.shares[index] = share;
    }

    fn end(&mut self, index: usize) {
        self.shares[index] = 1.0;
        self.ended += 1;
    }

    fn progress(&self) -> Progress {
        let planned: f64 = self.seconds.iter().sum();
        let parts = self.seconds.iter().zip(&self.shares);
        let done: f64 = parts.map(|(seconds, share)| seconds * share).sum();
        let here = (0..self.shares.len()).filter_map(|index| {
            let since = self.shares[index] - self.began_at[index]?;
            Some(self.seconds[index] * since)
        });
        let here: f64 = here.sum();
        let pace = match here > LEAST_EVIDENCE_SECS {
            true => self.began.elapsed().as_secs_f64() / here,
            false => 1.0 / self.workers,
        };
        let running = (0..self.shares.len())
            .filter(|index| self.began_at[*index].is_some() && self.shares[*index] < 1.0);
        Progress {
            ended: self.ended,
            of: self.shares.len(),
            running: running.map(|index| self.names[index].clone()).collect(),
            whole: (done / planned.max(1e-9)).min(1.0),
            left: Duration::from_secs_f64(((planned - done) * pace).max(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Bench, grid};
    use isoflop_train::Recipe;

    #[test]
    fn the_time_left_is_told_from_what_this_start_did() {
        let bench = Bench {
            recipe: Recipe::default(),
            seed: 0,
        };
        let mut runs = grid(&bench, 1.0);
        runs.truncate(4);
        runs.iter_mut().for_each(|run| run.seconds = 60.0);
        let mut clock = Clock::new(&runs, &[1, 2, 3], 2);
        assert_eq!(
            clock.progress().left.as_secs(),
            90,
            "three minutes on two threads"
        );
        assert_eq!(clock.progress().whole, 0.25);
        // Half of a run in a minute: the pace is half of what was planned for one thread.
        clock.began -= Duration::from_secs(60);
        clock.share(1, 0.2);
        clock.share(1, 0.7);
        let left = clock.progress().left.as_secs_f64();
        assert!((left - (180.0 - 42.0) * 2.0).abs() < 1.0, "{left}");
        assert_eq!(clock.progress().running, [runs[1].name.clone()]);
        clock.end(1);
        assert_eq!(clock.progress().ended, 2);
    }
}
