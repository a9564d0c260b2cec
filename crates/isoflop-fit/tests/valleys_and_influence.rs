//! Valleys of single budgets, and which runs a fit hangs on.

use isoflop_fit::{Dataset, FitOptions, FittedLaw, Observation, fit, valleys};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{FlopCount, Flops, Loss, LossSurface, ParamCount, Params, Tokens};

/// Sizes around the best one at four budgets, on a known surface.
fn grid() -> Dataset {
    let law = Chinchilla::BESIROGLU_2024;
    let mut observations = Vec::new();
    for c in [1e18, 1e19, 1e20, 1e21] {
        let best = law.optimum(Flops::new(c).unwrap()).unwrap();
        for factor in [0.4, 0.63, 1.0, 1.6, 2.5] {
            let params = Params::new(best.params.get() * factor).unwrap();
            let tokens = Tokens::new(c / 6.0 / params.get()).unwrap();
            observations.push(Observation {
                params,
                tokens,
                unique_tokens: None,
                flops: Flops::new(c).unwrap(),
                loss: law.loss(params, tokens).unwrap(),
                loss_std: None,
                cluster: observations.len(),
            });
        }
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

#[test]
fn each_budget_has_a_valley_near_the_surfaces_own_optimum() {
    let data = grid();
    let found = valleys(&data);
    assert_eq!(found.len(), 4);
    for valley in found {
        assert_eq!(valley.members.len(), 5);
        let best = Chinchilla::BESIROGLU_2024.optimum(valley.flops).unwrap();
        let parabola = valley.parabola.unwrap();
        assert!((parabola.ln_params - best.params.ln()).abs() < 0.1);
        let least = Chinchilla::BESIROGLU_2024
            .loss(best.params, best.tokens)
            .unwrap();
        assert!((parabola.lowest / least.get() - 1.0).abs() < 2e-3);
    }
}

#[test]
fn a_run_that_is_wrong_is_the_one_with_the_largest_cooks_distance() {
    let mut data = grid();
    let wrong = 15;
    data.observations[wrong].loss = Loss::new(data.observations[wrong].loss.get() * 1.05).unwrap();
    let options = FitOptions {
        bootstraps: 0,
        ..FitOptions::of(FittedLaw::Chinchilla)
    };
    let fit = fit(&data, &options).unwrap();
    let influences = fit.influences(&data).unwrap();
    let most = (0..influences.len())
        .max_by(|&a, &b| influences[a].cook.total_cmp(&influences[b].cook))
        .unwrap();
    assert_eq!(most, wrong);
    let total: f64 = influences.iter().map(|influence| influence.leverage).sum();
    assert!(
        (total - 5.0).abs() < 1e-6,
        "leverages sum to the number of parameters: {total}"
    );
}
