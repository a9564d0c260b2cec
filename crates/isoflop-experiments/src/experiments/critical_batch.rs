//! Steps and tokens to one loss at several batch sizes (McCandlish et al. 2018, eq. 2.11):
//! S = Smin (1 + Bcrit / B), so that (S / Smin − 1) (E / Emin − 1) = 1 with E = B S.

use super::{basis, formula, short, with_interval};
use crate::design::{Bench, FEW_WINDOWS, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use isoflop_fit::fit_formula;
use isoflop_laws::ParamCount;
use isoflop_report::{CurveLook, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};
use isoflop_runs::Run;
use isoflop_train::{Decay, Recipe};

/// Sequences in a batch.
const BATCHES: [usize; 6] = [4, 8, 16, 32, 64, 128];

/// Peak rates tried at each batch, as multiples of the recipe's at its own batch, scaled by the
/// root of the batch (Adam: Malladi et al. 2022): the best batch needs a rate of its own.
const RATES: [f32; 2] = [0.6, 1.2];

const WIDTH: usize = 16;

/// Sequences that a batch is likely critical at: how many more tokens larger ones are given.
const LIKELY: f64 = 24.0;

/// Measurements on the way, evenly in ln S over the last three quarters of the run.
const POINTS: i32 = 9;

/// Tokens at scale 1 of a run with a very small batch.
const SMALLEST: f64 = 60_000.0;

/// The law and a plain power differ in squares by this factor before one is held for better.
const BETTER: f64 = 1.5;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    let mut runs = Vec::new();
    for batch in BATCHES {
        for rate in RATES {
            let recipe = Recipe {
                batch,
                ..bench.recipe
            };
            let own = Bench { recipe, ..*bench };
            let tokens = SMALLEST * scale * (1.0 + batch as f64 / LIKELY);
            // One seed for all: the batches then begin with the same weights.
            let mut run = own.run(0, WIDTH, tokens);
            let root = (batch as f32 / bench.recipe.batch as f32).sqrt();
            run.spec.learning_rate = bench.recipe.learning_rate * rate * root;
            run.spec.schedule.decay = Decay::Constant;
            run.spec.schedule.warmup = run.spec.schedule.warmup.max(4);
            let steps = run.spec.schedule.steps as f64;
            let share = |k: i32| 4.0_f64.powf(f64::from(k) / f64::from(POINTS) - 1.0);
            run.measured_at = (0..POINTS).map(|k| (steps * share(k)) as u64).collect();
            run.windows = FEW_WINDOWS;
            run.name = format!("b{batch}-r{rate}");
            runs.push(run);
        }
    }
    runs
}

/// A batch with the fewest steps to the loss, over the rates tried.
struct Reached {
    batch: f64,
    steps: f64,
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let curves = curves(&records.rows);
    let mut batches: Vec<f64> = curves.iter().map(|curve| curve.batch).collect();
    batches.sort_by(f64::total_cmp);
    batches.dedup();
    // The lowest loss that every batch reaches with one of its rates.
    let lowest = |batch: &f64| {
        let own = curves.iter().filter(|curve| curve.batch == *batch);
        own.map(Curve::lowest).fold(f64::INFINITY, f64::min)
    };
    let level = batches.iter().map(lowest).fold(0.0, f64::max) * 1.002;
    let reached = batches.iter().filter_map(|batch| {
        let own = curves.iter().filter(|curve| curve.batch == *batch);
        let steps = own.filter_map(|curve| curve.steps_to(level));
        Some(Reached {
            batch: *batch,
            steps: steps.reduce(f64::min)?,
        })
    });
    let reached: Vec<Reached> = reached.collect();
    let seen: Vec<f64> = reached.iter().map(|one| one.steps.ln()).collect();
    let batch = |i: usize| reached[i].batch;
    let two_terms = |p: &[f64], i: usize| p[0] + (1.0 + p[1].exp() / batch(i)).ln();
    let power = |p: &[f64], i: usize| p[0] - p[1] * batch(i).ln();
    let starts: Vec<Vec<f64>> = [200.0_f64, 1000.0, 5000.0]
        .map(|critical| vec![4.0, critical.ln()])
        .to_vec();
    let fit = fit_formula(
        &seen,
        &two_terms,
        &starts,
        formula("critical-batch", records.seed),
    )?;
    let plain = fit_formula(
        &seen,
        &power,
        &[vec![10.0, 0.5]],
        formula("power of B", records.seed),
    )?;
    let critical = fit.values[1].exp();
    let ends = fit.interval(|p| p[1].exp());
    let ratio = (plain.rms() / fit.rms().max(1e-6)).powi(2);
    let (least, most) = (batch(0), batch(reached.len() - 1));
    let knee = least / 4.0 < ends.0 && ends.1 < most * 4.0;
    let verdict = match (knee, ratio > BETTER, ratio < 1.0 / BETTER) {
        (true, true, _) => Verdict::Held,
        (_, _, true) => Verdict::DidNotHold,
        _ => Verdict::Undecided,
    };
    let minimum = fit.values[0].exp();
    let figure = figure(records, &reached, minimum, critical, level)?.render()?;
    Ok(Judgement {
        verdict,
        sentence: format!(
            "For a loss of {} nats the critical batch is {} tokens: {} steps at least and {} tokens \
             at least. The hyperbola leaves {} % of the steps unexplained, a plain power of the \
             batch {} %; the claim asks for a knee among the batches and squares {BETTER} times \
             smaller.",
            short(level),
            with_interval(critical, ends),
            short(minimum),
            short(minimum * critical),
            short(fit.rms() * 100.0),
            short(plain.rms() * 100.0)
        ),
        findings: vec![
            Finding::new("critical batch", critical, "tokens").within(ends),
            Finding::new("fewest steps", minimum, "steps").within(fit.interval(|p| p[0].exp())),
            Finding::new("fewest tokens", minimum * critical, "tokens")
                .within(fit.interval(|p| (p[0] + p[1]).exp())),
            Finding::new("squares of a plain power over those of the law", ratio, ""),
        ],
        law: "S = Smin (1 + Bcrit / B) at one loss, least squares in ln S".to_owned(),
        param_count: ParamCount::Total,
        n_used: reached.len(),
        figures: vec![figure],
        warnings: vec![format!(
            "{} rates were tried at each batch; rates of their own would take small and large \
             batches a little fewer steps",
            RATES.len()
        )],
    })
}

/// Losses of one run by step.
struct Curve {
    batch: f64,
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn lowest(&self) -> f64 {
        self.points
            .iter()
            .map(|point| point.1)
            .fold(f64::INFINITY, f64::min)
    }

    /// Steps to a loss, the loss linear in ln S between measurements.
    fn steps_to(&self, level: f64) -> Option<f64> {
        let pair = self
            .points
            .windows(2)
            .find(|pair| pair[0].1 > level && pair[1].1 <= level)?;
        let ((s0, l0), (s1, l1)) = (pair[0], pair[1]);
        let share = (l0 - level) / (l0 - l1);
        Some((s0.ln() + share * (s1 / s0).ln()).exp())
    }
}

fn curves(rows: &[Run]) -> Vec<Curve> {
    let mut names: Vec<&str> = rows.iter().map(|row| row.run.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let curve = |name: &str| {
        let own = || rows.iter().filter(|row| row.run == name);
        let points = own().map(|row| (row.step.unwrap_or(0) as f64, records::loss(row)));
        let mut points: Vec<(f64, f64)> = points.collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let batch = own().find_map(|row| row.batch_tokens);
        Curve {
            batch: batch.map_or(f64::NAN, isoflop_laws::Tokens::get),
            points,
        }
    };
    names.into_iter().map(curve).collect()
}

fn figure(
    records: &Records,
    reached: &[Reached],
    minimum: f64,
    critical: f64,
    level: f64,
) -> Result<CurvesFigure, ExperimentError> {
    let law = |of: &dyn Fn(f64, f64) -> (f64, f64)| {
        let (lo, hi) = (reached[0].batch, reached[reached.len() - 1].batch);
        let places = (0..=40).map(|k| {
            let batch = lo * (hi / lo).powf(f64::from(k) / 40.0);
            of(batch, minimum * (1.0 + critical / batch)).into()
        });
        CurveSeries {
            label: "S = Smin (1 + Bcrit / B)".to_owned(),
            look: CurveLook::Law,
            rank: 1,
            places: places.collect(),
        }
    };
    let measured = |of: &dyn Fn(f64, f64) -> (f64, f64)| CurveSeries {
        label: "best rate at each batch".to_owned(),
        look: CurveLook::Points,
        rank: 0,
        places: reached
            .iter()
            .map(|one| of(one.batch, one.steps).into())
            .collect(),
    };
    let by_batch = |batch: f64, steps: f64| (batch, steps);
    let traded = |batch: f64, steps: f64| (steps, batch * steps);
    let panel = |x, y, of: &dyn Fn(f64, f64) -> (f64, f64)| CurvesPanel {
        caption: String::new(),
        x: CurvesAxis::log(x),
        y: CurvesAxis::log(y),
        series: vec![measured(of), law(of)],
    };
    let loss = short(level);
    Ok(CurvesFigure {
        name: "critical-batch",
        title: format!("Steps and tokens to a loss of {loss} nats at several batch sizes"),
        finding: format!("Critical batch {} tokens.", short(critical)),
        panels: vec![
            panel("Batch B (tokens)", "Steps S", &by_batch),
            panel("Steps S", "Tokens E = B S", &traded),
        ],
        conventions: basis("Constant rates, the best of those tried", records),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated::records;

    fn planned() -> Vec<PlannedRun> {
        let recipe = Recipe::default();
        runs(&Bench { recipe, seed: 0 }, 10.0)
    }

    /// The loss falls with S / `cost` of the batch; the second rate is a little worse.
    fn source(cost: impl Fn(f64) -> f64) -> impl Fn(&Run) -> f64 {
        move |row| {
            let batch = row.batch_tokens.unwrap().get();
            let worse = if row.run.ends_with("1.2") { 1.1 } else { 1.0 };
            let steps = row.step.unwrap() as f64 / cost(batch) / worse;
            1.5 + 9.0 * (steps + 1.0).powf(-0.25)
        }
    }

    #[test]
    fn recovers_the_critical_batch_of_mccandlishs_law() {
        let seen = records(&planned(), 0.001, 5, source(|batch| 1.0 + 1500.0 / batch));
        let said = judge(&seen).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        let critical = &said.findings[0];
        assert!((critical.value / 1500.0).ln().abs() < 0.15, "{critical:?}");
    }

    #[test]
    fn a_source_without_a_knee_does_not_hold() {
        let seen = records(
            &planned(),
            0.001,
            5,
            source(|batch| (4096.0 / batch).powf(0.4)),
        );
        let said = judge(&seen).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
    }
}
