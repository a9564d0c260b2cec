//! The main job, end to end: from a corpus and a number of minutes to a forecast of a model's
//! loss that is sealed before the model is trained, the trained model, and a report of both.
//!
//! [`quickstart`] takes the steps of [`Step`] in order, one module each, and tells what happens as
//! [`Event`]s. All that it makes lies in one folder ([`JobFolder`]); starting it again there goes
//! on where it ended, however it ended.
//!
//! Invariant: nothing here writes to a terminal, and no estimate is made here: laws are fitted by
//! `isoflop-fit`, figures drawn by `isoflop-report`.

mod corpus;
mod error;
mod event;
mod figures;
mod folder;
mod forecast;
mod job;
mod options;
mod outcome;
mod plan;
mod progress;
mod record;
mod report;
mod train;

pub use corpus::{CorpusFacts, LoadedCorpus};
pub use error::QuickstartError;
pub use event::{Event, Observer, Step};
pub use folder::JobFolder;
pub use job::{Ending, prepare, quickstart};
pub use options::{CorpusChoice, OptionError, Options};
pub use outcome::{Comparison, FloorCheck, OtherLaw, Outcome};
pub use plan::Plan;
pub use progress::Progress;
pub use record::run_record;
pub use train::{RunEnd, RunProgress, TrainRequest, train_run};
