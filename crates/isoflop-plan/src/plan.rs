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
mod tests;
