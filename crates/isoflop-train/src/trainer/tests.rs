use super::*;
use crate::architecture::{Architecture, Experts, FAMILIES};
use crate::schedule::{Decay, Schedule};
use crate::shape::ModelShape;

fn spec(steps: u64) -> TrainSpec {
    TrainSpec {
        shape: ModelShape {
            layers: 1,
            width: 32,
            heads: 2,
            vocabulary: 17,
            context: 16,
            architecture: Architecture::PLAIN,
        },
        batch: 6,
        schedule: Schedule {
            warmup: 5,
            steps,
            decay: Decay::Linear,
        },
        learning_rate: 1e-2,
        embedding_rate: 1.0,
        beta1: 0.9,
        beta2: 0.95,
        weight_decay: 0.1,
        optimizer: crate::Optimizer::AdamW,
        clip: 1.0,
        seed: 1,
    }
}

/// A text that repeats with a period prime to the context: its entropy rate is zero.
fn periodic(n: usize) -> Vec<u16> {
    const PATTERN: [u16; 11] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 16];
    (0..n).map(|i| PATTERN[i % PATTERN.len()]).collect()
}

fn train(spec: TrainSpec, threads: usize) -> (Vec<f32>, Vec<f32>) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let text = periodic(4000);
    pool.install(|| {
        let steps = spec.schedule.steps as usize;
        let batch = spec.batch;
        let mut trainer = Trainer::new(spec).unwrap();
        for step in 0..steps {
            trainer
                .step(|i| &text[(step * batch + i) * 3 % 3900..][..17])
                .unwrap();
        }
        (
            trainer.weights().unwrap().to_vec(),
            trainer.losses().to_vec(),
        )
    })
}

#[test]
fn learns_a_periodic_text_to_near_zero_loss() {
    let (_, losses) = train(spec(300), 2);
    assert!(losses[0] > 2.0, "{}", losses[0]);
    // The first tokens of a window do not tell where in the period it starts.
    assert!(losses[299] < 0.25, "{}", losses[299]);
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    assert_eq!(train(spec(20), 1), train(spec(20), 3));
    let other = TrainSpec {
        seed: 2,
        ..spec(20)
    };
    assert_ne!(train(spec(20), 1), train(other, 1));
}

#[test]
fn every_family_learns_a_periodic_text_and_gives_the_same_bits_on_any_number_of_threads() {
    for (name, architecture) in FAMILIES {
        let of = |steps| {
            let mut spec = spec(steps);
            spec.shape.architecture = architecture;
            spec
        };
        let (_, losses) = train(of(300), 2);
        // The unigram entropy of the text is 2.0 nats, its entropy rate zero.
        assert!(losses[0] > 2.0, "{name}: {}", losses[0]);
        assert!(losses[299] < 0.25, "{name}: {}", losses[299]);
        assert_eq!(train(of(20), 1), train(of(20), 3), "{name}");
    }
}

#[test]
fn divergence_is_an_error_with_its_step_and_leaves_the_weights() {
    let text = periodic(4000);
    let mut trainer = Trainer::new(TrainSpec {
        learning_rate: 1e30,
        embedding_rate: 1.0,
        ..spec(50)
    })
    .unwrap();
    let error = (0..50)
        .find_map(|_| trainer.step(|i| &text[i..i + 17]).err())
        .unwrap();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    assert!(trainer.steps_done() < 50);
}

#[test]
fn tokens_outside_the_vocabulary_and_short_windows_are_refused() {
    let mut trainer = Trainer::new(spec(5)).unwrap();
    let bad = [17_u16; 17];
    assert!(matches!(
        trainer.step(|_| &bad),
        Err(TrainError::Token { token: 17, .. })
    ));
    assert!(matches!(
        trainer.step(|_| &bad[..9]),
        Err(TrainError::Batch { .. })
    ));
    assert!(matches!(
        trainer.evaluate(&[&bad]),
        Err(TrainError::Token { .. })
    ));
}

#[test]
fn evaluation_gives_a_mean_for_each_window_in_order() {
    let mut trainer = Trainer::new(spec(5)).unwrap();
    let text = periodic(400);
    let windows: Vec<&[u16]> = (0..23).map(|i| &text[i * 7..i * 7 + 17]).collect();
    let all = trainer.evaluate(&windows).unwrap();
    assert_eq!(all.len(), 23);
    let alone = trainer.evaluate(&windows[13..14]).unwrap();
    assert!((all[13] - alone[0]).abs() < 1e-6);
}

fn muon(steps: u64) -> TrainSpec {
    TrainSpec {
        optimizer: Optimizer::Muon {
            rate: 1.0,
            momentum: 0.9,
        },
        ..spec(steps)
    }
}

#[test]
fn muon_learns_a_periodic_text_and_gives_the_same_bits_on_any_number_of_threads() {
    let (_, losses) = train(muon(300), 2);
    assert!(losses[299] < 0.25, "{}", losses[299]);
    assert_eq!(train(muon(20), 1), train(muon(20), 3));
    assert_ne!(train(muon(20), 1), train(spec(20), 1));
}

#[test]
fn specifications_from_before_muon_still_read_and_are_written_as_before() {
    let old = serde_json::to_value(spec(5)).unwrap();
    assert!(old.get("optimizer").is_none());
    assert_eq!(serde_json::from_value::<TrainSpec>(old).unwrap(), spec(5));
    let new = serde_json::to_value(muon(5)).unwrap();
    assert_eq!(serde_json::from_value::<TrainSpec>(new).unwrap(), muon(5));
}

#[test]
fn numbers_with_which_muon_can_t_work_are_refused() {
    for (rate, momentum) in [(0.0, 0.9), (f32::NAN, 0.9), (1.0, 1.0), (1.0, -0.1)] {
        let optimizer = Optimizer::Muon { rate, momentum };
        let refused = Trainer::new(TrainSpec {
            optimizer,
            ..spec(5)
        })
        .err();
        assert!(matches!(refused, Some(TrainError::Muon { .. })));
    }
}

#[test]
fn muon_is_refused_where_it_has_no_kernels() {
    let spec = TrainSpec {
        optimizer: crate::Optimizer::Muon {
            rate: 1.0,
            momentum: 0.95,
        },
        ..spec(1)
    };
    for device in [Device::Cuda, Device::CudaTf32] {
        let error = Trainer::new_on(device, spec.clone()).err().unwrap();
        assert_eq!(error, TrainError::Device(DeviceError::Optimizer));
    }
    assert!(Trainer::new(spec).is_ok());
}

#[test]
fn families_without_kernels_are_refused_on_a_gpu() {
    let mut spec = spec(1);
    spec.shape.architecture.kv_heads = Some(1);
    let error = Trainer::new_on(Device::Cuda, spec.clone()).err().unwrap();
    let said = error.to_string();
    assert!(
        said.contains("grouped queries train on the processor only"),
        "{said}"
    );
    assert!(Trainer::new(spec.clone()).is_ok());
    spec.shape.architecture = Architecture {
        experts: Some(Experts {
            count: 4,
            active: 2,
        }),
        ..Architecture::PLAIN
    };
    let said = Trainer::new_on(Device::CudaTf32, spec)
        .err()
        .unwrap()
        .to_string();
    assert!(
        said.contains("mixtures of experts train on the processor only"),
        "{said}"
    );
}
