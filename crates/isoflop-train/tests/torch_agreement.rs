//! Per-step losses and gradients agree with a PyTorch copy of the model from the same weights.
//! `torch_reference.json` was made by `bench/train/reference.py`.

use isoflop_train::{Decay, ModelShape, Schedule, TrainSpec, Trainer};
use serde::Deserialize;
use std::collections::BTreeMap;

const REFERENCE: &str = include_str!("torch_reference.json");

#[derive(Deserialize)]
struct Reference {
    losses: Vec<f64>,
    gradients: BTreeMap<String, Gradient>,
}

#[derive(Deserialize)]
struct Gradient {
    norm: f64,
    components: BTreeMap<usize, f64>,
}

fn spec() -> TrainSpec {
    TrainSpec {
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
    }
}

/// The text of the reference: a fixed arithmetic sequence, the same in Python.
fn text() -> Vec<u16> {
    (0..50 * 6 * 31 + 64_u64)
        .map(|i| ((i * i + 3 * (i / 5) * i + 7 * i) % 101) as u16)
        .collect()
}

fn reference() -> Reference {
    serde_json::from_str(REFERENCE).unwrap()
}

#[test]
fn losses_of_fifty_steps_agree_with_pytorch() {
    let (expected, text) = (reference().losses, text());
    assert_eq!(expected.len(), 50);
    let mut trainer = Trainer::new(spec()).unwrap();
    for (step, expected) in expected.iter().enumerate() {
        let loss = trainer
            .step(|i| &text[(step * 6 + i) * 31..][..49])
            .unwrap();
        assert!(
            (loss / expected - 1.0).abs() < 1e-4,
            "step {step}: {loss}, PyTorch {expected}"
        );
    }
    assert!(expected[49] < 0.9 * expected[0], "the reference did learn");
}

#[test]
fn gradients_of_every_tensor_agree_with_pytorch() {
    let (expected, text) = (reference().gradients, text());
    let mut trainer = Trainer::new(spec()).unwrap();
    let tensors = trainer.model().layout().tensors().to_vec();
    let (_, gradient) = trainer.gradient(|i| &text[i * 31..][..49]).unwrap();
    assert_eq!(expected.len(), tensors.len());
    for tensor in tensors {
        let (ours, theirs) = (&gradient[tensor.range.clone()], &expected[&tensor.name]);
        let norm = ours
            .iter()
            .map(|g| f64::from(*g).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!(
            (norm / theirs.norm - 1.0).abs() < 1e-4,
            "{}: norm {norm}",
            tensor.name
        );
        // Components are compared on the scale of the tensor's root mean square.
        let scale = theirs.norm / (ours.len() as f64).sqrt();
        for (i, expected) in &theirs.components {
            let error = (f64::from(ours[*i]) - expected).abs() / scale;
            assert!(
                error < 1e-3,
                "{} component {i}: {} not {expected}",
                tensor.name,
                ours[*i]
            );
        }
    }
}
