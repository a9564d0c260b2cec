//! Metrics that follow a known law.

use super::*;
use isoflop_fit::ForecastAt;
use isoflop_laws::LossSurface as _;
use isoflop_laws::laws::{Chinchilla, TwoStep};

fn run(k: i32, value: impl Fn(Flops, Loss) -> f64) -> MetricRun {
    let params = Params::new(1e7 * 1.6f64.powi(k)).unwrap();
    let tokens = Tokens::new(20.0 * params.get()).unwrap();
    let flops = Flops::six_nd(params, tokens);
    let loss = Chinchilla::BESIROGLU_2024.loss(params, tokens).unwrap();
    MetricRun {
        run: format!("run-{k}"),
        flops,
        loss: Some(loss),
        value: value(flops, loss),
        family: None,
    }
}

fn point(of: &MetricRun) -> ForecastPoint {
    let loss = of.loss.unwrap();
    ForecastPoint {
        params: None,
        tokens: None,
        flops: of.flops,
        loss,
        lo: Loss::new(loss.get() * 0.995).ok(),
        hi: Loss::new(loss.get() * 1.005).ok(),
        extrapolation: Some(1.0),
    }
}

const SIGMOID: TwoStep = TwoStep {
    a: 0.72,
    k: -4.0,
    l0: 2.6,
    b: 0.25,
};

#[test]
fn a_metric_that_follows_the_loss_is_forecast_in_two_steps() {
    let of = |_: Flops, loss: Loss| SIGMOID.accuracy(loss).unwrap();
    let runs: Vec<MetricRun> = (0..14).map(|k| run(k, of)).collect();
    let fit = fit_metric("mmlu", &runs, None, 0).unwrap();
    assert_eq!(fit.law, MetricLaw::TwoStep);
    let target = run(18, of);
    let said = fit.forecast(&point(&target), None, 0.9).unwrap();
    assert!(
        (said.value - target.value).abs() < 0.01,
        "{said:?} {}",
        target.value
    );
    assert!(said.lo < target.value && target.value < said.hi);
    assert!((said.extrapolation / 1.6f64.powi(10) - 1.0).abs() < 1e-9);
}

#[test]
fn a_pass_rate_without_losses_follows_the_capability_law() {
    let of = |flops: Flops, _: Loss| (-3.0 * (flops.get() / 1e17).powf(-0.12)).exp();
    let mut runs: Vec<MetricRun> = (0..14).map(|k| run(k, of)).collect();
    for run in &mut runs {
        run.loss = None;
    }
    let fit = fit_metric("humaneval", &runs, None, 0).unwrap();
    assert_eq!(fit.law, MetricLaw::Capability);
    let target = run(18, of);
    let asked = ForecastAt {
        flops: Some(target.flops),
        ..ForecastAt::default()
    };
    let said = fit.answer_by_compute(&[asked], &[], 0.9).unwrap();
    let said = &said.forecasts[0];
    assert!(
        (said.value - target.value).abs() < 0.02,
        "{said:?} {}",
        target.value
    );
    let unknown = fit.answer_by_compute(&[ForecastAt::default()], &[], 0.9);
    assert_eq!(unknown, Err(MetricError::NoCompute));
}

#[test]
fn losses_of_several_families_are_said_to_compare_only_on_one_text() {
    let of = |_: Flops, loss: Loss| SIGMOID.accuracy(loss).unwrap();
    let mut runs: Vec<MetricRun> = (0..14).map(|k| run(k, of)).collect();
    let warned = |runs: &[MetricRun]| {
        let fit = fit_metric("mmlu", runs, None, 0).unwrap();
        assert_eq!(fit.law, MetricLaw::TwoStep);
        fit.warnings.iter().any(|w| w.contains("2 families"))
    };
    assert!(!warned(&runs));
    for (place, run) in runs.iter_mut().enumerate() {
        run.family = Some(["gpt", "llama"][place % 2].to_owned());
    }
    assert!(warned(&runs));
}

#[test]
fn a_percentage_is_refused_by_the_name_of_its_run() {
    let runs: Vec<MetricRun> = (0..8).map(|k| run(k, |_, _| 37.5)).collect();
    let error = fit_metric("mmlu", &runs, None, 0).unwrap_err().to_string();
    assert!(error.contains("run-0") && error.contains("37.5"), "{error}");
}

#[test]
fn runs_before_the_rise_are_said_not_to_show_its_end() {
    let late = TwoStep { l0: 1.9, ..SIGMOID };
    let of = |_: Flops, loss: Loss| late.accuracy(loss).unwrap();
    let runs: Vec<MetricRun> = (0..10).map(|k| run(k, of)).collect();
    let fit = fit_metric("gsm8k", &runs, None, 0).unwrap();
    assert!(
        fit.warnings
            .iter()
            .any(|w| w.contains("middle of the rise"))
    );
}
