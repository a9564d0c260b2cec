//! The laws, one file each. A new law is a file, its `mod` line and its line in [`CATALOGUE`].

#[cfg(test)]
mod gradient_tests;
pub(crate) mod source;
#[cfg(test)]
pub(crate) mod testing;

mod capability;
mod chinchilla;
mod critical_batch;
mod envelope;
mod isoflop;
mod kaplan_c;
mod kaplan_c_min;
mod kaplan_d;
mod kaplan_n;
mod kaplan_nd;
mod kaplan_ns;
mod kaplan_optimum;
mod llama_3;
mod power_c;
mod tokens_per_param;

pub use capability::Capability;
pub use chinchilla::Chinchilla;
pub use critical_batch::CriticalBatch;
pub use envelope::Envelope;
pub use isoflop::{Isoflop, Parabola};
pub use kaplan_c::KaplanC;
pub use kaplan_c_min::KaplanCMin;
pub use kaplan_d::KaplanD;
pub use kaplan_n::KaplanN;
pub use kaplan_nd::KaplanNd;
pub use kaplan_ns::KaplanNs;
pub use kaplan_optimum::KaplanOptimum;
pub use llama_3::Llama3;
pub use power_c::PowerC;
pub use tokens_per_param::TokensPerParam;

use crate::LawCard;

/// Every law, in the order in which `isoflop laws` lists them.
pub(crate) static CATALOGUE: &[&LawCard] = &[
    &chinchilla::CARD,
    &isoflop::CARD,
    &envelope::CARD,
    &tokens_per_param::CARD,
    &kaplan_n::CARD,
    &kaplan_d::CARD,
    &kaplan_c::CARD,
    &kaplan_c_min::CARD,
    &kaplan_nd::CARD,
    &kaplan_ns::CARD,
    &kaplan_optimum::CARD,
    &critical_batch::CARD,
    &power_c::CARD,
    &capability::CARD,
    &llama_3::CARD,
];
