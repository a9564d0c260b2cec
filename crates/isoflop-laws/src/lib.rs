//! Scaling laws as types: quantities with units, counting conventions, published constants.
//!
//! Invariant: this crate does no input or output, reads no clock and draws no random numbers.

#![warn(clippy::unwrap_used)]

mod card;
mod catalogue;
mod convention;
mod conversion;
mod dual;
mod formula;
mod law;
pub mod laws;
mod quantity;
mod rates;

pub use card::{
    Build, Citation, Constant, Counts, FittedOn, LawCard, Parameter, Provenance, PublishedFit,
    Range, Uncertainty,
};
pub use catalogue::{
    Entry, Explanation, Family, UnknownLaw, catalogue, explain, families, find, published_fits,
};
pub use convention::{ConventionError, FlopCount, ParamCount};
pub use conversion::{Embeddings, FlopsPerToken, PearceSong};
pub use dual::{Dual, Real};
pub use law::{
    Allocation, BestAllocation, CurveInput, Law, LawError, LossCurve, LossGradient, LossSurface,
};
pub use quantity::{Flops, LearningRate, Loss, Params, Quality, QuantityError, Steps, Tokens};
pub use rates::{LearningRates, RatesError};
