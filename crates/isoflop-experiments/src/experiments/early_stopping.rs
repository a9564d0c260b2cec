//! L(N, S) and how far above its converged loss a size is when its compute is best spent (Kaplan
//! et al. 2020, eq. 1.6 and appendix B): a share f = aN / aS.

use super::{basis, options_for, short, with_interval};
use crate::design::{self, Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, LEVEL, Verdict};
use crate::records::{self, Records};
use isoflop_fit::{Fit, FitOptions, FittedLaw, fit};
use isoflop_laws::{ParamCount, Steps};
use isoflop_report::{CurveLook, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};

/// Well before convergence: at least this share above the converged loss.
const LEAST_EXCESS: f64 = 0.02;

/// What the paper finds.
const KAPLAN: f64 = 0.1;

/// Compute relative to a run of the longest length: how far the law is asked for its frontier.
const POINTS: i32 = 30;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    design::grid(bench, scale)
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let data = records.dataset(ParamCount::NonEmbedding)?;
    let steps = records.rows.iter();
    let steps = steps.filter_map(|row| Steps::new(row.step? as f64).ok());
    let options = FitOptions {
        steps: Some(steps.collect()),
        ..options_for(FittedLaw::KaplanNs, records)
    };
    let fit = fit(&data, &options)?;
    let excess = |p: &[f64]| p[2] / p[3];
    let values: Vec<f64> = fit.parameters.iter().map(|p| p.value).collect();
    let mut drawn: Vec<f64> = fit.draws.iter().map(|draw| excess(draw)).collect();
    drawn.sort_by(f64::total_cmp);
    let end = |p: f64| super::quantile(&drawn, p);
    let ends = (end(0.5 - 0.5 * LEVEL), end(0.5 + 0.5 * LEVEL));
    let observed = observed(records);
    let spread = spread(records, &values);
    let mut findings = vec![
        Finding::new(
            "excess over the converged loss where compute is best",
            excess(&values),
            "share",
        )
        .within(ends)
        .paper(KAPLAN),
        Finding::new("spread of runs about L(N, S)", spread, "of ln L"),
    ];
    for (symbol, index, paper) in [("aN", 2, 0.077), ("aS", 3, 0.76)] {
        let p = &fit.parameters[index];
        let ends = (p.lo.unwrap_or(f64::NAN), p.hi.unwrap_or(f64::NAN));
        findings.push(Finding::new(symbol, p.value, "").within(ends).paper(paper));
    }
    let by_law = Verdict::at_least(ends, LEAST_EXCESS);
    let mut words = format!(
        "By L(N, S), compute is best spent on models that stop {} of their converged loss above \
         it; the claim asks for at least {LEAST_EXCESS}.",
        with_interval(excess(&values), ends)
    );
    if let Some((gain, sizes)) = observed {
        findings.push(Finding::new(
            "least fall still to come at the last point on the frontier",
            gain,
            "share",
        ));
        words += &format!(
            " Without any law: each of {sizes} sizes still fell by {} % and more after the last \
             length at which it was the best of its compute.",
            short(gain * 100.0)
        );
    }
    let figure = figure(records, &values, excess(&values))?.render()?;
    Ok(Judgement {
        verdict: by_law,
        sentence: words,
        findings,
        law: "kaplan-ns: L = (Nc / N)^aN + (Sc / S)^aS, S at one batch size".to_owned(),
        param_count: ParamCount::NonEmbedding,
        n_used: data.observations.len(),
        figures: vec![figure],
        warnings: warnings(&fit, spread),
    })
}

fn warnings(fit: &Fit, spread: f64) -> Vec<String> {
    let mut warnings = fit.warnings.clone();
    if spread > 0.02 {
        warnings.push(format!(
            "L(N, S) leaves {:.1} % of the loss unexplained: its converged loss is an extrapolation \
             that these runs do not pin down",
            spread * 100.0
        ));
    }
    warnings
}

/// L(N, S) by the fitted values.
fn law(values: &[f64], params: f64, steps: f64) -> f64 {
    (values[0] / params).powf(values[2]) + (values[1] / steps).powf(values[3])
}

fn params_of(row: &isoflop_runs::Run) -> f64 {
    row.params_non_embedding
        .map_or(f64::NAN, isoflop_laws::Params::get)
}

fn steps_of(row: &isoflop_runs::Run) -> f64 {
    row.step.map_or(f64::NAN, |step| step as f64)
}

fn spread(records: &Records, values: &[f64]) -> f64 {
    let off = records.rows.iter().map(|row| {
        (records::loss(row) / law(values, params_of(row), steps_of(row)))
            .ln()
            .powi(2)
    });
    (off.sum::<f64>() / records.rows.len() as f64).sqrt()
}

/// Of the sizes that were best of their compute at some length but not at their longest: the least
/// share by which the loss still fell from the last such length to the longest.
fn observed(records: &Records) -> Option<(f64, usize)> {
    let rows = &records.rows;
    let best = |row: &&isoflop_runs::Run| {
        rows.iter().all(|other| {
            records::flops(other) > records::flops(row)
                || records::loss(other) >= records::loss(row)
        })
    };
    let mut widths: Vec<usize> = rows.iter().map(records::width).collect();
    widths.sort_unstable();
    widths.dedup();
    let falls = widths.into_iter().filter_map(|width| {
        let own = || rows.iter().filter(move |row| records::width(row) == width);
        let longest = own().max_by(|a, b| records::tokens(a).total_cmp(&records::tokens(b)))?;
        let last = own()
            .filter(best)
            .max_by(|a, b| records::tokens(a).total_cmp(&records::tokens(b)))?;
        (last.run != longest.run).then(|| records::loss(last) / records::loss(longest) - 1.0)
    });
    let falls: Vec<f64> = falls.collect();
    let least = falls.iter().copied().reduce(f64::min)?;
    Some((least, falls.len()))
}

fn figure(records: &Records, values: &[f64], excess: f64) -> Result<CurvesFigure, ExperimentError> {
    let mut sizes: Vec<(f64, f64)> = records
        .rows
        .iter()
        .map(|row| (params_of(row), records::flops(row) / steps_of(row)))
        .collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    sizes.dedup_by(|a, b| a.0 == b.0);
    let (mut series, mut stops) = (Vec::new(), Vec::new());
    for (rank, (params, flops_a_step)) in sizes.iter().enumerate() {
        let own = records.rows.iter().filter(|row| params_of(row) == *params);
        let own: Vec<(f64, f64)> = own
            .map(|row| (records::flops(row), records::loss(row)))
            .collect();
        let (least, most) = own
            .iter()
            .fold((f64::MAX, 0.0_f64), |(a, b), p| (a.min(p.0), b.max(p.0)));
        let line = (0..=POINTS).map(|k| {
            let flops = least * (most / least).powf(f64::from(k) / f64::from(POINTS));
            (flops, law(values, *params, flops / flops_a_step)).into()
        });
        series.push(CurveSeries {
            label: String::new(),
            look: CurveLook::Law,
            rank,
            places: line.collect(),
        });
        series.push(CurveSeries {
            label: format!("N = {}", isoflop_laws::Params::new(*params)?),
            look: CurveLook::Points,
            rank,
            places: own.into_iter().map(Into::into).collect(),
        });
        let converged = (values[0] / params).powf(values[2]);
        let steps = values[1] * (excess * converged).powf(-1.0 / values[3]);
        let flops = steps * flops_a_step;
        if (least..=most).contains(&flops) {
            stops.push((flops, converged * (1.0 + excess)));
        }
    }
    series.push(CurveSeries {
        label: "best stop by the law".to_owned(),
        look: CurveLook::Rings,
        rank: 0,
        places: stops.into_iter().map(Into::into).collect(),
    });
    Ok(CurvesFigure {
        name: "early-stopping",
        title: "Where compute is best spent, each size is still learning".to_owned(),
        finding: format!(
            "Best stop at {:.0} % above the converged loss of L(N, S).",
            excess * 100.0
        ),
        panels: vec![CurvesPanel {
            caption: String::new(),
            x: CurvesAxis::log("Training compute C (FLOPs)"),
            y: CurvesAxis::log("Validation loss (nats per token)"),
            series,
        }],
        conventions: basis(
            "Dashed: L = (Nc / N)^aN + (Sc / S)^aS, N without embeddings; each run with a schedule \
             of its own",
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

    #[test]
    fn recovers_the_excess_of_kaplans_law() {
        let truth = [1e9, 400.0, 0.08, 0.6];
        let seen = records(&planned(), 0.001, 4, |row| {
            law(&truth, params_of(row), steps_of(row))
        });
        let said = judge(&seen).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        let excess = &said.findings[0];
        assert!((excess.value - 0.08 / 0.6).abs() < 0.02, "{excess:?}");
    }

    #[test]
    fn a_source_that_is_converged_where_compute_is_best_does_not_hold() {
        let truth = [1e9, 60.0, 0.03, 3.0];
        let seen = records(&planned(), 0.0002, 4, |row| {
            law(&truth, params_of(row), steps_of(row))
        });
        let said = judge(&seen).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
    }
}
