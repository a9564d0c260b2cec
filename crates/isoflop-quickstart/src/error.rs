//! Why a quickstart can't go on, each in one sentence that says what to do.

use crate::options::OptionError;
use isoflop_corpus::CorpusError;
use isoflop_fit::{FitError, ForecastError};
use isoflop_laws::{LawError, QuantityError};
use isoflop_plan::SealError;
use isoflop_report::{FigureError, ReportError};
use isoflop_runs::StoreError;
use isoflop_train::{CheckpointError, LadderError, SessionError, TrainError};
use std::io;
use std::path::PathBuf;

/// Why a quickstart can't begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum QuickstartError {
    /// An option that can't be used.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The folder can't be made or written to.
    #[error("can't write to the folder `{}`: {source}; give another one with `--out DIR`", path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of an earlier start can't be read.
    #[error("can't read `{}`: {reason}; give another folder with `--out DIR`, or delete this one to start anew", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process works in the folder.
    #[error("another isoflop works in `{}`: wait for it, or give another folder with `--out DIR`", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a job with other options.
    #[error(
        "`{}` holds a quickstart with `{there}`, not `{asked}`: give the same options to go on with it, or another folder with `--out DIR`",
        path.display()
    )]
    OtherJob {
        /// The folder.
        path: PathBuf,
        /// Options of the job there.
        there: String,
        /// Options given.
        asked: String,
    },
    /// The corpus can't be used.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// No ladder fits the time.
    #[error(transparent)]
    Ladder(LadderError),
    /// A ladder would need more minutes.
    #[error(
        "{minutes} minutes are too few for a leap of {ratio}×: this machine needs about {needed:.1}, so give `--minutes {advice}`"
    )]
    TooFewMinutes {
        /// Minutes asked for.
        minutes: f64,
        /// The leap.
        ratio: f64,
        /// Minutes needed.
        needed: f64,
        /// What to give.
        advice: u64,
    },
    /// The target run has begun and there is no forecast.
    #[error(
        "the target run has begun and `{}` is missing: a forecast made now would not be one; delete the folder to start anew",
        path.display()
    )]
    ForecastTooLate {
        /// Where the forecast should be.
        path: PathBuf,
    },
    /// The sealed forecast is not as it was written.
    #[error("`{}`: {source}", path.display())]
    Seal {
        /// The forecast.
        path: PathBuf,
        /// What is wrong.
        source: SealError,
    },
    /// Too few runs came to an end to forecast from.
    #[error("no forecast can be made from the small runs: {0}")]
    Fit(#[from] FitError),
    /// The fit does not answer about the target.
    #[error("no forecast can be made for the target: {0}")]
    Forecast(#[from] ForecastError),
    /// The target run diverged.
    #[error("the target run ended without a loss: {0}")]
    TargetLost(String),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A checkpoint failed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A figure failed.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// The report failed.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A law gives no value where one is needed.
    #[error(transparent)]
    Law(#[from] LawError),
    /// A number is no quantity.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
}

impl QuickstartError {
    /// Whether the job ended for want of data, not because of wrong use.
    #[must_use]
    pub fn is_insufficient(&self) -> bool {
        use QuickstartError as E;
        matches!(self, E::Fit(_) | E::Forecast(_) | E::TargetLost(_))
    }
}

impl From<SessionError> for QuickstartError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Train(error) => error.into(),
            SessionError::Checkpoint(error) => error.into(),
        }
    }
}
