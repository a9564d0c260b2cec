//! A ladder by warm-up, stable, decay: one run a size gives several lengths by annealing its
//! checkpoints (Hu et al. 2024; Hägele et al. 2024), at a rate that falls with the inverse root of the
//! step before they branch off (Zhai et al. 2022), against separate runs of the same N and D, and
//! what each ladder forecasts of a larger run.

use super::{basis, short, with_interval};
use crate::design::{Bench, PlannedRun, with_branches};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, LEVEL, Verdict};
use crate::records::{self, Records};
use isoflop_fit::{FitOptions, Forecast, ForecastAt, LawChoice, fit, fit_formula};
use isoflop_laws::ParamCount;
use isoflop_report::{CurveLook, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};
use isoflop_runs::Run;

const SIZES: [usize; 3] = [8, 16, 24];
/// Lengths as shares of the longest.
const LENGTHS: [f64; 5] = [0.125, 0.21, 0.354, 0.595, 1.0];
/// Share of a run that anneals.
const ANNEALED: f32 = 0.2;
/// Rate before annealing over the recipe's peak for a run of that length, which falls from its
/// beginning: without a long decay less is best (Hägele et al. 2024 find half of cosine's).
const RATE: f32 = 0.6;
/// Seeds of everything.
const SEEDS: u64 = 2;
/// The longest run at scale 1, tokens.
const SMALLEST: f64 = 330_000.0;
/// The run that is forecast, once trained as each ladder is: its width, and its length as a multiple
/// of the longest.
const TARGET: (usize, f64) = (40, 2.0);
/// Losses agree within this share.
const SAME: f64 = 0.01;

const WSD: &str = "wsd";
const SEPARATE: &str = "separate";
const LARGER: &str = "target";
const LARGER_WSD: &str = "target-wsd";

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    let longest = SMALLEST * scale;
    let mut runs: Vec<PlannedRun> = Vec::new();
    for seed in 0..SEEDS {
        for width in SIZES {
            for length in LENGTHS {
                let mut run = bench.run(runs.len() as u64, width, longest * length);
                run.name = format!("separate-{}", run.name);
                SEPARATE.clone_into(&mut run.set);
                runs.push(run);
            }
            let mut run = bench.run(runs.len() as u64, width, longest);
            run.name = format!("wsd-w{width}-s{seed}");
            WSD.clone_into(&mut run.set);
            let lengths = LENGTHS[..LENGTHS.len() - 1].iter();
            let lengths: Vec<u64> = lengths.map(|share| bench.steps(longest * share)).collect();
            runs.push(annealed(bench, run, longest, &lengths));
        }
    }
    for set in [LARGER, LARGER_WSD] {
        let mut target = bench.run(runs.len() as u64, TARGET.0, longest * TARGET.1);
        if set == LARGER_WSD {
            target = annealed(bench, target, longest, &[]);
        }
        set.clone_into(&mut target.name);
        set.clone_into(&mut target.set);
        runs.push(target);
    }
    runs
}

/// The run as a trunk with branches of `lengths` steps: the shortest one's own rate and warm-up,
/// which all share; the rate then falls with the step as the recipe's does with the length.
fn annealed(bench: &Bench, mut run: PlannedRun, longest: f64, lengths: &[u64]) -> PlannedRun {
    let shortest = bench.run(0, run.spec.shape.width, longest * LENGTHS[0]);
    run.spec.learning_rate = shortest.spec.learning_rate * RATE;
    run.spec.schedule.warmup = shortest.spec.schedule.warmup;
    with_branches(run, lengths, shortest.spec.schedule.steps, ANNEALED)
}

fn is_target(row: &Run) -> bool {
    [LARGER, LARGER_WSD].contains(&records::set(row))
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let pairs = pairs(&records.rows);
    let off: Vec<f64> = pairs.iter().map(|pair| pair.difference()).collect();
    let mean = fit_formula(
        &off,
        &|p, _| p[0],
        &[vec![0.0]],
        super::formula("mean", records.seed),
    )?;
    let ends = mean.interval(|p| p[0]);
    let rms = (off.iter().map(|off| off * off).sum::<f64>() / off.len() as f64).sqrt();
    let noise = noise(&pairs);
    let share = compute(records);
    let target = |set: &str| {
        let target = records.rows.iter().find(|row| records::set(row) == set);
        let missing = || ExperimentError::Insufficient("a larger run has no loss".to_owned());
        target.ok_or_else(missing)
    };
    let (plain, by_wsd) = (target(LARGER)?, target(LARGER_WSD)?);
    // A law forecasts runs that are trained as its own were.
    let of_wsd = forecast(records, WSD, by_wsd)?;
    let of_separate = forecast(records, SEPARATE, plain)?;
    let of_other = forecast(records, WSD, plain)?;
    let agree = Verdict::all([Verdict::at_least(ends, -SAME), Verdict::at_most(ends, SAME)]);
    let worse = of_wsd.error().abs() - of_separate.error().abs();
    let as_good = match worse <= SAME {
        true => Verdict::Held,
        false => Verdict::DidNotHold,
    };
    let (mean, beyond) = (mean.values[0], rms / noise.max(1e-9));
    let percent = |share: f64| short(share * 100.0);
    Ok(Judgement {
        verdict: Verdict::all([agree, as_good]),
        sentence: format!(
            "Annealed branches end {} % from separate runs of the same N and D, {} % in the root of \
             the mean square, {} times what two seeds differ by; the claim asks for a mean within \
             {} %. They took {} % of the compute. Runs of {} times the compute of the largest, \
             each trained as its ladder was, came {} from the forecast of the annealed ladder and \
             {} from that of separate runs.",
            with_interval(mean * 100.0, (ends.0 * 100.0, ends.1 * 100.0)),
            percent(rms),
            short(beyond),
            percent(SAME),
            percent(share),
            short(largest_ratio(records, plain)),
            of_wsd.words(),
            of_separate.words()
        ),
        findings: vec![
            Finding::new("annealed over separate loss, less one", mean, "share").within(ends),
            Finding::new("the same in the root of the mean square", rms, "share"),
            Finding::new("what it would be by two seeds alone", noise, "share"),
            Finding::new(
                "compute of the annealed ladder over separate runs",
                share,
                "share",
            ),
            Finding::new(
                "error of the annealed ladder's forecast",
                of_wsd.error(),
                "share",
            ),
            Finding::new(
                "error of the separate runs' forecast",
                of_separate.error(),
                "share",
            ),
            Finding::new(
                "error of the annealed ladder's forecast of the run trained as separate ones",
                of_other.error(),
                "share",
            ),
        ],
        law: "laws averaged, as `isoflop predict` states them".to_owned(),
        param_count: ParamCount::Total,
        n_used: records.rows.len(),
        figures: vec![figure(records, &pairs)?.render()?],
        warnings: Vec::new(),
    })
}

/// Losses of one N and D by both ways, one a seed.
struct Pair {
    params: f64,
    tokens: f64,
    annealed: Vec<f64>,
    separate: Vec<f64>,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl Pair {
    fn difference(&self) -> f64 {
        mean(&self.annealed) / mean(&self.separate) - 1.0
    }
}

fn pairs(rows: &[Run]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for row in rows.iter().filter(|row| !is_target(row)) {
        let (params, tokens) = (records::params(row), records::tokens(row));
        let known = pairs
            .iter()
            .position(|pair| pair.params == params && pair.tokens == tokens);
        let index = known.unwrap_or_else(|| {
            pairs.push(Pair {
                params,
                tokens,
                annealed: Vec::new(),
                separate: Vec::new(),
            });
            pairs.len() - 1
        });
        match records::set(row) == WSD {
            true => pairs[index].annealed.push(records::loss(row)),
            false => pairs[index].separate.push(records::loss(row)),
        }
    }
    pairs.retain(|pair| !pair.annealed.is_empty() && !pair.separate.is_empty());
    pairs
}

/// Standard deviation of a difference of two means by what the seeds of a pair differ by.
fn noise(pairs: &[Pair]) -> f64 {
    let (mut variance, mut freedom) = (0.0, 0.0);
    for losses in pairs
        .iter()
        .flat_map(|pair| [&pair.annealed, &pair.separate])
    {
        let centre = mean(losses);
        variance += losses
            .iter()
            .map(|loss| (loss / centre - 1.0).powi(2))
            .sum::<f64>();
        freedom += losses.len() as f64 - 1.0;
    }
    (variance / freedom.max(1.0) * 2.0 / SEEDS as f64).sqrt()
}

/// Training compute of the annealed ladder over that of separate runs.
fn compute(records: &Records) -> f64 {
    let sum = |set: &str| {
        let own = records.rows.iter().filter(|row| records::set(row) == set);
        let flops = own.map(|row| match records::is_branch(row) {
            // A branch costs its annealing alone.
            true => records::flops(row) * f64::from(ANNEALED),
            false => records::flops(row),
        });
        flops.sum::<f64>()
    };
    sum(WSD) / sum(SEPARATE)
}

fn largest_ratio(records: &Records, target: &Run) -> f64 {
    let others = records.rows.iter().filter(|row| !is_target(row));
    records::flops(target) / others.map(records::flops).fold(0.0, f64::max)
}

/// A forecast from one ladder, and what came.
struct Forecasted {
    said: Forecast,
    came: f64,
}

impl Forecasted {
    /// What came over the forecast, less one.
    fn error(&self) -> f64 {
        self.came / self.said.loss.get() - 1.0
    }

    fn held(&self) -> bool {
        (self.said.lo.get()..=self.said.hi.get()).contains(&self.came)
    }

    /// `-1.23 % (inside its interval)`.
    fn words(&self) -> String {
        let place = if self.held() { "inside" } else { "outside" };
        format!("{} % ({place} its interval)", short(self.error() * 100.0))
    }
}

/// The larger run as one ladder forecasts it, by the averaged laws that `isoflop predict` states.
fn forecast(records: &Records, set: &str, target: &Run) -> Result<Forecasted, ExperimentError> {
    let mut own = records.clone();
    own.rows.retain(|row| records::set(row) == set);
    let data = own.dataset(ParamCount::Total)?;
    let options = FitOptions {
        law: LawChoice::Auto,
        level: LEVEL,
        seed: records.seed,
        ..FitOptions::default()
    };
    let fit = fit(&data, &options)?;
    let at = ForecastAt {
        params: target.params,
        tokens: target.tokens,
        ..ForecastAt::default()
    };
    let said = fit.forecast(&at, LEVEL);
    let said = said.map_err(|error| ExperimentError::Insufficient(error.to_string()))?;
    Ok(Forecasted {
        said,
        came: records::loss(target),
    })
}

fn figure(records: &Records, pairs: &[Pair]) -> Result<CurvesFigure, ExperimentError> {
    let mut sizes: Vec<f64> = pairs.iter().map(|pair| pair.params).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let (mut losses, mut off) = (Vec::new(), Vec::new());
    for (rank, size) in sizes.iter().enumerate() {
        let own = || pairs.iter().filter(move |pair| pair.params == *size);
        let label = format!("N = {size:.0}");
        let series = |label: &str, look, of: &dyn Fn(&Pair) -> f64| CurveSeries {
            label: label.to_owned(),
            look,
            rank,
            places: own().map(|pair| (pair.tokens, of(pair)).into()).collect(),
        };
        losses.push(series(&label, CurveLook::Points, &|pair| {
            mean(&pair.separate)
        }));
        losses.push(series("", CurveLook::Rings, &|pair| mean(&pair.annealed)));
        off.push(series(&label, CurveLook::Points, &|pair| {
            pair.difference() * 100.0
        }));
    }
    let ends = pairs.iter().map(|pair| pair.tokens);
    let (lo, hi) = ends.fold((f64::MAX, 0.0_f64), |(a, b), d| (a.min(d), b.max(d)));
    off.push(CurveSeries {
        label: String::new(),
        look: CurveLook::Reference,
        rank: 0,
        places: vec![(lo, 0.0).into(), (hi, 0.0).into()],
    });
    let panel = |y, series| CurvesPanel {
        caption: String::new(),
        x: CurvesAxis::log("Tokens seen D"),
        y,
        series,
    };
    Ok(CurvesFigure {
        name: "wsd",
        title: "Several lengths from one run, against separate runs".to_owned(),
        finding: format!(
            "Discs: separate runs; rings: branches annealed from one run a size, at {:.0} % of the \
             compute.",
            compute(records) * 100.0
        ),
        panels: vec![
            panel(CurvesAxis::log("Validation loss (nats per token)"), losses),
            panel(CurvesAxis::linear("Annealed against separate (%)"), off),
        ],
        conventions: basis("Means of two seeds; N: all parameters", records),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated::records;
    use isoflop_train::Recipe;

    fn planned() -> Vec<PlannedRun> {
        let recipe = Recipe::default();
        runs(&Bench { recipe, seed: 0 }, 2.0)
    }

    fn source(worse: f64) -> impl Fn(&Run) -> f64 {
        move |row| {
            let (n, d) = (records::params(row), records::tokens(row));
            let by_wsd = [WSD, LARGER_WSD].contains(&records::set(row));
            let ways = if by_wsd { worse } else { 1.0 };
            ((1e7 / n).powf(0.5) + 5e7 / d).powf(0.2) * ways
        }
    }

    #[test]
    fn branches_that_end_like_separate_runs_hold_at_a_fraction_of_the_compute() {
        let said = judge(&records(&planned(), 0.002, 8, source(1.0))).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        let share = said
            .findings
            .iter()
            .find(|f| f.what.starts_with("compute"))
            .unwrap();
        assert!((0.5..0.6).contains(&share.value), "{share:?}");
        assert!(said.findings[4].value.abs() < 0.03, "{:?}", said.findings);
    }

    #[test]
    fn branches_that_end_three_per_cent_higher_do_not_hold() {
        let said = judge(&records(&planned(), 0.002, 8, source(1.03))).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
    }
}
