//! How fast each tensor learns.

use super::TrainSpec;
use crate::kernels::adamw::Update;
use crate::shape::{Role, Tensor};

/// The width at which [`TrainSpec::learning_rate`] is stated.
pub const BASE_WIDTH: f32 = 64.0;

/// muP for Adam (Yang et al. 2022, table 3): the rate of hidden matrices falls as 1 / width, that of
/// embeddings and gains does not; only hidden matrices decay.
pub(super) fn for_tensor(base: Update, tensor: &Tensor, spec: &TrainSpec) -> Update {
    match tensor.role {
        Role::Hidden | Role::Residual => {
            // The decay per step is rate · decay: undo the width's part so that it does not fade.
            let ratio = BASE_WIDTH / spec.shape.width as f32;
            Update {
                learning_rate: base.learning_rate * ratio,
                weight_decay: base.weight_decay / ratio,
                ..base
            }
        }
        Role::Embedding => Update {
            learning_rate: base.learning_rate * spec.embedding_rate,
            weight_decay: 0.0,
            ..base
        },
        Role::Gain => Update {
            weight_decay: 0.0,
            ..base
        },
    }
}
