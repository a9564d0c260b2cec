//! A fast, repeatable decoder-only transformer trainer for ladders of small runs.
//!
//! The default training step is our own forward and backward pass over the matrix products of `faer`'s kernels:
//! for models this small a framework spends most of its time between the products.
//!
//! Invariant: the same specification and data give the same bits on any number of threads.

#![warn(clippy::unwrap_used)]

mod architecture;
mod backend;
mod branch;
mod checkpoint;
mod device;
mod engine;
pub mod kernels;
mod ladder;
mod layout;
mod recipe;
mod run;
mod schedule;
mod session;
mod shape;
mod speed;
mod trainer;
mod transformer;

pub use architecture::{Architecture, Embeddings, Experts, FeedForward};
pub use checkpoint::CheckpointError;
pub use device::{Device, DeviceError};
pub use ladder::{Budget, Ladder, LadderError, PlannedRun, Speed, plan};
pub use layout::{Layout, Role, Tensor};
pub use recipe::Recipe;
pub use run::{
    Progress, RunError, RunPlaces, RunResult, RunSettings, RunSpec, SpecError, Wish, train_spec,
};
pub use schedule::{Decay, Schedule};
pub use session::{CHECKPOINT_EVERY, Session, SessionError};
pub use shape::{ModelShape, ShapeError};
pub use speed::{check_device, measure_speed, measure_speed_on};
pub use trainer::{BASE_WIDTH, Optimizer, TrainError, TrainSpec, Trainer};
pub use transformer::{OUTPUT_SCALE, Transformer};
