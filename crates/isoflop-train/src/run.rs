//! One run from a specification file to a result file: what `isoflop train` does, and a worker of
//! a sweep.
//!
//! A process that is killed at any instant leaves a checkpoint; started again it ends with the same
//! weights, loss log, curve and result, bit for bit.

mod corpus;
mod report;
mod settings;
mod shape_rule;
mod spec;

use crate::checkpoint::CheckpointError;
use crate::session::{Session, SessionError};
use crate::trainer::{TrainError, TrainSpec};
use isoflop_corpus::{CorpusError, TokenCorpus, ValidationLoss, ValidationSet};
use isoflop_laws::QuantityError;
use report::Curve;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use report::{Ending, RunResult};
pub use settings::RunSettings;
pub use spec::{RunSpec, SpecError};

/// Windows that are evaluated between two looks at whether to stop.
const WINDOWS_AT_A_TIME: usize = 256;

/// Where a run keeps what it makes.
#[derive(Debug, Clone)]
pub struct RunPlaces {
    /// The result, written once the run has ended.
    pub result: PathBuf,
    /// The learning curve, a JSON object a line.
    pub curve: PathBuf,
    /// The folder of the checkpoint.
    pub checkpoint: PathBuf,
}

impl RunPlaces {
    /// Beside the specification: `spec.result.json`, `spec.curve.jsonl`, `spec.checkpoint/`.
    #[must_use]
    pub fn beside(spec: &Path) -> Self {
        Self {
            result: spec.with_extension("result.json"),
            curve: spec.with_extension("curve.jsonl"),
            checkpoint: spec.with_extension("checkpoint"),
        }
    }

    /// The checkpoint itself.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.checkpoint.join("run.safetensors")
    }
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The specification is unusable.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The corpus is unusable.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The run can't be begun or continued.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A size left the range of numbers.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// A file can't be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<CheckpointError> for RunError {
    fn from(error: CheckpointError) -> Self {
        SessionError::from(error).into()
    }
}

/// What whoever watches a run wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// Save the state now, and go on.
    Save,
    /// Save the state and leave.
    Leave,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the last batch, nats per token.
    pub loss: f64,
}

/// Trains what `spec` says, from the beginning or from the checkpoint, and writes the result.
/// `None` if it was told to leave: the checkpoint has its state.
///
/// # Errors
/// [`RunError`], each with what to do.
pub fn train_spec(
    spec: &RunSpec,
    places: &RunPlaces,
    watch: &mut dyn FnMut(Progress) -> Wish,
) -> Result<Option<RunResult>, RunError> {
    crate::speed::check_device(spec.settings.device).map_err(SessionError::Train)?;
    let (corpus, description) = corpus::load(spec)?;
    let train = spec.train_spec(corpus.vocab_size)?;
    std::fs::create_dir_all(&places.checkpoint).map_err(|source| RunError::Write {
        path: places.checkpoint.clone(),
        source,
    })?;
    let every = Duration::from_secs_f64(spec.settings.checkpoint_secs);
    let session = Session::open_on(spec.settings.device, train.clone(), places.state(), every)?;
    let curve = Curve::begin(&places.curve, &train, session.trainer().losses())?;
    let mut run = Run {
        session,
        curve,
        corpus: &corpus,
        watch,
    };
    let Some(ending) = run.finish(spec.settings.validation_windows(train.shape.context))? else {
        return Ok(None);
    };
    let steps = run.session.trainer().steps_done();
    let result = RunResult::new(spec, &train, steps, ending, &corpus, description)?;
    report::write(&places.result, &result)?;
    Ok(Some(result))
}

struct Run<'a> {
    session: Session,
    curve: Curve,
    corpus: &'a TokenCorpus,
    watch: &'a mut dyn FnMut(Progress) -> Wish,
}

impl Run<'_> {
    fn finish(&mut self, validation_windows: usize) -> Result<Option<Ending>, RunError> {
        let spec: TrainSpec = self.session.trainer().spec().clone();
        let context = spec.shape.context;
        let windows = self
            .corpus
            .training_windows(context, spec.batch, spec.seed)?;
        let validation = self.corpus.validation_set(context, validation_windows)?;
        while !self.session.trainer().is_finished() {
            let step = self.session.trainer().steps_done();
            match self.session.step(|i| windows.window(step, i)) {
                Err(SessionError::Train(error @ TrainError::Diverged { .. })) => {
                    return Ok(Some(Ending::Diverged(error)));
                }
                Err(error) => return Err(error.into()),
                Ok(loss) => {
                    self.curve.add(step + 1, loss as f32)?;
                    if self.ask(step + 1, loss)?.is_break() {
                        return Ok(None);
                    }
                }
            }
        }
        self.session.save()?;
        self.measure(&validation)
    }

    fn measure(&mut self, validation: &ValidationSet<'_>) -> Result<Option<Ending>, RunError> {
        let step = self.session.trainer().steps_done();
        let last = self.session.trainer().losses().last();
        let last = last.map_or(f64::NAN, |loss| f64::from(*loss));
        let windows: Vec<&[u16]> = validation.windows.iter().map(|w| w.tokens).collect();
        let mut losses = Vec::with_capacity(windows.len());
        for some in windows.chunks(WINDOWS_AT_A_TIME) {
            losses.extend(self.session.evaluate(some)?);
            if self.ask(step, last)?.is_break() {
                return Ok(None);
            }
        }
        if let Some(value) = losses.iter().find(|loss| !loss.is_finite()) {
            return Ok(Some(Ending::Diverged(TrainError::Diverged {
                step,
                what: "validation loss",
                value: *value,
            })));
        }
        let loss: ValidationLoss = validation.loss(&losses)?;
        Ok(Some(Ending::Finished(loss)))
    }

    /// Does what whoever watches wishes.
    fn ask(&mut self, step: u64, loss: f64) -> Result<ControlFlow<()>, RunError> {
        let steps = self.session.trainer().spec().schedule.steps;
        let wish = (self.watch)(Progress { step, steps, loss });
        if wish != Wish::GoOn {
            self.session.save()?;
        }
        Ok(match wish {
            Wish::Leave => ControlFlow::Break(()),
            Wish::GoOn | Wish::Save => ControlFlow::Continue(()),
        })
    }
}
