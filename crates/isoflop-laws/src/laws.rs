//! The laws, one file each. A new law is a file, its `mod` and `use` lines and its
//! line in [`FAMILIES`].

#[cfg(test)]
mod gradient_tests;
pub(crate) mod source;
#[cfg(test)]
pub(crate) mod testing;

mod annealing;
mod bnsl;
mod capability;
mod chinchilla;
mod critical_batch;
mod data_constrained;
mod data_quality;
mod deepseek_hyperparameters;
mod deepseek_optimum;
mod envelope;
mod expert_sparsity;
mod exponential_error;
mod farseer;
mod fine_grained;
mod isoflop;
mod joint_experts;
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
mod mixture;
mod multi_power;
mod over_training;
mod power_c;
mod precision;
mod quantization;
mod repetition_penalty;
mod routed;
mod served;
mod sparse;
mod step_law;
mod tokens_per_param;
mod two_step;
mod vocabulary;

pub use annealing::Annealing;
pub use bnsl::{Bnsl, Break};
pub use capability::Capability;
pub use chinchilla::Chinchilla;
pub use critical_batch::CriticalBatch;
pub use data_constrained::DataConstrained;
pub use data_quality::DataQuality;
pub use deepseek_hyperparameters::DeepseekHyperparameters;
pub use deepseek_optimum::DeepseekOptimum;
pub use envelope::Envelope;
pub use expert_sparsity::ExpertSparsity;
pub use exponential_error::ExponentialError;
pub use farseer::Farseer;
pub use fine_grained::FineGrained;
pub use isoflop::{Isoflop, Parabola};
pub use joint_experts::JointExperts;
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
pub use mixture::{Mixture, MixtureGradient};
pub use multi_power::MultiPower;
pub use over_training::OverTraining;
pub use power_c::PowerC;
pub use precision::{Bits, Precision};
pub use quantization::{Quantization, QuantizationLoss};
pub use repetition_penalty::RepetitionPenalty;
pub use routed::Routed;
pub use served::{Lifetime, Served};
pub use sparse::Sparse;
pub use step_law::StepLaw;
pub use tokens_per_param::TokensPerParam;
pub use two_step::TwoStep;
pub use vocabulary::Vocabulary;

use crate::catalogue::Family;

/// Every law by family, in the order in which `isoflop laws` lists them.
pub(crate) static FAMILIES: &[Family] = &[
    Family {
        title: "Loss of size and data",
        laws: &[
            &chinchilla::CARD,
            &kaplan_nd::CARD,
            &over_training::CARD,
            &farseer::CARD,
        ],
    },
    Family {
        title: "Best size and data for a budget",
        laws: &[
            &isoflop::CARD,
            &envelope::CARD,
            &tokens_per_param::CARD,
            &kaplan_optimum::CARD,
            &llama_3::CARD,
            &deepseek_optimum::CARD,
            &served::CARD,
        ],
    },
    Family {
        title: "Loss of one quantity",
        laws: &[
            &power_c::CARD,
            &kaplan_n::CARD,
            &kaplan_d::CARD,
            &kaplan_c::CARD,
            &kaplan_c_min::CARD,
            &bnsl::CARD,
            &m1::CARD,
            &m2::CARD,
            &m3::CARD,
            &m4::CARD,
        ],
    },
    Family {
        title: "Loss of steps and learning rates",
        laws: &[&kaplan_ns::CARD, &annealing::CARD, &multi_power::CARD],
    },
    Family {
        title: "Data and vocabulary",
        laws: &[
            &data_constrained::CARD,
            &repetition_penalty::CARD,
            &data_quality::CARD,
            &mixture::CARD,
            &vocabulary::CARD,
        ],
    },
    Family {
        title: "Experts, sparsity and precision",
        laws: &[
            &joint_experts::CARD,
            &fine_grained::CARD,
            &routed::CARD,
            &expert_sparsity::CARD,
            &sparse::CARD,
            &precision::CARD,
            &quantization::CARD,
        ],
    },
    Family {
        title: "Batch and learning rate",
        laws: &[
            &critical_batch::CARD,
            &deepseek_hyperparameters::CARD,
            &step_law::CARD,
        ],
    },
    Family {
        title: "Capability",
        laws: &[&capability::CARD, &two_step::CARD, &exponential_error::CARD],
    },
];
