//! Published rules beside the law in use.

use super::{Plan, PlanError, PlanRequest};
use crate::allocation_rule::{
    ALLOCATION_RULES, APPROACH_1, APPROACH_2, APPROACH_3, AllocationRule, TWENTY_TOKENS,
};
use crate::law_in_use::LawInUse;
use crate::surface::{Surface, SurfacePoint};

/// A difference of two forecasts, as a share, below which they are not called different.
const NOTEWORTHY: f64 = 0.002;

/// Whether the law is that of Hoffmann et al. as a whole, and not one of their approaches alone.
fn is_hoffmanns(law: &LawInUse) -> bool {
    law.name.starts_with("hoffmann-2022") && !law.states_best_only()
}

/// Hoffmann et al. 2022 give three approaches and a rule of thumb: naming their law names all.
pub(super) fn rules_beside(law: &LawInUse, request: &PlanRequest) -> Vec<AllocationRule> {
    if request.compare {
        // The law in use speaks for itself.
        let others = ALLOCATION_RULES.iter().filter(|r| r.name != law.name);
        others.copied().collect()
    } else if is_hoffmanns(law) {
        vec![TWENTY_TOKENS, APPROACH_1, APPROACH_2, APPROACH_3]
    } else {
        vec![]
    }
}

/// Who names the law of Hoffmann et al. wants their rule first; the parametric fit behind it
/// contradicts it. Otherwise the law's own answer comes first.
pub(super) fn in_order(law: &LawInUse, own: Plan, mut beside: Vec<Plan>) -> Vec<Plan> {
    let headline = beside
        .iter()
        .position(|plan| plan.rule == TWENTY_TOKENS.name);
    match headline {
        Some(index) if is_hoffmanns(law) => {
            beside.swap(0, index);
            beside[1..].sort_by_key(|plan| position(&plan.rule));
            beside.push(own);
            beside
        }
        _ => std::iter::once(own).chain(beside).collect(),
    }
}

fn position(rule: &str) -> usize {
    ALLOCATION_RULES
        .iter()
        .position(|known| known.name == rule)
        .unwrap_or(usize::MAX)
}

pub(super) fn rule_plan(
    rule: &AllocationRule,
    law: &LawInUse,
    surface: &impl Surface,
    request: &PlanRequest,
) -> Result<Plan, PlanError> {
    let share = rule.share(request.given)?;
    // Counts of parameters are never mixed in silence.
    let comparable = rule.param_count == law.conventions.param_count;
    let loss = surface
        .loss(share.params, share.tokens)
        .filter(|_| comparable);
    let said = loss
        .filter(|_| request.unique_tokens.is_none())
        .and_then(|_| law.said(share.params, share.tokens));
    Ok(Plan {
        rule: rule.name.to_owned(),
        params: share.params,
        tokens: share.tokens,
        flops: share.flops,
        loss: said.map(|said| said.loss).or(loss),
        lo: said.map(|said| said.lo),
        hi: said.map(|said| said.hi),
        params_lo: None,
        params_hi: None,
        param_count: rule.param_count,
        params_times_ten: rule.params_times_ten(),
        tokens_times_ten: rule.tokens_times_ten(),
        extrapolation: law.extrapolation(share.flops),
        source: rule.source.to_owned(),
    })
}

/// Says so where the forecast puts another plan of the same compute below the law's own: forecasts
/// follow the runs where the law misses them, so the two may disagree on the best size.
pub(super) fn better_forecast(
    plans: &[Plan],
    surface: &impl Surface,
    best: &SurfacePoint,
) -> Option<String> {
    let own = plans.iter().find(|plan| plan.params == best.params)?;
    let own_loss = own.loss?;
    let same_compute = |plan: &&Plan| (plan.flops.get() / own.flops.get() - 1.0).abs() < 0.01;
    let others = plans.iter().filter(same_compute);
    let others = others.filter_map(|plan| Some((plan, plan.loss?)));
    let (other, loss) = others.min_by(|a, b| a.1.get().total_cmp(&b.1.get()))?;
    if loss.get() > own_loss.get() * (1.0 - NOTEWORTHY) {
        return None;
    }
    let by_law = surface.loss(other.params, other.tokens)?;
    Some(format!(
        "the forecast and the law disagree on the best size: rule `{}` (N = {}, D = {}) is \
         forecast {loss} where the law's own best is forecast {own_loss}; the law alone gives \
         {by_law} and {}. Forecasts follow the runs where the law misses them: look at the \
         residuals, and for runs that do not belong to the others, before trusting either size",
        other.rule, other.params, other.tokens, best.loss
    ))
}
