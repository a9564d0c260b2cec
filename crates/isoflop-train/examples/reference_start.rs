//! Writes the initial weights of each model of the agreement test into a folder, for
//! `bench/train/reference.py` to read.

use isoflop_train::{Decay, ModelShape, Optimizer, Schedule, TrainSpec, Trainer};
use serde::Deserialize;
use std::path::Path;

const FAMILIES: &str = include_str!("../tests/families.json");

#[derive(Deserialize)]
struct Family {
    name: String,
    shape: ModelShape,
    steps: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("usage: reference_start FOLDER")?;
    std::fs::create_dir_all(&folder)?;
    for family in serde_json::from_str::<Vec<Family>>(FAMILIES)? {
        let spec = TrainSpec {
            shape: family.shape,
            batch: 6,
            schedule: Schedule {
                warmup: 5,
                steps: family.steps,
                decay: Decay::Linear,
            },
            learning_rate: 5e-3,
            embedding_rate: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            optimizer: Optimizer::AdamW,
            clip: 1.0,
            seed: 2022,
        };
        let path = Path::new(&folder).join(family.name + ".safetensors");
        Trainer::new(spec)?.save(&path)?;
    }
    Ok(())
}
