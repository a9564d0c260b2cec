//! A backtest as text.

use super::Answer;
use crate::output::{columns, named_rows};
use crate::text::{basis, factor, labelled, paragraph};
use isoflop_plan::Backtest;

pub fn render(answer: &Answer) -> String {
    let all = &answer.all;
    let reach = format!(
        "up to {} times the largest run that a fit had seen",
        factor(all.compute_ratio)
    );
    let mut text = basis(&all.law, answer.conventions, Some(all.n_fit), &reach);
    text += &labelled(
        "Split",
        &format!("{}; fits: {}", answer.split, all.n_splits),
    );
    text += "\n";
    text += &paragraph(&headline(all), 0);
    text += "\n";
    text += &by_reach(all);
    if answer.groups.len() > 1 {
        text += "\n";
        text += &by_group(answer);
    }
    if let Some(worst) = worst(answer) {
        text += &paragraph(&format!("\n{worst}"), 0);
    }
    for reason in &all.failed {
        text += &paragraph(&format!("\nNote: a fit failed: {reason}."), 6);
    }
    text
}

/// A small share with two decimals: errors of forecasts are often below one per cent.
fn precise(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn whole(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

fn headline(all: &Backtest) -> String {
    let mut text = format!(
        "{} forecasts of runs that the fit had not seen: median error {}, nine of ten within {}, largest {}.",
        all.n_test,
        precise(all.relative_error.median),
        precise(all.relative_error.p90),
        precise(all.relative_error.max),
    );
    if let (Some(coverage), Some(width)) = (all.coverage, all.mean_relative_width) {
        text += &format!(
            " The {} intervals held {} of them and were {} wide on average.",
            whole(Some(all.level)),
            whole(Some(coverage)),
            precise(width),
        );
    }
    text
}

fn by_reach(all: &Backtest) -> String {
    let rows = all.by_extrapolation.iter().map(|range| {
        let reach = if (range.to / range.from - 1.0).abs() < 0.05 {
            factor(range.to)
        } else {
            format!("{} to {}", factor(range.from), factor(range.to))
        };
        vec![
            reach,
            range.n.to_string(),
            precise(range.relative_error.median),
            precise(range.relative_error.p90),
            precise(range.relative_error.max),
            whole(range.coverage),
        ]
    });
    let header = [
        "times the compute",
        "runs",
        "median",
        "90 %",
        "largest",
        "held",
    ];
    columns(&header, rows)
}

fn by_group(answer: &Answer) -> String {
    let rows = answer.groups.iter().map(|group| match &group.backtest {
        Some(found) => vec![
            group.group.clone(),
            found.n_fit.to_string(),
            found.n_test.to_string(),
            factor(found.compute_ratio),
            precise(found.relative_error.median),
            precise(found.relative_error.p90),
            whole(found.coverage),
        ],
        None => [group.group.as_str(), "-", "-", "-", "-", "-", "-"]
            .map(str::to_owned)
            .to_vec(),
    });
    let header = ["group", "fit", "test", "reach", "median", "90 %", "held"];
    let mut text = named_rows(&header, rows.collect());
    for group in &answer.groups {
        if let Some(error) = &group.error {
            text += &paragraph(&format!("{}: {error}.", group.group), 2);
        }
    }
    text
}

/// The forecast that was furthest off.
fn worst(answer: &Answer) -> Option<String> {
    let points = answer.groups.iter().flat_map(|group| {
        let points = group.backtest.iter().flat_map(|found| &found.points);
        points.zip(&group.runs)
    });
    let (point, run) = points.max_by(|a, b| {
        a.0.relative_error
            .abs()
            .total_cmp(&b.0.relative_error.abs())
    })?;
    let interval = match (point.lo, point.hi) {
        (Some(lo), Some(hi)) => format!(" ({lo} to {hi})"),
        _ => String::new(),
    };
    Some(format!(
        "Furthest off: {run}, {} times the compute seen: said {}{interval}, came {}.",
        factor(point.extrapolation),
        point.said,
        point.came
    ))
}
