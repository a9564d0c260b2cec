//! The size and data for a budget, or the budget for a size or an amount of data.

mod rules;
mod without_loss;

use crate::allocation_rule::Given;
use crate::architecture::{CountedArchitecture, architectures_near};
use crate::forecast::Conventions;
use crate::law_in_use::LawInUse;
use crate::repetition::Repeated;
use crate::serving::{ServedModel, cheapest_to_serve, tokens_to_reach};
use crate::stopping::{EfficientStop, StoppingError, efficient_stop};
use crate::surface::{
    Surface, SurfaceError, SurfacePoint, Valley, data_for, optimum, size_for, valley,
};
use isoflop_laws::{Flops, Loss, ParamCount, Params, QuantityError, Tokens};
use rules::{better_forecast, in_order, rule_plan, rules_beside};
use serde::Serialize;
use without_loss::plan_without_loss;

/// Loss that the flat valley gives away, as a share.
pub const VALLEY_TOLERANCE: f64 = 0.002;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The law has no answer.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// A size left the range of numbers.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// There is no stopping point.
    #[error(transparent)]
    Stopping(#[from] StoppingError),
    /// The question is of losses, and the law gives none.
    #[error(
        "law `{law}` states the best size alone and nothing of the loss: it cannot say what {what} changes; plan by a law of the loss, such as besiroglu-2024, or by your own runs"
    )]
    NoLoss {
        /// The law's name.
        law: String,
        /// What was asked beside the best size.
        what: &'static str,
    },
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// The budget, or the size or data to find one for.
    pub given: Given,
    /// Ceiling on unique tokens; beyond it they are repeated.
    pub unique_tokens: Option<Tokens>,
    /// Tokens that the model will process when served.
    pub served_tokens: Option<Tokens>,
    /// Sets the schools' rules beside the law.
    pub compare: bool,
    /// Vocabulary of the suggested shapes.
    pub vocabulary: u64,
    /// Context of the suggested shapes, tokens.
    pub context: u64,
    /// Says when compute-efficient training stops.
    pub stop: bool,
}

/// One way to spend a budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The rule or law that says so.
    pub rule: String,
    /// Model size N.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// Training compute C = 6ND.
    pub flops: Flops,
    /// Loss that the law in use gives it; `None` where the rule counts N otherwise.
    pub loss: Option<Loss>,
    /// Lower end of the interval of `loss`.
    pub lo: Option<Loss>,
    /// Upper end of the interval of `loss`.
    pub hi: Option<Loss>,
    /// Lower end of the interval of the best N.
    pub params_lo: Option<Params>,
    /// Upper end of the interval of the best N.
    pub params_hi: Option<Params>,
    /// What N counts in this rule.
    pub param_count: ParamCount,
    /// Growth of N for ten times the compute.
    pub params_times_ten: f64,
    /// Growth of D for ten times the compute.
    pub tokens_times_ten: f64,
    /// C ÷ largest C behind the law; `None` where that is not known.
    pub extrapolation: Option<f64>,
    /// Where the rule comes from.
    pub source: String,
}

/// Another size that reaches the same loss, and the tokens it needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SameLoss {
    /// Size ÷ best size.
    pub size_ratio: f64,
    /// The size.
    pub params: Params,
    /// The tokens it needs; `None` if no data suffice.
    pub tokens: Option<Tokens>,
    /// Its compute ÷ that of the best size.
    pub flops_ratio: Option<f64>,
}

/// The answer to a [`PlanRequest`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanAnswer {
    /// The law in use.
    pub law: String,
    /// What N and C count.
    pub conventions: Conventions,
    /// Runs behind the law, where known.
    pub n_used: Option<usize>,
    /// Coverage that intervals claim.
    pub level: f64,
    /// The plans; the first is the answer, the others are for comparison.
    pub plans: Vec<Plan>,
    /// Sizes that cost little more than the law's best one; `None` for a published law that
    /// states the best size alone.
    pub valley: Option<Valley>,
    /// Shapes that people build, near the first plan's size.
    pub architectures: Vec<CountedArchitecture>,
    /// Other sizes for the law's best loss.
    pub same_loss: Vec<SameLoss>,
    /// Unique tokens, if there is a ceiling.
    pub unique_tokens: Option<Tokens>,
    /// The cheapest model of that loss if it is served; `None` if not asked.
    pub served: Option<ServedModel>,
    /// When compute-efficient training of the first shape stops; `None` if not asked.
    pub stop: Option<EfficientStop>,
    /// What must be known when using the answer.
    pub warnings: Vec<String>,
}

/// Answers a request by a law.
///
/// # Errors
/// [`PlanError`] where the law has no optimum.
pub fn plan(law: &LawInUse, request: &PlanRequest) -> Result<PlanAnswer, PlanError> {
    if !law.gives_loss() {
        return plan_without_loss(law, request);
    }
    match request.unique_tokens {
        None => plan_on(law, &law.surface(), request),
        Some(unique) => plan_on(law, &Repeated::new(law.surface(), unique)?, request),
    }
}

fn plan_on(
    law: &LawInUse,
    surface: &impl Surface,
    request: &PlanRequest,
) -> Result<PlanAnswer, PlanError> {
    let best = best_point(surface, request.given)?;
    let own = own_plan(law, surface, request, &best)?;
    let served = request
        .served_tokens
        .map(|served| cheapest_to_serve(surface, &best, served))
        .transpose()?;
    let mut answer = answer(law, surface, request, own)?;
    let disagreement = better_forecast(&answer.plans, surface, &best);
    answer.warnings.extend(disagreement);
    let near = served.as_ref().map(|served| served.model.params);
    Ok(PlanAnswer {
        valley: Some(valley(surface, &best, VALLEY_TOLERANCE)),
        same_loss: same_loss(surface, &best)?,
        served,
        ..with_shapes(law, request, near, answer)?
    })
}

/// The plans in their order, with what does not depend on a loss.
fn answer(
    law: &LawInUse,
    surface: &impl Surface,
    request: &PlanRequest,
    own: Plan,
) -> Result<PlanAnswer, PlanError> {
    let warnings = warnings(law, request, own.flops);
    let rules = rules_beside(law, request);
    let beside = rules
        .iter()
        .map(|rule| rule_plan(rule, law, surface, request))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(PlanAnswer {
        law: law.name.clone(),
        conventions: law.conventions,
        n_used: law.n_used,
        level: law.level,
        plans: in_order(law, own, beside),
        valley: None,
        architectures: Vec::new(),
        same_loss: Vec::new(),
        unique_tokens: request.unique_tokens,
        served: None,
        stop: None,
        warnings,
    })
}

/// Adds the shapes that people build near a size, that of the first plan if none is given, and
/// when compute-efficient training of the first of them stops.
fn with_shapes(
    law: &LawInUse,
    request: &PlanRequest,
    near: Option<Params>,
    answer: PlanAnswer,
) -> Result<PlanAnswer, PlanError> {
    let near = near.unwrap_or(answer.plans[0].params);
    let count = law.conventions.param_count;
    let architectures = architectures_near(near, count, request.vocabulary, request.context, 3);
    let first = architectures
        .first()
        .map(|shape| shape.params_non_embedding);
    let stop = first
        .filter(|_| request.stop)
        .map(efficient_stop)
        .transpose()?;
    Ok(PlanAnswer {
        architectures,
        stop,
        ..answer
    })
}

/// The law's own answer.
fn best_point(surface: &impl Surface, given: Given) -> Result<SurfacePoint, SurfaceError> {
    match given {
        Given::Flops(flops) => optimum(surface, flops),
        Given::Params(params) => data_for(surface, params),
        Given::Tokens(tokens) => size_for(surface, tokens),
    }
}

fn own_plan(
    law: &LawInUse,
    surface: &impl Surface,
    request: &PlanRequest,
    best: &SurfacePoint,
) -> Result<Plan, PlanError> {
    let forecast = match request.unique_tokens {
        None => law.forecast(best),
        // What forecasts know beyond the law is of runs without repetition.
        Some(_) => law.forecast_by_law_alone(best),
    };
    let later = optimum(surface, Flops::new(10.0 * best.flops.get())?);
    let growth = later.map_or(f64::NAN, |later| later.params.get() / best.params.get());
    let (params_lo, params_hi) = size_interval(law, request, best);
    Ok(Plan {
        rule: law.name.clone(),
        params: best.params,
        tokens: best.tokens,
        flops: best.flops,
        loss: Some(forecast.loss),
        lo: forecast.lo,
        hi: forecast.hi,
        params_lo,
        params_hi,
        param_count: law.conventions.param_count,
        params_times_ten: growth,
        tokens_times_ten: 10.0 / growth,
        extrapolation: forecast.extrapolation,
        source: "the law in use".to_owned(),
    })
}

/// Quantiles of the best size over the plausible laws; nothing for a published law, or where
/// the size is given.
fn size_interval(
    law: &LawInUse,
    request: &PlanRequest,
    best: &SurfacePoint,
) -> (Option<Params>, Option<Params>) {
    if matches!(request.given, Given::Params(_)) {
        return (None, None);
    }
    let size = |surface: &dyn Fn() -> Result<SurfacePoint, SurfaceError>| {
        surface().ok().map(|point| point.params)
    };
    let mut sizes: Vec<Params> = law
        .plausible_surfaces()
        .filter_map(|plausible| match request.unique_tokens {
            None => size(&|| best_point(&plausible, request.given)),
            Some(unique) => {
                let repeated = Repeated::new(plausible, unique).ok()?;
                size(&|| optimum(&repeated, best.flops))
            }
        })
        .collect();
    sizes.sort_by(|a, b| a.get().total_cmp(&b.get()));
    let tail = (1.0 - law.level) / 2.0;
    let at = |share: f64| {
        let last = sizes.len().checked_sub(1)?;
        sizes.get((share * last as f64).round() as usize).copied()
    };
    (at(tail), at(1.0 - tail))
}

/// How many tokens smaller and larger models need for the same loss.
fn same_loss(surface: &impl Surface, best: &SurfacePoint) -> Result<Vec<SameLoss>, PlanError> {
    [0.5, 0.75, 1.5, 2.0, 4.0]
        .into_iter()
        .map(|size_ratio| {
            let params = Params::new(size_ratio * best.params.get())?;
            let tokens = tokens_to_reach(surface, params, best.loss);
            let flops = tokens.map(|tokens| Flops::six_nd(params, tokens).get());
            Ok(SameLoss {
                size_ratio,
                params,
                tokens,
                flops_ratio: flops.map(|flops| flops / best.flops.get()),
            })
        })
        .collect()
}

fn warnings(law: &LawInUse, request: &PlanRequest, flops: Flops) -> Vec<String> {
    let mut warnings = law.warnings.clone();
    let ratio = law.extrapolation(flops);
    if let Some(ratio) = ratio.filter(|ratio| *ratio > 1000.0) {
        warnings.push(format!(
            "the budget is {ratio:.0} times the largest run behind the law: few forecasts hold so far out"
        ));
    }
    if law.states_best_only() && law.gives_loss() {
        warnings.push(format!(
            "law `{}` states the best size alone: losses are those of the laws of the loss, averaged over these runs",
            law.name
        ));
    }
    if request.compare && law.conventions.param_count == ParamCount::Total {
        warnings.push(
            "the rules `openai` and `kaplan-2020` count N without embeddings: no loss is given for them"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(given: Given) -> PlanRequest {
        PlanRequest {
            given,
            unique_tokens: None,
            served_tokens: None,
            compare: false,
            vocabulary: 32_000,
            context: 4096,
            stop: false,
        }
    }

    fn by(name: &str, request: &PlanRequest) -> PlanAnswer {
        plan(&LawInUse::published(name).unwrap(), request).unwrap()
    }

    fn seven_billion() -> PlanRequest {
        request(Given::Params("7B".parse().unwrap()))
    }

    #[test]
    fn hoffmann_answers_140_billion_tokens_for_seven_billion_and_names_each_approach() {
        let answer = by("hoffmann-2022", &seven_billion());
        let rules: Vec<&str> = answer.plans.iter().map(|plan| plan.rule.as_str()).collect();
        assert_eq!(
            rules,
            [
                "20-tokens",
                "hoffmann-2022-approach-1",
                "hoffmann-2022-approach-2",
                "hoffmann-2022-approach-3",
                "hoffmann-2022",
            ]
        );
        let tokens: Vec<f64> = answer.plans.iter().map(|p| p.tokens.get() / 1e9).collect();
        let expected = [140.0, 143.0, 151.0, 268.0, 290.0];
        for (found, expected) in tokens.iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 0.02, "{tokens:?}");
        }
    }

    #[test]
    fn comparing_sets_both_schools_beside_the_law() {
        let asked = PlanRequest {
            compare: true,
            ..request(Given::Flops("5.76e23".parse().unwrap()))
        };
        let answer = by("besiroglu-2024", &asked);
        assert_eq!(answer.plans[0].rule, "besiroglu-2024");
        let growth = |rule: &str| {
            let plan = answer.plans.iter().find(|plan| plan.rule == rule).unwrap();
            (plan.params_times_ten, plan.tokens_times_ten)
        };
        let near = |found: (f64, f64), n: f64, d: f64| {
            assert!(
                (found.0 - n).abs() < 0.05 && (found.1 - d).abs() < 0.05,
                "{found:?}"
            );
        };
        near(growth("openai"), 5.5, 1.8);
        near(growth("20-tokens"), 3.16, 3.16);
        near(growth("besiroglu-2024"), 3.26, 3.07);
        let openai = answer
            .plans
            .iter()
            .find(|plan| plan.rule == "openai")
            .unwrap();
        assert_eq!(openai.loss, None, "counts of parameters are not mixed");
    }

    #[test]
    fn an_approach_that_states_the_best_size_alone_plans_without_a_loss() {
        let law = |name| LawInUse::published_to_plan_by(name).unwrap();
        for (name, billions) in [
            ("hoffmann-2022-isoflop", 151.0),
            ("hoffmann-2022-envelope", 143.0),
        ] {
            let answer = plan(&law(name), &seven_billion()).unwrap();
            let own = &answer.plans[0];
            assert_eq!(
                (own.rule.as_str(), own.loss, answer.valley),
                (name, None, None)
            );
            assert!((own.params.get() / 7e9 - 1.0).abs() < 1e-9);
            assert!(
                (own.tokens.get() / 1e9 / billions - 1.0).abs() < 0.01,
                "{}",
                own.tokens
            );
            let back = plan(&law(name), &request(Given::Tokens(own.tokens))).unwrap();
            assert!((back.plans[0].params.get() / 7e9 - 1.0).abs() < 1e-9);
        }
        let served = PlanRequest {
            served_tokens: "10T".parse().ok(),
            ..seven_billion()
        };
        let error = plan(&law("hoffmann-2022-isoflop"), &served).unwrap_err();
        assert!(matches!(error, PlanError::NoLoss { .. }), "{error}");
    }

    #[test]
    fn a_fit_of_the_best_size_alone_takes_its_losses_from_the_forecasts() {
        let truth = isoflop_laws::laws::Chinchilla::BESIROGLU_2024;
        let grid = crate::IsoflopGrid {
            budgets: [1e18, 1e19, 1e20].map(|c| Flops::new(c).unwrap()).to_vec(),
            sizes: 9,
            spread: 8.0,
        };
        let surface = crate::law_in_use::surface_of(&truth);
        let data = isoflop_fit::Dataset {
            param_count: ParamCount::Total,
            flop_count: isoflop_laws::FlopCount::SixNd,
            observations: crate::measure(&surface, &grid.points(&surface).unwrap(), 0.002, 3),
        };
        let options = isoflop_fit::FitOptions::of(isoflop_fit::FittedLaw::Isoflop);
        let fit = isoflop_fit::fit(&data, &options).unwrap();
        let (k, a) = (fit.parameters[0].value, fit.parameters[1].value);
        let law = LawInUse::fitted(fit).unwrap();
        let flops = Flops::new(1e21).unwrap();
        let own = &plan(&law, &request(Given::Flops(flops))).unwrap().plans[0];
        let stated = k * 1e21f64.powf(a);
        assert!(
            (own.params.get() / stated - 1.0).abs() < 1e-9,
            "the law's own best size"
        );
        let (lo, hi) = (own.params_lo.unwrap(), own.params_hi.unwrap());
        assert!(lo < own.params && own.params < hi);
        let came = surface.loss(own.params, own.tokens).unwrap();
        assert!(
            own.lo.unwrap() < came && came < own.hi.unwrap(),
            "{own:?} {came}"
        );
    }

    #[test]
    fn every_rule_given_a_budget_spends_it() {
        let asked = PlanRequest {
            compare: true,
            ..request(Given::Flops("1e22".parse().unwrap()))
        };
        for plan in by("besiroglu-2024", &asked).plans {
            let spent = Flops::six_nd(plan.params, plan.tokens).get();
            assert!((spent / 1e22 - 1.0).abs() < 1e-6, "{}", plan.rule);
        }
    }

    #[test]
    fn plausible_laws_give_the_best_size_an_interval() {
        let build = |values: [f64; 5]| {
            let card = isoflop_laws::find("chinchilla").unwrap().card();
            card.law(&values).unwrap()
        };
        let laws = (0..=100).map(|k| {
            let alpha = 0.33 + 0.0004 * f64::from(k);
            build([1.8172, 482.01, 2085.43, alpha, 0.3658])
        });
        let law = LawInUse::published("besiroglu-2024")
            .unwrap()
            .with_plausible(laws.collect());
        let flops: Flops = "1e22".parse().unwrap();
        let answer = plan(&law, &request(Given::Flops(flops))).unwrap();
        let own = &answer.plans[0];
        let (lo, hi) = (own.params_lo.unwrap(), own.params_hi.unwrap());
        assert!(lo < own.params && own.params < hi);
        // The optimum falls with alpha: the ends of the interval are the laws at 5 % and 95 %.
        let size_at = |k: i32| {
            let alpha = 0.33 + 0.0004 * f64::from(k);
            let law = build([1.8172, 482.01, 2085.43, alpha, 0.3658]);
            let surface = crate::law_in_use::surface_of(law.as_ref());
            optimum(&surface, flops).unwrap().params
        };
        let mut ends = [size_at(5), size_at(95)];
        ends.sort_by(|a, b| a.get().total_cmp(&b.get()));
        assert_eq!([lo, hi], ends);
    }

    #[test]
    fn a_ceiling_on_unique_tokens_and_a_serving_load_change_the_answer() {
        let free = by(
            "besiroglu-2024",
            &request(Given::Flops("1e24".parse().unwrap())),
        );
        let bound = PlanRequest {
            unique_tokens: "100B".parse().ok(),
            served_tokens: "10T".parse().ok(),
            ..request(Given::Flops("1e24".parse().unwrap()))
        };
        let bound = by("besiroglu-2024", &bound);
        assert!(bound.plans[0].loss > free.plans[0].loss);
        assert!(bound.served.unwrap().saved_fraction > 0.0);
        assert_eq!(free.served, None);
    }

    #[test]
    fn a_law_of_compute_alone_cannot_share_a_budget_and_says_what_can() {
        let error = LawInUse::published("kaplan-c").unwrap_err().to_string();
        assert!(error.contains("besiroglu-2024"), "{error}");
        let error = LawInUse::published("hofmann-2022").unwrap_err().to_string();
        assert!(error.contains("`hoffmann-2022`"), "{error}");
    }

    #[test]
    fn a_rule_that_is_forecast_better_than_the_laws_own_size_is_named() {
        let asked = PlanRequest {
            compare: true,
            ..request(Given::Flops("5.76e23".parse().unwrap()))
        };
        let said = |tilt: f64| {
            let law = LawInUse::published("besiroglu-2024").unwrap();
            let plain = LawInUse::published("besiroglu-2024").unwrap();
            let law = law.with_forecast(move |params, tokens| {
                // Runs of fewer parameters turn out better than the law has it.
                let loss = plain.surface().loss(params, tokens)?.get();
                let loss = Loss::new(loss * (params.get() / 7e10).powf(tilt)).ok()?;
                Some(crate::SaidLoss {
                    loss,
                    lo: loss,
                    hi: loss,
                })
            });
            plan(&law, &asked).unwrap().warnings
        };
        let disagree = |warnings: &[String]| {
            let found = warnings.iter().find(|text| text.contains("disagree"));
            found.cloned()
        };
        assert_eq!(disagree(&said(0.0)), None);
        let warning = disagree(&said(0.02)).expect("a warning");
        // The smallest of the rules that count all parameters.
        assert!(
            warning.contains("`hoffmann-2022-approach-3` (N = 42"),
            "{warning}"
        );
    }
}
