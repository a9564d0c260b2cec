//! How fast each tensor learns.

use super::{Optimizer, TrainSpec};
use crate::kernels::adamw::Update;
use crate::layout::{Role, Tensor};

/// The width at which [`TrainSpec::learning_rate`] is stated.
pub const BASE_WIDTH: f32 = 64.0;

/// muP for Adam (Yang et al. 2022, table 3): the rate of hidden matrices falls as 1 / width, that of
/// embeddings and gains does not; only hidden matrices and routers decay. Muon's rate does not depend on the width.
pub(super) fn for_tensor(base: Update, tensor: &Tensor, spec: &TrainSpec) -> Update {
    match (tensor.role, spec.optimizer) {
        (Role::Hidden | Role::Residual, Optimizer::Muon { rate, momentum }) => Update {
            learning_rate: base.learning_rate * rate,
            // The decay per step, rate · decay, is that of AdamW.
            weight_decay: base.weight_decay / rate,
            muon: Some(momentum),
            ..base
        },
        (Role::Hidden | Role::Residual, Optimizer::AdamW) | (Role::Router, _) => {
            // The decay per step is rate · decay: undo the width's part so that it does not fade.
            let ratio = BASE_WIDTH / spec.shape.width as f32;
            Update {
                learning_rate: base.learning_rate * ratio,
                weight_decay: base.weight_decay / ratio,
                ..base
            }
        }
        (Role::Embedding | Role::Output, _) => Update {
            learning_rate: base.learning_rate * spec.embedding_rate,
            weight_decay: 0.0,
            ..base
        },
        (Role::Gain, _) => Update {
            weight_decay: 0.0,
            ..base
        },
    }
}
