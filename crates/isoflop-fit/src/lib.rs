//! Estimation of scaling laws: global fits, selection between laws, uncertainty that holds.
//!
//! Invariant: this crate never touches a file, a clock or a random source that it was not given.

mod dataset;

pub use dataset::{Dataset, Observation};
