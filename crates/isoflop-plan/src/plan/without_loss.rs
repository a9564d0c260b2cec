//! Plans by published laws that state the best size alone.

use super::{Plan, PlanAnswer, PlanError, PlanRequest, answer, with_shapes};
use crate::allocation_rule::Given;
use crate::law_in_use::LawInUse;
use crate::surface::{LN_BUDGETS, SurfaceError, bisect};
use isoflop_laws::{Allocation, Flops};

/// The plan of a published law that states the best size alone.
pub(super) fn plan_without_loss(
    law: &LawInUse,
    request: &PlanRequest,
) -> Result<PlanAnswer, PlanError> {
    let refused = |what| PlanError::NoLoss {
        law: law.name.clone(),
        what,
    };
    if request.unique_tokens.is_some() {
        return Err(refused("a ceiling on unique tokens"));
    }
    if request.served_tokens.is_some() {
        return Err(refused("serving"));
    }
    let best = stated(law, request.given)?;
    let ten = Flops::new(10.0 * best.flops.get())?;
    let growth = law.stated_best(ten).ok_or(SurfaceError::NoOptimum(ten))?;
    let growth = growth.params.get() / best.params.get();
    let own = Plan {
        rule: law.name.clone(),
        params: best.params,
        tokens: best.tokens,
        flops: best.flops,
        loss: None,
        lo: None,
        hi: None,
        params_lo: None,
        params_hi: None,
        param_count: law.conventions.param_count,
        params_times_ten: growth,
        tokens_times_ten: 10.0 / growth,
        extrapolation: law.extrapolation(best.flops),
        source: "the law in use".to_owned(),
    };
    let answer = answer(law, &law.surface(), request, own)?;
    with_shapes(law, request, None, answer)
}

/// What a law of the best size alone states for a budget, or the budget for which it states a
/// size or an amount of data.
fn stated(law: &LawInUse, given: Given) -> Result<Allocation, PlanError> {
    let at = |ln_flops: f64| law.stated_best(Flops::new(ln_flops.exp()).ok()?);
    let found = match given {
        Given::Flops(flops) => law.stated_best(flops),
        Given::Params(params) => {
            bisect(|c| Some(at(c)?.params.ln() - params.ln()), LN_BUDGETS).and_then(at)
        }
        Given::Tokens(tokens) => {
            bisect(|c| Some(at(c)?.tokens.ln() - tokens.ln()), LN_BUDGETS).and_then(at)
        }
    };
    let never = |what: String| SurfaceError::NeverBest(what);
    Ok(found.ok_or_else(|| match given {
        Given::Flops(flops) => SurfaceError::NoOptimum(flops),
        Given::Params(params) => never(format!("{params} parameters")),
        Given::Tokens(tokens) => never(format!("{tokens} tokens")),
    })?)
}
