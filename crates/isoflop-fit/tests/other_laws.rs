//! Laws in one quantity, Kaplan's laws in two, and the best size from valleys, on known truths.

mod measurements;

use isoflop_fit::{
    Dataset, FitError, FitOptions, FittedLaw, ForecastAt, Objective, Observation, fit,
};
use isoflop_laws::laws::{Chinchilla, DataConstrained, KaplanNd, KaplanNs, OverTraining};
use isoflop_laws::{FlopCount, Flops, Law, Loss, LossSurface, ParamCount, Params, Steps, Tokens};
use measurements::chinchilla_240;

fn run(params: f64, tokens: f64, loss: f64, cluster: usize) -> Observation {
    let (params, tokens) = (Params::new(params).unwrap(), Tokens::new(tokens).unwrap());
    Observation {
        params,
        tokens,
        unique_tokens: None,
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
        let by_compute = of(&|n, d| (1.4e27 / (6.0 * n * d)).powf(0.057));
        let found = values(&by_compute, FittedLaw::KaplanC, objective);
        assert_close(&found, &[1.4e27, 0.057], 1e-6);
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

#[test]
fn the_law_of_over_training_is_recovered() {
    let truth = OverTraining {
        e: 1.87,
        a: 700.0,
        b: 2000.0,
        eta: 0.17,
    };
    let points = grid().into_iter().enumerate();
    let runs = points.map(|(k, (n, d))| {
        let loss = truth.loss(Params::new(n).unwrap(), Tokens::new(d).unwrap());
        run(n, d, loss.unwrap().get(), k)
    });
    let data = dataset(runs.collect());
    for objective in OBJECTIVES {
        let found = values(&data, FittedLaw::OverTraining, objective);
        assert_close(&found, &[truth.e, truth.a, truth.b, truth.eta], 1e-5);
    }
    // Its forecasts are centred on the same form.
    let fit = fit(&data, &FitOptions::of(FittedLaw::OverTraining)).unwrap();
    let (n, d) = (Params::new(1e11).unwrap(), Tokens::new(1e13).unwrap());
    let at = ForecastAt {
        params: Some(n),
        tokens: Some(d),
        ..ForecastAt::default()
    };
    let forecast = fit.forecast(&at, 0.9).unwrap();
    let expected = truth.loss(n, d).unwrap().get();
    assert!(
        (forecast.loss.get() / expected - 1.0).abs() < 5e-3,
        "{forecast:?}"
    );
}

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

#[test]
fn valleys_of_a_symmetric_surface_give_its_best_sizes() {
    let truth = Chinchilla {
        e: 1.8,
        a: 400.0,
        b: 400.0,
        alpha: 0.33,
        beta: 0.33,
    };
    let mut runs = Vec::new();
    for budget in 0..5 {
        let flops = Flops::new(1e18 * 10f64.powi(budget)).unwrap();
        let best = truth.optimum(flops).unwrap();
        for place in -4..=4 {
            let factor = 1.3f64.powi(place);
            let n = Params::new(best.params.get() * factor).unwrap();
            let d = Tokens::new(best.tokens.get() / factor).unwrap();
            let loss = truth.loss(n, d).unwrap().get();
            runs.push(run(n.get(), d.get(), loss, runs.len()));
        }
    }
    let data = dataset(runs);
    let found = values(&data, FittedLaw::Isoflop, Objective::default());
    assert_close(&found, &[(1.0f64 / 6.0).sqrt(), 0.5], 1e-6);
    let found = values(&data, FittedLaw::Envelope, Objective::default());
    assert_close(&found, &[(1.0f64 / 6.0).sqrt(), 0.5], 1.0);
}

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
