//! The law of data quality.

use super::{OBJECTIVES, assert_close, dataset, normal, run, values};
use isoflop_fit::{Dataset, FitOptions, FittedLaw, ForecastAt, Objective, Observation, fit};
use isoflop_laws::laws::DataQuality;
use isoflop_laws::{LossSurface, Params, Quality, Tokens};

/// Runs of a law of quality at four sizes, four amounts of text and three qualities.
fn graded(truth: &DataQuality, noise: impl Fn(usize) -> f64) -> Dataset {
    let mut runs = Vec::new();
    for n in [2e7, 1e8, 4e8, 2e9] {
        for d in [4e8, 2e9, 1e10, 6e10] {
            for quality in [1.0, 0.7, 0.4] {
                let (size, seen) = (Params::new(n).unwrap(), Tokens::new(d).unwrap());
                let quality = Quality::new(quality).unwrap();
                let loss = truth.with_quality(quality).loss(size, seen).unwrap().get();
                let k = runs.len();
                runs.push(Observation {
                    quality: Some(quality),
                    ..run(n, d, loss * noise(k).exp(), k)
                });
            }
        }
    }
    dataset(runs)
}

const OF_QUALITY: [f64; 6] = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.8];

#[test]
fn the_law_of_quality_is_recovered_whichever_way_quality_is_graded() {
    for gamma in [0.8, 3.0, 0.05, -0.6] {
        let mut values_of_truth = OF_QUALITY;
        values_of_truth[5] = gamma;
        let truth = DataQuality::from_values(&values_of_truth).unwrap();
        let data = graded(&truth, |_| 0.0);
        for objective in OBJECTIVES {
            let found = values(&data, FittedLaw::DataQuality, objective);
            assert_close(&found, &values_of_truth, 1e-4);
        }
    }
}

#[test]
fn intervals_of_the_power_of_quality_hold_it_as_often_as_they_say() {
    let truth = DataQuality::from_values(&OF_QUALITY).unwrap();
    let mut held = 0;
    for seed in 0..20 {
        let data = graded(&truth, normal(0.003, seed));
        let options = FitOptions {
            bootstraps: 100,
            objective: Objective::LeastSquares,
            ..FitOptions::of(FittedLaw::DataQuality)
        };
        let fit = fit(&data, &options).unwrap();
        let gamma = &fit.parameters[5];
        let (lo, hi) = (gamma.lo.unwrap(), gamma.hi.unwrap());
        assert!(
            (gamma.value - 0.8).abs() < 0.08 && hi - lo < 0.2,
            "{gamma:?}"
        );
        assert!(gamma.identified);
        held += i32::from(lo < 0.8 && 0.8 < hi);
    }
    // 18 of 20 are expected.
    assert!((15..=20).contains(&held), "{held} of 20");
}

#[test]
fn a_law_of_quality_forecasts_text_of_every_quality() {
    let truth = DataQuality::from_values(&OF_QUALITY).unwrap();
    let data = graded(&truth, normal(0.003, 4));
    let by_law = fit(&data, &FitOptions::of(FittedLaw::DataQuality)).unwrap();
    let (n, d) = (Params::new(6e9).unwrap(), Tokens::new(2e11).unwrap());
    let mut at = ForecastAt {
        params: Some(n),
        tokens: Some(d),
        ..ForecastAt::default()
    };
    let mut last = 0.0;
    for quality in [None, Some(1.0), Some(0.5)] {
        at.quality = quality.map(|q| Quality::new(q).unwrap());
        let here = truth.with_quality(at.quality.unwrap_or(Quality::new(1.0).unwrap()));
        let came = here.loss(n, d).unwrap().get();
        let said = by_law.forecast(&at, 0.9).unwrap();
        assert!(
            (said.loss.get() / came - 1.0).abs() < 0.006,
            "{said:?} {came}"
        );
        assert!(
            said.lo.get() < came && came < said.hi.get(),
            "{said:?} {came}"
        );
        assert!(said.loss.get() >= last);
        last = said.loss.get();
    }
    // A law that takes all text as alike says so, and warns of the mixture.
    let plain = fit(&data, &FitOptions::of(FittedLaw::Chinchilla)).unwrap();
    assert!(
        plain.warnings.iter().any(|w| w.contains("data-quality")),
        "{:?}",
        plain.warnings
    );
    let refused = plain.forecast(&at, 0.9).unwrap_err().to_string();
    assert!(refused.contains("leave the quality out"), "{refused}");
    // Errors at the runs know of their quality: 0.3 % of noise, not what half the text costs.
    let errors = by_law.errors(&data).unwrap();
    assert!(errors.iter().all(|e| e.abs() < 0.015), "{errors:?}");
}

#[test]
fn a_law_of_quality_needs_the_quality_of_every_run_and_more_than_one() {
    let truth = DataQuality::from_values(&OF_QUALITY).unwrap();
    let data = graded(&truth, |_| 0.0);
    let refused = |change: &dyn Fn(&mut Observation)| {
        let mut data = data.clone();
        data.observations.iter_mut().for_each(change);
        fit(&data, &FitOptions::of(FittedLaw::DataQuality))
            .unwrap_err()
            .to_string()
    };
    let some = refused(&|run| run.quality = run.quality.filter(|q| q.get() < 1.0));
    assert!(
        some.contains("32 of 48") && some.contains("metric_quality"),
        "{some}"
    );
    let one = refused(&|run| run.quality = Quality::new(0.7).ok());
    assert!(one.contains("all have a quality of 0.700"), "{one}");
    let mut few = data.clone();
    few.observations.truncate(6);
    let few = fit(&few, &FitOptions::of(FittedLaw::DataQuality))
        .unwrap_err()
        .to_string();
    assert!(
        few.contains("at least 7 usable runs") && few.contains("`chinchilla`"),
        "{few}"
    );
}
