//! Few unique tokens, more and more epochs, against as many new tokens (Muennighoff et al. 2023):
//! D' = U + U R* (1 − e^(−(D / U − 1) / R*)).

use super::{basis, formula, short, with_interval};
use crate::design::{Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use crate::text::Reading;
use isoflop_fit::{FormulaFit, fit_formula};
use isoflop_laws::ParamCount;
use isoflop_report::{CurveLook, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};
use isoflop_runs::Run;

const SIZES: [usize; 2] = [16, 32];

/// Epochs; new text is read as long.
const EPOCHS: [u64; 5] = [1, 2, 4, 8, 16];

/// Unique tokens at scale 1.
const SMALLEST: f64 = 41_000.0;

/// Epochs that are said to be nearly as good as new data, and the loss that this may cost.
const FEW: f64 = 4.0;
const NEARLY: f64 = 0.01;

/// Decay is seen if repetitions are worth less than this many times U in all.
const MOST_WORTH: f64 = 100.0;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    let batch = bench.recipe.batch_tokens() as f64;
    let unique = (SMALLEST * scale / batch).round().max(40.0) * batch;
    let mut runs: Vec<PlannedRun> = Vec::new();
    for width in SIZES {
        for epochs in EPOCHS {
            let tokens = unique * epochs as f64;
            let mut repeated = bench.run(runs.len() as u64, width, tokens);
            repeated.reading = Reading::Part(unique as u64);
            repeated.name = format!("w{width}-{epochs}-epochs");
            runs.push(repeated);
            let mut fresh = bench.run(runs.len() as u64, width, tokens);
            fresh.name = format!("w{width}-new-{epochs}");
            runs.push(fresh);
        }
    }
    runs
}

fn unique(row: &Run) -> f64 {
    let unique = row.unique_tokens.map(isoflop_laws::Tokens::get);
    unique.map_or(records::tokens(row), |unique| {
        unique.min(records::tokens(row))
    })
}

fn effective(tokens: f64, unique: f64, star: f64) -> f64 {
    unique * (1.0 + star * (1.0 - (-(tokens / unique - 1.0) / star).exp()))
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let rows = &records.rows;
    let middle = rows
        .iter()
        .map(|row| records::tokens(row).ln())
        .sum::<f64>()
        / rows.len() as f64;
    let mut sizes: Vec<f64> = rows.iter().map(records::params).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let of_size = |row: &Run| {
        sizes
            .iter()
            .position(|n| *n == records::params(row))
            .unwrap_or(0)
    };
    // ln R*, then for each size ln E, ln B and beta of L = E + B / D'^beta.
    let loss = |p: &[f64], size: usize, effective: f64| {
        let c = &p[1 + 3 * size..];
        c[0].exp() + (c[1] - c[2] * (effective.ln() - middle)).exp()
    };
    let law = |p: &[f64], i: usize| {
        let row = &rows[i];
        let effective = effective(records::tokens(row), unique(row), p[0].exp());
        loss(p, of_size(row), effective).ln()
    };
    let seen: Vec<f64> = rows.iter().map(|row| records::loss(row).ln()).collect();
    let level = rows.iter().map(records::loss).fold(f64::INFINITY, f64::min);
    let start = |star: f64, share: f64| {
        let own = [(level * share).ln(), (level * (1.0 - share)).ln(), 0.3];
        [vec![star.ln()], own.repeat(sizes.len())].concat()
    };
    let starts = [
        start(2.0, 0.3),
        start(10.0, 0.3),
        start(10.0, 0.7),
        start(50.0, 0.5),
    ];
    let fit = fit_formula(
        &seen,
        &law,
        &starts,
        formula("data-constrained", records.seed),
    )?;
    let star = fit.values[0].exp();
    let ends = fit.interval(|p| p[0].exp());
    let u = rows.iter().map(unique).fold(f64::INFINITY, f64::min);
    let penalty = |p: &[f64], epochs: f64| {
        let at = |size: usize| {
            let worth = effective(epochs * u, u, p[0].exp());
            loss(p, size, worth) / loss(p, size, epochs * u) - 1.0
        };
        (0..sizes.len()).map(at).fold(0.0, f64::max)
    };
    let few = penalty(&fit.values, FEW);
    let few_ends = fit.interval(|p| penalty(p, FEW));
    let verdict = Verdict::all([
        Verdict::at_most(few_ends, NEARLY),
        Verdict::at_most(ends, MOST_WORTH),
    ]);
    let figure = figure(records, &fit, (star, u), &loss, &sizes)?.render()?;
    Ok(Judgement {
        verdict,
        sentence: format!(
            "Four epochs end {} % above as many new tokens; the claim asks for at most {} %. \
             Repetition loses its worth after R* = {} repetitions; the paper has 15.4, and the claim \
             asks for fewer than {MOST_WORTH}.",
            with_interval(few * 100.0, (few_ends.0 * 100.0, few_ends.1 * 100.0)),
            short(NEARLY * 100.0),
            with_interval(star, ends)
        ),
        findings: vec![
            Finding::new("R*, repetitions until their worth falls to 1/e", star, "")
                .within(ends)
                .paper(15.4),
            Finding::new(
                "loss of 4 epochs over that of new tokens, less one",
                few,
                "share",
            )
            .within(few_ends),
            Finding::new("the same at 16 epochs", penalty(&fit.values, 16.0), "share")
                .within(fit.interval(|p| penalty(p, 16.0))),
            Finding::new("unique tokens", u, "tokens"),
            Finding::new("spread of runs about the law", fit.rms(), "of ln L"),
        ],
        law: "data-constrained with excess parameters left out: L = E_N + B_N / D'^beta_N"
            .to_owned(),
        param_count: ParamCount::Total,
        n_used: rows.len(),
        figures: vec![figure],
        warnings: Vec::new(),
    })
}

fn figure(
    records: &Records,
    fit: &FormulaFit,
    (star, u): (f64, f64),
    loss: &dyn Fn(&[f64], usize, f64) -> f64,
    sizes: &[f64],
) -> Result<CurvesFigure, ExperimentError> {
    let panel = |size: usize| {
        let own = || {
            records
                .rows
                .iter()
                .filter(move |row| records::params(row) == sizes[size])
        };
        let is_repeated = |row: &&Run| unique(row) < records::tokens(row) * 0.99;
        let places = |repeated: bool| {
            let some = own().filter(|row| is_repeated(row) == repeated);
            some.map(|row| (records::tokens(row), records::loss(row)).into())
                .collect()
        };
        let line = |effective_of: &dyn Fn(f64) -> f64| {
            let at = |k: i32| u * 16.0_f64.powf(f64::from(k) / 40.0);
            (0..=40)
                .map(|k| (at(k), loss(&fit.values, size, effective_of(at(k)))).into())
                .collect()
        };
        let series = |label: &str, look, rank, places| CurveSeries {
            label: label.to_owned(),
            look,
            rank,
            places,
        };
        CurvesPanel {
            caption: format!("N = {:.0}", sizes[size]),
            x: CurvesAxis::log("Tokens seen D"),
            y: CurvesAxis::log("Validation loss (nats per token)"),
            series: vec![
                series("new tokens", CurveLook::Points, 0, places(false)),
                series("repeated", CurveLook::Rings, 1, places(true)),
                series("", CurveLook::Law, 0, line(&|d| d)),
                series("", CurveLook::Law, 1, line(&|d| effective(d, u, star))),
            ],
        }
    };
    Ok(CurvesFigure {
        name: "repetition",
        title: "Repeated tokens against new ones".to_owned(),
        finding: format!("{} unique tokens; R* = {}.", short(u), short(star)),
        panels: (0..sizes.len()).map(panel).collect(),
        conventions: basis("Dashed: L = E + B / D'^beta for each size", records),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated::records;
    use isoflop_laws::Tokens;
    use isoflop_train::Recipe;

    fn seen(star: f64) -> Records {
        let recipe = Recipe::default();
        let planned = runs(&Bench { recipe, seed: 0 }, 4.0);
        let mut seen = records(&planned, 0.0, 7, |_| 1.0);
        for (row, run) in seen.rows.iter_mut().zip(&planned) {
            if let Reading::Part(unique) = run.reading {
                row.unique_tokens = Tokens::new(unique as f64).ok();
            }
            let worth = effective(records::tokens(row), unique(row), star);
            let noise = 1.0 + 0.001 * (records::tokens(row) * 0.37 + star).sin();
            let loss = 1.2 + (3e4 / records::params(row)).powf(0.3) + (3e5 / worth).powf(0.4);
            row.loss = isoflop_laws::Loss::new(loss * noise).ok();
        }
        seen
    }

    #[test]
    fn recovers_r_star_of_muennighoffs_law() {
        let said = judge(&seen(15.0)).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        assert!(
            (said.findings[0].value / 15.0).ln().abs() < 0.2,
            "{:?}",
            said.findings
        );
    }

    #[test]
    fn a_source_where_repetition_is_worthless_does_not_hold() {
        let said = judge(&seen(0.5)).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
    }

    #[test]
    fn a_source_where_repetition_is_as_good_as_new_does_not_hold() {
        let said = judge(&seen(1e6)).unwrap();
        assert_ne!(said.verdict, Verdict::Held, "{}", said.sentence);
    }
}
