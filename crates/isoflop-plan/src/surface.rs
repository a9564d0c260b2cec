//! A loss surface L(N, D), and where on it the loss is smallest for a budget.
//!
//! Everything here is numerical, so that one code serves every law: closed forms exist only for
//! some (Hoffmann et al. 2022, eq. 4), and those are what the tests compare with.

use isoflop_laws::{Flops, Loss, Params, Tokens};
use serde::Serialize;

/// Loss as a function of size and data.
///
/// `None` where the law says nothing, or nothing finite.
pub trait Surface {
    /// L(N, D) in nats per token.
    fn loss(&self, params: Params, tokens: Tokens) -> Option<Loss>;

    /// The best N at a budget where a law states it apart from the loss, as Hoffmann's approaches
    /// 1 and 2 do; `None` where it is the N of the smallest loss.
    fn stated_best(&self, _flops: Flops) -> Option<Params> {
        None
    }
}

impl<F: Fn(Params, Tokens) -> Option<Loss>> Surface for F {
    fn loss(&self, params: Params, tokens: Tokens) -> Option<Loss> {
        self(params, tokens)
    }
}

/// Why a question about a surface has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SurfaceError {
    /// The loss falls towards the edge of all sensible sizes.
    #[error(
        "the law has no best model at {0} FLOPs: its loss keeps falling towards the edge of all sizes from 1K to 1000T parameters"
    )]
    NoOptimum(Flops),
    /// No compute makes this size or data the best.
    #[error("by this law no budget from 1e6 to 1e36 FLOPs makes {0} the best choice")]
    NeverBest(String),
    /// The loss is below what the law can reach.
    #[error("by this law no budget up to 1e36 FLOPs reaches a loss of {0}")]
    OutOfReach(Loss),
}

/// A point of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SurfacePoint {
    /// Model size N.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// Training compute, 6ND.
    pub flops: Flops,
    /// L(N, D), nats per token.
    pub loss: Loss,
}

/// Sizes that cost little more than the best one at the same compute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Valley {
    /// Loss that is given away at the ends, as a share of the loss.
    pub tolerance: f64,
    /// Smallest such N.
    pub params_lo: Params,
    /// Largest such N.
    pub params_hi: Params,
}

/// ln of the smallest and largest size that is looked at: 1K to 1000T.
const LN_SIZES: (f64, f64) = (6.907_755_278_982_137, 34.538_776_394_910_68);
/// ln of the smallest and largest budget that is looked at: 1e6 to 1e36 FLOPs.
pub(crate) const LN_BUDGETS: (f64, f64) = (13.815_510_557_964_274, 82.893_063_347_785_65);
/// Points of the first, coarse search.
const GRID: usize = 240;

/// Loss at ln N with the data that `flops` leaves: D = C / 6N.
fn loss_at(surface: &impl Surface, flops: Flops, ln_params: f64) -> Option<f64> {
    let params = Params::new(ln_params.exp()).ok()?;
    let tokens = Tokens::new(flops.get() / 6.0 / params.get()).ok()?;
    surface.loss(params, tokens).map(Loss::get)
}

/// The point of the surface at ln N and C = 6ND.
fn point_at(surface: &impl Surface, flops: Flops, ln_params: f64) -> Option<SurfacePoint> {
    let params = Params::new(ln_params.exp()).ok()?;
    let tokens = Tokens::new(flops.get() / 6.0 / params.get()).ok()?;
    Some(SurfacePoint {
        params,
        tokens,
        flops,
        loss: surface.loss(params, tokens)?,
    })
}

/// The size and data with the smallest loss at C = 6ND, or those that the law states as best.
///
/// # Errors
/// [`SurfaceError::NoOptimum`] if the loss is smallest at the edge of all sizes.
pub fn optimum(surface: &impl Surface, flops: Flops) -> Result<SurfacePoint, SurfaceError> {
    let none = SurfaceError::NoOptimum(flops);
    let smallest = || minimise(|x| loss_at(surface, flops, x), LN_SIZES);
    let stated = surface.stated_best(flops).map(Params::ln);
    let best = stated.or_else(smallest).ok_or(none.clone())?;
    point_at(surface, flops, best).ok_or(none)
}

/// Minimum of a function of one variable that may have several: the best interior point of a
/// grid, refined by golden section (Kiefer 1953). `None` if the best is at an end.
pub(crate) fn minimise(f: impl Fn(f64) -> Option<f64>, range: (f64, f64)) -> Option<f64> {
    let step = (range.1 - range.0) / GRID as f64;
    let value = |x: f64| f(x).filter(|y| y.is_finite()).unwrap_or(f64::INFINITY);
    let (index, lowest) = (0..=GRID)
        .map(|index| (index, value(range.0 + step * index as f64)))
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    if index == 0 || index == GRID || !lowest.is_finite() {
        return None;
    }
    let centre = range.0 + step * index as f64;
    Some(golden_section(value, centre - step, centre + step))
}

fn golden_section(f: impl Fn(f64) -> f64, mut lo: f64, mut hi: f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (hi - RATIO * (hi - lo), lo + RATIO * (hi - lo));
    let (mut fa, mut fb) = (f(a), f(b));
    // Differences of a smooth minimum vanish in rounding below about 1e-8.
    while hi - lo > 1e-9 {
        if fa <= fb {
            (hi, b, fb) = (b, a, fa);
            a = hi - RATIO * (hi - lo);
            fa = f(a);
        } else {
            (lo, a, fa) = (a, b, fb);
            b = lo + RATIO * (hi - lo);
            fb = f(b);
        }
    }
    f64::midpoint(lo, hi)
}

/// Root of a function that rises through zero between `lo` and `hi`, by bisection. `None` where
/// it has one sign or no value.
pub(crate) fn bisect(f: impl Fn(f64) -> Option<f64>, range: (f64, f64)) -> Option<f64> {
    let (mut lo, mut hi) = range;
    if f(lo)? > 0.0 || f(hi)? < 0.0 {
        return None;
    }
    for _ in 0..70 {
        let middle = f64::midpoint(lo, hi);
        if f(middle)? < 0.0 {
            lo = middle;
        } else {
            hi = middle;
        }
    }
    Some(f64::midpoint(lo, hi))
}

/// The sizes on both sides of `best` whose loss at the same compute is within `tolerance`, a
/// share of the loss such as 0.002.
#[must_use]
pub fn valley(surface: &impl Surface, best: &SurfacePoint, tolerance: f64) -> Valley {
    let ceiling = best.loss.get() * (1.0 + tolerance);
    let centre = best.params.ln();
    let excess = |x: f64| loss_at(surface, best.flops, x).map_or(Some(1.0), |y| Some(y - ceiling));
    let side = |edge: f64| {
        let root = bisect(|share| excess(centre + share * (edge - centre)), (0.0, 1.0));
        let ln_params = root.map_or(edge, |share| centre + share * (edge - centre));
        Params::new(ln_params.exp()).unwrap_or(best.params)
    };
    Valley {
        tolerance,
        params_lo: side(LN_SIZES.0),
        params_hi: side(LN_SIZES.1),
    }
}

/// The budget whose optimum meets `target`, a rising function of the budget that crosses zero.
fn budget_where(
    surface: &impl Surface,
    target: impl Fn(&SurfacePoint) -> f64,
) -> Option<SurfacePoint> {
    let best = |ln_flops: f64| optimum(surface, Flops::new(ln_flops.exp()).ok()?).ok();
    // The optimum may leave the sizes that are looked at before the budgets end.
    let step = 1.0;
    let count = ((LN_BUDGETS.1 - LN_BUDGETS.0) / step) as usize;
    let mut below = None;
    for index in 0..=count {
        let x = LN_BUDGETS.0 + step * index as f64;
        let Some(point) = best(x) else { continue };
        if target(&point) < 0.0 {
            below = Some(x);
        } else if let Some(lo) = below {
            let root = bisect(|x| best(x).map(|point| target(&point)), (lo, x))?;
            return best(root);
        } else {
            return None;
        }
    }
    None
}

/// The data and budget that make N the best size: the D that suits N.
///
/// # Errors
/// [`SurfaceError::NeverBest`] if no budget does.
pub fn data_for(surface: &impl Surface, params: Params) -> Result<SurfacePoint, SurfaceError> {
    budget_where(surface, |point| point.params.ln() - params.ln())
        .ok_or_else(|| SurfaceError::NeverBest(format!("{params} parameters")))
}

/// The size and budget that make D the best amount of data: the N that suits D.
///
/// # Errors
/// [`SurfaceError::NeverBest`] if no budget does.
pub fn size_for(surface: &impl Surface, tokens: Tokens) -> Result<SurfacePoint, SurfaceError> {
    budget_where(surface, |point| point.tokens.ln() - tokens.ln())
        .ok_or_else(|| SurfaceError::NeverBest(format!("{tokens} tokens")))
}

/// The smallest budget that reaches `loss`.
///
/// # Errors
/// [`SurfaceError::OutOfReach`] if none does.
pub fn cheapest_for(surface: &impl Surface, loss: Loss) -> Result<SurfacePoint, SurfaceError> {
    budget_where(surface, |point| loss.get() - point.loss.get())
        .ok_or(SurfaceError::OutOfReach(loss))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// L = E + A/N^alpha + B/D^beta.
    pub(crate) fn additive(e: f64, a: f64, b: f64, alpha: f64, beta: f64) -> impl Surface {
        move |n: Params, d: Tokens| {
            Loss::new(e + a / n.get().powf(alpha) + b / d.get().powf(beta)).ok()
        }
    }

    fn close(found: f64, expected: f64, within: f64) {
        assert!(
            (found / expected - 1.0).abs() < within,
            "{found:e} is not {expected:e} within {within}"
        );
    }

    /// Besiroglu et al. 2024.
    fn besiroglu() -> impl Surface {
        additive(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
    }

    #[test]
    fn the_best_model_at_chinchillas_compute_by_besiroglus_constants() {
        // Computed from the closed form, Hoffmann et al. 2022, eq. 4.
        let best = optimum(&besiroglu(), Flops::new(5.76e23).unwrap()).unwrap();
        close(best.params.get(), 7.2249e10, 1e-4);
        close(best.tokens.get(), 1.3287e12, 1e-4);
        close(best.loss.get(), 1.9744, 1e-4);
    }

    #[test]
    fn seven_billion_parameters_are_best_with_144_billion_tokens_by_besiroglus_constants() {
        let point = data_for(&besiroglu(), Params::new(7e9).unwrap()).unwrap();
        close(point.tokens.get(), 1.444e11, 1e-3);
        let back = size_for(&besiroglu(), point.tokens).unwrap();
        close(back.params.get(), 7e9, 1e-6);
    }

    #[test]
    fn the_cheapest_way_to_a_loss_is_the_optimum_that_has_it() {
        let best = optimum(&besiroglu(), Flops::new(1e22).unwrap()).unwrap();
        let found = cheapest_for(&besiroglu(), best.loss).unwrap();
        close(found.flops.get(), 1e22, 1e-6);
        let below = Loss::new(1.8).unwrap();
        assert_eq!(
            cheapest_for(&besiroglu(), below),
            Err(SurfaceError::OutOfReach(below))
        );
    }

    #[test]
    fn the_valley_ends_where_the_loss_is_higher_by_the_tolerance() {
        let surface = besiroglu();
        let best = optimum(&surface, Flops::new(1e22).unwrap()).unwrap();
        let valley = valley(&surface, &best, 0.002);
        assert!(valley.params_lo < best.params && best.params < valley.params_hi);
        for end in [valley.params_lo, valley.params_hi] {
            let loss = loss_at(&surface, best.flops, end.ln()).unwrap();
            close(loss, best.loss.get() * 1.002, 1e-9);
        }
    }

    #[test]
    fn a_law_that_wants_ever_larger_models_has_no_optimum() {
        let surface = |n: Params, _: Tokens| Loss::new(1.0 + 10.0 / n.get().powf(0.1)).ok();
        let flops = Flops::new(1e22).unwrap();
        assert_eq!(
            optimum(&surface, flops),
            Err(SurfaceError::NoOptimum(flops))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_optimum_of_an_additive_law_is_the_closed_form(
            alpha in 0.2f64..0.6, beta in 0.2f64..0.6, ln_a in 4.0f64..8.0, ln_b in 4.0f64..8.0,
            exponent in 18.0f64..26.0,
        ) {
            let surface = additive(1.7, ln_a.exp(), ln_b.exp(), alpha, beta);
            let flops = Flops::new(10f64.powf(exponent)).unwrap();
            let g = (alpha * ln_a.exp() / (beta * ln_b.exp())).powf(1.0 / (alpha + beta));
            let expected = g * (flops.get() / 6.0).powf(beta / (alpha + beta));
            prop_assume!(expected > 1e4 && expected < 1e14);
            let best = optimum(&surface, flops).unwrap();
            prop_assert!((best.params.get() / expected - 1.0).abs() < 1e-5);
        }
    }
}
