//! Loss against C, D and N, each where the other two limit it least (Kaplan et al. 2020, figure 1).

use super::{UNIT, basis, formula, short, with_interval};
use crate::design::{self, Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use isoflop_fit::fit_formula;
use isoflop_laws::ParamCount;
use isoflop_report::{KaplanFigure, KaplanPanel, PowerLine, RunPoint, Variable};

/// The least exponent that counts as a fall of the loss.
const LEAST_EXPONENT: f64 = 0.01;

/// A line is straight if its slope changes by less than this share of itself over its range.
const MOST_CHANGE: f64 = 0.5;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    design::grid(bench, scale)
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let points = records.rows.iter();
    let points = points.filter_map(|row| records::point(row, ParamCount::NonEmbedding));
    let points: Vec<RunPoint> = points.collect();
    let (mut findings, mut parts, mut words, mut panels) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (variable, symbol, published) in [
        (Variable::Compute, "C", 0.050),
        (Variable::Tokens, "D", 0.095),
        (Variable::Params, "N", 0.076),
    ] {
        let (fitted, others) = split(&points, variable);
        let line = line(&fitted, variable, records.seed)?;
        findings.push(
            Finding::new(format!("exponent of {symbol}"), line.exponent.0, "")
                .within(line.exponent.1)
                .paper(published),
        );
        let change = format!("change of that slope over the range of {symbol}");
        findings.push(Finding::new(change, line.change.0, "share").within(line.change.1));
        let straight = match line.change.1 {
            (lo, hi) if lo > 0.0 => Verdict::at_most((lo, hi), MOST_CHANGE),
            (lo, hi) if hi < 0.0 => Verdict::at_most((-hi, -lo), MOST_CHANGE),
            (lo, hi) => Verdict::at_most((0.0, hi.max(-lo)), MOST_CHANGE),
        };
        parts.push(Verdict::at_least(line.exponent.1, LEAST_EXPONENT));
        parts.push(straight);
        words.push(format!(
            "{symbol}: {}, slope changing by {} %",
            with_interval(line.exponent.0, line.exponent.1),
            short(line.change.0 * 100.0)
        ));
        let (exponent, ends) = line.exponent;
        panels.push(KaplanPanel {
            variable,
            fitted,
            others,
            line: Some(PowerLine {
                scale: line.scale,
                exponent,
                exponent_interval: Some((ends.0, ends.1, crate::judgement::LEVEL)),
                floor: None,
            }),
        });
    }
    let verdict = Verdict::all(parts);
    let figure = KaplanFigure {
        title: "Loss against compute, data and parameters, each where the others limit it least"
            .to_owned(),
        panels,
        unit: UNIT,
        conventions: format!(
            "Line: the best run of each budget (C; of sizes between the smallest and the largest), the \
             largest model at each length (D), the longest run of each size (N). {}",
            basis("N without embeddings", records)
        ),
    };
    Ok(Judgement {
        verdict,
        sentence: format!(
            "Exponents of the lines in ln L: {}. A power law asks for exponents above {LEAST_EXPONENT} \
             and slopes that change by less than {} % over the range.",
            words.join("; "),
            MOST_CHANGE * 100.0
        ),
        findings,
        law: "L = (X0 / X)^a for each of C, D, N; curvature from a parabola in ln X".to_owned(),
        param_count: ParamCount::NonEmbedding,
        n_used: records.rows.len(),
        figures: vec![figure.render()?],
        warnings: vec![
            "the exponents depend on text, tokeniser and sizes: they need not be the paper's"
                .to_owned(),
        ],
    })
}

struct Line {
    scale: f64,
    exponent: (f64, (f64, f64)),
    change: (f64, (f64, f64)),
}

/// The straight line, and how much its slope changes by a parabola through the same points.
fn line(points: &[RunPoint], variable: Variable, seed: u64) -> Result<Line, ExperimentError> {
    let x: Vec<f64> = points
        .iter()
        .map(|point| value(variable, point).ln())
        .collect();
    let y: Vec<f64> = points.iter().map(|point| point.loss.ln()).collect();
    let middle = x.iter().sum::<f64>() / x.len().max(1) as f64;
    let ends = |pick: fn(f64, f64) -> f64, from: f64| x.iter().copied().fold(from, pick);
    let span = ends(f64::max, f64::MIN) - ends(f64::min, f64::MAX);
    let straight = |p: &[f64], i: usize| p[0] - p[1] * (x[i] - middle);
    let bent = |p: &[f64], i: usize| straight(p, i) + p[2] * (x[i] - middle).powi(2);
    let fit = fit_formula(&y, &straight, &[vec![1.0, 0.1]], formula("power law", seed))?;
    let start = vec![fit.values[0], fit.values[1], 0.0];
    let parabola = fit_formula(&y, &bent, &[start], formula("parabola", seed))?;
    let change = |p: &[f64]| 2.0 * p[2] * span / p[1].abs().max(1e-3);
    let [c, a] = [fit.values[0], fit.values[1]];
    Ok(Line {
        // (X0 / X)^a = e^c at the middle.
        scale: (middle + c / a.abs().max(1e-3)).exp(),
        exponent: (a, fit.interval(|p| p[1])),
        change: (change(&parabola.values), parabola.interval(change)),
    })
}

fn value(variable: Variable, point: &RunPoint) -> f64 {
    match variable {
        Variable::Compute => point.flops.get(),
        Variable::Tokens => point.tokens.get(),
        Variable::Params => point.params.get(),
    }
}

/// Fewest runs of least loss between the smallest and the largest size that make a line.
const FEWEST_BETWEEN: usize = 4;

/// The runs that the other two quantities limit least, and the rest.
fn split(points: &[RunPoint], variable: Variable) -> (Vec<RunPoint>, Vec<RunPoint>) {
    let most = |of: fn(&RunPoint) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let (largest, longest) = (most(|p| p.params.get()), most(|p| p.tokens.get()));
    let smallest = points.iter().map(|p| p.params.get());
    let smallest = smallest.fold(f64::INFINITY, f64::min);
    // On the envelope: no run of as little compute is better.
    let best = |point: &RunPoint| {
        points.iter().all(|other| {
            other.flops.get() > point.flops.get() || other.loss.get() >= point.loss.get()
        })
    };
    // Of the smallest and the largest size that were tried, the best one may lie beyond.
    let between = |point: &RunPoint| {
        (smallest * 1.01..largest * 0.99).contains(&point.params.get()) && best(point)
    };
    let is_spanned = points.iter().filter(|point| between(point)).count() >= FEWEST_BETWEEN;
    points.iter().cloned().partition(|point| match variable {
        Variable::Compute if is_spanned => between(point),
        Variable::Compute => best(point),
        Variable::Tokens => point.params.get() > largest * 0.99,
        Variable::Params => point.tokens.get() > longest * 0.95,
    })
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

    fn n(row: &isoflop_runs::Run) -> f64 {
        row.params_non_embedding.unwrap().get()
    }

    #[test]
    fn exponents_of_data_and_size_are_those_of_the_source() {
        let seen = records(&planned(), 0.001, 2, |row| {
            30.0 * n(row).powf(-0.06) * records::tokens(row).powf(-0.1)
        });
        let said = judge(&seen).unwrap();
        // Where more data are always better, the best sizes lie beyond the grid: C decides nothing.
        assert_ne!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
        let exponent = |finding: usize| said.findings[finding].value;
        assert!((exponent(2) - 0.1).abs() < 0.005, "{:?}", said.findings);
        assert!((exponent(4) - 0.06).abs() < 0.005, "{:?}", said.findings);
    }

    #[test]
    fn a_source_of_one_power_of_compute_with_shallow_valleys_holds() {
        let seen = records(&planned(), 0.0002, 2, |row| {
            let (n, d) = (n(row), records::tokens(row));
            let off = (d / (20.0 * n)).ln();
            30.0 * records::flops(row).powf(-0.08) * (1.0 + 0.002 * off * off)
        });
        let said = judge(&seen).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
    }

    #[test]
    fn a_source_by_kaplan_et_al_has_the_exponent_of_compute_of_its_best_sizes() {
        // L = ((n / N)^(aN / aD) + d / D)^aD (equation 1.5): at the best sizes of C ~ N D it falls as C
        // to the power aN aD / (aN + aD).
        let (of_size, of_data) = (0.12, 0.12);
        let seen = records(&planned(), 0.001, 2, |row| {
            let terms = 2e4 / records::params(row) + 2e5 / records::tokens(row);
            5.0 * terms.powf(of_data)
        });
        let said = judge(&seen).unwrap();
        // The largest model and the longest run still limit each other's lines a little.
        assert_ne!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
        let wanted = of_size * of_data / (of_size + of_data);
        let found = said.findings[0].value;
        assert!((found / wanted - 1.0).abs() < 0.15, "{found}, {wanted}");
    }

    #[test]
    fn a_source_that_levels_off_or_does_not_depend_on_size_does_not_hold() {
        let levels = records(&planned(), 0.001, 2, |row| {
            2.0 + n(row).powf(-0.1) + (3e5 / records::tokens(row)).powf(2.0)
        });
        assert_eq!(judge(&levels).unwrap().verdict, Verdict::DidNotHold);
        let no_size = records(&planned(), 0.001, 2, |row| {
            30.0 * records::tokens(row).powf(-0.1)
        });
        assert_eq!(judge(&no_size).unwrap().verdict, Verdict::DidNotHold);
    }
}
