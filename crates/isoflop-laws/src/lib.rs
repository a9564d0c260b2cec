//! Scaling laws as types: quantities with units, counting conventions, published constants.
//!
//! Invariant: this crate does no input or output, reads no clock and draws no random numbers.

mod convention;
mod quantity;

pub use convention::{FlopCount, ParamCount};
pub use quantity::{Flops, Loss, Params, QuantityError, Tokens};
