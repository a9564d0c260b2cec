//! Valleys of single budgets.

use isoflop_fit::{Dataset, Observation, valleys};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{FlopCount, Flops, LossSurface, ParamCount, Params, Tokens};

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
                quality: None,
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
