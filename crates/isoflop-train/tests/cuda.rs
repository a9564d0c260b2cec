//! The GPU against the processor: `cargo test -p isoflop-train --features cuda-tests --test cuda`.
//! Without a GPU these tests fail; nothing is skipped.

use isoflop_train::{
    Architecture, Decay, Device, DeviceError, ModelShape, Schedule, TrainError, TrainSpec, Trainer,
};

fn spec(shape: ModelShape, batch: usize, steps: u64) -> TrainSpec {
    TrainSpec {
        shape,
        batch,
        schedule: Schedule {
            warmup: 5,
            steps,
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

/// Contexts and widths that are no multiples of a tile, and heads of three widths.
const SHAPES: [ModelShape; 3] = [
    ModelShape {
        layers: 2,
        width: 48,
        heads: 3,
        vocabulary: 101,
        context: 70,
        architecture: Architecture::PLAIN,
    },
    ModelShape {
        layers: 3,
        width: 64,
        heads: 2,
        vocabulary: 101,
        context: 48,
        architecture: Architecture::PLAIN,
    },
    ModelShape {
        layers: 1,
        width: 128,
        heads: 1,
        vocabulary: 300,
        context: 150,
        architecture: Architecture::PLAIN,
    },
];

fn text(vocabulary: usize) -> Vec<u16> {
    (0..20_000_u64)
        .map(|i| ((i * i + 3 * (i / 5) * i + 7 * i) % vocabulary as u64) as u16)
        .collect()
}

fn on(device: Device, spec: &TrainSpec) -> Trainer {
    match Trainer::new_on(device, spec.clone()) {
        Ok(trainer) => trainer,
        Err(error) => panic!("this test needs a GPU: {error}"),
    }
}

fn run(trainer: &mut Trainer, to: u64) {
    let (shape, batch) = (trainer.spec().shape, trainer.spec().batch);
    let text = text(shape.vocabulary);
    while trainer.steps_done() < to {
        let step = trainer.steps_done() as usize;
        trainer
            .step(|i| &text[(step * batch + i) * 31..][..=shape.context])
            .unwrap();
    }
}

/// ‖a − b‖ / ‖b‖.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |x: f64| x * x;
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(a - b))).sum();
    let norm: f64 = b.iter().map(|b| square(f64::from(*b))).sum();
    (difference / norm).sqrt()
}

#[test]
fn gradients_of_every_tensor_and_validation_losses_agree_with_the_processor() {
    for shape in SHAPES {
        let spec = spec(shape, 5, 10);
        let text = text(shape.vocabulary);
        let sequence = |i: usize| &text[i * 31..][..=shape.context];
        let (mut gpu, mut cpu) = (on(Device::Cuda, &spec), on(Device::Cpu, &spec));
        let tensors = cpu.model().layout().tensors().to_vec();
        let windows: Vec<&[u16]> = (0..13).map(sequence).collect();
        let (ours, theirs) = (
            gpu.evaluate(&windows).unwrap(),
            cpu.evaluate(&windows).unwrap(),
        );
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours / theirs - 1.0).abs() < 1e-5, "{ours} {theirs}");
        }
        let (loss, ours) = gpu.gradient(sequence).unwrap();
        let (expected, theirs) = cpu.gradient(sequence).unwrap();
        assert!((loss / expected - 1.0).abs() < 1e-5, "{loss} {expected}");
        for tensor in tensors {
            let range = tensor.range.clone();
            let error = distance(&ours[range.clone()], &theirs[range]);
            println!("{shape:?} {}: {error:.1e}", tensor.name);
            assert!(error < 1e-4, "{}: {error}", tensor.name);
        }
    }
}

#[test]
fn fifty_steps_agree_with_the_processor() {
    let tf32 = |device| {
        if device == Device::CudaTf32 {
            1e-2
        } else {
            1e-3
        }
    };
    for device in [Device::Cuda, Device::CudaTf32] {
        let spec = spec(SHAPES[1], 6, 50);
        let (mut gpu, mut cpu) = (on(device, &spec), on(Device::Cpu, &spec));
        run(&mut gpu, 50);
        run(&mut cpu, 50);
        let mut worst = 0.0_f32;
        for (ours, theirs) in gpu.losses().iter().zip(cpu.losses()) {
            worst = worst.max((ours / theirs - 1.0).abs());
        }
        println!("{device}: losses differ by {worst:.1e} at most");
        assert!(worst < tf32(device), "{worst}");
        assert!(gpu.losses()[49] < 0.9 * gpu.losses()[0], "it did learn");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_a_resumed_run_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let spec = spec(SHAPES[0], 7, 24);
    let (mut one, mut two) = (on(Device::Cuda, &spec), on(Device::Cuda, &spec));
    run(&mut one, 24);
    run(&mut two, 11);
    two.save(&path).unwrap();
    let mut resumed = Trainer::load_on(Device::Cuda, &path, &spec).unwrap();
    run(&mut two, 24);
    run(&mut resumed, 24);
    for other in [two, resumed] {
        assert_eq!(one.losses(), other.losses());
        assert_eq!(one.weights(), other.weights());
    }
}

#[test]
fn a_checkpoint_of_the_processor_goes_on_on_the_gpu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let spec = spec(SHAPES[1], 4, 30);
    let mut cpu = on(Device::Cpu, &spec);
    run(&mut cpu, 15);
    cpu.save(&path).unwrap();
    let mut gpu = Trainer::load_on(Device::Cuda, &path, &spec).unwrap();
    assert_eq!(gpu.weights(), cpu.weights());
    run(&mut cpu, 30);
    run(&mut gpu, 30);
    let (ours, theirs) = (gpu.weights().unwrap(), cpu.weights().unwrap());
    let error = distance(&ours, &theirs);
    assert!(error < 1e-3, "{error}");
}

#[test]
fn divergence_leaves_the_weights_and_too_large_a_model_is_a_sentence() {
    let wild = TrainSpec {
        learning_rate: 1e30,
        ..spec(SHAPES[0], 3, 50)
    };
    let mut gpu = on(Device::Cuda, &wild);
    let text = text(101);
    let error = loop {
        let before = gpu.weights().unwrap().into_owned();
        if let Err(error) = gpu.step(|i| &text[i * 31..][..71]) {
            assert!(
                before
                    .iter()
                    .zip(&*gpu.weights().unwrap())
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            );
            break error;
        }
        assert!(gpu.steps_done() < 50, "never diverged");
    };
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");

    let wide = ModelShape {
        layers: 1,
        width: 400,
        heads: 1,
        ..SHAPES[0]
    };
    let error = Trainer::new_on(Device::Cuda, spec(wide, 1, 1))
        .err()
        .unwrap();
    assert!(
        matches!(error, TrainError::Device(DeviceError::HeadWidth { .. })),
        "{error}"
    );
}
