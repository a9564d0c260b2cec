//! Which runs to add, from the results that are there: fit, forecast the target, design.

use crate::plan::AdaptivePlan;
use isoflop_fit::{Fit, FitOptions, FittedLaw, Forecast, ForecastAt, LawChoice, fit};
use isoflop_laws::{Flops, ParamCount, Params, Tokens};
use isoflop_plan::{Design, DesignRequest, LawInUse, design_by_forecasts};
use isoflop_runs::{Run, SelectionOptions, select};

/// What is known of a ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Runs with a result.
    pub finished: Vec<Run>,
    /// Size and data of runs whose result will come.
    pub under_way: Vec<(Params, Tokens)>,
    /// FLOPs that may still be given to new runs.
    pub left: f64,
    /// Most runs to add.
    pub most: usize,
}

/// What to do with a ladder.
#[derive(Debug, Clone, PartialEq)]
pub enum Advice {
    /// Make these runs too.
    Add(Vec<(Params, Tokens)>),
    /// Add nothing any more.
    Enough,
    /// Nothing can be said before more results come.
    Wait,
}

/// Shares of the FLOPs left that a round may cost, tried in turn: what is kept back goes to runs
/// that later results choose.
const SHARES: [f64; 2] = [0.5, 1.0];
/// Part of the target's interval that a round must take away to be worth it.
const LEAST_GAIN: f64 = 0.05;

/// Says what to do, why, and what the results so far say of the target.
#[must_use]
pub fn advise(known: &Known, plan: &AdaptivePlan) -> (Advice, String, Option<Forecast>) {
    let n = known.finished.len();
    let fitted = match fit_of(known, plan, LawChoice::Auto) {
        Ok(fitted) => fitted,
        Err(why) => {
            return (
                Advice::Wait,
                format!("{n} results do not do yet: {why}"),
                None,
            );
        }
    };
    let target = ForecastAt {
        flops: Some(plan.target_flops),
        ..ForecastAt::default()
    };
    let said = match fitted.forecast(&target, plan.level) {
        Ok(said) => said,
        Err(why) => {
            return (
                Advice::Wait,
                format!("{n} results do not do yet: {why}"),
                None,
            );
        }
    };
    let width = (said.hi.get() - said.lo.get()) / said.loss.get();
    let stands = format!(
        "after {n} results the {:.0} % interval of the loss at {} FLOPs is {} to {} around {} ({:.2} % wide)",
        plan.level * 100.0,
        plan.target_flops,
        said.lo,
        said.hi,
        said.loss,
        width * 100.0
    );
    if width <= plan.until_width {
        let why = format!("{stands}, as narrow as was asked for");
        return (Advice::Enough, why, Some(said));
    }
    let (advice, why) = next_runs(known, plan, fitted);
    (advice, format!("{stands}; {why}"), Some(said))
}

/// The affordable runs that narrow the interval, or why there are none.
fn next_runs(known: &Known, plan: &AdaptivePlan, fitted: Fit) -> (Advice, String) {
    if known.most == 0 {
        return (Advice::Enough, "no more runs may be added".to_owned());
    }
    // Less than the cheapest run so far pays for none that says anything new.
    let costs = known.finished.iter().filter_map(|run| run.flops);
    let cheapest = costs.map(Flops::get).fold(f64::INFINITY, f64::min);
    if known.left < cheapest {
        let why = format!(
            "the {:.3e} FLOPs that are left pay for no further run",
            known.left.max(0.0)
        );
        return (Advice::Enough, why);
    }
    let mut best: Option<Design> = None;
    for share in SHARES {
        match designed(known, plan, &fitted, known.left * share) {
            Ok(found) => {
                let gain = 1.0 - found.interval_after / found.interval_before;
                if gain >= LEAST_GAIN && !found.runs.is_empty() {
                    return add(known, found);
                }
                best = Some(found);
            }
            Err(why) => {
                return (
                    Advice::Enough,
                    format!("no further run can be designed: {why}"),
                );
            }
        }
    }
    let narrowed = best.map_or(0.0, |found| {
        1.0 - found.interval_after / found.interval_before
    });
    let why = format!(
        "the {:.3e} FLOPs that are left would narrow it by {:.1} % of itself: not worth it",
        known.left,
        narrowed * 100.0
    );
    (Advice::Enough, why)
}

fn add(known: &Known, found: Design) -> (Advice, String) {
    let runs = if found.runs.len() == 1 { "run" } else { "runs" };
    let why = format!(
        "{} more {runs} for {} of the {:.3e} FLOPs that are left should take it to {:.0} % of its width",
        found.runs.len(),
        found.cost_flops,
        known.left,
        100.0 * found.interval_after / found.interval_before
    );
    let runs = found.runs.iter().map(|run| (run.params, run.tokens));
    (Advice::Add(runs.collect()), why)
}

fn designed(
    known: &Known,
    plan: &AdaptivePlan,
    fitted: &Fit,
    budget: f64,
) -> Result<Design, String> {
    let in_words = |error: &dyn std::fmt::Display| error.to_string();
    // A law in compute alone chooses no size; what is said of the loss stays the same.
    let has_surface = fitted.law().is_ok_and(|law| law.surface().is_some());
    let by = if has_surface {
        fitted.clone()
    } else {
        fit_of(known, plan, LawChoice::Named(FittedLaw::Chinchilla))?
    };
    let by = LawInUse::fitted(by).map_err(|error| in_words(&error))?;
    let request = DesignRequest {
        target: plan.target_flops,
        budget: Flops::new(budget).map_err(|error| in_words(&error))?,
        max_run: None,
        max_runs: known.most,
        target_size: None,
        // The fit counts those that are finished itself.
        existing: known.under_way.clone(),
        noise: None,
        level: plan.level,
    };
    design_by_forecasts(fitted, &by.surface(), &request).map_err(|error| in_words(&error))
}

fn fit_of(known: &Known, plan: &AdaptivePlan, law: LawChoice) -> Result<Fit, String> {
    // N is counted as the plan counts it.
    let options = SelectionOptions {
        param_count: Some(ParamCount::Total),
    };
    let options = (
        select(&known.finished, options),
        FitOptions {
            law,
            level: plan.level,
            bootstraps: 0,
            ..FitOptions::default()
        },
    );
    fit(&options.0.dataset, &options.1).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::{isoflop_sets, levels};
    use isoflop_laws::Loss;
    use isoflop_runs::Status;
    use rand::{RngExt, SeedableRng};

    /// The law of `examples/sweep/minimal.py`: Hoffmann et al. 2022.
    fn truth(params: f64, tokens: f64) -> f64 {
        1.69 + 406.4 / params.powf(0.34) + 410.7 / tokens.powf(0.28)
    }

    /// Its smallest loss at a budget.
    fn best(flops: f64) -> f64 {
        (0..4000)
            .map(|step| 10f64.powf(5.0 + f64::from(step) * 0.002))
            .map(|params| truth(params, flops / (6.0 * params)))
            .fold(f64::INFINITY, f64::min)
    }

    fn run(params: Params, tokens: Tokens, noise: f64) -> Run {
        Run {
            params: Some(params),
            tokens: Some(tokens),
            flops: Some(Flops::six_nd(params, tokens)),
            loss: Loss::new(truth(params.get(), tokens.get()) * noise.exp()).ok(),
            status: Status::Finished,
            ..Run::new(format!("{params}-{tokens}-{noise}"))
        }
    }

    /// Adds runs as a sweep does, with noise of 0.1 %; what it spent, and its last word.
    fn ladder(seed: u64, limit: f64, plan: &AdaptivePlan) -> (f64, usize, Forecast) {
        let mut random = rand::rngs::StdRng::seed_from_u64(seed);
        let mut noise = move || {
            let sum: f64 = (0..12).map(|_| random.random_range(-0.5..0.5)).sum();
            0.001 * sum
        };
        let budgets = levels(Flops::new(limit / 10.0).unwrap(), 3, 5).unwrap();
        let first = isoflop_sets(&budgets, 5, 3.0).unwrap();
        let mut finished: Vec<Run> = first.iter().map(|&(n, d)| run(n, d, noise())).collect();
        loop {
            let cost = |run: &Run| run.flops.unwrap().get();
            let spent: f64 = finished.iter().map(cost).sum();
            let known = Known {
                finished: finished.clone(),
                under_way: vec![],
                left: limit - spent,
                most: plan.runs_per_round,
            };
            match advise(&known, plan) {
                (Advice::Add(runs), ..) => {
                    finished.extend(runs.into_iter().map(|(n, d)| run(n, d, noise())));
                }
                (_, why, said) => {
                    let said = said.unwrap_or_else(|| panic!("{why}"));
                    return (spent, finished.len(), said);
                }
            }
        }
    }

    /// 90 % intervals that held the truth in fewer than 7 of 10 ladders would be a fault: the
    /// chance of that is 1.3 %. `ADAPTIVE_LADDERS=40` says more.
    #[test]
    fn adaptive_ladders_hold_the_truth_within_their_limit() {
        let ladders = std::env::var("ADAPTIVE_LADDERS").map_or(10, |text| text.parse().unwrap());
        let plan = AdaptivePlan::towards("1e20".parse().unwrap());
        let limit = 1e18;
        let truth = best(1e20);
        let mut held = 0;
        for seed in 0..ladders {
            let (spent, runs, said) = ladder(seed, limit, &plan);
            let width = (said.hi.get() - said.lo.get()) / said.loss.get();
            println!(
                "{runs} runs, {spent:.3e} FLOPs: {} ({} to {}), truth {truth:.4}",
                said.loss, said.lo, said.hi
            );
            assert!(spent <= limit * (1.0 + 1e-9), "{spent}");
            assert!(width < 0.1, "{width}");
            held += u64::from((said.lo.get()..=said.hi.get()).contains(&truth));
        }
        println!("{held} of {ladders} intervals hold the truth");
        assert!(held * 10 >= ladders * 7, "{held}");
    }

    #[test]
    fn too_few_results_are_waited_for_and_a_narrow_interval_ends_the_ladder() {
        let mut plan = AdaptivePlan::towards("1e20".parse().unwrap());
        let budgets = levels("1e17".parse().unwrap(), 3, 5).unwrap();
        let points = isoflop_sets(&budgets, 5, 3.0).unwrap();
        let noise = [0.001, -0.001, -0.0005].into_iter().cycle();
        let runs: Vec<Run> = points
            .iter()
            .zip(noise)
            .map(|(&(n, d), noise)| run(n, d, noise))
            .collect();
        let mut known = Known {
            finished: runs[..2].to_vec(),
            under_way: points[2..].to_vec(),
            left: 9e17,
            most: 4,
        };
        assert_eq!(advise(&known, &plan).0, Advice::Wait);
        (known.finished, known.under_way) = (runs, vec![]);
        plan.until_width = 0.0;
        let (advice, why, _) = advise(&known, &plan);
        let Advice::Add(added) = advice else {
            panic!("{why}");
        };
        let cost: f64 = added.iter().map(|&(n, d)| Flops::six_nd(n, d).get()).sum();
        assert!(cost <= 9e17 * (1.0 + 1e-9) && added.len() <= 4, "{why}");
        plan.until_width = 10.0;
        assert_eq!(advise(&known, &plan).0, Advice::Enough);
    }
}
