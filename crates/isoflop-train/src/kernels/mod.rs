//! The operations of the training step, each with its backward pass.
//!
//! Matrices are row-major slices, one row per token. Every function is single-threaded and gives
//! the same bits for the same input: parallelism lives one level up, over sequences.
//!
//! The loops are written over lanes of sixteen so that the compiler can vectorise sums without
//! reordering them freely, and are compiled for AVX-512, AVX2 and the baseline, chosen at run
//! time.

pub mod adamw;
pub mod attention;
pub mod cross_entropy;
pub mod gelu;
mod lanes;
pub mod matmul;
pub mod muon;
pub mod rmsnorm;
pub mod rotary;
pub mod routing;
pub mod swiglu;

#[cfg(test)]
pub(crate) mod finite_differences;
