//! The law of over-training.

use super::{OBJECTIVES, assert_close, dataset, grid, run, values};
use isoflop_fit::{FitOptions, FittedLaw, ForecastAt, fit};
use isoflop_laws::laws::OverTraining;
use isoflop_laws::{LossSurface, Params, Tokens};

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
