//! The law that penalises repeated data.

use super::{OBJECTIVES, assert_close, dataset, normal, run, values};
use isoflop_fit::{
    Dataset, FitError, FitOptions, FittedLaw, ForecastAt, Objective, Observation, fit,
};
use isoflop_laws::laws::RepetitionPenalty;
use isoflop_laws::{LossSurface, Params, Tokens};

const TRUTH: [f64; 8] = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.03, 0.6, 0.8];

fn loss(truth: &RepetitionPenalty, n: f64, seen: f64, unique: f64) -> f64 {
    let law = truth.with_unique(Tokens::new(unique).unwrap());
    let loss = law.loss(Params::new(n).unwrap(), Tokens::new(seen).unwrap());
    loss.unwrap().get()
}

/// Runs at four sizes, three amounts of unique tokens and six numbers of epochs; at the largest
/// numbers large models get worse.
fn repeated(truth: &[f64; 8], noise: impl Fn(usize) -> f64) -> Dataset {
    let truth = RepetitionPenalty::from_values(truth).unwrap();
    let mut runs = Vec::new();
    for n in [2e7, 8e7, 3e8, 1e9] {
        for unique in [1e8, 5e8, 3e9] {
            for epochs in [1.0, 2.0, 6.0, 20.0, 60.0, 200.0] {
                let k = runs.len();
                let loss = loss(&truth, n, unique * epochs, unique) * noise(k).exp();
                runs.push(Observation {
                    unique_tokens: Some(Tokens::new(unique).unwrap()),
                    quality: None,
                    ..run(n, unique * epochs, loss, k)
                });
            }
        }
    }
    dataset(runs)
}

#[test]
fn the_penalty_of_repeated_data_is_recovered_whether_small_or_large() {
    let weak = [1.6, 300.0, 900.0, 0.32, 0.33, 0.004, 1.1, 0.4];
    for truth in [TRUTH, weak] {
        let data = repeated(&truth, |_| 0.0);
        for objective in OBJECTIVES {
            let found = values(&data, FittedLaw::RepetitionPenalty, objective);
            assert_close(&found, &truth, 1e-3);
        }
    }
}

#[test]
fn its_intervals_hold_the_truth_and_it_needs_repetition() {
    let mut held = [0; 8];
    let ladders = 20;
    for seed in 0..ladders {
        let data = repeated(&TRUTH, normal(0.005, seed));
        let options = FitOptions {
            bootstraps: 200,
            objective: Objective::LeastSquares,
            ..FitOptions::of(FittedLaw::RepetitionPenalty)
        };
        let found = fit(&data, &options).unwrap();
        for (k, parameter) in found.parameters.iter().enumerate() {
            let (lo, hi) = (parameter.lo.unwrap(), parameter.hi.unwrap());
            held[k] += u32::from(lo <= TRUTH[k] && TRUTH[k] <= hi);
        }
        assert!(!found.warnings.iter().any(|w| w.contains("leave out")));
    }
    // Of 20 intervals of 90 %, 13 or fewer hold by chance once in a thousand times.
    assert!(held.iter().all(|held| *held >= 14), "{held:?}");

    let mut once = repeated(&TRUTH, |_| 0.0);
    once.observations
        .retain(|run| run.unique_tokens == Some(run.tokens));
    let refused = fit(&once, &FitOptions::of(FittedLaw::RepetitionPenalty)).unwrap_err();
    assert!(
        matches!(refused, FitError::NoRepetition { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().starts_with("law `repetition-penalty`"),
        "{refused}"
    );
}

#[test]
fn it_forecasts_that_more_epochs_hurt() {
    let truth = RepetitionPenalty::from_values(&TRUTH).unwrap();
    let (mut held, mut errors) = (0, Vec::new());
    for seed in 0..20 {
        let data = repeated(&TRUTH, normal(0.003, seed));
        let found = fit(&data, &FitOptions::of(FittedLaw::RepetitionPenalty)).unwrap();
        // Four times the largest size and eight times its compute.
        let (n, seen, unique) = (4e9, 1.2e12, 6e9);
        let at = ForecastAt {
            params: Some(Params::new(n).unwrap()),
            tokens: Some(Tokens::new(seen).unwrap()),
            unique_tokens: Some(Tokens::new(unique).unwrap()),
            ..ForecastAt::default()
        };
        let said = found.forecast(&at, 0.9).unwrap();
        let came = loss(&truth, n, seen, unique);
        assert!(came > loss(&truth, n, seen / 10.0, unique));
        let (lo, hi) = (said.lo.get(), said.hi.get());
        held += u32::from(lo < came && came < hi);
        errors.push((said.loss.get() / came - 1.0).abs());
    }
    errors.sort_by(f64::total_cmp);
    assert!(held >= 14, "{held} of 20: {errors:?}");
    assert!(errors[10] < 0.02, "{errors:?}");
}

#[test]
fn its_parameters_have_a_posterior_and_values_in_the_order_of_the_card() {
    let data = repeated(&TRUTH, normal(0.003, 1));
    let found = fit(&data, &FitOptions::of(FittedLaw::RepetitionPenalty)).unwrap();
    let law = found.law().unwrap();
    let named: Vec<&str> = found.parameters.iter().map(|p| p.symbol.as_str()).collect();
    assert_eq!(
        named,
        ["E", "A", "B", "alpha", "beta", "P", "delta", "kappa"]
    );
    assert_eq!(law.values().len(), 8);
    let posterior = found.posterior(0.9, 0).unwrap();
    for (k, interval) in posterior.iter().enumerate() {
        assert!(
            interval.lo < TRUTH[k] && TRUTH[k] < interval.hi,
            "{interval:?}"
        );
    }
}
