//! The laws, one file each. A new law is a file, its `mod` line and its line in [`CATALOGUE`].

#[cfg(test)]
mod gradient_tests;
pub(crate) mod source;
#[cfg(test)]
pub(crate) mod testing;

mod chinchilla;
mod kaplan_c;
mod kaplan_c_min;
mod kaplan_d;
mod kaplan_n;
mod kaplan_nd;
mod power_c;

pub use chinchilla::Chinchilla;
pub use kaplan_c::KaplanC;
pub use kaplan_c_min::KaplanCMin;
pub use kaplan_d::KaplanD;
pub use kaplan_n::KaplanN;
pub use kaplan_nd::KaplanNd;
pub use power_c::PowerC;

use crate::LawCard;

/// Every law, in the order in which `isoflop laws` lists them.
pub(crate) static CATALOGUE: &[&LawCard] = &[
    &chinchilla::CARD,
    &kaplan_n::CARD,
    &kaplan_d::CARD,
    &kaplan_c::CARD,
    &kaplan_c_min::CARD,
    &kaplan_nd::CARD,
    &power_c::CARD,
];
