//! What runs and published laws say together, against surfaces that are known.

use isoflop_fit::{
    Dataset, FitError, FitOptions, FittedLaw, Observation, PosteriorInterval, Prior, fit,
};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// E, A, B, alpha, beta.
type Surface = [f64; 5];

/// Besiroglu et al. 2024.
const BESIROGLU: Surface = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
/// A lower floor and flatter exponents than most published.
const FLAT: Surface = [1.2, 120.0, 160.0, 0.25, 0.24];

/// `budgets` from 1e17 FLOPs on, each `step` times the last, with five sizes each.
fn ladder(surface: Surface, budgets: i32, step: f64, noise: f64, seed: u64) -> Dataset {
    let [e, a, b, alpha, beta] = surface;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut observations = Vec::new();
    for budget in 0..budgets {
        let c = 1e17 * step.powi(budget);
        for size in -2..=2 {
            let n = (c / 120.0).sqrt() * 2f64.powi(size);
            let d = c / (6.0 * n);
            let error: f64 = random.sample(StandardNormal);
            let loss = (e + a / n.powf(alpha) + b / d.powf(beta)) * (noise * error).exp();
            observations.push(Observation {
                params: Params::new(n).unwrap(),
                tokens: Tokens::new(d).unwrap(),
                unique_tokens: None,
                quality: None,
                flops: Flops::new(c).unwrap(),
                loss: Loss::new(loss).unwrap(),
                loss_std: None,
                cluster: observations.len(),
            });
        }
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

fn options(prior: Prior) -> FitOptions {
    FitOptions {
        prior,
        ..FitOptions::of(FittedLaw::Chinchilla)
    }
}

fn posterior(data: &Dataset, prior: Prior) -> Vec<PosteriorInterval> {
    let options = FitOptions {
        bootstraps: 0,
        ..options(prior)
    };
    fit(data, &options).unwrap().posterior(0.9, 7).unwrap()
}

fn width(interval: &PosteriorInterval) -> f64 {
    interval.hi - interval.lo
}

#[test]
fn intervals_of_small_ladders_hold_whether_or_not_the_prior_is_near() {
    for surface in [BESIROGLU, FLAT] {
        let mut held = [0; 5];
        let ladders = 40;
        for seed in 0..ladders {
            let found = posterior(&ladder(surface, 3, 3.0, 0.003, seed), Prior::Published);
            for (k, interval) in found.iter().enumerate() {
                held[k] += u32::from(interval.lo <= surface[k] && surface[k] <= interval.hi);
            }
        }
        // Of 40 intervals of 90 %, 31 or fewer hold by chance once in a hundred times.
        assert!(held.iter().all(|held| *held >= 32), "{surface:?}: {held:?}");
    }
}

#[test]
fn it_has_two_ends_where_the_runs_alone_set_no_limit() {
    let data = ladder(BESIROGLU, 2, 3.0, 0.005, 4);
    let fitted = fit(&data, &options(Prior::Published)).unwrap();
    let alone = &fitted.parameters[0];
    assert!(!alone.identified, "E must be open: {alone:?}");
    let found = fitted.posterior(0.9, 0).unwrap();
    let e = &found[0];
    assert_eq!(e.symbol, "E");
    assert!(e.lo > 0.2 && e.lo < BESIROGLU[0] && BESIROGLU[0] < e.hi);
    // And the runs taught much.
    assert!(e.prior_hi - e.prior_lo > 3.0 * width(e), "{e:?}");
}

#[test]
fn many_runs_over_a_wide_range_leave_little_to_the_prior() {
    let data = ladder(BESIROGLU, 7, 10.0, 0.001, 1);
    let with = posterior(&data, Prior::Published);
    let without = posterior(&data, Prior::Off);
    for (k, truth) in BESIROGLU.iter().enumerate() {
        let (with, without) = (&with[k], &without[k]);
        assert!(with.lo < *truth && *truth < with.hi, "{with:?}");
        assert!(without.lo < *truth && *truth < without.hi, "{without:?}");
        assert!((width(with) / width(without)).ln().abs() < 0.4);
        assert!(without.prior_hi - without.prior_lo > with.prior_hi - with.prior_lo);
    }
    for exponent in &with[3..] {
        assert!(width(exponent) < 0.2 * (exponent.prior_hi - exponent.prior_lo));
    }
}

#[test]
fn the_same_seed_gives_the_same_numbers_also_from_a_kept_fit() {
    let fitted = fit(
        &ladder(FLAT, 4, 4.0, 0.003, 2),
        &FitOptions::of(FittedLaw::KaplanNd),
    )
    .unwrap();
    let kept = serde_json::to_string(&fitted).unwrap();
    let kept: isoflop_fit::Fit = serde_json::from_str(&kept).unwrap();
    let first = fitted.posterior(0.8, 3).unwrap();
    assert_eq!(first, kept.posterior(0.8, 3).unwrap());
    assert_ne!(first, fitted.posterior(0.8, 4).unwrap());
    assert!(first.iter().all(|p| p.lo < p.value && p.value < p.hi));
}

#[test]
fn what_has_no_posterior_is_refused_in_a_sentence() {
    let data = ladder(BESIROGLU, 4, 4.0, 0.003, 2);
    let fitted = fit(&data, &FitOptions::of(FittedLaw::Isoflop)).unwrap();
    let error = fitted.posterior(0.9, 0).unwrap_err();
    assert_eq!(error, FitError::NoPosterior { law: "isoflop" });
    assert!(error.to_string().contains("chinchilla"));
    let fitted = fit(&data, &options(Prior::Published)).unwrap();
    let level = fitted.posterior(1.5, 0).unwrap_err();
    assert!(matches!(
        level,
        FitError::Option {
            option: "level",
            ..
        }
    ));
}
