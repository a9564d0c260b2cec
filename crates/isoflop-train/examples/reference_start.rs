//! Writes the initial weights of the agreement test for `bench/train/reference.py` to read.

use isoflop_train::{Decay, ModelShape, Schedule, TrainSpec, Trainer};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: reference_start FILE.safetensors")?;
    let spec = TrainSpec {
        shape: ModelShape {
            layers: 3,
            width: 64,
            heads: 2,
            vocabulary: 101,
            context: 48,
        },
        batch: 6,
        schedule: Schedule {
            warmup: 5,
            steps: 50,
            decay: Decay::Linear,
        },
        learning_rate: 5e-3,
        embedding_rate: 1.0,
        beta1: 0.9,
        beta2: 0.95,
        weight_decay: 0.1,
        optimizer: isoflop_train::Optimizer::AdamW,
        clip: 1.0,
        seed: 2022,
    };
    Ok(Trainer::new(spec)?.save(Path::new(&path))?)
}
