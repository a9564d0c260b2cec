//! Every law's exact gradient against central differences, at random inputs and parameters.

use crate::laws::testing::{check_curve_gradient, check_surface_gradient, flops, params, tokens};
use crate::{CurveInput, catalogue, published_fits};
use proptest::prelude::*;

/// Values near which each law's parameters are tried: its published ones, or these.
fn starts() -> Vec<(&'static crate::LawCard, Vec<f64>)> {
    let mut starts: Vec<_> = published_fits()
        .map(|(card, fit)| (card, fit.values()))
        .collect();
    for card in catalogue() {
        let plausible: &[f64] = match card.name {
            "power-c" => &[50.0, -0.07, 1.6],
            "over-training" => &[1.9, 700.0, 2000.0, 0.176],
            "repetition-penalty" => &[1.8, 480.0, 2000.0, 0.35, 0.37, 0.05, 0.6, 0.8],
            "farseer" => &[-1e-3, -1.0, 0.2, 60.0, 1.5, -0.17, 8.0, 0.2, -0.1],
            "precision" => &[2.0, 4299.0, 2e4, 0.5, 0.5, 2.7, 2.2, 1.0],
            "data-quality" => &[1.8, 480.0, 2000.0, 0.35, 0.37, 0.8],
            "sparse" => &[16.8, 0.72, 45.0, 0.25, 6.9e8, 0.2, 0.65],
            "bnsl" => &[0.5, 300.0, 0.05, 0.1, 1e22, 0.5],
            "m1" => &[20.0, 0.1],
            "m2" => &[20.0, 0.1, 1.7],
            "m3" => &[20.0, 0.1, 1.7, 1e-10],
            "m4" => &[0.7, 30.0, 0.2, 1.6, 10.8],
            _ => continue,
        };
        starts.push((card, plausible.to_vec()));
    }
    starts
}

#[test]
fn every_law_of_the_loss_is_tried() {
    for card in catalogue() {
        let ones = vec![1.0; card.parameters.len()];
        let law = card.law(&ones).unwrap();
        let predicts = law.surface().is_some() || law.curve().is_some();
        let tried = starts().iter().any(|(tried, _)| tried.name == card.name);
        assert!(tried || !predicts, "{}", card.name);
    }
}

proptest! {
    #[test]
    fn exact_gradients_are_central_differences(
        log_n in 7.0f64..12.0, log_d in 8.0f64..13.5,
        jitter in proptest::collection::vec(0.9f64..1.1, 20),
    ) {
        for (card, values) in starts() {
            let values: Vec<_> = values.iter().zip(&jitter).map(|(v, j)| v * j).collect();
            let law = card.law(&values).unwrap();
            let (n, d) = (10f64.powf(log_n), 10f64.powf(log_d));
            if law.surface().is_some() {
                check_surface_gradient(card, &values, n, d);
            }
            if let Some(curve) = law.curve() {
                let x = match curve.input() {
                    CurveInput::Params => n,
                    CurveInput::Tokens => d,
                    CurveInput::Flops => 6.0 * n * d,
                };
                check_curve_gradient(card, &values, x);
            }
        }
    }

    #[test]
    fn no_values_of_the_parameters_and_no_inputs_make_a_law_panic(
        values in proptest::collection::vec(
            prop_oneof![-3.0f64..3.0, -1e3f64..1e3, Just(0.0), Just(1e300), Just(-1e-300)], 20,
        ),
        log_n in -300.0f64..300.0, log_d in -300.0f64..300.0,
    ) {
        let (n, d) = (params(10f64.powf(log_n)), tokens(10f64.powf(log_d)));
        for card in catalogue() {
            let law = card.law(&values[..card.parameters.len()]).unwrap();
            if let Some(surface) = law.surface() {
                let same = surface.gradient(n, d).is_ok() == surface.loss(n, d).is_ok();
                prop_assert!(same, "{}", card.name);
            }
            if let Some(curve) = law.curve() {
                let _ = curve.gradient_at(n.get());
            }
            if let Some(best) = law.best_allocation() {
                let _ = best.best(flops(10f64.powf(log_n)));
            }
        }
    }
}
