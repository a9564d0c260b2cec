//! How the best size and data grow with compute, by a law and by all that the runs allow as well.

use crate::law_in_use::LawInUse;
use crate::surface::{Surface, SurfaceError, SurfacePoint, optimum};
use isoflop_laws::Flops;
use serde::Serialize;

/// The optimum at a budget and its growth around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Growth {
    /// The best model of the budget.
    pub at: SurfacePoint,
    /// a = d ln N / d ln C of the best N; that of the best D is 1 − a.
    pub params_exponent: f64,
    /// Lower end of the interval of a; `None` for a law without refits.
    pub lo: Option<f64>,
    /// Upper end of the interval of a.
    pub hi: Option<f64>,
}

/// Growth of the optimum around a budget.
///
/// # Errors
/// [`SurfaceError::NoOptimum`] where the law has none.
pub fn growth(law: &LawInUse, flops: Flops) -> Result<Growth, SurfaceError> {
    let at = optimum(&law.surface(), flops)?;
    let params_exponent = exponent(&law.surface(), flops)?;
    let mut exponents: Vec<f64> = law
        .plausible_surfaces()
        .filter_map(|surface| exponent(&surface, flops).ok())
        .collect();
    exponents.sort_by(f64::total_cmp);
    let tail = (1.0 - law.level) / 2.0;
    let quantile = |share: f64| {
        let last = exponents.len().checked_sub(1)?;
        exponents
            .get((share * last as f64).round() as usize)
            .copied()
    };
    Ok(Growth {
        at,
        params_exponent,
        lo: quantile(tail),
        hi: quantile(1.0 - tail),
    })
}

/// Central difference over a factor of e either way.
fn exponent(surface: &impl Surface, flops: Flops) -> Result<f64, SurfaceError> {
    let at = |factor: f64| {
        let flops = Flops::new(flops.get() * factor).map_err(|_| SurfaceError::NoOptimum(flops))?;
        Ok(optimum(surface, flops)?.params.ln())
    };
    let step = std::f64::consts::E;
    Ok((at(step)? - at(1.0 / step)?) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponents_of_the_optimum_are_those_that_the_papers_state() {
        // beta / (alpha + beta): Hoffmann et al. 2022, approach 3, 0.46 (0.454 to 0.455);
        // Besiroglu et al. 2024, 0.5126 (0.513).
        for (name, expected) in [("hoffmann-2022", 0.4565), ("besiroglu-2024", 0.5126)] {
            let law = LawInUse::published(name).unwrap();
            let found = growth(&law, Flops::new(5.76e23).unwrap()).unwrap();
            assert!((found.params_exponent - expected).abs() < 2e-4, "{name}");
            assert_eq!(found.lo, None);
        }
    }
}
