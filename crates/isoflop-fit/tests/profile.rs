//! Profile likelihood against intervals that are known exactly, and against simulated ladders.

use isoflop_fit::{Dataset, FitError, FitOptions, FittedLaw, Observation, profile};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, StudentsT};

fn run(n: f64, d: f64, loss: f64, cluster: usize) -> Observation {
    let (params, tokens) = (Params::new(n).unwrap(), Tokens::new(d).unwrap());
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
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (a, b): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// Five budgets and seven sizes on the surface of Besiroglu et al. 2024, errors of 0.3 %.
fn ladder(seed: u64, span: f64) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut runs = Vec::new();
    for budget in 0..5 {
        let c = 1e18 * span.powf(f64::from(budget) / 4.0);
        for size in -3..=3 {
            let n = (c / 120.0).sqrt() * 2f64.powi(size);
            let d = c / (6.0 * n);
            let loss = 1.8172 + 482.01 / n.powf(0.3478) + 2085.43 / d.powf(0.3658);
            runs.push(run(
                n,
                d,
                loss * (0.003 * normal(&mut random)).exp(),
                runs.len(),
            ));
        }
    }
    dataset(runs)
}

#[test]
fn for_a_straight_line_in_logarithms_it_is_students_interval() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let runs = (0..12).map(|k| {
        let d = 1e9 * 2f64.powi(k);
        run(
            1e8,
            d,
            (5e13 / d).powf(0.095) * (0.01 * normal(&mut random)).exp(),
            k as usize,
        )
    });
    let data = dataset(runs.collect());
    let found = profile(&data, FittedLaw::KaplanD, &FitOptions::default()).unwrap();
    let exponent = found.iter().find(|p| p.symbol == "aD").unwrap();
    // Least squares of ln L on ln D.
    let pairs: Vec<(f64, f64)> = data
        .observations
        .iter()
        .map(|run| (run.tokens.ln(), run.loss.ln()))
        .collect();
    let count = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sxx: f64 = pairs.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = pairs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / sxx;
    let left: f64 = pairs
        .iter()
        .map(|p| (p.1 - y - slope * (p.0 - x)).powi(2))
        .sum();
    let student = StudentsT::new(0.0, 1.0, count - 2.0).unwrap();
    let reach = student.inverse_cdf(0.95) * (left / (count - 2.0) / sxx).sqrt();
    assert!((exponent.value + slope).abs() < 1e-7);
    assert!((exponent.lo.unwrap() - (-slope - reach)).abs() < 1e-6);
    assert!((exponent.hi.unwrap() - (-slope + reach)).abs() < 1e-6);
}

#[test]
fn intervals_at_nine_tenths_hold_the_truth_in_nine_of_ten_ladders() {
    let truth = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
    let mut held = [0usize; 5];
    let ladders = 200;
    for seed in 0..ladders {
        let data = ladder(seed, 1000.0);
        let found = profile(&data, FittedLaw::Chinchilla, &FitOptions::default()).unwrap();
        for ((interval, truth), held) in found.iter().zip(truth).zip(&mut held) {
            let above = interval.lo.is_none_or(|lo| lo <= truth);
            let below = interval.hi.is_none_or(|hi| truth <= hi);
            *held += usize::from(above && below);
        }
    }
    for held in held {
        let share = held as f64 / ladders as f64;
        // Three standard errors of a share of 0.9 in 200.
        assert!((0.836..=0.964).contains(&share), "{share}");
    }
}

#[test]
fn a_short_ladder_says_little_of_the_floor() {
    let width = |span: f64| {
        let found = profile(
            &ladder(0, span),
            FittedLaw::Chinchilla,
            &FitOptions::default(),
        );
        let floor = found.unwrap()[0].clone();
        floor.hi.unwrap_or(f64::INFINITY) - floor.lo.unwrap_or(0.0)
    };
    assert!(
        width(4.0) > 3.0 * width(1e4),
        "{} {}",
        width(4.0),
        width(1e4)
    );
}

#[test]
fn a_floor_at_zero_is_open_and_leaves_the_exponents_their_intervals() {
    // Below a straight line in logarithms: the best E is zero.
    let mut data = ladder(0, 1000.0);
    for run in &mut data.observations {
        let (n, d) = (run.params.get(), run.tokens.get());
        let loss = 20.0 / n.powf(0.12) + 30.0 / d.powf(0.13) - 0.15;
        run.loss = Loss::new(loss).unwrap();
    }
    let found = profile(&data, FittedLaw::Chinchilla, &FitOptions::default()).unwrap();
    assert_eq!(
        (found[0].value, found[0].lo, found[0].hi),
        (0.0, None, None)
    );
    for exponent in &found[3..] {
        let (lo, hi) = (exponent.lo.unwrap(), exponent.hi.unwrap());
        assert!(lo < exponent.value && exponent.value < hi, "{exponent:?}");
    }
}

#[test]
fn laws_that_predict_no_loss_have_no_likelihood() {
    let refused = profile(&ladder(0, 1e3), FittedLaw::Isoflop, &FitOptions::default());
    assert!(
        matches!(refused, Err(FitError::NotFitted { .. })),
        "{refused:?}"
    );
}
