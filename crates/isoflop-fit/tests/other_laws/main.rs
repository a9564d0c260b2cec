//! Laws in one quantity, Kaplan's laws in two, laws of the data's worth, Farseer's, and the best size
//! from valleys, on known truths.

mod data_constrained;
mod data_quality;
mod every_law;
mod farseer;
mod kaplan;
#[path = "../measurements/mod.rs"]
mod measurements;
mod over_training;
mod repetition_penalty;
mod valleys;

use isoflop_fit::{Dataset, FitOptions, FittedLaw, Objective, Observation, fit};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};

fn run(params: f64, tokens: f64, loss: f64, cluster: usize) -> Observation {
    let (params, tokens) = (Params::new(params).unwrap(), Tokens::new(tokens).unwrap());
    Observation {
        params,
        tokens,
        unique_tokens: None,
        quality: None,
        flops: Flops::six_nd(params, tokens),
        loss: Loss::new(loss).unwrap(),
        loss_std: None,
        cluster,
    }
}

fn dataset(observations: Vec<Observation>) -> Dataset {
    Dataset {
        param_count: ParamCount::NonEmbedding,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

/// Sizes and data that vary apart.
fn grid() -> Vec<(f64, f64)> {
    let sizes = (0..6).map(|i| 1e6 * 4f64.powi(i));
    let pairs = sizes.flat_map(|n| (0..5).map(move |j| (n, 1e8 * 5f64.powi(j))));
    pairs.collect()
}

fn values(data: &Dataset, law: FittedLaw, objective: Objective) -> Vec<f64> {
    let options = FitOptions {
        objective,
        bootstraps: 0,
        ..FitOptions::of(law)
    };
    let fit = fit(data, &options).unwrap();
    fit.parameters.iter().map(|p| p.value).collect()
}

fn assert_close(found: &[f64], truth: &[f64], within: f64) {
    assert_eq!(found.len(), truth.len());
    for (found, truth) in found.iter().zip(truth) {
        let off = (found / truth - 1.0).abs();
        assert!(off < within, "{found} is not {truth}");
    }
}

const OBJECTIVES: [Objective; 4] = [
    Objective::Huber { delta: 1e-3 },
    Objective::HuberLikelihood { delta: 1e-3 },
    Objective::LeastSquares,
    Objective::Adaptive,
];

/// ln of the factor that a run's loss is off: normal, by Box and Muller's method from a sequence
/// that depends on the seed alone.
fn normal(sd: f64, seed: u64) -> impl Fn(usize) -> f64 {
    move |k| {
        let uniform = |of: u64| {
            let mut x = (seed << 32 | (2 * k as u64 + of)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((x ^ x >> 31) >> 11) as f64 / (1u64 << 53) as f64
        };
        let angle = std::f64::consts::TAU * uniform(1);
        sd * (-2.0 * uniform(0).max(1e-300).ln()).sqrt() * angle.cos()
    }
}
