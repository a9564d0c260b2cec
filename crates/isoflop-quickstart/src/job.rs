//! The steps in their order.

use crate::corpus::LoadedCorpus;
use crate::error::QuickstartError;
use crate::event::{Event, Observer, Step};
use crate::folder::JobFolder;
use crate::forecast::{self, Fits};
use crate::options::Options;
use crate::outcome::{self, Comparison, Outcome};
use crate::plan::Plan;
use crate::progress::Pace;
use crate::report;
use crate::train::{self, RunEnd, TrainRequest, train_run};
use isoflop_plan::SealedForecast;
use isoflop_runs::{Run, Status, Store, write_csv};
use isoflop_train::PlannedRun;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How a quickstart ended.
#[derive(Debug)]
pub enum Ending {
    /// Everything is done.
    Done(Box<Outcome>),
    /// It was stopped; the same options go on from here.
    Stopped {
        /// Runs that have ended.
        ended: usize,
        /// All runs.
        of: usize,
    },
}

/// Makes a forecast that is sealed before its target is trained, and checks it.
///
/// Everything lies in `options.out`; started again with the same options, it goes on where it
/// ended. When `stop` becomes true it saves the run at hand after the step and ends.
///
/// # Errors
/// [`QuickstartError`], each with what to do.
pub fn quickstart(
    options: &Options,
    stop: &AtomicBool,
    tell: &mut Observer<'_>,
) -> Result<Ending, QuickstartError> {
    let begun = Instant::now();
    options.check()?;
    isoflop_train::check_device(options.device)?;
    let folder = JobFolder::open(&options.out)?;
    let (plan, corpus) = plan_and_corpus(options, &folder, begun, tell)?;
    let mut job = Job {
        store: Store::open(&folder.store())?,
        pace: Pace::new(plan.ladder.seconds()),
        told_slower: false,
        plan,
        corpus,
        folder,
        begun,
        stop,
    };
    job.go(options, tell)
}

/// Takes the first steps only: gathers the corpus, measures the machine and stores the plan, from
/// which [`quickstart`] goes on.
///
/// # Errors
/// As [`quickstart`].
pub fn prepare(options: &Options, tell: &mut Observer<'_>) -> Result<Plan, QuickstartError> {
    let begun = Instant::now();
    options.check()?;
    isoflop_train::check_device(options.device)?;
    let folder = JobFolder::open(&options.out)?;
    Ok(plan_and_corpus(options, &folder, begun, tell)?.0)
}

/// Steps 1 to 3, or what an earlier start stored of them.
fn plan_and_corpus(
    options: &Options,
    folder: &JobFolder,
    begun: Instant,
    tell: &mut Observer<'_>,
) -> Result<(Plan, LoadedCorpus), QuickstartError> {
    tell(Event::Began(Step::Corpus));
    let earlier = Plan::load(folder, options)?;
    let resumed = earlier.is_some();
    let corpus = match &earlier {
        Some(plan) => LoadedCorpus::reload(
            (&plan.corpus, plan.tokenizer.as_deref()),
            &plan.facts,
            &plan.recipe,
            &folder.corpus(),
        )?,
        None => LoadedCorpus::gather(options, &folder.corpus())?,
    };
    tell(Event::Corpus(&corpus.facts));
    tell(Event::Began(Step::Plan));
    let plan = match earlier {
        Some(plan) => plan,
        None => {
            let plan = Plan::make(options, &corpus, begun)?;
            folder.write(&folder.plan(), plan.to_json().as_bytes())?;
            plan
        }
    };
    tell(Event::Planned {
        plan: &plan,
        resumed,
    });
    Ok((plan, corpus))
}

struct Job<'s> {
    plan: Plan,
    corpus: LoadedCorpus,
    folder: JobFolder,
    store: Store,
    pace: Pace,
    told_slower: bool,
    begun: Instant,
    stop: &'s AtomicBool,
}

/// A run that has ended, and its learning curve.
type WithCurve = (Box<Run>, Vec<isoflop_runs::Checkpoint>);

/// A machine slower than planned by this factor is worth a word.
const SLOWER: f64 = 1.15;

/// Runs that can be left out are, when the job would take longer than this share of its time.
const OVERTIME: f64 = 1.1;

impl Job<'_> {
    fn go(
        &mut self,
        options: &Options,
        tell: &mut Observer<'_>,
    ) -> Result<Ending, QuickstartError> {
        tell(Event::Began(Step::Small));
        let small = self.plan.ladder.small.clone();
        for (index, run) in small.iter().enumerate() {
            if self.train(run, index, tell)?.is_break() {
                return self.stopped();
            }
        }
        tell(Event::Began(Step::Forecast));
        let fits = forecast::fit_small(self.small_runs()?, &self.plan)?;
        let sealed = self.sealed(&fits)?;
        tell(Event::Sealed {
            forecast: &sealed,
            path: &self.folder.forecast(),
        });
        tell(Event::Began(Step::Target));
        let target = self.plan.ladder.target.clone();
        if self.train(&target, small.len(), tell)?.is_break() {
            return self.stopped();
        }
        tell(Event::Began(Step::Report));
        let outcome = self.outcome(&fits, &sealed)?;
        tell(Event::Compared(&outcome));
        self.write(options, &fits, &sealed, &outcome, tell)?;
        Ok(Ending::Done(Box::new(outcome)))
    }

    /// Trains a run unless it has ended before.
    fn train(
        &mut self,
        run: &PlannedRun,
        index: usize,
        tell: &mut Observer<'_>,
    ) -> Result<ControlFlow<()>, QuickstartError> {
        let (number, of) = (index + 1, self.plan.ladder.small.len() + 1);
        let before = self.store.run(&run.name)?;
        if before.is_some_and(|run| run.status >= Status::Failed) {
            self.pace.skip(run.seconds);
            return Ok(ControlFlow::Continue(()));
        }
        if run.repeat && self.is_late() {
            return self.leave_out(run, tell);
        }
        if self.stop.load(Ordering::Relaxed) {
            return Ok(ControlFlow::Break(()));
        }
        let planned = train::planned(&run.name, &run.spec, &self.corpus)?;
        self.store.record(&Run {
            status: Status::Running,
            ..planned
        })?;
        let Some((ended, curve)) = self.run(run, (number, of), tell)? else {
            return Ok(ControlFlow::Break(()));
        };
        self.store.record_checkpoints(&run.name, &curve)?;
        self.store.record(&ended)?;
        tell(Event::RunEnded {
            run: &ended,
            number,
            of,
        });
        if self.pace.factor() > SLOWER && !self.told_slower {
            self.told_slower = true;
            tell(Event::Slower(self.pace.factor()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn run(
        &mut self,
        run: &PlannedRun,
        (number, of): (usize, usize),
        tell: &mut Observer<'_>,
    ) -> Result<Option<WithCurve>, QuickstartError> {
        let checkpoint = self.folder.checkpoint(&run.name);
        let request = TrainRequest {
            name: &run.name,
            spec: &run.spec,
            corpus: &self.corpus,
            device: self.plan.device,
            checkpoint: &checkpoint,
            checkpoint_every: self.plan.checkpoint_every(),
        };
        let (began, mut from) = (Instant::now(), None);
        let end = train_run(&request, &mut |of_run| {
            if from.is_none() {
                let step = of_run.step.saturating_sub(1);
                tell(Event::RunBegan {
                    run,
                    number,
                    of,
                    step,
                });
            }
            from.get_or_insert(if of_run.step <= 1 { 0.0 } else { of_run.share });
            tell(Event::Progress(&self.pace.progress(
                &run.name,
                run.seconds,
                of_run,
            )));
            match self.stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        match end {
            RunEnd::Stopped => Ok(None),
            RunEnd::Ended(ended, curve) => {
                self.pace.finish(run.seconds, from.unwrap_or(0.0), began);
                Ok(Some((ended, curve)))
            }
        }
    }

    /// Whether the job would take longer than it was given.
    fn is_late(&self) -> bool {
        let projected = self.begun.elapsed().as_secs_f64() + self.pace.left(0.0, 0.0);
        projected > self.plan.minutes * 60.0 * OVERTIME
    }

    fn leave_out(
        &mut self,
        run: &PlannedRun,
        tell: &mut Observer<'_>,
    ) -> Result<ControlFlow<()>, QuickstartError> {
        let why = "left out to keep to the time: the machine is slower than it was measured";
        self.store.record(&Run {
            status: Status::Failed,
            reason: Some(why.to_owned()),
            ..train::planned(&run.name, &run.spec, &self.corpus)?
        })?;
        self.pace.skip(run.seconds);
        tell(Event::LeftOut {
            run: &run.name,
            why,
        });
        Ok(ControlFlow::Continue(()))
    }

    /// The small runs as they are in the store, in the order of the plan.
    fn small_runs(&self) -> Result<Vec<Run>, QuickstartError> {
        let mut runs = Vec::new();
        for planned in &self.plan.ladder.small {
            runs.extend(self.store.run(&planned.name)?);
        }
        Ok(runs)
    }

    fn sealed(&self, fits: &Fits) -> Result<SealedForecast, QuickstartError> {
        match forecast::sealed_before(&self.folder)? {
            Some(sealed) => Ok(sealed),
            None => {
                let target = self.store.run(&self.plan.ladder.target.name)?;
                forecast::seal(fits, &self.plan, &self.folder, target.as_ref())
            }
        }
    }

    fn outcome(&self, fits: &Fits, sealed: &SealedForecast) -> Result<Outcome, QuickstartError> {
        let name = &self.plan.ladder.target.name;
        let target = self.store.run(name)?.unwrap_or_else(|| Run::new(name));
        let lost = || {
            let reason = target.reason.clone();
            QuickstartError::TargetLost(reason.unwrap_or_else(|| "it has no loss".to_owned()))
        };
        let body = sealed.body();
        let point = body.stated.forecasts.first().ok_or_else(lost)?;
        let comparison = Comparison::new(point, body.level, &target).ok_or_else(lost)?;
        let (params, tokens, flops) = forecast::sizes(&self.plan.ladder.target)?;
        Ok(Outcome {
            law: body.stated.law.clone(),
            conventions: body.conventions,
            n_used: body.inputs.len(),
            params,
            tokens,
            flops,
            extrapolation: point.extrapolation.unwrap_or(f64::NAN),
            comparison,
            others: outcome::others(sealed, &target),
            floor: outcome::floor(&self.plan, fits),
            seal: sealed.hash().to_owned(),
            corpus_fingerprint: self.plan.facts.fingerprint.to_string(),
            report: self.folder.report(),
            runs: self.folder.runs_csv(),
            seconds: self.begun.elapsed().as_secs_f64(),
        })
    }

    fn write(
        &self,
        options: &Options,
        fits: &Fits,
        sealed: &SealedForecast,
        outcome: &Outcome,
        tell: &mut Observer<'_>,
    ) -> Result<(), QuickstartError> {
        let mut csv = Vec::new();
        let runs = self.store.runs()?;
        let path = self.folder.runs_csv();
        write_csv(&runs, &mut csv).map_err(|source| QuickstartError::Unwritable {
            path: path.clone(),
            source,
        })?;
        self.folder.write(&path, &csv)?;
        tell(Event::Written(&path));
        let told = report::Told {
            options,
            plan: &self.plan,
            fits,
            sealed,
            outcome,
        };
        for path in told.write(&self.folder)? {
            tell(Event::Written(&path));
        }
        Ok(())
    }

    fn stopped(&self) -> Result<Ending, QuickstartError> {
        let ended = self.store.runs()?;
        let ended = ended.iter().filter(|run| run.status >= Status::Failed);
        Ok(Ending::Stopped {
            ended: ended.count(),
            of: self.plan.ladder.small.len() + 1,
        })
    }
}
