//! The best size from valleys.

use super::{assert_close, dataset, run, values};
use isoflop_fit::{FittedLaw, Objective};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{Flops, LossSurface, Params, Tokens};

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
