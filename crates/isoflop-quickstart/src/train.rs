//! Steps 4 and 6: one run, from its beginning or its checkpoint to its validation loss.

use crate::corpus::{LoadedCorpus, validation_windows};
use crate::error::QuickstartError;
use crate::record::run_record;
use isoflop_corpus::{ValidationLoss, ValidationSet};
use isoflop_laws::{Loss, Tokens};
use isoflop_runs::{Checkpoint, Run, Status};
use isoflop_train::{Device, Session, TrainError, TrainSpec};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// Windows that are evaluated between two looks at whether to stop.
const WINDOWS_AT_A_TIME: usize = 256;

/// What evaluation of a token costs of its training: the forward pass of forward and backward.
const EVALUATION_COST: f64 = 1.0 / 3.0;

/// Points kept of a learning curve.
const CURVE_POINTS: u64 = 64;

/// A run to train.
#[derive(Debug)]
pub struct TrainRequest<'a> {
    /// Its name in the store.
    pub name: &'a str,
    /// What is trained.
    pub spec: &'a TrainSpec,
    /// On what.
    pub corpus: &'a LoadedCorpus,
    /// Where.
    pub device: Device,
    /// The file that keeps its state.
    pub checkpoint: &'a Path,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunProgress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the last batch, nats per token.
    pub loss: f64,
    /// Share of the whole run, validation included.
    pub share: f64,
}

/// How a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// It has a result, or diverged: the record and the learning curve for the store.
    Ended(Box<Run>, Vec<Checkpoint>),
    /// It was stopped; the checkpoint has its state.
    Stopped,
}

/// Trains a run to its end and measures its loss; `watch` is told after each step and says
/// whether to go on.
///
/// # Errors
/// [`QuickstartError`] for a corpus that does not suit, or a checkpoint that can't be used.
pub fn train_run(
    request: &TrainRequest<'_>,
    watch: &mut dyn FnMut(RunProgress) -> ControlFlow<()>,
) -> Result<RunEnd, QuickstartError> {
    let TrainRequest { spec, corpus, .. } = request;
    let began = Instant::now();
    let context = spec.shape.context;
    let windows = corpus
        .tokens
        .training_windows(context, spec.batch, spec.seed)?;
    let validation = corpus
        .tokens
        .validation_set(context, validation_windows(context))?;
    let mut session = Session::open_on(
        request.device,
        (*spec).clone(),
        request.checkpoint.to_owned(),
        request.checkpoint_every,
    )?;
    let resumed = session.trainer().steps_done() > 0;
    let mut share = Share::new(spec, &validation);
    while !session.trainer().is_finished() {
        let step = session.trainer().steps_done();
        match session.step(|i| windows.window(step, i)) {
            Err(isoflop_train::SessionError::Train(error @ TrainError::Diverged { .. })) => {
                let run = diverged(request, &error)?;
                return Ok(RunEnd::Ended(
                    Box::new(run),
                    curve(spec, session.trainer().losses())?,
                ));
            }
            Err(error) => return Err(error.into()),
            Ok(loss) => {
                if watch(share.after_step(step + 1, loss)).is_break() {
                    session.save()?;
                    return Ok(RunEnd::Stopped);
                }
            }
        }
    }
    let Some(loss) = evaluate(&mut session, &validation, &mut share, watch)? else {
        session.save()?;
        return Ok(RunEnd::Stopped);
    };
    session.save()?;
    let run = Run {
        loss: Some(loss.loss),
        loss_std: loss
            .standard_error
            .is_finite()
            .then_some(loss.standard_error),
        bits_per_byte: loss
            .bits_per_byte
            .filter(|_| corpus.facts.bytes_per_token.is_some()),
        status: Status::Finished,
        unique_tokens: Some(windows.unique_tokens(spec.schedule.steps)),
        // The time of a run that was interrupted is not known.
        wall_secs: (!resumed).then(|| began.elapsed().as_secs_f64()),
        ..planned(request.name, spec, corpus)?
    };
    let curve = curve(spec, session.trainer().losses())?;
    Ok(RunEnd::Ended(Box::new(run), curve))
}

/// The loss over the validation set; `None` if it was stopped.
fn evaluate(
    session: &mut Session,
    validation: &ValidationSet<'_>,
    share: &mut Share,
    watch: &mut dyn FnMut(RunProgress) -> ControlFlow<()>,
) -> Result<Option<ValidationLoss>, QuickstartError> {
    let windows: Vec<&[u16]> = validation.windows.iter().map(|w| w.tokens).collect();
    let mut losses = Vec::with_capacity(windows.len());
    for some in windows.chunks(WINDOWS_AT_A_TIME) {
        losses.extend(session.evaluate(some)?);
        if watch(share.after_windows(losses.len())).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(validation.loss(&losses)?))
}

/// The record of a run before it starts.
pub(crate) fn planned(
    name: &str,
    spec: &TrainSpec,
    corpus: &LoadedCorpus,
) -> Result<Run, QuickstartError> {
    Ok(Run {
        dataset: Some(corpus.facts.description.clone()),
        corpus_fingerprint: Some(corpus.facts.fingerprint.to_string()),
        ..run_record(name, spec, "isoflop quickstart")?
    })
}

fn diverged(request: &TrainRequest<'_>, error: &TrainError) -> Result<Run, QuickstartError> {
    Ok(Run {
        status: Status::Diverged,
        reason: Some(error.to_string()),
        ..planned(request.name, request.spec, request.corpus)?
    })
}

/// Some points of the training loss, evenly spaced, the last step among them.
fn curve(spec: &TrainSpec, losses: &[f32]) -> Result<Vec<Checkpoint>, QuickstartError> {
    let every = (spec.schedule.steps / CURVE_POINTS).max(1);
    let last = losses.len() as u64;
    let chosen = (1..=last).filter(|step| step % every == 0 || *step == last);
    let point = |step: u64| {
        let share = spec.schedule.share(step - 1);
        Ok(Checkpoint {
            step,
            tokens: Tokens::new((step * spec.batch_tokens() as u64) as f64)?,
            loss: None,
            train_loss: Loss::new(f64::from(losses[step as usize - 1])).ok(),
            lr: Some(f64::from(spec.learning_rate * share)),
        })
    };
    chosen.map(point).collect()
}

/// Share of a run that is done.
struct Share {
    progress: RunProgress,
    whole: f64,
    batch_tokens: f64,
    context: f64,
}

impl Share {
    fn new(spec: &TrainSpec, validation: &ValidationSet<'_>) -> Self {
        Self {
            progress: RunProgress {
                step: 0,
                steps: spec.schedule.steps,
                loss: f64::NAN,
                share: 0.0,
            },
            whole: spec.tokens() as f64 + EVALUATION_COST * validation.tokens() as f64,
            batch_tokens: spec.batch_tokens() as f64,
            context: spec.shape.context as f64,
        }
    }

    fn after_step(&mut self, step: u64, loss: f64) -> RunProgress {
        self.progress.step = step;
        self.progress.loss = loss;
        self.progress.share = step as f64 * self.batch_tokens / self.whole;
        self.progress
    }

    fn after_windows(&mut self, windows: usize) -> RunProgress {
        let trained = self.progress.steps as f64 * self.batch_tokens;
        let evaluated = windows as f64 * self.context * EVALUATION_COST;
        self.progress.step = self.progress.steps;
        self.progress.share = (trained + evaluated) / self.whole;
        self.progress
    }
}
