//! Why an experiment can't go on, each in one sentence that says what to do.

use crate::Name;
use isoflop_corpus::CorpusError;
use isoflop_fit::FitError;
use isoflop_laws::QuantityError;
use isoflop_quickstart::QuickstartError;
use isoflop_report::FigureError;
use isoflop_runs::StoreError;
use isoflop_train::{SessionError, TrainError};
use std::path::PathBuf;

/// Why an experiment can't begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// What it shares with a quickstart: corpus, folder, training, store, figures.
    #[error(transparent)]
    Job(QuickstartError),
    /// Minutes that are no time.
    #[error("`--minutes` is {0}: give a number of minutes above 0 and up to 10080, such as 4")]
    Minutes(f64),
    /// The shortest runs take longer than there is time.
    #[error(
        "{minutes} minutes are too few for `{name}`: this machine needs about {needed:.1}, so give `--minutes {advice}`"
    )]
    TooFewMinutes {
        /// The experiment.
        name: Name,
        /// Minutes asked for.
        minutes: f64,
        /// Minutes needed.
        needed: f64,
        /// What to give.
        advice: u64,
    },
    /// The folder holds runs with other options.
    #[error(
        "`{}` holds runs of `{there}`, not `{asked}`: give the same options to go on with them, or another folder with `--out DIR`",
        path.display()
    )]
    OtherOptions {
        /// The folder.
        path: PathBuf,
        /// Options there.
        there: String,
        /// Options given.
        asked: String,
    },
    /// Too few runs came to an end, or they do not determine the law.
    #[error("the runs do not decide anything: {0}")]
    Insufficient(String),
}

impl ExperimentError {
    /// Whether it ended for want of data, not because of wrong use.
    #[must_use]
    pub fn is_insufficient(&self) -> bool {
        match self {
            ExperimentError::Insufficient(_) => true,
            ExperimentError::Job(error) => error.is_insufficient(),
            _ => false,
        }
    }

    pub(crate) fn unreadable(path: PathBuf, reason: impl ToString) -> Self {
        ExperimentError::Job(QuickstartError::Unreadable {
            path,
            reason: reason.to_string(),
        })
    }

    pub(crate) fn unwritable(path: PathBuf, source: std::io::Error) -> Self {
        ExperimentError::Job(QuickstartError::Unwritable { path, source })
    }
}

impl From<FitError> for ExperimentError {
    fn from(error: FitError) -> Self {
        ExperimentError::Insufficient(error.to_string())
    }
}

macro_rules! through_quickstart {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for ExperimentError {
            fn from(error: $error) -> Self {
                ExperimentError::Job(error.into())
            }
        })+
    };
}

impl From<QuickstartError> for ExperimentError {
    fn from(error: QuickstartError) -> Self {
        ExperimentError::Job(error)
    }
}

through_quickstart!(
    CorpusError,
    FigureError,
    QuantityError,
    SessionError,
    StoreError,
    TrainError
);
