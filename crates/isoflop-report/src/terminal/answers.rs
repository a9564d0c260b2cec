//! What the plots of `fit`, `predict` and `backtest` show.

use super::{Mark, Series, TerminalPlot};
use isoflop_fit::{Fit, ForecastAt};
use isoflop_laws::{Flops, Loss};
use isoflop_plan::{BacktestPoint, ForecastPoint};

/// Budgets at which a law's line is computed.
const BUDGETS: usize = 64;
/// How far beyond the largest run a fit is shown, where nothing was asked for.
const BEYOND: f64 = 10.0;

/// Runs and the fitted law at its best size for each budget, with what it says of some runs; of
/// ten times the largest compute if `forecasts` is empty.
#[must_use]
pub fn forecast_plot(
    fit: &Fit,
    runs: &[(Flops, Loss)],
    forecasts: &[ForecastPoint],
    level: f64,
) -> TerminalPlot {
    let ahead = if forecasts.is_empty() {
        let beyond = Flops::new(BEYOND * fit.largest_flops.get()).ok();
        beyond
            .and_then(|flops| at_best_size(fit, flops, level))
            .into_iter()
            .collect()
    } else {
        forecasts.to_vec()
    };
    if ahead.is_empty() {
        return TerminalPlot {
            title: String::new(),
            series: Vec::new(),
        };
    }
    let place = |said: &ForecastPoint| (said.flops.get(), said.loss.get());
    let interval = ahead.iter().flat_map(|said| {
        let flops = said.flops.get();
        let ends = said.lo.into_iter().chain(said.hi);
        ends.map(move |end| (flops, end.get()))
    });
    let percent = level * 100.0;
    let what = match forecasts {
        [] => format!("{BEYOND:.0} times the largest run"),
        [_] => "forecast".to_owned(),
        _ => "forecasts".to_owned(),
    };
    // An interval may be thinner than a line of text: one forecast has room for its numbers.
    let (what, interval_label) = match ahead.as_slice() {
        [one] => (
            format!("{what}: {}", in_numbers(one, percent)),
            String::new(),
        ),
        _ => (what, format!("{percent:.0} % interval")),
    };
    TerminalPlot {
        title: "Loss (nats per token) against compute C (FLOPs, log scale)".to_owned(),
        series: vec![
            series(Mark::Law, law_label(fit), curve(fit, runs, &ahead, level)),
            series(
                Mark::Run,
                format!("runs ({})", runs.len()),
                runs.iter()
                    .map(|(flops, loss)| (flops.get(), loss.get()))
                    .collect(),
            ),
            series(Mark::Interval, interval_label, interval.collect()),
            series(Mark::Forecast, what, ahead.iter().map(place).collect()),
        ],
    }
}

/// Errors of past forecasts against how far they reached beyond the runs they were made from.
#[must_use]
pub fn backtest_plot(points: &[BacktestPoint], level: f64) -> TerminalPlot {
    let place = |point: &BacktestPoint| (point.extrapolation, 100.0 * point.relative_error);
    let held = |point: &BacktestPoint| {
        let (Some(lo), Some(hi)) = (point.lo, point.hi) else {
            return true;
        };
        (lo..=hi).contains(&point.came)
    };
    let (inside, outside): (Vec<_>, Vec<_>) = points.iter().partition(|point| held(point));
    let reach = points.iter().map(|point| point.extrapolation);
    let (near, far) = reach.fold((f64::INFINITY, 0.0), |(near, far): (f64, f64), reach| {
        (near.min(reach), far.max(reach))
    });
    let percent = level * 100.0;
    let counted =
        |what: &str, count: usize| format!("{what} the {percent:.0} % interval ({count})");
    TerminalPlot {
        title: "Error of the forecast (%) against compute ÷ largest fitted run (log scale)"
            .to_owned(),
        series: vec![
            series(
                Mark::Level,
                "no error".to_owned(),
                vec![(near, 0.0), (far, 0.0)],
            ),
            series(
                Mark::Run,
                counted("inside", inside.len()),
                inside.into_iter().map(place).collect(),
            ),
            series(
                Mark::Outside,
                counted("outside", outside.len()),
                outside.into_iter().map(place).collect(),
            ),
        ],
    }
}

fn series(mark: Mark, label: String, points: Vec<(f64, f64)>) -> Series {
    let label = if points.is_empty() {
        String::new()
    } else {
        label
    };
    Series {
        mark,
        label,
        points,
    }
}

/// The loss and the ends of its interval.
fn in_numbers(said: &ForecastPoint, percent: f64) -> String {
    match said.lo.zip(said.hi) {
        Some((lo, hi)) => format!("{} ({percent:.0} %: {lo} to {hi})", said.loss),
        None => said.loss.to_string(),
    }
}

fn law_label(fit: &Fit) -> String {
    match fit.law().is_ok_and(|law| law.surface().is_some()) {
        true => format!("{} at its best size", fit.law),
        false => fit.law.to_string(),
    }
}

fn at_best_size(fit: &Fit, flops: Flops, level: f64) -> Option<ForecastPoint> {
    let at = ForecastAt {
        flops: Some(flops),
        ..ForecastAt::default()
    };
    let said = fit.forecast(&at, level).ok()?;
    Some(ForecastPoint {
        params: said.params,
        tokens: said.tokens,
        flops: said.flops,
        loss: said.loss,
        lo: Some(said.lo),
        hi: Some(said.hi),
        extrapolation: Some(said.extrapolation),
    })
}

/// The law from the smallest run to the furthest forecast; nothing for laws that do not answer for
/// compute alone.
fn curve(
    fit: &Fit,
    runs: &[(Flops, Loss)],
    ahead: &[ForecastPoint],
    level: f64,
) -> Vec<(f64, f64)> {
    let all = runs
        .iter()
        .map(|run| run.0)
        .chain(ahead.iter().map(|said| said.flops));
    let (low, high) = crate::analysis::ends(all.map(Flops::get));
    let budgets = crate::analysis::log_steps(low, high, BUDGETS);
    let said = budgets.filter_map(|flops| at_best_size(fit, Flops::new(flops).ok()?, level));
    said.map(|said| (said.flops.get(), said.loss.get()))
        .collect()
}
