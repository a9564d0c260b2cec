//! The laws, one file each. A new law is a file, its `mod` line and its line in [`CATALOGUE`].

#[cfg(test)]
mod gradient_tests;
pub(crate) mod source;
#[cfg(test)]
pub(crate) mod testing;

mod bnsl;
mod capability;
mod chinchilla;
mod critical_batch;
mod data_constrained;
mod data_quality;
mod envelope;
mod exponential_error;
mod farseer;
mod fine_grained;
mod isoflop;
mod kaplan_c;
mod kaplan_c_min;
mod kaplan_d;
mod kaplan_n;
mod kaplan_nd;
mod kaplan_ns;
mod kaplan_optimum;
mod llama_3;
mod m1;
mod m2;
mod m3;
mod m4;
mod over_training;
mod power_c;
mod routed;
mod sparse;
mod tokens_per_param;
mod two_step;

pub use bnsl::{Bnsl, Break};
pub use capability::Capability;
pub use chinchilla::Chinchilla;
pub use critical_batch::CriticalBatch;
pub use data_constrained::DataConstrained;
pub use data_quality::DataQuality;
pub use envelope::Envelope;
pub use exponential_error::ExponentialError;
pub use farseer::Farseer;
pub use fine_grained::FineGrained;
pub use isoflop::{Isoflop, Parabola};
pub use kaplan_c::KaplanC;
pub use kaplan_c_min::KaplanCMin;
pub use kaplan_d::KaplanD;
pub use kaplan_n::KaplanN;
pub use kaplan_nd::KaplanNd;
pub use kaplan_ns::KaplanNs;
pub use kaplan_optimum::KaplanOptimum;
pub use llama_3::Llama3;
pub use m1::M1;
pub use m2::M2;
pub use m3::M3;
pub use m4::M4;
pub use over_training::OverTraining;
pub use power_c::PowerC;
pub use routed::Routed;
pub use sparse::Sparse;
pub use tokens_per_param::TokensPerParam;
pub use two_step::TwoStep;

use crate::LawCard;

/// Every law, in the order in which `isoflop laws` lists them.
pub(crate) static CATALOGUE: &[&LawCard] = &[
    &chinchilla::CARD,
    &isoflop::CARD,
    &envelope::CARD,
    &tokens_per_param::CARD,
    &over_training::CARD,
    &llama_3::CARD,
    &farseer::CARD,
    &data_constrained::CARD,
    &data_quality::CARD,
    &kaplan_n::CARD,
    &kaplan_d::CARD,
    &kaplan_c::CARD,
    &kaplan_c_min::CARD,
    &kaplan_nd::CARD,
    &kaplan_ns::CARD,
    &kaplan_optimum::CARD,
    &critical_batch::CARD,
    &power_c::CARD,
    &bnsl::CARD,
    &m1::CARD,
    &m2::CARD,
    &m3::CARD,
    &m4::CARD,
    &routed::CARD,
    &fine_grained::CARD,
    &sparse::CARD,
    &capability::CARD,
    &two_step::CARD,
    &exponential_error::CARD,
];
