//! The law of repeated data.

use super::{OBJECTIVES, assert_close, dataset, run, values};
use isoflop_fit::{Dataset, FitError, FitOptions, FittedLaw, Objective, Observation, fit};
use isoflop_laws::laws::DataConstrained;
use isoflop_laws::{Law, LossSurface, Params, Tokens};

/// Runs of Muennighoff's law at four sizes, four amounts of unique tokens and five numbers of epochs.
fn repeated(noise: impl Fn(usize) -> f64) -> Dataset {
    let law = DataConstrained::MUENNIGHOFF_2023;
    let mut runs = Vec::new();
    for n in [1e8, 3e8, 1e9, 4e9] {
        for unique in [1e9, 4e9, 2e10, 1e11] {
            for epochs in [1.0, 2.0, 5.0, 15.0, 50.0] {
                let (size, seen) = (
                    Params::new(n).unwrap(),
                    Tokens::new(unique * epochs).unwrap(),
                );
                let unique = Tokens::new(unique).unwrap();
                let loss = law.with_unique(unique).loss(size, seen).unwrap().get();
                let k = runs.len();
                runs.push(Observation {
                    unique_tokens: Some(unique),
                    quality: None,
                    ..run(n, seen.get(), loss * (1.0 + noise(k)), k)
                });
            }
        }
    }
    dataset(runs)
}

#[test]
fn the_law_of_repeated_data_is_recovered_from_runs_with_repetition() {
    let truth = DataConstrained::MUENNIGHOFF_2023;
    let data = repeated(|_| 0.0);
    for objective in OBJECTIVES {
        let found = values(&data, FittedLaw::DataConstrained, objective);
        assert_close(&found, &truth.values(), 1e-3);
    }
}

#[test]
fn the_worth_of_repetition_has_an_interval_that_holds_it_and_needs_repetition() {
    // Errors of 0.3 % whose sum over any few runs is small.
    let data = repeated(|k| 0.003 * (k as f64 * 2.399_963).sin() * std::f64::consts::SQRT_2);
    let options = FitOptions {
        bootstraps: 100,
        objective: Objective::LeastSquares,
        ..FitOptions::of(FittedLaw::DataConstrained)
    };
    let fit = fit(&data, &options).unwrap();
    let star = &fit.parameters[5];
    let (lo, hi) = (star.lo.unwrap(), star.hi.unwrap());
    assert!(lo < 15.39 && 15.39 < hi && hi / lo < 2.0, "{star:?}");
    assert!(star.identified, "{star:?}");
    // The law knows of repetition: nobody is told to leave those runs out.
    assert!(
        !fit.warnings.iter().any(|w| w.contains("leave out")),
        "{:?}",
        fit.warnings
    );

    // Errors at the runs are of what their tokens are worth.
    let errors = fit.errors(&data).unwrap();
    assert!(errors.iter().all(|error| error.abs() < 0.008), "{errors:?}");

    let mut once = data.clone();
    once.observations
        .retain(|run| run.unique_tokens == Some(run.tokens));
    let refused = isoflop_fit::fit(&once, &options).unwrap_err();
    assert!(
        matches!(refused, FitError::NoRepetition { found: 0, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("unique_tokens"), "{refused}");
}
