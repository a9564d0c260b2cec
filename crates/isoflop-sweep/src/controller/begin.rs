//! Beginning or resuming a sweep, and issuing its attempts.

use super::extend::Extending;
use super::{Controller, ControllerError, LARGEST_BATCH, LONGEST_PAUSE, wait_for_space};
use crate::added::Added;
use crate::executor::{Batch, Executor, ExecutorError, Job};
use crate::failpoint;
use crate::folder::SweepFolder;
use crate::journal::{Intent, Journal};
use crate::key::{Nonce, RunKey};
use crate::lock::{ControllerLock, Holder};
use crate::order::Order;
use crate::plan::{SweepPlan, specification};
use crate::results::Results;
use isoflop_runs::write_atomically;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What a controller is begun with.
pub struct Beginning {
    /// The sweep's folder.
    pub folder: SweepFolder,
    /// The plan's text, if it is new or was changed; the sweep's own copy otherwise.
    pub plan: Option<(PathBuf, String)>,
    /// Take the sweep from a controller that can't be reached.
    pub take_over: bool,
    /// Machines that are gone for good: their attempts count as lost.
    pub gone_hosts: Vec<String>,
    /// Try failed and cancelled runs again.
    pub retry: bool,
}

/// Names the file that tells where relative paths of the plan begin.
const BASE: &str = "base";

/// Begins or resumes a sweep: takes the lock, a new epoch, and everything the last controller
/// left. `executor` builds the executor that the plan asks for.
///
/// # Errors
/// [`ControllerError`] where the sweep can't be begun; a full disk is not one: it is waited out.
pub fn begin(
    beginning: &Beginning,
    executor: impl Fn(&SweepPlan, &Holder) -> Result<Box<dyn Executor>, ExecutorError>,
) -> Result<Controller, ControllerError> {
    let mut full = false;
    loop {
        match try_to_begin(beginning, &executor) {
            Err(error) if error.is_full(&beginning.folder) => wait_for_space(&mut full),
            done => return done,
        }
    }
}

fn try_to_begin(
    beginning: &Beginning,
    executor: &impl Fn(&SweepPlan, &Holder) -> Result<Box<dyn Executor>, ExecutorError>,
) -> Result<Controller, ControllerError> {
    let folder = beginning.folder.clone();
    folder.create()?;
    let lock = ControllerLock::take(&folder.lock(), beginning.take_over)?;
    let (mut plan, base, text) = read_plan(&folder, beginning.plan.clone())?;
    let added = Added::read(&folder)?;
    added.join(&mut plan);
    let keyed = plan.keyed_runs(&base)?;
    let holder = Holder::this_process();
    let executor = executor(&plan, &holder)?;
    let mut journal = Journal::open(&folder.journal(), &holder.host, &plan.limits)?;
    journal.enrol(&keyed)?;
    if let Some(text) = text {
        write_atomically(
            &folder.root().join(BASE),
            base.as_os_str().as_encoded_bytes(),
        )?;
        write_atomically(&folder.plan(), text.as_bytes())?;
    }
    failpoint::pass("plan-enrolled");
    if beginning.retry {
        journal.retry()?;
    }
    let lost: Vec<_> = journal
        .awaited()?
        .into_iter()
        .filter(|attempt| attempt.is_live() && beginning.gone_hosts.contains(&attempt.host))
        .map(|attempt| {
            (
                attempt.nonce,
                format!("its machine {} is gone", attempt.host),
            )
        })
        .collect();
    journal.lose(&lost)?;
    let results = Results::open(&folder.results())?;
    let ended_before = journal.counts()?.ended_flops;
    let now = Instant::now();
    let mut controller = Controller {
        runs: keyed
            .into_iter()
            .map(|run| (run.key.clone(), run))
            .collect(),
        folder,
        plan,
        added,
        extending: Extending::default(),
        base,
        journal,
        results,
        executor,
        told: Arc::new(AtomicBool::new(false)),
        silence: HashMap::new(),
        stopping: HashSet::new(),
        notes: Vec::new(),
        held: None,
        failed_looks: 0,
        next_look: now,
        next_submission: now,
        pause: Duration::from_secs(1),
        began: now,
        ended_before,
        snapshot: None,
        changed: true,
        only_end: false,
        _lock: lock,
    };
    // Results that were accepted just before the last controller ended.
    controller.store_results()?;
    Ok(controller)
}

/// The plan, the folder that its paths start from, and its text if that is to be kept.
fn read_plan(
    folder: &SweepFolder,
    given: Option<(PathBuf, String)>,
) -> Result<(SweepPlan, PathBuf, Option<String>), ControllerError> {
    if let Some((path, text)) = given {
        let plan = SweepPlan::parse(&text, &path)?;
        let path = std::path::absolute(&path)?;
        let base = path.parent().unwrap_or(Path::new("/")).to_owned();
        return Ok((plan, base, Some(text)));
    }
    let plan = SweepPlan::read(&folder.plan())?;
    let base = std::fs::read(folder.root().join(BASE))?;
    // A path on Unix is bytes, and was written as such.
    use std::os::unix::ffi::OsStringExt;
    Ok((
        plan,
        PathBuf::from(std::ffi::OsString::from_vec(base)),
        None,
    ))
}

impl Controller {
    /// Issues as many attempts as the engine has room for: the intent first, then the orders,
    /// then the engine.
    pub(super) fn submit(&mut self, live: &[Job]) -> Result<(), ControllerError> {
        self.held = None;
        let room = self.executor.room(live).min(LARGEST_BATCH);
        let keys = self.affordable(room)?;
        if keys.is_empty() {
            return Ok(());
        }
        let batch = Nonce::issue();
        let intents: Vec<Intent> = keys
            .into_iter()
            .zip(0..)
            .map(|(key, task)| Intent {
                key,
                nonce: Nonce::issue(),
                batch: batch.clone(),
                task,
            })
            .collect();
        let earlier: Vec<Option<PathBuf>> = intents
            .iter()
            .map(|intent| self.earlier(&intent.key))
            .collect::<Result<_, _>>()?;
        self.journal.intend(&intents)?;
        self.changed = true;
        failpoint::pass("intent-committed");
        for (intent, earlier) in intents.iter().zip(earlier) {
            self.write_order(intent, earlier)?;
        }
        failpoint::pass("orders-written");
        let jobs: Vec<Job> = self
            .live()?
            .into_iter()
            .filter(|job| job.attempt.batch == batch)
            .collect();
        let submission = Batch {
            folder: self.folder.batch(&batch),
            nonce: batch,
            jobs,
        };
        let answer = self.executor.submit(&submission);
        failpoint::pass("batch-submitted");
        match answer {
            Ok(handles) => {
                self.journal.submitted(&handles)?;
                failpoint::pass("handles-committed");
                self.pause = Duration::from_secs(1);
            }
            Err(ExecutorError::Unclear(message)) => {
                // What became of it is found out by looking, never by guessing.
                self.note(format!("a submission went wrong: {message}"));
                self.next_submission = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
            Err(ExecutorError::Refused(message)) => {
                let lost: Vec<_> = intents
                    .into_iter()
                    .map(|intent| (intent.nonce, message.clone()))
                    .collect();
                self.journal.lose(&lost)?;
                return Err(ControllerError::Refused(message));
            }
        }
        Ok(())
    }

    /// The next runs that the spending limit allows.
    fn affordable(&mut self, room: usize) -> Result<Vec<RunKey>, ControllerError> {
        let next = self.journal.next_runs(room)?;
        let Some(limit) = self.plan.limits.spend_flops else {
            return Ok(next.into_iter().map(|(key, _)| key).collect());
        };
        let spent = self.journal.counts()?.spent_flops;
        let (keys, beyond) = within(limit, spent, next);
        self.held = beyond.map(|spending| {
            format!(
                "the next run would bring the spending to {spending:.3e} FLOPs, beyond the limit of {limit:.3e}: raise `limits.spend_flops`"
            )
        });
        Ok(keys)
    }

    /// Where the latest attempt at a run left its state.
    fn earlier(&self, key: &RunKey) -> Result<Option<PathBuf>, ControllerError> {
        let latest = self.journal.latest_attempt(key)?;
        Ok(latest.map(|attempt| self.folder.attempt(key, &attempt.nonce).root().to_owned()))
    }

    fn write_order(
        &self,
        intent: &Intent,
        resume_from: Option<PathBuf>,
    ) -> Result<(), ControllerError> {
        let folder = self.folder.attempt(&intent.key, &intent.nonce);
        folder.create()?;
        let Some(run) = self.runs.get(&intent.key) else {
            return Ok(());
        };
        let (trainer, limits) = (&self.plan.trainer, &self.plan.limits);
        let order = Order {
            key: intent.key.clone(),
            nonce: intent.nonce.clone(),
            command: trainer.command.clone(),
            folder: self.base.join(&trainer.folder),
            environment: trainer.environment.clone(),
            spec: specification(run),
            resume_from,
            cores: self.plan.executor.cores_per_run,
            tokens: run.spec.tokens.get(),
            diverged_above: limits.diverged_above,
            diverged_after: limits.diverged_after,
            beat_secs: self.executor.beat().as_secs_f64(),
        };
        let bytes = serde_json::to_vec(&order).map_err(std::io::Error::from)?;
        Ok(write_atomically(&folder.order(), &bytes)?)
    }
}

/// The runs, in their order, that a limit allows once `spent` FLOPs are spent; and the spending
/// that the first one beyond it would have brought.
fn within(limit: f64, mut spent: f64, next: Vec<(RunKey, f64)>) -> (Vec<RunKey>, Option<f64>) {
    let mut keys = Vec::new();
    for (key, flops) in next {
        if spent + flops > limit {
            return (keys, Some(spent + flops));
        }
        spent += flops;
        keys.push(key);
    }
    (keys, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Ending, Measured, Outcome};
    use crate::plan::{KeyedRun, Limits, RunSpec};
    use isoflop_laws::{Flops, Loss, Params, Tokens};
    use proptest::prelude::*;

    fn run(index: usize, flops: f64) -> KeyedRun {
        KeyedRun {
            key: RunKey::of(&serde_json::json!(index)),
            spec: RunSpec {
                name: format!("run-{index}"),
                params: Params::new(1e6).unwrap(),
                tokens: Tokens::new(1e7).unwrap(),
                flops: Flops::new(flops).ok(),
                batch_tokens: None,
                learning_rate: None,
                seed: index as u64,
                settings: Default::default(),
            },
        }
    }

    fn outcome(key: &RunKey, nonce: &Nonce, ending: Ending, share: f64, flops: f64) -> Outcome {
        Outcome {
            key: key.clone(),
            nonce: nonce.clone(),
            ending,
            reason: None,
            measured: Measured {
                loss: Loss::new(2.0).ok(),
                flops: Flops::new(share * flops).ok(),
                ..Measured::default()
            },
            wall_secs: 1.0,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// Whatever becomes of attempts, however runs are added, and however often a controller
        /// begins anew: what is issued never costs more than the limit.
        #[test]
        fn the_spending_limit_is_never_exceeded(
            costs in prop::collection::vec(1e10f64..1e13, 1..12),
            share in 0.0f64..1.5,
            events in prop::collection::vec((0u8..6, 1usize..5, 0.1f64..=1.0), 1..40),
        ) {
            let limit = share * costs.iter().sum::<f64>();
            let runs: Vec<KeyedRun> =
                costs.iter().enumerate().map(|(index, &flops)| run(index, flops)).collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state.db");
            let limits = Limits { spend_flops: Some(limit), ..Limits::default() };
            let mut journal = Journal::open(&path, "here", &limits).unwrap();
            let mut enrolled = 1;
            journal.enrol(&runs[..enrolled]).unwrap();
            let mut live: Vec<(RunKey, Nonce)> = Vec::new();
            for (event, number, measured) in events {
                match event {
                    0 | 1 => {
                        let next = journal.next_runs(number).unwrap();
                        let spent = journal.counts().unwrap().spent_flops;
                        let (keys, _) = within(limit, spent, next);
                        for key in keys {
                            let nonce = Nonce::issue();
                            let intent = Intent {
                                key: key.clone(), nonce: nonce.clone(), batch: nonce.clone(), task: 0,
                            };
                            journal.intend(&[intent]).unwrap();
                            journal.submitted(&[(nonce.clone(), "1".to_owned())]).unwrap();
                            live.push((key, nonce));
                        }
                    }
                    2 => {
                        enrolled = (enrolled + number).min(runs.len());
                        journal.enrol(&runs[..enrolled]).unwrap();
                    }
                    3 => journal = Journal::open(&path, "here", &limits).unwrap(),
                    ending => if let Some((key, nonce)) = live.pop() {
                        if number == 1 {
                            journal.lose(&[(nonce, "silent".to_owned())]).unwrap();
                        } else {
                            let cost = runs.iter().find(|run| run.key == key).unwrap();
                            let cost = cost.spec.compute().get();
                            let ending = if ending == 4 { Ending::Finished } else { Ending::Failed };
                            let outcome = outcome(&key, &nonce, ending, measured, cost);
                            journal.ingest(&[outcome]).unwrap();
                        }
                    }
                }
                let spent = journal.counts().unwrap().spent_flops;
                prop_assert!(spent <= limit * (1.0 + 1e-12), "{spent} of {limit}");
            }
        }
    }

    #[test]
    fn a_trainer_that_used_more_than_planned_is_counted_by_what_it_used() {
        let mut journal = Journal::open(Path::new(":memory:"), "here", &Limits::default()).unwrap();
        let runs = [run(0, 1e12)];
        journal.enrol(&runs).unwrap();
        let nonce = Nonce::issue();
        let key = runs[0].key.clone();
        let intent = Intent {
            key: key.clone(),
            nonce: nonce.clone(),
            batch: nonce.clone(),
            task: 0,
        };
        journal.intend(&[intent]).unwrap();
        assert_eq!(journal.counts().unwrap().spent_flops, 1e12);
        let outcome = outcome(&key, &nonce, Ending::Finished, 1.25, 1e12);
        journal.ingest(&[outcome]).unwrap();
        assert_eq!(journal.counts().unwrap().spent_flops, 1.25e12);
    }
}
