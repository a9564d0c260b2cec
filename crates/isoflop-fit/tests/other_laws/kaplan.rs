//! Laws in one quantity, and Kaplan's laws in two.

use super::{OBJECTIVES, assert_close, dataset, grid, run, values};
use isoflop_fit::{FitError, FitOptions, FittedLaw, fit};
use isoflop_laws::laws::{KaplanC, KaplanNd, KaplanNs};
use isoflop_laws::{Flops, LossSurface, Params, Steps, Tokens};

#[test]
fn powers_of_one_quantity_are_recovered() {
    let points = grid().into_iter().enumerate();
    let of = |loss: &dyn Fn(f64, f64) -> f64| {
        let runs = points.clone().map(|(k, (n, d))| run(n, d, loss(n, d), k));
        dataset(runs.collect())
    };
    for objective in OBJECTIVES {
        let by_size = of(&|n, _| (8.8e13 / n).powf(0.076));
        let found = values(&by_size, FittedLaw::KaplanN, objective);
        assert_close(&found, &[8.8e13, 0.076], 1e-6);
        let by_data = of(&|_, d| (5.4e13 / d).powf(0.095));
        let found = values(&by_data, FittedLaw::KaplanD, objective);
        assert_close(&found, &[5.4e13, 0.095], 1e-6);
        // Its scale is in petaFLOP/s-days, as on the card and as published.
        let published = KaplanC::KAPLAN_2020;
        let by_compute = of(&|n, d| {
            let flops = Flops::new(6.0 * n * d).unwrap();
            published.loss(flops).unwrap().get()
        });
        let found = values(&by_compute, FittedLaw::KaplanC, objective);
        assert_close(&found, &[published.cc, published.alpha_c], 1e-6);
        let with_floor = of(&|n, d| 40.0 * (6.0 * n * d).powf(-0.08) + 1.5);
        let found = values(&with_floor, FittedLaw::PowerC, objective);
        assert_close(&found, &[40.0, -0.08, 1.5], 1e-5);
    }
}

#[test]
fn kaplans_laws_of_two_quantities_are_recovered() {
    let truth = KaplanNd::KAPLAN_2020;
    let loss = |n, d| {
        let loss = truth.loss(Params::new(n).unwrap(), Tokens::new(d).unwrap());
        loss.unwrap().get()
    };
    let points = grid().into_iter().enumerate();
    let runs = points.map(|(k, (n, d))| run(n, d, loss(n, d), k));
    let data = dataset(runs.collect());
    for objective in OBJECTIVES {
        let found = values(&data, FittedLaw::KaplanNd, objective);
        assert_close(
            &found,
            &[truth.nc, truth.dc, truth.alpha_n, truth.alpha_d],
            1e-5,
        );
    }
}

#[test]
fn the_law_of_steps_needs_the_steps_and_is_recovered_with_them() {
    let truth = KaplanNs::KAPLAN_2020;
    let steps: Vec<Steps> = grid()
        .iter()
        .map(|(_, d)| Steps::new(d / 1e6).unwrap())
        .collect();
    let points = grid().into_iter().zip(&steps).enumerate();
    let runs = points.map(|(k, ((n, d), &s))| {
        let loss = truth.loss(Params::new(n).unwrap(), s).unwrap();
        run(n, d, loss.get(), k)
    });
    let data = dataset(runs.collect());
    let mut options = FitOptions {
        bootstraps: 0,
        ..FitOptions::of(FittedLaw::KaplanNs)
    };
    assert!(matches!(
        fit(&data, &options),
        Err(FitError::NoSteps { found: 0, .. })
    ));
    options.steps = Some(steps);
    let fit = fit(&data, &options).unwrap();
    let found: Vec<f64> = fit.parameters.iter().map(|p| p.value).collect();
    assert_close(
        &found,
        &[truth.nc, truth.sc, truth.alpha_n, truth.alpha_s],
        1e-5,
    );
}
