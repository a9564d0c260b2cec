//! Faults that are planted in a ladder are found and said, and a sound ladder raises none.

#![allow(clippy::unwrap_used)] // The helpers of tests, which fail by panicking.

use isoflop_fit::{
    Dataset, FitOptions, FittedLaw, LawChoice, Observation, Quantity, Suspicion, diagnose, fit,
};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{FlopCount, Flops, Loss, LossSurface, ParamCount, Params, Tokens};

/// Five budgets of nine sizes, each loss off by up to half a per cent.
fn ladder() -> Vec<Observation> {
    let truth = Chinchilla::BESIROGLU_2024;
    let mut runs = Vec::new();
    for budget in 0..5 {
        let flops = Flops::new(1e19 * 6f64.powi(budget)).unwrap();
        let best = truth.optimum(flops).unwrap();
        for place in -4..=4 {
            let factor = 1.5f64.powi(place);
            let params = Params::new(best.params.get() * factor).unwrap();
            let tokens = Tokens::new(best.tokens.get() / factor).unwrap();
            let wobble = 1.0 + 0.005 * (runs.len() as f64 * 2.3).sin();
            let loss = truth.loss(params, tokens).unwrap().get() * wobble;
            runs.push(Observation {
                params,
                tokens,
                unique_tokens: None,
                quality: None,
                flops,
                loss: Loss::new(loss).unwrap(),
                loss_std: None,
                cluster: runs.len(),
            });
        }
    }
    runs
}

fn suspicions(observations: Vec<Observation>) -> Vec<Suspicion> {
    let data = Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    };
    let options = FitOptions {
        bootstraps: 0,
        ..FitOptions::of(FittedLaw::Chinchilla)
    };
    let fit = fit(&data, &options).unwrap();
    let found = diagnose(&data, &fit, None).unwrap();
    assert_eq!(found.residuals.len(), data.observations.len());
    for suspicion in &found.suspicions {
        assert!(fit.warnings.contains(&suspicion.to_string()));
    }
    found.suspicions
}

fn scaled(by: impl Fn(&Observation) -> f64) -> Vec<Observation> {
    let mut runs = ladder();
    for run in &mut runs {
        run.loss = Loss::new(run.loss.get() * by(run)).unwrap();
    }
    runs
}

#[test]
fn a_sound_ladder_raises_no_suspicion() {
    assert_eq!(suspicions(ladder()), []);
}

#[test]
fn bits_given_as_nats_are_suspected() {
    let found = suspicions(scaled(|_| 1.0 / std::f64::consts::LN_2));
    assert!(
        matches!(found[..], [Suspicion::BitsGivenAsNats { .. }]),
        "{found:?}"
    );
    assert!(found[0].to_string().contains("multiply by ln 2"));
}

#[test]
fn losses_per_byte_are_suspected() {
    let found = suspicions(scaled(|_| 0.33));
    assert!(
        matches!(found[..], [Suspicion::PerByte { .. }]),
        "{found:?}"
    );
}

#[test]
fn a_run_that_went_wrong_is_named() {
    let mut runs = ladder();
    runs[17].loss = Loss::new(runs[17].loss.get() * 1.08).unwrap();
    let found = suspicions(runs);
    let named = found.iter().any(|s| match s {
        Suspicion::Outliers { indices, farthest } => indices[0] == 17 && *farthest > 0.06,
        _ => false,
    });
    assert!(named, "{found:?}");
}

#[test]
fn sizes_without_embeddings_beside_flops_that_count_them_are_suspected() {
    let mut runs = ladder();
    for run in &mut runs {
        // N_total = N + w N^(1/3), Pearce and Song 2024; this N is the one without.
        let n = run.params.get();
        run.params = Params::new(n - 4.75e4 * (0.9 * n).cbrt()).unwrap();
    }
    let found = suspicions(runs);
    let said = |s: &Suspicion| matches!(s, Suspicion::ParametersLeftOut { .. });
    assert!(found.iter().any(said), "{found:?}");
}

#[test]
fn checkpoints_in_the_middle_of_a_schedule_are_suspected() {
    let mut runs = Vec::new();
    for (cluster, end) in ladder().into_iter().enumerate() {
        for (share, excess) in [(0.4, 1.05), (0.7, 1.03), (1.0, 1.0)] {
            let tokens = Tokens::new(end.tokens.get() * share).unwrap();
            let truth = Chinchilla::BESIROGLU_2024.loss(end.params, tokens).unwrap();
            runs.push(Observation {
                tokens,
                flops: Flops::six_nd(end.params, tokens),
                loss: Loss::new(truth.get() * excess).unwrap(),
                cluster,
                ..end.clone()
            });
        }
    }
    let found = suspicions(runs);
    let said = |s: &Suspicion| matches!(s, Suspicion::Schedule { .. });
    assert!(found.iter().any(said), "{found:?}");
    let said = |s: &Suspicion| {
        matches!(
            s,
            Suspicion::Checkpoints {
                runs: 45,
                observations: 135
            }
        )
    };
    assert!(found.iter().any(said), "{found:?}");
}

#[test]
fn a_loss_that_bends_away_with_compute_is_a_trend() {
    let found = suspicions(scaled(|run| {
        let off = (run.flops.ln() - 1e19f64.ln()) / 36f64.ln() - 1.0;
        1.0 + 0.04 * off * off
    }));
    let said = |s: &Suspicion| matches!(s, Suspicion::ResidualTrend { .. });
    assert!(found.iter().any(said), "{found:?}");
}

#[test]
fn repeated_tokens_and_a_short_range_are_said() {
    let mut runs = ladder();
    for run in &mut runs {
        run.unique_tokens = Some(Tokens::new(run.tokens.get() / 4.0).unwrap());
    }
    let found = suspicions(runs);
    let said = |s: &Suspicion| {
        matches!(
            s,
            Suspicion::Repeated {
                observations: 45,
                ..
            }
        )
    };
    assert!(found.iter().any(said), "{found:?}");
    let narrow: Vec<Observation> = ladder()
        .into_iter()
        .filter(|run| (2e8..1e9).contains(&run.params.get()))
        .collect();
    let found = suspicions(narrow);
    let said = |s: &Suspicion| {
        matches!(
            s,
            Suspicion::ShortRange {
                quantity: Quantity::Params,
                ..
            }
        )
    };
    assert!(found.iter().any(said), "{found:?}");
}

#[test]
fn repeated_tokens_are_counted_and_the_advice_can_be_followed() {
    let mut runs = ladder();
    for run in runs.iter_mut().take(3) {
        run.unique_tokens = Some(Tokens::new(run.tokens.get() / 8.0).unwrap());
    }
    let found = suspicions(runs);
    let repeated = found.iter().find_map(|suspicion| match suspicion {
        Suspicion::Repeated { observations, most } => Some((*observations, *most)),
        _ => None,
    });
    let (observations, most) = repeated.unwrap();
    assert_eq!(observations, 3);
    assert!((most - 8.0).abs() < 1e-9);
    for sentence in found.iter().map(ToString::to_string) {
        let names = sentence.split('`').skip(1).step_by(2);
        for name in names {
            assert!(name.parse::<LawChoice>().is_ok(), "{name}: {sentence}");
        }
    }
}
