//! Scaling laws as types: quantities with units, counting conventions, published constants.
//!
//! Invariant: this crate does no input or output, reads no clock and draws no random numbers.

mod card;
mod catalogue;
mod convention;
mod dual;
mod formula;
mod law;
pub mod laws;
mod quantity;

pub use card::{
    Build, Citation, Constant, Counts, FittedOn, LawCard, Parameter, Provenance, PublishedFit,
    Range, Uncertainty,
};
pub use catalogue::{Entry, Explanation, UnknownLaw, catalogue, explain, find, published_fits};
pub use convention::{FlopCount, ParamCount};
pub use dual::{Dual, Real};
pub use law::{
    Allocation, BestAllocation, CurveInput, Law, LawError, LossCurve, LossGradient, LossSurface,
};
pub use quantity::{Flops, Loss, Params, QuantityError, Steps, Tokens};
