//! One run: trained, measured on its way and at its end, with the shorter runs that branch off.

use crate::design::PlannedRun;
use crate::error::ExperimentError;
use crate::records;
use crate::text::Texts;
use isoflop_corpus::{TrainingWindows, ValidationLoss, ValidationSet};
use isoflop_laws::Tokens;
use isoflop_quickstart::LoadedCorpus;
use isoflop_runs::{Checkpoint, Run, Status, Store};
use isoflop_train::{Device, Session, SessionError, TrainError, TrainSpec, Trainer};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a run needs besides its plan.
pub(crate) struct Surroundings<'a> {
    pub corpus: &'a LoadedCorpus,
    pub texts: &'a Texts,
    /// Results are kept as they come: a kill loses no measurement.
    pub store: &'a Mutex<Store>,
    pub device: Device,
    pub checkpoint_every: Duration,
}

impl Surroundings<'_> {
    /// A thread that panicked left the store whole: every write is a transaction.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Told of the share that is done; says whether to go on.
pub(crate) type Watch<'w> = dyn FnMut(f64) -> ControlFlow<()> + 'w;

/// Training of a token costs this many readings of one.
const READINGS_A_STEP: f64 = 3.0;

/// Trains a run to its end unless the store has it. Breaks when it was told to stop; its state is
/// then saved.
///
/// # Errors
/// [`ExperimentError`] for a text that does not suit, a store or a checkpoint that can't be used.
pub(crate) fn train(
    run: &PlannedRun,
    around: &Surroundings<'_>,
    checkpoint: &Path,
    watch: &mut Watch<'_>,
) -> Result<ControlFlow<()>, ExperimentError> {
    let spec = &run.spec;
    let size = (spec.shape.context, spec.batch, spec.seed);
    let corpus = &around.corpus.tokens;
    let windows = around.texts.windows(corpus, run.reading, size)?;
    let validation = corpus.validation_set(spec.shape.context, run.windows)?;
    let session = Session::open_on(
        around.device,
        spec.clone(),
        checkpoint.to_owned(),
        around.checkpoint_every,
    )?;
    let mut running = Running {
        run,
        around,
        windows,
        validation,
        session,
        watch,
        done: 0.0,
    };
    match running.go() {
        Ok(flow) => Ok(flow),
        Err(ExperimentError::Job(isoflop_quickstart::QuickstartError::Train(
            error @ TrainError::Diverged { .. },
        ))) => {
            running.diverged(&error)?;
            Ok(ControlFlow::Continue(()))
        }
        Err(error) => Err(error),
    }
}

struct Running<'a, 'w> {
    run: &'a PlannedRun,
    around: &'a Surroundings<'a>,
    windows: TrainingWindows<'a>,
    validation: ValidationSet<'a>,
    session: Session,
    watch: &'a mut Watch<'w>,
    /// Readings of a token that are done.
    done: f64,
}

impl Running<'_, '_> {
    fn go(&mut self) -> Result<ControlFlow<()>, ExperimentError> {
        self.done = READINGS_A_STEP * self.session.trainer().steps_done() as f64 * self.batch();
        loop {
            let step = self.session.trainer().steps_done();
            if self.measure(step)?.is_break() || self.branch(step)?.is_break() {
                return self.stopped();
            }
            if self.session.trainer().is_finished() {
                break;
            }
            self.session.step(|i| self.windows.window(step, i))?;
            if self.tell(self.batch() * READINGS_A_STEP).is_break() {
                return self.stopped();
            }
        }
        let Some(loss) = self.loss(None)? else {
            return self.stopped();
        };
        let spec = self.run.spec.clone();
        self.keep(&self.run.name, &spec, &loss, None)?;
        Ok(ControlFlow::Continue(()))
    }

    fn stopped(&mut self) -> Result<ControlFlow<()>, ExperimentError> {
        self.session.save()?;
        Ok(ControlFlow::Break(()))
    }

    fn batch(&self) -> f64 {
        self.run.spec.batch_tokens() as f64
    }

    fn tell(&mut self, readings: f64) -> ControlFlow<()> {
        self.done += readings;
        let whole = READINGS_A_STEP * self.run.tokens() as f64 + self.run.measured_tokens() as f64;
        (self.watch)((self.done / whole).min(1.0))
    }

    /// The loss on the way, if it is due after this step and not kept yet.
    fn measure(&mut self, step: u64) -> Result<ControlFlow<()>, ExperimentError> {
        if !self.run.measured_at.contains(&step) {
            return Ok(ControlFlow::Continue(()));
        }
        let known = self.around.store().checkpoints(&self.run.name)?;
        if known.iter().any(|known| known.step == step) {
            return Ok(ControlFlow::Continue(()));
        }
        let Some(loss) = self.loss(None)? else {
            return Ok(ControlFlow::Break(()));
        };
        let spec = &self.run.spec;
        let point = Checkpoint {
            step,
            tokens: Tokens::new((step * spec.batch_tokens() as u64) as f64)?,
            loss: Some(loss.loss),
            train_loss: None,
            lr: Some(f64::from(
                spec.learning_rate * spec.schedule.share(step.saturating_sub(1)),
            )),
        };
        self.around
            .store()
            .record_checkpoints(&self.run.name, &[point])?;
        Ok(ControlFlow::Continue(()))
    }

    /// The run that is annealed from here, if one is and it is not kept yet. The trunk is saved
    /// first: it does not go on before its branch is kept.
    fn branch(&mut self, step: u64) -> Result<ControlFlow<()>, ExperimentError> {
        for schedule in &self.run.branches {
            let name = records::branch_name(&self.run.name, schedule.steps);
            if schedule.annealing_begins() != step || self.is_kept(&name)? {
                continue;
            }
            self.session.save()?;
            let spec = TrainSpec {
                schedule: *schedule,
                ..self.run.spec.clone()
            };
            let mut branch = self.session.trainer().branch(spec.clone())?;
            while !branch.is_finished() {
                let step = branch.steps_done();
                branch.step(|i| self.windows.window(step, i))?;
                if self.tell(self.batch() * READINGS_A_STEP).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            let Some(loss) = self.loss(Some(&mut branch))? else {
                return Ok(ControlFlow::Break(()));
            };
            self.keep(&name, &spec, &loss, Some(&self.run.name))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn is_kept(&self, name: &str) -> Result<bool, ExperimentError> {
        let known = self.around.store().run(name)?;
        Ok(known.is_some_and(|run| run.status == Status::Finished))
    }

    /// The validation loss of a branch, or of the run itself; `None` if it was stopped.
    fn loss(
        &mut self,
        branch: Option<&mut Trainer>,
    ) -> Result<Option<ValidationLoss>, ExperimentError> {
        let windows: Vec<&[u16]> = self.validation.windows.iter().map(|w| w.tokens).collect();
        let mut losses = Vec::with_capacity(windows.len());
        let mut branch = branch;
        for some in windows.chunks(256) {
            losses.extend(match branch.as_deref_mut() {
                Some(branch) => branch.evaluate(some).map_err(SessionError::Train)?,
                None => self.session.evaluate(some)?,
            });
            let tokens = some.len() * self.run.spec.shape.context;
            if self.tell(tokens as f64).is_break() {
                return Ok(None);
            }
        }
        Ok(Some(self.validation.loss(&losses)?))
    }

    fn keep(
        &self,
        name: &str,
        spec: &TrainSpec,
        loss: &ValidationLoss,
        trunk: Option<&str>,
    ) -> Result<(), ExperimentError> {
        let planned = records::planned(self.run, name, spec, self.around.corpus, trunk)?;
        let run = Run {
            loss: Some(loss.loss),
            loss_std: Some(loss.standard_error).filter(|std| std.is_finite()),
            bits_per_byte: loss
                .bits_per_byte
                .filter(|_| self.around.corpus.facts.bytes_per_token.is_some()),
            status: Status::Finished,
            unique_tokens: Some(self.windows.unique_tokens(spec.schedule.steps)),
            ..planned
        };
        self.around.store().record(&run)?;
        Ok(())
    }

    fn diverged(&self, error: &TrainError) -> Result<(), ExperimentError> {
        let run = self.run;
        let run = Run {
            status: Status::Diverged,
            reason: Some(error.to_string()),
            ..records::planned(run, &run.name, &run.spec, self.around.corpus, None)?
        };
        self.around.store().record(&run)?;
        Ok(())
    }
}
