//! Derivatives, and what repeated tokens are worth.

use super::super::sample::Measured;
use super::*;

fn sample() -> Sample {
    let row = |n: f64, d: f64, repeats: f64| Measured {
        at: Place {
            n,
            d,
            c: n + d + 6f64.ln(),
            repeats,
            quality: -0.3 * repeats,
            family: None,
        },
        y: 1.1,
        noise: 1.0,
    };
    Sample {
        rows: vec![
            row(18.0, 21.0, 0.0),
            row(19.0, 22.0, 1.5),
            row(20.0, 24.0, 4.0),
        ],
        over: Default::default(),
    }
}

#[test]
fn derivatives_agree_with_differences() {
    let only_n = Shape::PowerSum {
        floor: false,
        falls: &[Falls::WithParams],
    };
    let sums = [CHINCHILLA, POWER_C, Shape::SharedSum, only_n];
    let others = [
        Shape::KaplanNd,
        Shape::Broken,
        Shape::Turning,
        Shape::Sigmoid,
        Shape::Logistic,
        Shape::Penalised,
        Shape::Farseer,
    ];
    for shape in sums.into_iter().chain(others) {
        let law = MeanLaw::centred(shape, &sample(), Prior::Published);
        let mut theta = law.start();
        theta[0] += 0.1;
        if matches!(shape, Shape::Broken | Shape::Turning) {
            theta[3] = 0.15;
        }
        if shape == Shape::Farseer {
            (theta[4], theta[5], theta[6]) = (0.03, -0.02, 0.2);
        }
        for row in &sample().rows {
            let (_, by) = law.at(&theta, &row.at);
            for (k, derivative) in by.iter().enumerate().take(law.len()) {
                let moved = |step: f64| {
                    let mut to = theta;
                    to[k] += step;
                    law.at(&to, &row.at).0
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((derivative - difference).abs() < 1e-8, "{shape:?} {k}");
            }
        }
    }
}

#[test]
fn tokens_seen_once_are_worth_themselves() {
    let at = sample().rows[0].at;
    assert!((effective_tokens(&at, 2.7).0 - at.d).abs() < 1e-12);
}

#[test]
fn repeated_tokens_agree_with_muennighoff_et_al() {
    // U = 1e10, 40 epochs, R*_D = 15.387756: D' = U (1 + R (1 − e^(−39/R))) = 1.5168e11.
    let at = Place {
        n: 0.0,
        d: 4e11f64.ln(),
        c: 0.0,
        repeats: 40f64.ln(),
        quality: 0.0,
        family: None,
    };
    let (ln_tokens, _) = effective_tokens(&at, 15.387_756_f64.ln());
    let wanted = 1e10 * (1.0 + 15.387_756 * (1.0 - (-39.0 / 15.387_756_f64).exp()));
    assert!((ln_tokens.exp() / wanted - 1.0).abs() < 1e-12);
}
