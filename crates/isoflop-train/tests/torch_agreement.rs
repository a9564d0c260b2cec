//! Losses, gradients and counts of each model of `families.json` agree with PyTorch's, from the same
//! weights. `torch_reference.json` was made by `bench/train/reference.py`.

use isoflop_laws::Tokens;
use isoflop_train::{Decay, ModelShape, Optimizer, Schedule, TrainSpec, Trainer};
use serde::Deserialize;
use std::collections::BTreeMap;

const FAMILIES: &str = include_str!("families.json");
const REFERENCE: &str = include_str!("torch_reference.json");

const BATCH: usize = 6;
const STRIDE: usize = 31;

#[derive(Deserialize)]
struct Family {
    name: String,
    shape: ModelShape,
    steps: u64,
}

#[derive(Deserialize)]
struct References {
    families: BTreeMap<String, Reference>,
}

#[derive(Deserialize)]
struct Reference {
    params: f64,
    params_non_embedding: f64,
    forward_flops: f64,
    losses: Vec<f64>,
    gradients: BTreeMap<String, Gradient>,
}

#[derive(Deserialize)]
struct Gradient {
    norm: f64,
    components: BTreeMap<usize, f64>,
}

fn families() -> Vec<(Family, Reference)> {
    let mut references: References = serde_json::from_str(REFERENCE).unwrap();
    let families: Vec<Family> = serde_json::from_str(FAMILIES).unwrap();
    assert_eq!(families.len(), references.families.len());
    let with_its_reference = |family: Family| {
        let reference = references.families.remove(&family.name).unwrap();
        (family, reference)
    };
    families.into_iter().map(with_its_reference).collect()
}

fn spec(family: &Family) -> TrainSpec {
    TrainSpec {
        shape: family.shape,
        batch: BATCH,
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
    }
}

/// The text of the reference: a fixed arithmetic sequence, the same in Python.
fn text(shape: &ModelShape) -> Vec<u16> {
    (0..50 * BATCH * STRIDE + shape.context + 1)
        .map(|i| ((i * i + 3 * (i / 5) * i + 7 * i) % shape.vocabulary) as u16)
        .collect()
}

#[test]
fn losses_of_every_step_agree_with_pytorch() {
    for (family, reference) in families() {
        let text = text(&family.shape);
        let mut trainer = Trainer::new(spec(&family)).unwrap();
        assert_eq!(reference.losses.len() as u64, family.steps);
        for (step, expected) in reference.losses.iter().enumerate() {
            let loss = trainer
                .step(|i| &text[(step * BATCH + i) * STRIDE..][..=family.shape.context])
                .unwrap();
            assert!(
                (loss / expected - 1.0).abs() < 1e-4,
                "{}, step {step}: {loss}, PyTorch {expected}",
                family.name
            );
        }
        let (first, last) = (reference.losses[0], reference.losses.last().unwrap());
        assert!(*last < 0.9 * first, "the reference did learn");
    }
}

#[test]
fn gradients_of_every_tensor_agree_with_pytorch() {
    for (family, reference) in families() {
        let text = text(&family.shape);
        let mut trainer = Trainer::new(spec(&family)).unwrap();
        let tensors = trainer.model().layout().tensors().to_vec();
        let (_, gradient) = trainer
            .gradient(|i| &text[i * STRIDE..][..=family.shape.context])
            .unwrap();
        assert_eq!(reference.gradients.len(), tensors.len());
        for tensor in tensors {
            let name = format!("{}: {}", family.name, tensor.name);
            let ours = &gradient[tensor.range.clone()];
            let theirs = &reference.gradients[&tensor.name];
            let squares = ours.iter().map(|g| f64::from(*g).powi(2));
            let norm = squares.sum::<f64>().sqrt();
            assert!(
                (norm / theirs.norm - 1.0).abs() < 1e-4,
                "{name}: norm {norm}"
            );
            // Components are compared on the scale of the tensor's root mean square.
            let scale = theirs.norm / (ours.len() as f64).sqrt();
            for (i, expected) in &theirs.components {
                let error = (f64::from(ours[*i]) - expected).abs() / scale;
                assert!(
                    error < 1e-3,
                    "{name} component {i}: {} not {expected}",
                    ours[*i]
                );
            }
        }
    }
}

#[test]
fn parameters_and_flops_are_those_that_pytorch_counts() {
    for (family, reference) in families() {
        let (name, shape) = (&family.name, &family.shape);
        assert_eq!(shape.params().unwrap().get(), reference.params, "{name}");
        let non_embedding = shape.params_non_embedding().unwrap().get();
        assert_eq!(non_embedding, reference.params_non_embedding, "{name}");
        assert_eq!(shape.product_flops(), reference.forward_flops, "{name}");
        // What is counted beside the products: three operations a probability.
        let softmax = (3 * shape.layers * shape.heads * shape.context) as f64;
        let counted = shape.counted_flops(Tokens::new(7.0).unwrap()).unwrap();
        let expected = 21.0 * (reference.forward_flops + softmax);
        assert!((counted.get() / expected - 1.0).abs() < 1e-12, "{name}");
    }
}
