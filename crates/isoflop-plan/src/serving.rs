//! Models that will be served: the size that makes training and inference together cheapest.

use crate::surface::{Surface, SurfaceError, SurfacePoint, minimise};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use serde::Serialize;

/// The cheapest model of a given loss over its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ServedModel {
    /// Size and data to train.
    pub model: SurfacePoint,
    /// Tokens that it will process when served.
    pub served_tokens: Tokens,
    /// 2 N per token served.
    pub serving_flops: Flops,
    /// Training and serving together.
    pub total_flops: Flops,
    /// Share of the total that is saved against `reference` of the same loss.
    pub saved_fraction: f64,
}

/// Minimises 6 N D + 2 N D_inf over all models with the loss of `reference`
/// (Sardana et al. 2023, eq. 3).
///
/// # Errors
/// [`SurfaceError::OutOfReach`] if no other size reaches the loss.
pub fn cheapest_to_serve(
    surface: &impl Surface,
    reference: &SurfacePoint,
    served: Tokens,
) -> Result<ServedModel, SurfaceError> {
    let total = |params: Params, tokens: Tokens| {
        6.0 * params.get() * tokens.get() + 2.0 * params.get() * served.get()
    };
    let cost = |ln_params: f64| {
        let params = Params::new(ln_params.exp()).ok()?;
        tokens_to_reach(surface, params, reference.loss).map(|tokens| total(params, tokens).ln())
    };
    let out_of_reach = || SurfaceError::OutOfReach(reference.loss);
    // A factor of e^8 either way: beyond it, data grow without bound or the model is absurd.
    let centre = reference.params.ln();
    let best = minimise(cost, (centre - 8.0, centre + 8.0)).ok_or_else(out_of_reach)?;
    let params = Params::new(best.exp()).map_err(|_| out_of_reach())?;
    let tokens = tokens_to_reach(surface, params, reference.loss).ok_or_else(out_of_reach)?;
    let flops = |count: f64| Flops::new(count).map_err(|_| out_of_reach());
    let spent = total(params, tokens);
    Ok(ServedModel {
        model: SurfacePoint {
            params,
            tokens,
            flops: Flops::six_nd(params, tokens),
            loss: reference.loss,
        },
        served_tokens: served,
        serving_flops: flops(2.0 * params.get() * served.get())?,
        total_flops: flops(spent)?,
        saved_fraction: 1.0 - spent / total(reference.params, reference.tokens),
    })
}

/// The data with which a model of N parameters reaches a loss; `None` if none up to 1e18 does.
#[must_use]
pub fn tokens_to_reach(surface: &impl Surface, params: Params, loss: Loss) -> Option<Tokens> {
    let missing = |ln_tokens: f64| {
        let tokens = Tokens::new(ln_tokens.exp()).ok()?;
        let found = surface.loss(params, tokens)?;
        Some(loss.get() - found.get())
    };
    let root = crate::surface::bisect(missing, (1e3f64.ln(), 1e18f64.ln()))?;
    Tokens::new(root.exp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::optimum;
    use crate::surface::tests::additive;

    fn reference() -> SurfacePoint {
        optimum(&surface(), Flops::new(1e23).unwrap()).unwrap()
    }

    fn surface() -> impl Surface {
        additive(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
    }

    #[test]
    fn a_model_that_is_hardly_served_is_the_optimum() {
        let found = cheapest_to_serve(&surface(), &reference(), Tokens::new(1.0).unwrap()).unwrap();
        assert!((found.model.params.get() / reference().params.get() - 1.0).abs() < 1e-3);
        assert!(found.saved_fraction.abs() < 1e-6);
    }

    #[test]
    fn the_more_a_model_is_served_the_smaller_it_should_be() {
        let mut last = reference().params;
        for served in [1e11, 1e12, 1e13] {
            let served = Tokens::new(served).unwrap();
            let found = cheapest_to_serve(&surface(), &reference(), served).unwrap();
            assert!(found.model.params < last);
            assert!(found.saved_fraction > 0.0);
            let loss = surface()
                .loss(found.model.params, found.model.tokens)
                .unwrap();
            assert!((loss.get() / reference().loss.get() - 1.0).abs() < 1e-9);
            last = found.model.params;
        }
    }

    #[test]
    fn the_cheapest_size_meets_the_condition_of_first_order() {
        // d/dN of 6 N D(N) + 2 N D_inf on L(N, D) = l: 6 D + 2 D_inf = 6 N (dL/dN) / (dL/dD).
        let served = Tokens::new(2e12).unwrap();
        let found = cheapest_to_serve(&surface(), &reference(), served).unwrap();
        let (n, d) = (found.model.params.get(), found.model.tokens.get());
        let by_n = 0.3478 * 482.01 / n.powf(1.3478);
        let by_d = 0.3658 * 2085.43 / d.powf(1.3658);
        let left = 6.0 * d + 2.0 * served.get();
        assert!((left / (6.0 * n * by_n / by_d) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn a_larger_model_needs_fewer_tokens_for_the_same_loss() {
        let loss = reference().loss;
        let double = Params::new(2.0 * reference().params.get()).unwrap();
        let tokens = tokens_to_reach(&surface(), double, loss).unwrap();
        assert!(tokens < reference().tokens);
        let tiny = Params::new(1e6).unwrap();
        assert_eq!(tokens_to_reach(&surface(), tiny, loss), None);
    }
}
