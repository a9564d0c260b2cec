//! The experiments of the founding papers, each with a verdict: does the paper's claim hold on the
//! user's own text, machine and minutes?
//!
//! [`experiment`] gathers the corpus, plans the largest set of runs that fits the minutes, trains
//! them on separate cores, keeps what was measured and judges the claim. The way of the data:
//!
//! - [`Name`] which experiments there are, each a file in `experiments/` with its runs and its judge
//! - `design` planned runs; `plan` the largest set of them for the time
//! - `text` what a run reads: the text, a corrupted copy, or a part of it again and again
//! - `training` one run with what is measured on its way; `engine` many of them at once
//! - `records` what was measured, as rows that laws are fitted to
//! - `judgement` a verdict with its numbers; `job` all of it in order
//!
//! Invariant: a judge sees records only, never the run that made them, so that it can be shown
//! records of a law whose truth is known. Nothing here writes to a terminal.

#![warn(clippy::unwrap_used)]

mod design;
mod engine;
mod error;
mod experiments;
mod job;
mod judgement;
mod name;
mod options;
mod plan;
mod records;
mod text;
mod training;

pub use engine::Progress;
pub use error::ExperimentError;
pub use job::{Ending, Event, Observer, experiment};
pub use judgement::{Finding, Outcome, Verdict};
pub use name::{Claim, Name, UnknownName};
pub use options::Options;
