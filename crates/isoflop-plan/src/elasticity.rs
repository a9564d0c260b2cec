//! Which factor matters most here: d ln L / d ln X.

use crate::law_in_use::LawInUse;
use crate::surface::{Surface, SurfaceError, SurfacePoint, optimum};
use isoflop_laws::{Flops, Params, Tokens};
use serde::Serialize;

/// How many per cent the loss falls when a factor grows by one per cent, at one point.
///
/// All are negative where more helps. They are local: where D limits, the elasticity in N is
/// small whatever the law's exponents are (Kaplan et al. 2020, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Elasticities {
    /// The point.
    pub at: SurfacePoint,
    /// d ln L / d ln N, D fixed.
    pub params: f64,
    /// d ln L / d ln D, N fixed.
    pub tokens: f64,
    /// d ln L / d ln C along the optimum for each C, through the point's compute.
    pub flops: f64,
}

impl Elasticities {
    /// Whether the largest and the smallest are alike within a tenth: at the optimum of a budget
    /// all three are equal, and no factor limits the loss more than another.
    #[must_use]
    pub fn are_alike(&self) -> bool {
        let all = [self.flops, self.params, self.tokens];
        let least = all.into_iter().fold(f64::INFINITY, f64::min);
        let most = all.into_iter().fold(f64::NEG_INFINITY, f64::max);
        most - least < 0.1 * least.abs()
    }

    /// The factors, the one that matters most first.
    #[must_use]
    pub fn order(&self) -> [&'static str; 3] {
        let mut factors = [("C", self.flops), ("N", self.params), ("D", self.tokens)];
        factors.sort_by(|a, b| a.1.total_cmp(&b.1));
        factors.map(|(name, _)| name)
    }
}

/// Intervals of [`Elasticities`] over the laws that the runs allow as well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ElasticityIntervals {
    /// Coverage that the intervals claim.
    pub level: f64,
    /// d ln L / d ln N, lower and upper end.
    pub params: (f64, f64),
    /// d ln L / d ln D, lower and upper end.
    pub tokens: (f64, f64),
    /// d ln L / d ln C, lower and upper end.
    pub flops: (f64, f64),
    /// Share of those laws that put the factors in the same order.
    pub order_holds: f64,
}

/// Intervals of the elasticities at a point; `None` for a published law, which has no refits.
#[must_use]
pub fn elasticity_intervals(law: &LawInUse, found: &Elasticities) -> Option<ElasticityIntervals> {
    let (params, tokens) = (found.at.params, found.at.tokens);
    let all: Vec<Elasticities> = law
        .plausible_surfaces()
        .filter_map(|surface| elasticities(&surface, params, tokens).ok())
        .collect();
    let order = found.order();
    let same = all.iter().filter(|other| other.order() == order).count();
    let tail = (1.0 - law.level) / 2.0;
    let interval = |of: fn(&Elasticities) -> f64| {
        let mut values: Vec<f64> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| values[(share * last as f64).round() as usize];
        Some((at(tail), at(1.0 - tail)))
    };
    Some(ElasticityIntervals {
        level: law.level,
        params: interval(|e| e.params)?,
        tokens: interval(|e| e.tokens)?,
        flops: interval(|e| e.flops)?,
        order_holds: same as f64 / all.len() as f64,
    })
}

/// Half step of the central differences in ln X: their error is of order its square, rounding
/// of order 1e-16 divided by it.
const STEP: f64 = 1e-3;

/// Elasticities of the loss at N and D.
///
/// # Errors
/// [`SurfaceError`] where the law has no value at the point or no optimum at its compute.
pub fn elasticities(
    surface: &impl Surface,
    params: Params,
    tokens: Tokens,
) -> Result<Elasticities, SurfaceError> {
    let flops = Flops::six_nd(params, tokens);
    let missing = || SurfaceError::NoOptimum(flops);
    let ln_loss = |n: f64, d: f64| -> Option<f64> {
        let params = Params::new((params.ln() + n).exp()).ok()?;
        let tokens = Tokens::new((tokens.ln() + d).exp()).ok()?;
        surface.loss(params, tokens).map(|loss| loss.ln())
    };
    let best = |c: f64| -> Result<f64, SurfaceError> {
        let flops = Flops::new((flops.ln() + c).exp()).map_err(|_| missing())?;
        Ok(optimum(surface, flops)?.loss.ln())
    };
    let slope = |up: Option<f64>, down: Option<f64>| {
        up.zip(down)
            .map(|(up, down)| (up - down) / (2.0 * STEP))
            .ok_or_else(missing)
    };
    Ok(Elasticities {
        at: SurfacePoint {
            params,
            tokens,
            flops,
            loss: surface.loss(params, tokens).ok_or_else(missing)?,
        },
        params: slope(ln_loss(STEP, 0.0), ln_loss(-STEP, 0.0))?,
        tokens: slope(ln_loss(0.0, STEP), ln_loss(0.0, -STEP))?,
        flops: slope(Some(best(STEP)?), Some(best(-STEP)?))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::tests::additive;

    #[test]
    fn elasticities_of_an_additive_law_are_the_closed_form() {
        let (e, a, b, alpha, beta) = (1.8172, 482.01, 2085.43, 0.3478, 0.3658);
        let surface = additive(e, a, b, alpha, beta);
        let params = Params::new(5.302e10).unwrap();
        let tokens = Tokens::new(9.901e11).unwrap();
        let found = elasticities(&surface, params, tokens).unwrap();
        let (of_n, of_d) = (a / params.get().powf(alpha), b / tokens.get().powf(beta));
        let loss = e + of_n + of_d;
        assert!((found.params + alpha * of_n / loss).abs() < 1e-8);
        assert!((found.tokens + beta * of_d / loss).abs() < 1e-8);
        // Along the optimum the reducible loss falls as C^-(alpha beta / (alpha + beta)).
        let along = alpha * beta / (alpha + beta) * (of_n + of_d) / loss;
        assert!((found.flops + along).abs() < 1e-6);
    }

    #[test]
    fn kaplans_law_gives_back_its_exponents_where_the_other_factor_does_not_limit() {
        // Kaplan et al. 2020, eq. 1.5 with the constants of table 2.
        let surface = |n: Params, d: Tokens| {
            let inner = (6.4e13 / n.get()).powf(0.076 / 0.103) + 1.8e13 / d.get();
            isoflop_laws::Loss::new(inner.powf(0.103)).ok()
        };
        let unbound = Tokens::new(1e18).unwrap();
        let found = elasticities(&surface, Params::new(1e9).unwrap(), unbound).unwrap();
        assert!((found.params + 0.076).abs() < 1e-3);
        let large = Params::new(1e14).unwrap();
        let found = elasticities(&surface, large, Tokens::new(1e9).unwrap()).unwrap();
        assert!((found.tokens + 0.103).abs() < 2e-3);
        assert_eq!(found.order()[2], "N");
    }
}
