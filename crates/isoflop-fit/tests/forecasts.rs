//! Forecasts of runs whose truth is known.

use isoflop_fit::{
    Dataset, Fit, FitOptions, FittedLaw, Forecast, ForecastAt, ForecastError, LawChoice,
    Observation, Prior, fit,
};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A loss over (ln N, ln D), nats per token.
type Surface = fn(f64, f64) -> f64;

/// Besiroglu et al. 2024.
fn chinchilla(n: f64, d: f64) -> f64 {
    1.8172 + 482.01 * (-0.3478 * n).exp() + 2085.43 * (-0.3658 * d).exp()
}

/// Kaplan et al. 2020, eq. 1.5.
fn kaplan(n: f64, d: f64) -> f64 {
    let (by_n, by_d) = (0.076, 0.103);
    ((by_n / by_d * (6.4e13_f64.ln() - n)).exp() + (1.8e13_f64.ln() - d).exp()).powf(by_d)
}

/// Chinchilla, and up to some 10 % worse where tokens are few for the size, as with a warm-up
/// that is too long.
fn warm_up_too_long(n: f64, d: f64) -> f64 {
    chinchilla(n, d) * (1.0 + 0.04 * ((n - d) + 3.5).exp().ln_1p())
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (a, b): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

fn run(surface: Surface, n: f64, d: f64, noise: f64) -> Observation {
    Observation {
        params: Params::new(n.exp()).unwrap(),
        tokens: Tokens::new(d.exp()).unwrap(),
        unique_tokens: None,
        quality: None,
        flops: Flops::new(6.0 * (n + d).exp()).unwrap(),
        loss: Loss::new(surface(n, d) * noise.exp()).unwrap(),
        loss_std: None,
        cluster: 0,
    }
}

/// `sizes` sizes around 20 tokens a parameter at each of `budgets` budgets from 1e17 to 1e19.
fn ladder(surface: Surface, budgets: usize, sizes: usize, noise: f64, seed: u64) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut observations = Vec::new();
    for budget in 0..budgets {
        let c = 1e17_f64.ln() + 100f64.ln() * budget as f64 / (budgets - 1) as f64;
        for size in 0..sizes {
            let off = 2.4 * (size as f64 / (sizes - 1) as f64 - 0.5);
            let n = 0.5 * (c - 120f64.ln()) + off;
            observations.push(run(
                surface,
                n,
                c - 6f64.ln() - n,
                noise * normal(&mut random),
            ));
        }
    }
    for (cluster, run) in observations.iter_mut().enumerate() {
        run.cluster = cluster;
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

fn auto(data: &Dataset) -> Fit {
    let options = FitOptions {
        bootstraps: 0,
        ..FitOptions::default()
    };
    fit(data, &options).unwrap()
}

fn at(n: f64, d: f64) -> ForecastAt {
    ForecastAt {
        params: Some(Params::new(n.exp()).unwrap()),
        tokens: Some(Tokens::new(d.exp()).unwrap()),
        ..ForecastAt::default()
    }
}

/// ln N and ln D near 20 tokens a parameter at a budget, `off` away in ln N.
fn near_best(flops: f64, off: f64) -> (f64, f64) {
    let n = 0.5 * (flops / 120.0).ln() + off;
    (n, (flops / 6.0).ln() - n)
}

/// Share of intervals at 0.9 that held the measured loss, and the median relative error.
fn judged(surface: Surface, budgets: usize, sizes: usize, noise: f64) -> (f64, f64) {
    let mut held = Vec::new();
    let mut errors = Vec::new();
    for seed in 0..30 {
        let fitted = auto(&ladder(surface, budgets, sizes, noise, seed));
        let mut random = ChaCha8Rng::seed_from_u64(1000 + seed);
        for (factor, off) in [(4.0, -0.5), (10.0, 0.0), (10.0, 0.6), (40.0, 0.0)] {
            let (n, d) = near_best(1e19 * factor, off);
            let said = fitted.forecast(&at(n, d), 0.9).unwrap();
            let came = run(surface, n, d, noise * normal(&mut random)).loss;
            held.push(said.lo <= came && came <= said.hi);
            errors.push((said.loss.get() / came.get() - 1.0).abs());
        }
    }
    errors.sort_by(f64::total_cmp);
    let inside = held.iter().filter(|held| **held).count();
    (inside as f64 / held.len() as f64, errors[errors.len() / 2])
}

#[test]
fn intervals_hold_on_simulated_ladders_of_several_surfaces() {
    let surfaces: [(&str, Surface); 3] = [
        ("chinchilla", chinchilla),
        ("kaplan", kaplan),
        ("warm-up", warm_up_too_long),
    ];
    for (name, surface) in surfaces {
        let (coverage, error) = judged(surface, 5, 7, 0.003);
        assert!((0.8..=1.0).contains(&coverage), "{name}: {coverage}");
        assert!(error < 0.01, "{name}: {error}");
    }
}

#[test]
fn intervals_hold_on_ladders_of_twelve_tiny_runs() {
    let (coverage, error) = judged(chinchilla, 4, 3, 0.003);
    assert!((0.8..=1.0).contains(&coverage), "{coverage}");
    assert!(error < 0.02, "{error}");
}

fn width(forecast: &Forecast) -> f64 {
    (forecast.hi.get() / forecast.lo.get()).ln()
}

#[test]
fn intervals_widen_with_extrapolation_and_with_the_level() {
    let fitted = auto(&ladder(chinchilla, 5, 7, 0.003, 1));
    let mut last = 0.0;
    for factor in [1.0, 3.0, 10.0, 30.0, 100.0, 1000.0] {
        let (n, d) = near_best(1e19 * factor, 0.0);
        let said = fitted.forecast(&at(n, d), 0.9).unwrap();
        assert!((said.extrapolation / factor - 1.0).abs() < 1e-6);
        assert!(width(&said) > last, "{factor}");
        last = width(&said);
        assert!(width(&fitted.forecast(&at(n, d), 0.5).unwrap()) < last);
    }
}

#[test]
fn forecasts_do_not_depend_on_the_order_of_runs_or_on_units() {
    let data = ladder(warm_up_too_long, 5, 7, 0.003, 2);
    let (n, d) = near_best(1e20, 0.3);
    let said = auto(&data).forecast(&at(n, d), 0.9).unwrap();
    let mut reversed = data.clone();
    reversed.observations.reverse();
    assert_eq!(auto(&reversed).forecast(&at(n, d), 0.9).unwrap(), said);
    // Bits instead of nats.
    let mut in_bits = data;
    for run in &mut in_bits.observations {
        run.loss = Loss::new(run.loss.get() / 2f64.ln()).unwrap();
    }
    let bits = auto(&in_bits).forecast(&at(n, d), 0.9).unwrap();
    assert!((bits.loss.get() * 2f64.ln() / said.loss.get() - 1.0).abs() < 1e-3);
    assert!((width(&bits) / width(&said) - 1.0).abs() < 0.05);
}

#[test]
fn a_stored_fit_forecasts_as_the_fit_did() {
    let fitted = auto(&ladder(chinchilla, 5, 7, 0.003, 3));
    let (n, d) = near_best(1e20, 0.0);
    let said = fitted.forecast(&at(n, d), 0.9).unwrap();
    let text = serde_json::to_string(&fitted).unwrap();
    assert!(text.len() < 100_000, "{} bytes", text.len());
    let restored: Fit = serde_json::from_str(&text).unwrap();
    assert_eq!(restored.forecast(&at(n, d), 0.9).unwrap(), said);
}

#[test]
fn a_fit_of_another_law_takes_over_what_is_said_of_the_loss() {
    let data = ladder(chinchilla, 5, 7, 0.003, 6);
    let named = |law| FitOptions {
        bootstraps: 0,
        ..FitOptions::of(law)
    };
    let by_compute = fit(&data, &named(FittedLaw::PowerC)).unwrap();
    let by_size = fit(&data, &named(FittedLaw::Chinchilla)).unwrap();
    let (n, d) = near_best(1e20, 0.3);
    let own = by_size.forecast(&at(n, d), 0.9).unwrap();
    let said = by_compute.forecast(&at(n, d), 0.9).unwrap();
    assert_ne!(own, said);
    let by_size = by_size.with_forecasts_of(&by_compute);
    assert_eq!(by_size.law, FittedLaw::Chinchilla);
    assert_eq!(by_size.forecast(&at(n, d), 0.9).unwrap(), said);
}

#[test]
fn compute_alone_is_forecast_at_the_best_size() {
    let data = ladder(chinchilla, 5, 7, 0.003, 4);
    let compute = ForecastAt {
        flops: Some(Flops::new(1e20).unwrap()),
        ..ForecastAt::default()
    };
    let fitted = auto(&data);
    let said = fitted.forecast(&compute, 0.9).unwrap();
    let (n, d) = (said.params.unwrap(), said.tokens.unwrap());
    assert!((Flops::six_nd(n, d).get() / 1e20 - 1.0).abs() < 1e-6);
    let truth = chinchilla(n.ln(), d.ln());
    assert!((said.loss.get() / truth - 1.0).abs() < 0.01);
    let options = FitOptions {
        bootstraps: 0,
        ..FitOptions::of(FittedLaw::PowerC)
    };
    let by_compute = fit(&data, &options)
        .unwrap()
        .forecast(&compute, 0.9)
        .unwrap();
    assert_eq!((by_compute.params, by_compute.tokens), (None, None));
    assert!((by_compute.loss.get() / truth - 1.0).abs() < 0.02);
}

#[test]
fn two_of_size_tokens_and_compute_are_enough_and_one_is_not() {
    let fitted = auto(&ladder(chinchilla, 5, 7, 0.003, 5));
    let (n, d) = near_best(1e20, 0.0);
    let both = fitted.forecast(&at(n, d), 0.9).unwrap();
    let size_and_compute = ForecastAt {
        tokens: None,
        flops: Some(both.flops),
        ..at(n, d)
    };
    let said = fitted.forecast(&size_and_compute, 0.9).unwrap();
    assert!((said.loss.get() / both.loss.get() - 1.0).abs() < 1e-6);
    let alone = ForecastAt {
        tokens: None,
        ..at(n, d)
    };
    let refused = fitted.forecast(&alone, 0.9);
    assert!(matches!(refused, Err(ForecastError::Incomplete { .. })));
    let contradiction = ForecastAt {
        flops: Some(Flops::new(1e21).unwrap()),
        ..at(n, d)
    };
    let refused = fitted.forecast(&contradiction, 0.9);
    assert!(matches!(refused, Err(ForecastError::Contradiction { .. })));
    let refused = fitted.forecast(&at(n, d), 1.0);
    assert_eq!(refused, Err(ForecastError::Level(1.0)));
}

#[test]
fn without_the_prior_short_ladders_say_less() {
    let (n, d) = near_best(5e20, 0.0);
    // One ladder in some comes out the other way: what is learned of the law's errors differs too.
    let ratios = (0..10).map(|seed| {
        let data = ladder(chinchilla, 2, 4, 0.003, seed);
        let with = auto(&data).forecast(&at(n, d), 0.9).unwrap();
        let options = FitOptions {
            bootstraps: 0,
            prior: Prior::Off,
            law: LawChoice::Auto,
            ..FitOptions::default()
        };
        let fitted = fit(&data, &options).unwrap();
        let without = fitted.forecast(&at(n, d), 0.9).unwrap();
        (width(&without) / width(&with)).ln()
    });
    let mean = ratios.sum::<f64>() / 10.0;
    assert!(mean > 0.1, "{mean}");
}
