//! The runs of Hoffmann et al. 2022 as reconstructed by Besiroglu et al. 2024, against the fits
//! that were published of them.

mod measurements;

use isoflop_fit::{FitOptions, FittedLaw, Objective, Resampling, fit};
use measurements::chinchilla_240;

fn fitted(objective: Objective) -> isoflop_fit::Fit {
    let options = FitOptions {
        objective,
        bootstraps: 0,
        ..FitOptions::of(FittedLaw::Chinchilla)
    };
    fit(&chinchilla_240(), &options).unwrap()
}

fn assert_values(fit: &isoflop_fit::Fit, expected: [(&str, f64, f64); 5]) {
    for (parameter, (symbol, value, within)) in fit.parameters.iter().zip(expected) {
        assert_eq!(parameter.symbol, symbol);
        let off = (parameter.value - value).abs();
        assert!(off <= within, "{symbol} is {}", parameter.value);
    }
}

#[test]
fn the_huber_sum_reaches_the_optimum_that_few_starts_of_other_optimisers_reach() {
    let fit = fitted(Objective::Huber { delta: 1e-3 });
    assert_values(
        &fit,
        [
            ("E", 1.8172, 5e-5),
            ("A", 477.83, 0.02),
            ("B", 2143.4, 0.1),
            ("alpha", 0.3473, 5e-5),
            ("beta", 0.3672, 5e-5),
        ],
    );
    assert!((fit.objective_value - 0.001018).abs() < 5e-7);
}

#[test]
fn the_likelihood_with_a_free_scale_gives_besiroglus_values() {
    let fit = fitted(Objective::HuberLikelihood { delta: 1e-3 });
    assert_values(
        &fit,
        [
            ("E", 1.8169, 5e-5),
            ("A", 482.006, 0.01),
            ("B", 2085.43, 0.05),
            ("alpha", 0.34781, 1e-5),
            ("beta", 0.36585, 1e-5),
        ],
    );
}

#[test]
fn standard_errors_over_resampled_runs_are_besiroglus() {
    let options = FitOptions {
        objective: Objective::HuberLikelihood { delta: 1e-3 },
        bootstraps: 1000,
        resampling: Resampling::Runs,
        ..FitOptions::of(FittedLaw::Chinchilla)
    };
    let fit = fit(&chinchilla_240(), &options).unwrap();
    // Besiroglu et al. 2024, table 2, from 4,000 resamples.
    let published = [0.03, 124.58, 1293.23, 0.02, 0.02];
    let found: Vec<f64> = fit
        .parameters
        .iter()
        .map(|p| p.standard_error.unwrap())
        .collect();
    println!("{found:?}");
    for (found, published) in found.iter().zip(published) {
        let ratio = found / published;
        assert!((0.7..1.4).contains(&ratio), "{found} against {published}");
    }
}
