use super::*;
use crate::architecture::{Architecture, FAMILIES};
use crate::backend::Cpu;
use crate::kernels::finite_differences::assert_gradient;
use crate::kernels::routing;

const SHAPE: ModelShape = ModelShape {
    layers: 2,
    width: 32,
    heads: 2,
    vocabulary: 50,
    context: 70,
    architecture: Architecture::PLAIN,
};

fn tokens(phase: usize) -> Vec<u16> {
    (0..2 * SHAPE.context)
        .map(|i| ((i * i + phase * 7 + i / 3) % SHAPE.vocabulary) as u16)
        .collect()
}

/// Sum of the losses; the gradient into `gradient`.
fn backward(
    model: &Transformer,
    weights: &Vec<f32>,
    (inputs, targets): (&[u16], &[u16]),
    weight: f32,
    fresh: bool,
    gradient: &mut Vec<f32>,
    work: &mut Workspace<Cpu>,
) -> f64 {
    let (inputs, targets) = (inputs.to_vec(), targets.to_vec());
    let (i, t) = (
        View::first(&inputs, inputs.len()),
        View::first(&targets, targets.len()),
    );
    model.loss_and_gradient(&Cpu, weights, i, t, weight, fresh, gradient, work);
    work.losses()[..inputs.len()]
        .iter()
        .map(|l| f64::from(*l))
        .sum()
}

/// Sum of the losses of the pass without gradients.
fn forward(
    model: &Transformer,
    weights: &Vec<f32>,
    inputs: &Vec<u16>,
    targets: &Vec<u16>,
    work: &mut Workspace<Cpu>,
) -> f64 {
    let (i, t) = (
        View::first(inputs, inputs.len()),
        View::first(targets, targets.len()),
    );
    model.losses(&Cpu, weights, i, t, work);
    work.losses()[..inputs.len()]
        .iter()
        .map(|l| f64::from(*l))
        .sum()
}

/// What the routers of the last pass over `rows` tokens add to the loss.
fn balance(work: &Workspace<Cpu>, rows: usize) -> f64 {
    let mixtures = work.blocks.iter().filter_map(|b| b.mixture.as_ref());
    let balances = mixtures.map(|mixture| {
        let count = mixture.probabilities.len() / (2 * SHAPE.context);
        let p = &mixture.probabilities[..rows * count];
        mixture.routes.balance(p, SHAPE.context)
    });
    f64::from(routing::BALANCE) * balances.sum::<f64>()
}

/// Lets the router follow the token, by so much that a small step changes no token's experts: the
/// loss jumps where they change.
fn settle_routes(model: &Transformer, weights: &mut [f32]) {
    let (count, d) = (model.shape().experts().count, model.shape().width);
    for layer in &model.layout().layers {
        let Some(router) = layer.router.clone() else {
            return;
        };
        for expert in 0..count {
            weights[router.start + expert * count + expert] += 1.0;
        }
    }
    let embedding = &mut weights[model.layout().embedding.clone()];
    for (token, row) in embedding.chunks_exact_mut(d).enumerate() {
        row[token % count] += 12.0;
        row[(token + 1) % count] += 7.0;
    }
}

#[test]
fn gradient_of_every_tensor_agrees_with_finite_differences() {
    for (name, architecture) in FAMILIES {
        let shape = ModelShape {
            architecture,
            ..SHAPE
        };
        let model = Transformer::new(shape);
        let mut work = Workspace::new(&Cpu, &shape, 2).unwrap();
        let mut weights = model.layout().initial_weights(3);
        settle_routes(&model, &mut weights);
        let (inputs, targets) = (tokens(0), tokens(1));
        let weight = 1.0 / inputs.len() as f32;
        let mut gradient = vec![f32::NAN; weights.len()];
        let both = (&*inputs, &*targets);
        backward(
            &model,
            &weights,
            both,
            weight,
            true,
            &mut gradient,
            &mut work,
        );
        for tensor in model.layout().tensors() {
            println!("{name}: {}", tensor.name);
            let range = tensor.range.clone();
            let loss = |part: &[f32]| {
                let mut weights = weights.clone();
                weights[range.clone()].copy_from_slice(part);
                let sum = forward(&model, &weights, &inputs, &targets, &mut work);
                sum / inputs.len() as f64 + balance(&work, inputs.len())
            };
            let gradient = &gradient[range.clone()];
            assert_gradient(&weights[range.clone()], gradient, 1e-2, 1e-2, loss);
        }
    }
}

#[test]
fn gradients_add_up_over_microbatches() {
    for (name, architecture) in FAMILIES {
        let shape = ModelShape {
            architecture,
            ..SHAPE
        };
        let model = Transformer::new(shape);
        let mut work = Workspace::new(&Cpu, &shape, 2).unwrap();
        let weights = model.layout().initial_weights(3);
        let (inputs, targets) = (tokens(0), tokens(1));
        let mut pass = |range: std::ops::Range<usize>, fresh, gradient: &mut Vec<f32>| {
            let both = (&inputs[range.clone()], &targets[range]);
            backward(&model, &weights, both, 0.01, fresh, gradient, &mut work)
        };
        let mut whole = vec![f32::NAN; weights.len()];
        let loss = pass(0..140, true, &mut whole);
        let mut parts = vec![f32::NAN; weights.len()];
        let sum = pass(0..70, true, &mut parts) + pass(70..140, false, &mut parts);
        assert!((loss - sum).abs() < 1e-3, "{name}");
        let largest = whole.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        for (whole, parts) in whole.iter().zip(&parts) {
            assert!((whole - parts).abs() < 1e-5 * largest, "{name}");
        }
    }
}

#[test]
fn losses_alone_equal_those_of_the_training_pass() {
    let model = Transformer::new(SHAPE);
    let weights = model.layout().initial_weights(3);
    let mut work = Workspace::new(&Cpu, &SHAPE, 2).unwrap();
    let (inputs, targets) = (tokens(0), tokens(1));
    let alone = forward(&model, &weights, &inputs, &targets, &mut work);
    let mut gradient = vec![0.0; weights.len()];
    let trained = backward(
        &model,
        &weights,
        (&inputs, &targets),
        1.0,
        true,
        &mut gradient,
        &mut work,
    );
    assert_eq!(alone, trained);
}
