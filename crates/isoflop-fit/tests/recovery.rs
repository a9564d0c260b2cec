//! Random truths are recovered, and answers do not depend on how the runs are written down.

mod measurements;

use isoflop_fit::{Dataset, Fit, FitOptions, FittedLaw, Objective, Observation, fit};
use isoflop_laws::{FlopCount, Flops, Law, Loss, ParamCount, Params, Tokens};
use measurements::chinchilla_240;
use proptest::prelude::*;

/// Middle of the sizes, of the data and of the compute of [`ladder`].
const PARAMS: f64 = 1e8;
const TOKENS: f64 = 1e10;
const FLOPS: f64 = 6.0 * PARAMS * TOKENS;

/// Seven sizes and as many amounts of data, each from 1/30 to 30 times its middle, with the
/// losses of a law and no noise.
fn ladder(loss: impl Fn(f64, f64) -> f64) -> Dataset {
    let factors = (-3..=3).map(|place| 30f64.powf(f64::from(place) / 3.0));
    let pairs = factors
        .clone()
        .flat_map(|size| factors.clone().map(move |data| (size, data)));
    let run = |(cluster, (size, data)): (usize, (f64, f64))| {
        let (n, d) = (PARAMS * size, TOKENS * data);
        let (params, tokens) = (Params::new(n).unwrap(), Tokens::new(d).unwrap());
        Observation {
            params,
            tokens,
            unique_tokens: None,
            quality: None,
            flops: Flops::six_nd(params, tokens),
            loss: Loss::new(loss(n, d)).unwrap(),
            loss_std: None,
            cluster,
        }
    };
    Dataset {
        param_count: ParamCount::NonEmbedding,
        flop_count: FlopCount::SixNd,
        observations: pairs.enumerate().map(run).collect(),
    }
}

fn fitted(data: &Dataset, law: FittedLaw, objective: Objective) -> Fit {
    let options = FitOptions {
        objective,
        bootstraps: 0,
        ..FitOptions::of(law)
    };
    fit(data, &options).unwrap()
}

fn values(fit: &Fit) -> Vec<f64> {
    fit.parameters.iter().map(|p| p.value).collect()
}

fn close(found: &[f64], truth: &[f64], within: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), truth.len());
    for (one, other) in found.iter().zip(truth) {
        let off = (one / other - 1.0).abs();
        prop_assert!(off < within, "{:?} is not {:?}", found, truth);
    }
    Ok(())
}

fn objective() -> impl Strategy<Value = Objective> {
    prop_oneof![
        Just(Objective::Huber { delta: 1e-3 }),
        Just(Objective::HuberLikelihood { delta: 1e-3 }),
        Just(Objective::LeastSquares),
        Just(Objective::Adaptive),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_chinchilla_surface_is_recovered_from_exact_losses(
        objective in objective(),
        e in 0.5f64..3.0,
        of_size in 0.1f64..1.5,
        of_data in 0.1f64..1.5,
        alpha in 0.1f64..0.8,
        beta in 0.1f64..0.8,
    ) {
        let a = of_size * PARAMS.powf(alpha);
        let b = of_data * TOKENS.powf(beta);
        let data = ladder(|n, d| e + a * n.powf(-alpha) + b * d.powf(-beta));
        let found = values(&fitted(&data, FittedLaw::Chinchilla, objective));
        close(&found, &[e, a, b, alpha, beta], 1e-4)?;
    }

    #[test]
    fn any_power_of_compute_above_a_floor_is_recovered_from_exact_losses(
        objective in objective(),
        floor in 0.5f64..3.0,
        above in 0.2f64..2.0,
        power in 0.04f64..0.5,
    ) {
        let a = above * FLOPS.powf(power);
        let data = ladder(|n, d| a * (6.0 * n * d).powf(-power) + floor);
        let found = values(&fitted(&data, FittedLaw::PowerC, objective));
        close(&found, &[a, -power, floor], 1e-4)?;
    }

    #[test]
    fn any_kaplan_surface_is_recovered_from_exact_losses(
        objective in objective(),
        loss in 1.5f64..4.0,
        ln_balance in -2.0f64..2.0,
        alpha_n in 0.05f64..0.15,
        alpha_d in 0.05f64..0.2,
    ) {
        // In the middle, size alone would give `loss`; its term there is e^`ln_balance` times
        // that of the data, so that neither hides the other.
        let nc = PARAMS * loss.powf(1.0 / alpha_n);
        let dc = TOKENS * loss.powf(1.0 / alpha_d) * (-ln_balance).exp();
        let law = FittedLaw::KaplanNd.build(&[nc, dc, alpha_n, alpha_d]).unwrap();
        let data = ladder(|n, d| loss_of(law.as_ref(), n, d));
        let found = fitted(&data, FittedLaw::KaplanNd, objective);
        // Scales are extrapolated to a loss of one nat, over dozens of factors of ten.
        let ln = |values: Vec<f64>| [values[0].ln(), values[1].ln(), values[2], values[3]];
        close(&ln(values(&found)), &ln(vec![nc, dc, alpha_n, alpha_d]), 1e-4)?;
    }
}

fn loss_of(law: &dyn Law, n: f64, d: f64) -> f64 {
    let surface = law.surface().unwrap();
    let (n, d) = (Params::new(n).unwrap(), Tokens::new(d).unwrap());
    surface.loss(n, d).unwrap().get()
}

/// Objectives whose optimum on noisy runs is found to many digits.
fn concrete() -> impl Strategy<Value = Objective> {
    prop_oneof![
        Just(Objective::Huber { delta: 1e-3 }),
        Just(Objective::LeastSquares),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_runs_does_not_matter(
        objective in concrete(),
        order in Just((0..240).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let data = chinchilla_240();
        let shuffled = Dataset {
            observations: order.iter().map(|&k| data.observations[k].clone()).collect(),
            ..data.clone()
        };
        let fits = [&data, &shuffled].map(|d| fitted(d, FittedLaw::Chinchilla, objective));
        close(&values(&fits[1]), &values(&fits[0]), 1e-5)?;
        close(&[fits[1].objective_value], &[fits[0].objective_value], 1e-9)?;
    }

    #[test]
    fn runs_given_several_times_change_no_value(objective in concrete(), times in 2usize..5) {
        let data = chinchilla_240();
        let many = (0..times).flat_map(|_| data.observations.clone());
        let repeated = Dataset { observations: many.collect(), ..data.clone() };
        let fits = [&data, &repeated].map(|d| fitted(d, FittedLaw::Chinchilla, objective));
        close(&values(&fits[1]), &values(&fits[0]), 1e-5)?;
        let total = times as f64 * fits[0].objective_value;
        close(&[fits[1].objective_value], &[total], 1e-9)?;
    }

    #[test]
    fn sizes_in_another_unit_change_only_their_coefficient(
        objective in concrete(),
        ln_unit in -5.0f64..5.0,
    ) {
        let (data, unit) = (chinchilla_240(), ln_unit.exp());
        let mut scaled = data.clone();
        for run in &mut scaled.observations {
            run.params = Params::new(run.params.get() * unit).unwrap();
        }
        let mut expected = values(&fitted(&data, FittedLaw::Chinchilla, objective));
        expected[1] *= unit.powf(expected[3]);
        let found = values(&fitted(&scaled, FittedLaw::Chinchilla, objective));
        close(&found, &expected, 1e-5)?;
    }
}
