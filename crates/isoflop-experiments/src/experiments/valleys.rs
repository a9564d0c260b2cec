//! Parabolas at three budgets (Hoffmann et al. 2022, approach 2): is there a valley, and do its
//! size and its data grow alike?

use super::{UNIT, basis, formula, with_interval};
use crate::design::{self, Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use isoflop_fit::{Dataset, Observation, ValleyFit, fit_formula, valleys};
use isoflop_laws::{Loss, ParamCount, Params};
use isoflop_report::{IsoflopFigure, Parabola, Valley};

/// Budgets as shares of the largest, and the sizes tried at each.
const BUDGETS: [(f64, usize); 3] = [(1.0 / 9.0, 5), (1.0 / 3.0, 5), (1.0, 5)];

/// The largest budget at scale 1, FLOPs: at a ninth of it five sizes still have 40 steps and more.
const SMALLEST: f64 = 2.4e11;

/// Kaplan's exponent of the best size, which Hoffmann's is held against.
const KAPLAN: f64 = 0.73;
/// Hoffmann's, approach 2.
const HOFFMANN: f64 = 0.49;

/// The share of drawn ladders that may be without a valley before the interval of the others
/// decides nothing.
const MOST_LOST: f64 = 0.1;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    design::valleys(bench, SMALLEST * scale, &BUDGETS)
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let data = records.dataset(ParamCount::Total)?;
    let found = valleys(&data);
    let missing = found.iter().filter(|valley| valley.parabola.is_none());
    let missing = missing.count();
    let figure = figure(records, &data)?.render()?;
    let mut judgement = Judgement {
        verdict: Verdict::DidNotHold,
        sentence: format!(
            "{missing} of {} budgets have no valley: their smallest loss is at the smallest or \
             largest size tried.",
            found.len()
        ),
        findings: Vec::new(),
        law: "parabola in ln N at each budget, then N_opt = k C^a".to_owned(),
        param_count: ParamCount::Total,
        n_used: data.observations.len(),
        figures: vec![figure],
        warnings: Vec::new(),
    };
    for valley in &found {
        if let Some(best) = valley.parabola {
            let at = format!("best N at {:.2e} FLOPs", valley.flops.get());
            judgement
                .findings
                .push(Finding::new(at, best.ln_params.exp(), "parameters"));
        }
    }
    if missing > 0 || found.is_empty() {
        return Ok(judgement);
    }
    let size = exponent(&data, &found, |run| run.params.ln(), records.seed)?;
    let tokens = exponent(&data, &found, |run| run.tokens.ln(), records.seed)?;
    let (a, b) = (size.0, tokens.0);
    judgement.findings.push(
        Finding::new("exponent of the best N", a.0, "")
            .within(a.1)
            .paper(HOFFMANN),
    );
    judgement.findings.push(
        Finding::new("exponent of the best D", b.0, "")
            .within(b.1)
            .paper(1.0 - HOFFMANN),
    );
    let has = |x: f64| (a.1.0..=a.1.1).contains(&x);
    let (verdict, why) = match (has(HOFFMANN) || has(0.5), has(KAPLAN)) {
        (true, false) => (
            Verdict::Held,
            "its interval has Hoffmann's 0.49 in it and not Kaplan's 0.73",
        ),
        (true, true) => (
            Verdict::Undecided,
            "its interval has both Hoffmann's 0.49 and Kaplan's 0.73 in it",
        ),
        (false, _) => (Verdict::DidNotHold, "its interval leaves out 0.49 and 0.5"),
    };
    let lost = size.1;
    let (verdict, why) = match lost > MOST_LOST {
        true => (
            Verdict::Undecided,
            format!(
                "{why}, but {:.0} % of drawn ladders have no valley at some budget, and the \
                 true interval is wider",
                lost * 100.0
            ),
        ),
        false => (verdict, why.to_owned()),
    };
    judgement.verdict = verdict;
    judgement.sentence = format!(
        "Each of {} budgets has a valley. The best size grows as C to the power {}: {why}. The \
         best data grow as C to the power {}.",
        found.len(),
        with_interval(a.0, a.1),
        with_interval(b.0, b.1)
    );
    Ok(judgement)
}

type Exponent = (f64, (f64, f64));

/// The exponent with which the place of the least loss grows with C, with its interval, and the
/// share of drawn ladders without a valley at some budget. `of` is ln N, or ln D.
fn exponent(
    data: &Dataset,
    found: &[ValleyFit],
    of: impl Fn(&Observation) -> f64 + Sync,
    seed: u64,
) -> Result<(Exponent, f64), ExperimentError> {
    let members = found.iter().enumerate();
    let members = members.flat_map(|(k, valley)| valley.members.iter().map(move |i| (k, *i)));
    let members: Vec<(usize, usize)> = members.collect();
    let at = |index: usize| of(&data.observations[index]);
    let centres: Vec<f64> = found
        .iter()
        .map(|valley| mean(valley.members.iter().map(|index| at(*index))))
        .collect();
    let parabola = |p: &[f64], i: usize| {
        let (valley, index) = members[i];
        let (c, x) = (&p[3 * valley..], at(index) - centres[valley]);
        c[0] + c[1] * x + c[2] * x * x
    };
    let seen = members
        .iter()
        .map(|(_, index)| data.observations[*index].loss.get());
    let seen: Vec<f64> = seen.collect();
    let start = [mean(seen.iter().copied()), 0.0, 0.1].repeat(found.len());
    let fit = fit_formula(&seen, &parabola, &[start], formula("isoflop", seed))?;
    let budgets: Vec<f64> = found.iter().map(|valley| valley.flops.ln()).collect();
    let slope = |p: &[f64]| {
        let best = |(k, centre): (usize, &f64)| match p[3 * k + 2] > 0.0 {
            true => centre - p[3 * k + 1] / (2.0 * p[3 * k + 2]),
            false => f64::NAN,
        };
        let best: Vec<f64> = centres.iter().enumerate().map(best).collect();
        let (x, y) = (mean(budgets.iter().copied()), mean(best.iter().copied()));
        let products = budgets.iter().zip(&best).map(|(c, n)| (c - x) * (n - y));
        let squares = budgets.iter().map(|c| (c - x).powi(2));
        products.sum::<f64>() / squares.sum::<f64>()
    };
    let lost = fit.draws.iter().filter(|draw| slope(draw).is_nan()).count();
    let lost = lost as f64 / fit.draws.len().max(1) as f64;
    Ok(((slope(&fit.values), fit.interval(slope)), lost))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

fn figure(records: &Records, data: &Dataset) -> Result<IsoflopFigure, ExperimentError> {
    let shown = valleys(data).into_iter().map(|valley| Valley {
        flops: valley.flops,
        runs: valley
            .members
            .iter()
            .filter_map(|index| records::point(&records.rows[*index], ParamCount::Total))
            .collect(),
        parabola: valley.parabola.and_then(|parabola| {
            Some(Parabola {
                params: Params::new(parabola.ln_params.exp()).ok()?,
                loss: Loss::new(parabola.lowest).ok()?,
                curvature: parabola.curvature,
            })
        }),
    });
    Ok(IsoflopFigure {
        title: "At each compute budget one model size is best".to_owned(),
        valleys: shown.collect(),
        unit: UNIT,
        conventions: basis("N: all parameters", records),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated;
    use isoflop_train::Recipe;

    fn planned() -> Vec<PlannedRun> {
        let bench = Bench {
            recipe: Recipe::default(),
            seed: 0,
        };
        runs(&bench, 8.0)
    }

    /// Hoffmann's form with its valley among the sizes tried.
    fn hoffmann(alpha: f64, beta: f64) -> impl Fn(&isoflop_runs::Run) -> f64 {
        move |row| {
            let (n, d) = (records::params(row), records::tokens(row));
            1.0 + (6e4 / n).powf(alpha) + (1.2e6 / d).powf(beta)
        }
    }

    #[test]
    fn equal_budgets_have_five_sizes_each_and_enough_steps() {
        let bench = Bench {
            recipe: Recipe::default(),
            seed: 0,
        };
        for scale in [1.0, 10.0, 300.0] {
            let records = simulated::records(&runs(&bench, scale), 0.0, 0, |_| 1.0);
            let data = records.dataset(ParamCount::Total).unwrap();
            let found = valleys(&data);
            assert_eq!(found.len(), 3, "scale {scale}");
            assert!(found.iter().all(|valley| valley.members.len() == 5));
            assert!(records.rows.iter().all(|row| row.step >= Some(40)));
        }
    }

    #[test]
    fn a_source_of_equal_exponents_holds_with_an_exponent_near_one_half() {
        let records = simulated::records(&planned(), 0.0005, 1, hoffmann(0.4, 0.4));
        let said = judge(&records).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        let a = said
            .findings
            .iter()
            .find(|f| f.what.ends_with("best N"))
            .unwrap();
        assert!((a.value - 0.5).abs() < 0.06, "{a:?}");
        let b = said
            .findings
            .iter()
            .find(|f| f.what.ends_with("best D"))
            .unwrap();
        assert!((b.value - 0.5).abs() < 0.06, "{b:?}");
    }

    #[test]
    fn a_source_whose_size_grows_faster_does_not_hold() {
        // a = beta / (alpha + beta) = 0.75.
        let records = simulated::records(&planned(), 0.0003, 1, hoffmann(0.2, 0.6));
        let said = judge(&records).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
    }

    #[test]
    fn a_source_without_a_valley_does_not_hold_and_says_so() {
        let records = simulated::records(&planned(), 0.0, 1, |row| {
            1.0 + (6e4 / records::params(row)).powf(0.3)
        });
        let said = judge(&records).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold);
        assert!(said.sentence.contains("no valley"), "{}", said.sentence);
    }
}
