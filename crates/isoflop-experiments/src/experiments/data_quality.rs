//! The same ladder on clean and on corrupted text, validation always clean, by the law of
//! effective tokens (Subramanyam et al. 2025): L = E + A / N^alpha + B / (D Q^gamma)^beta with Q
//! the share of the tokens that was left as it was.

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

/// Shares of the tokens that are replaced.
const CORRUPTED: [f64; 3] = [0.0, 0.2, 0.5];

const SIZES: [usize; 3] = [16, 24, 40];

/// Lengths as shares of the longest.
const LENGTHS: [f64; 3] = [0.25, 0.5, 1.0];

/// The longest run at scale 1, tokens.
const SMALLEST: f64 = 164_000.0;

/// More of the worst text makes up for its quality by less than doubling, above this worth.
const HALF: f64 = 0.5;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    let mut runs: Vec<PlannedRun> = Vec::new();
    for share in CORRUPTED {
        for width in SIZES {
            for length in LENGTHS {
                let mut run = bench.run(runs.len() as u64, width, SMALLEST * scale * length);
                if share > 0.0 {
                    run.reading = Reading::Corrupted(share);
                }
                run.name = format!("q{:.0}-{}", 100.0 * (1.0 - share), run.name);
                runs.push(run);
            }
        }
    }
    runs
}

fn quality(row: &Run) -> f64 {
    1.0 - records::corrupted_share(row)
}

/// ln L by the law; parameters ln E, ln A, alpha, ln B, beta, gamma about the middle of the runs.
fn law(p: &[f64], (ln_n, ln_d, ln_q): (f64, f64, f64)) -> f64 {
    let size = (p[1] - p[2] * ln_n).exp();
    let data = (p[3] - p[4] * (ln_d + p[5] * ln_q)).exp();
    (p[0].exp() + size + data).ln()
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let rows = &records.rows;
    let mean = |of: fn(&Run) -> f64| rows.iter().map(of).sum::<f64>() / rows.len() as f64;
    let (n, d) = (
        mean(|row| records::params(row).ln()),
        mean(|row| records::tokens(row).ln()),
    );
    let at = |row: &Run| {
        (
            records::params(row).ln() - n,
            records::tokens(row).ln() - d,
            quality(row).ln(),
        )
    };
    let fit = fit(records, &|p: &[f64], i: usize| law(p, at(&rows[i])))?;
    let worst = rows.iter().map(quality).fold(1.0, f64::min);
    let worth = |p: &[f64]| worst.powf(p[5]);
    let ends = fit.interval(worth);
    let gamma = fit.values[5];
    let twice = twice_the_worst(rows, worst);
    let mut findings = vec![
        Finding::new("gamma, exponent of the quality", gamma, "").within(fit.interval(|p| p[5])),
        Finding::new(
            format!(
                "worth of a token with {:.0} % replaced",
                100.0 * (1.0 - worst)
            ),
            worth(&fit.values),
            "clean tokens",
        )
        .within(ends),
        Finding::new("spread of runs about the law", fit.rms(), "of ln L"),
    ];
    let mut sentence = format!(
        "A token of text with {:.0} % replaced is worth {} clean ones; the claim asks that twice as \
         much of it does not make up, a worth below {HALF}.",
        100.0 * (1.0 - worst),
        with_interval(worth(&fit.values), ends)
    );
    if let Some((least, most)) = twice {
        findings.push(Finding::new(
            "loss on twice the worst text less that on clean",
            least,
            "nats, least",
        ));
        sentence += &format!(
            " Twice the tokens of it end {} to {} nats above clean text at the same sizes.",
            short(least),
            short(most)
        );
    }
    let warnings = (fit.rms() > 0.02).then(|| {
        "the law of effective tokens leaves more than 2 % of the loss unexplained: corruption also \
         adds a loss that no data remove"
            .to_owned()
    });
    Ok(Judgement {
        verdict: Verdict::at_most(ends, HALF),
        sentence,
        findings,
        law: "data-quality: L = E + A / N^alpha + B / (D Q^gamma)^beta, Q the share left as it was"
            .to_owned(),
        param_count: ParamCount::Total,
        n_used: rows.len(),
        figures: vec![figure(records, &fit, &at)?.render()?],
        warnings: warnings.into_iter().collect(),
    })
}

fn fit(
    records: &Records,
    formula_of: &(dyn Fn(&[f64], usize) -> f64 + Sync),
) -> Result<FormulaFit, ExperimentError> {
    let seen: Vec<f64> = records
        .rows
        .iter()
        .map(|row| records::loss(row).ln())
        .collect();
    let level = seen.iter().copied().fold(f64::INFINITY, f64::min);
    let mut starts = Vec::new();
    for gamma in [0.3, 1.5, 4.0] {
        for share in [0.2_f64, 0.6] {
            let rest = ((1.0 - share) / 2.0).ln() + level;
            starts.push(vec![share.ln() + level, rest, 0.3, rest, 0.3, gamma]);
        }
    }
    Ok(fit_formula(
        &seen,
        formula_of,
        &starts,
        formula("data-quality", records.seed),
    )?)
}

/// Least and most by which the loss of a run on twice the tokens of the worst text exceeds that of
/// a run of the same size on clean text.
fn twice_the_worst(rows: &[Run], worst: f64) -> Option<(f64, f64)> {
    let mut off = Vec::new();
    for clean in rows.iter().filter(|row| quality(row) >= 1.0) {
        let twice = rows.iter().find(|row| {
            let ratio = records::tokens(row) / records::tokens(clean);
            quality(row) <= worst && row.params == clean.params && (ratio / 2.0 - 1.0).abs() < 0.05
        });
        off.extend(twice.map(|twice| records::loss(twice) - records::loss(clean)));
    }
    let least = off.iter().copied().reduce(f64::min)?;
    Some((least, off.iter().copied().fold(f64::MIN, f64::max)))
}

fn figure(
    records: &Records,
    fit: &FormulaFit,
    at: &dyn Fn(&Run) -> (f64, f64, f64),
) -> Result<CurvesFigure, ExperimentError> {
    let largest = records.rows.iter().map(records::params).fold(0.0, f64::max);
    let mut series = Vec::new();
    for (rank, share) in CORRUPTED.iter().enumerate() {
        let own = records.rows.iter().filter(|row| {
            records::params(row) >= largest && (records::corrupted_share(row) - share).abs() < 1e-9
        });
        let own: Vec<&Run> = own.collect();
        let place = |row: &&Run| (records::tokens(row), records::loss(row)).into();
        series.push(CurveSeries {
            label: format!("{:.0} % replaced", share * 100.0),
            look: CurveLook::Points,
            rank,
            places: own.iter().map(place).collect(),
        });
        let fitted = |row: &&Run| (records::tokens(row), law(&fit.values, at(row)).exp()).into();
        series.push(CurveSeries {
            label: String::new(),
            look: CurveLook::Law,
            rank,
            places: own.iter().map(fitted).collect(),
        });
    }
    Ok(CurvesFigure {
        name: "data-quality",
        title: "More data help only if they are good".to_owned(),
        finding: format!("Fitted exponent of the quality: {}.", short(fit.values[5])),
        panels: vec![CurvesPanel {
            caption: String::new(),
            x: CurvesAxis::log("Tokens seen D"),
            y: CurvesAxis::log("Loss on clean text (nats per token)"),
            series,
        }],
        conventions: basis(
            &format!("The largest size, N = {largest:.0}; dashed: the law of effective tokens"),
            records,
        ),
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

    fn source(gamma: f64) -> impl Fn(&Run) -> f64 {
        move |row| {
            let effective = records::tokens(row) * quality(row).powf(gamma);
            1.5 + (2e4 / records::params(row)).powf(0.4) + (1e6 / effective).powf(0.35)
        }
    }

    #[test]
    fn recovers_gamma_and_holds_where_quality_counts() {
        let said = judge(&records(&planned(), 0.001, 6, source(2.0))).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        assert!(
            (said.findings[0].value - 2.0).abs() < 0.15,
            "{:?}",
            said.findings
        );
    }

    #[test]
    fn does_not_hold_where_corruption_does_no_harm() {
        let said = judge(&records(&planned(), 0.001, 6, source(0.0))).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
        assert!(said.findings[0].value.abs() < 0.1);
    }
}
