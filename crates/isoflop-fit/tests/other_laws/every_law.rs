//! What holds of a fit whatever its law: refusals and seeds.

use super::measurements::chinchilla_240;
use super::{dataset, run};
use isoflop_fit::{Dataset, FitError, FitOptions, FittedLaw, fit};

#[test]
fn runs_that_determine_nothing_are_an_error_that_says_what_is_missing() {
    let chinchilla =
        |data: &Dataset| fit(data, &FitOptions::of(FittedLaw::Chinchilla)).unwrap_err();
    let two = dataset(vec![run(1e7, 1e9, 3.5, 0), run(1e8, 1e10, 3.0, 1)]);
    assert!(matches!(
        chinchilla(&two),
        FitError::TooFewRuns { found: 2, .. }
    ));
    let copies = dataset((0..50).map(|k| run(1e7, 1e9, 3.5, k)).collect());
    assert!(matches!(
        chinchilla(&copies),
        FitError::TooFewRuns { found: 1, .. }
    ));
    let tokens = (0..20).map(|k| 1e8 * 1.5f64.powi(k));
    let one_size = tokens
        .enumerate()
        .map(|(k, d)| run(1e7, d, 3.5 - 0.01 * k as f64, k));
    let error = chinchilla(&dataset(one_size.collect()));
    assert!(
        error.to_string().contains("all have about 10M parameters"),
        "{error}"
    );
    assert!(fit(&dataset(vec![]), &FitOptions::default()).is_err());
}

#[test]
fn the_same_seed_gives_the_same_intervals_on_any_number_of_threads() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let options = FitOptions {
            bootstraps: 50,
            seed: 7,
            ..FitOptions::of(FittedLaw::Chinchilla)
        };
        pool.install(|| fit(&chinchilla_240(), &options).unwrap())
    };
    assert_eq!(with_threads(1), with_threads(3));
}
