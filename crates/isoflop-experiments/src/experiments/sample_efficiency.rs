//! Tokens to one loss against size (Kaplan et al. 2020, figure 2).

use super::{UNIT, basis, formula, short, with_interval};
use crate::design::{self, Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use isoflop_fit::{FormulaFit, fit_formula};
use isoflop_laws::{Loss, ParamCount, Params, Tokens};
use isoflop_report::{SampleEfficiencyFigure, SizeCurve};
use isoflop_runs::Run;

/// Tokens must fall with N at least by this power for the claim: doubling N then saves 3 %.
const LEAST_EXPONENT: f64 = 0.05;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    design::grid(bench, scale)
}

/// The runs of one size and a parabola of ln L in ln D through them.
struct Size {
    params: Params,
    first: usize,
    range: (f64, f64),
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let rows = &records.rows;
    let sizes = sizes(rows);
    let middle = rows
        .iter()
        .map(|row| records::tokens(row).ln())
        .sum::<f64>()
        / rows.len() as f64;
    let of_row: Vec<usize> = rows
        .iter()
        .map(|row| place(&sizes, row).unwrap_or(0))
        .collect();
    let curve = |p: &[f64], size: usize, ln_d: f64| {
        let x = ln_d - middle;
        let c = &p[3 * size..];
        c[0] + c[1] * x + c[2] * x * x
    };
    let formula_of = |p: &[f64], i: usize| curve(p, of_row[i], records::tokens(&rows[i]).ln());
    let seen: Vec<f64> = rows.iter().map(|row| records::loss(row).ln()).collect();
    let start = [1.0, -0.1, 0.0].repeat(sizes.len());
    let fit = fit_formula(
        &seen,
        &formula_of,
        &[start],
        formula("loss by tokens", records.seed),
    )?;
    let tokens_to = |p: &[f64], size: &Size, level: f64| {
        crossing(|ln_d| curve(p, size.first, ln_d), size.range, level)
    };
    // The loss that most sizes come to; the lowest of those. Large models begin below what small ones
    // ever reach.
    let reached = |size: &Size| curve(&fit.values, size.first, size.range.1) + 0.01;
    let sizes_at = |level: f64| {
        let come = sizes
            .iter()
            .filter(|size| tokens_to(&fit.values, size, level).is_some());
        come.count()
    };
    let levels = sizes.iter().map(reached);
    let level = levels
        .max_by(|a, b| sizes_at(*a).cmp(&sizes_at(*b)).then_with(|| b.total_cmp(a)))
        .unwrap_or(f64::NAN);
    let needed = |p: &[f64], size: &Size| tokens_to(p, size, level);
    let slope = |p: &[f64]| power(&sizes, |size| needed(p, size));
    let used: Vec<&Size> = sizes
        .iter()
        .filter(|size| needed(&fit.values, size).is_some())
        .collect();
    if used.len() < 3 {
        return Err(ExperimentError::Insufficient(format!(
            "only {} sizes reach a common loss: give more minutes",
            used.len()
        )));
    }
    let exponent = -slope(&fit.values);
    let ends = fit.interval(|p| -slope(p));
    let tokens = |size: &Size| needed(&fit.values, size).map_or(f64::NAN, f64::exp);
    let (small, large) = (used[0], used[used.len() - 1]);
    let ratio = tokens(small) / tokens(large);
    let figure = SampleEfficiencyFigure {
        title: "Tokens that each size needs for the same loss".to_owned(),
        curves: curves(&sizes, &fit, &curve, &needed)?,
        runs: rows
            .iter()
            .filter_map(|row| records::point(row, ParamCount::Total))
            .collect(),
        common_loss: Loss::new(level.exp())?,
        unit: UNIT,
        conventions: basis(
            "Curves: parabolas of ln L in ln D for each size; N: all parameters",
            records,
        ),
    };
    Ok(Judgement {
        verdict: Verdict::at_least(ends, LEAST_EXPONENT),
        sentence: format!(
            "For a loss of {} nats, {} parameters need {} tokens and {} need {}: {} times fewer. \
             Tokens fall as N to the power −{}; the claim asks for at least {LEAST_EXPONENT}.",
            short(level.exp()),
            small.params,
            Tokens::new(tokens(small))?,
            large.params,
            Tokens::new(tokens(large))?,
            short(ratio),
            with_interval(exponent, ends),
        ),
        findings: vec![
            Finding::new("power with which tokens fall with N", exponent, "").within(ends),
            Finding::new(
                "tokens of the smallest over those of the largest",
                ratio,
                "",
            ),
            Finding::new("spread of runs about their curves", fit.rms(), "of ln L"),
        ],
        law: "ln L a parabola in ln D for each size; tokens at one loss ~ N^-p".to_owned(),
        param_count: ParamCount::Total,
        n_used: rows.len(),
        figures: vec![figure.render()?],
        warnings: Vec::new(),
    })
}

fn sizes(rows: &[Run]) -> Vec<Size> {
    let mut sizes: Vec<Size> = Vec::new();
    for row in rows {
        let Some(params) = row.params else { continue };
        let ln_d = records::tokens(row).ln();
        match sizes.iter_mut().find(|size| size.params == params) {
            Some(size) => size.range = (size.range.0.min(ln_d), size.range.1.max(ln_d)),
            None => sizes.push(Size {
                params,
                first: 0,
                range: (ln_d, ln_d),
            }),
        }
    }
    sizes.sort_by(|a, b| a.params.get().total_cmp(&b.params.get()));
    for (index, size) in sizes.iter_mut().enumerate() {
        size.first = index;
    }
    sizes
}

fn place(sizes: &[Size], row: &Run) -> Option<usize> {
    sizes
        .iter()
        .position(|size| Some(size.params) == row.params)
}

/// Where a falling curve comes to a level, a little beyond the runs at most.
fn crossing(curve: impl Fn(f64) -> f64, (lo, hi): (f64, f64), level: f64) -> Option<f64> {
    let (mut lo, mut hi) = (lo - 0.7, hi);
    if !(curve(lo) > level && curve(hi) <= level) {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(lo, hi);
        match curve(middle) > level {
            true => lo = middle,
            false => hi = middle,
        }
    }
    Some(f64::midpoint(lo, hi))
}

/// The power of N in the tokens needed, by least squares over the sizes that reach the loss.
fn power(sizes: &[Size], needed: impl Fn(&Size) -> Option<f64>) -> f64 {
    let points = sizes
        .iter()
        .filter_map(|size| Some((size.params.ln(), needed(size)?)));
    let points: Vec<(f64, f64)> = points.collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let xy: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let xx: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    xy / xx
}

fn curves(
    sizes: &[Size],
    fit: &FormulaFit,
    curve: &dyn Fn(&[f64], usize, f64) -> f64,
    needed: &dyn Fn(&[f64], &Size) -> Option<f64>,
) -> Result<Vec<SizeCurve>, ExperimentError> {
    let mut curves = Vec::new();
    for size in sizes {
        let (lo, hi) = size.range;
        let mut points = Vec::new();
        for k in 0..=40 {
            let ln_d = lo + (hi - lo) * f64::from(k) / 40.0;
            let loss = curve(&fit.values, size.first, ln_d).exp();
            points.push((Tokens::new(ln_d.exp())?, Loss::new(loss)?));
        }
        let reaches = needed(&fit.values, size);
        curves.push(SizeCurve {
            params: size.params,
            points,
            reaches: reaches.and_then(|ln_d| Tokens::new(ln_d.exp()).ok()),
        });
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated::records;
    use isoflop_train::Recipe;

    fn planned() -> Vec<PlannedRun> {
        let recipe = Recipe::default();
        runs(&Bench { recipe, seed: 0 }, 8.0)
    }

    #[test]
    fn recovers_the_power_with_which_tokens_fall() {
        // The loss depends on D N^0.4 alone: tokens fall as N^-0.4.
        let seen = records(&planned(), 0.001, 3, |row| {
            20.0 * (records::tokens(row) * records::params(row).powf(0.4)).powf(-0.12)
        });
        let said = judge(&seen).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        assert!(
            (said.findings[0].value - 0.4).abs() < 0.05,
            "{:?}",
            said.findings
        );
    }

    #[test]
    fn sources_where_size_does_nothing_or_harm_do_not_hold() {
        for power in [0.0, -0.1] {
            let seen = records(&planned(), 0.0005, 3, |row| {
                20.0 * (records::tokens(row) * records::params(row).powf(power)).powf(-0.12)
            });
            let said = judge(&seen).unwrap();
            assert_eq!(
                said.verdict,
                Verdict::DidNotHold,
                "{power}: {}",
                said.sentence
            );
        }
    }
}
