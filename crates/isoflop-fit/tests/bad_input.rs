//! Whatever is given, the answer is a fit or a sentence.

use isoflop_fit::{
    CurveOf, CurvePoint, Dataset, FitError, FitOptions, FittedLaw, LawChoice, Observation, fit,
    fit_curve,
};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};

fn run(params: f64, tokens: f64, loss: f64) -> Observation {
    let (params, tokens) = (Params::new(params).unwrap(), Tokens::new(tokens).unwrap());
    Observation {
        params,
        tokens,
        unique_tokens: None,
        quality: None,
        flops: Flops::six_nd(params, tokens),
        loss: Loss::new(loss).unwrap(),
        loss_std: None,
        cluster: 0,
    }
}

fn dataset(runs: Vec<Observation>) -> Dataset {
    let mut observations = runs;
    for (cluster, run) in observations.iter_mut().enumerate() {
        run.cluster = cluster;
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

fn refusal(data: &Dataset, law: LawChoice) -> String {
    let options = FitOptions {
        law,
        bootstraps: 0,
        ..FitOptions::default()
    };
    fit(data, &options).unwrap_err().to_string()
}

const CHINCHILLA: LawChoice = LawChoice::Named(FittedLaw::Chinchilla);

fn loss(n: f64, d: f64) -> f64 {
    1.8172 + 482.01 / n.powf(0.3478) + 2085.43 / d.powf(0.3658)
}

#[test]
fn losses_and_sizes_that_are_no_positive_numbers_do_not_become_quantities() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0] {
        for sentence in [
            Loss::new(bad).unwrap_err().to_string(),
            Params::new(bad).unwrap_err().to_string(),
            Tokens::new(bad).unwrap_err().to_string(),
            Flops::new(bad).unwrap_err().to_string(),
        ] {
            assert!(sentence.len() > 15 && sentence.contains(' '), "{sentence}");
        }
    }
}

#[test]
fn sizes_are_read_as_people_write_them() {
    assert_eq!("7B".parse::<Params>().unwrap().get(), 7e9);
    assert_eq!("1.4T".parse::<Tokens>().unwrap().get(), 1.4e12);
    assert_eq!("5.76e23".parse::<Flops>().unwrap().get(), 5.76e23);
    for bad in ["", "7 bananas", "B", "-7B", "NaN", "1e999"] {
        let refused = bad.parse::<Params>();
        assert!(refused.is_err(), "{bad} became {refused:?}");
        assert!(refused.unwrap_err().to_string().contains(' '));
    }
}

#[test]
fn no_run_and_two_runs_are_too_few() {
    for law in [CHINCHILLA, LawChoice::Auto] {
        let none = refusal(&dataset(Vec::new()), law);
        assert!(none.contains("and there are 0"), "{none}");
        let two = refusal(
            &dataset(vec![run(1e8, 1e10, 3.1), run(1e9, 1e10, 2.8)]),
            law,
        );
        assert!(two.contains("and there are 2"), "{two}");
    }
}

#[test]
fn identical_rows_count_once() {
    let runs = vec![run(1e8, 1e10, 3.1); 50];
    let sentence = refusal(&dataset(runs), CHINCHILLA);
    assert_eq!(
        sentence,
        "law `chinchilla` needs at least 6 usable runs and there are 1: add runs, or fit a law with fewer parameters such as `power-c`"
    );
}

#[test]
fn one_size_only_does_not_determine_a_law_in_size() {
    let tokens = (0..12).map(|k| 1e9 * 2f64.powi(k));
    let runs = tokens.map(|d| run(1e8, d, loss(1e8, d))).collect();
    let sentence = refusal(&dataset(runs), CHINCHILLA);
    assert_eq!(
        sentence,
        "law `chinchilla` needs runs that differ in size N, and all have about 100M parameters: add runs with at least 3 different values over a factor of two or more"
    );
}

#[test]
fn losses_that_rise_with_everything_are_no_trend() {
    let pairs = (0..5).flat_map(|i| (0..5).map(move |j| (1e7 * 3f64.powi(i), 1e9 * 3f64.powi(j))));
    let runs = pairs
        .map(|(n, d)| run(n, d, 1.0 + 0.1 * n.ln() + 0.1 * d.ln()))
        .collect();
    let sentence = refusal(&dataset(runs), LawChoice::Named(FittedLaw::KaplanC));
    assert!(
        sentence.contains("finds no loss that falls with"),
        "{sentence}"
    );
}

#[test]
fn equal_losses_give_a_sentence_or_a_finite_fit() {
    let pairs = (0..5).flat_map(|i| (0..5).map(move |j| (1e7 * 3f64.powi(i), 1e9 * 3f64.powi(j))));
    let data = dataset(pairs.map(|(n, d)| run(n, d, 3.0)).collect());
    for law in [
        FittedLaw::Chinchilla,
        FittedLaw::KaplanNd,
        FittedLaw::PowerC,
        FittedLaw::KaplanN,
    ] {
        let options = FitOptions {
            bootstraps: 20,
            ..FitOptions::of(law)
        };
        match fit(&data, &options) {
            Ok(fit) => assert!(
                fit.parameters.iter().all(|p| p.value.is_finite()),
                "{fit:?}"
            ),
            Err(refused) => assert!(refused.to_string().contains(' ')),
        }
    }
}

#[test]
fn a_curve_refuses_what_is_no_measurement() {
    for (x, value) in [
        (f64::NAN, 1.0),
        (0.0, 1.0),
        (-1.0, 1.0),
        (1.0, f64::NAN),
        (1.0, 0.0),
        (1.0, -2.0),
    ] {
        let mut points: Vec<CurvePoint> = (1..9)
            .map(|k| CurvePoint {
                x: f64::from(k),
                value: 3.0 / f64::from(k),
                family: None,
            })
            .collect();
        points.push(CurvePoint {
            x,
            value,
            family: None,
        });
        let refused = fit_curve(&points, CurveOf::Loss);
        assert!(
            matches!(refused, Err(FitError::Option { .. })),
            "{x} {value}"
        );
    }
}
