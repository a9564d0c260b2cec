//! Was a model the right size for its compute, and what would the same compute have bought?

use crate::surface::{
    Surface, SurfaceError, SurfacePoint, Valley, cheapest_for, data_for, optimum, valley,
};
use isoflop_laws::{Flops, Params, Tokens};
use serde::Serialize;

/// Loss given away, as a share, that still counts as balanced: about the run-to-run noise of a
/// well-made ladder.
pub const BALANCED_WITHIN: f64 = 0.002;

/// What is wrong with a model's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Too many parameters for its compute, and so trained on too few tokens.
    OverParameterised,
    /// Within [`BALANCED_WITHIN`] of the best loss for its compute.
    Balanced,
    /// Too few parameters for its compute: more tokens than the loss alone asks for. Right where
    /// a model is served a lot.
    OverTrained,
}

/// A model beside the best one of the same compute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The verdict.
    pub verdict: Verdict,
    /// The model as it is, with the loss that the law gives it.
    pub model: SurfacePoint,
    /// The best model of the same compute.
    pub optimal: SurfacePoint,
    /// Sizes that would have been as good within [`BALANCED_WITHIN`].
    pub valley: Valley,
    /// The cheapest model with the loss of the model as it is.
    pub same_loss: SurfacePoint,
    /// Share of the compute that the same loss did not need.
    pub wasted_flops_fraction: f64,
    /// Tokens that would suit the model's size; `None` if no budget makes the size the best.
    pub tokens_for_size: Option<Tokens>,
}

/// Diagnoses a model of N parameters trained on D tokens, C being 6ND.
///
/// # Errors
/// [`SurfaceError`] where the law has no optimum at this compute, or no value for the model.
pub fn diagnose(
    surface: &impl Surface,
    params: Params,
    tokens: Tokens,
) -> Result<Diagnosis, SurfaceError> {
    let flops = Flops::six_nd(params, tokens);
    let optimal = optimum(surface, flops)?;
    let loss = surface
        .loss(params, tokens)
        .ok_or(SurfaceError::NoOptimum(flops))?;
    let valley = valley(surface, &optimal, BALANCED_WITHIN);
    // Rounding may put the model itself a hair below the optimum that was found.
    let same_loss = if loss <= optimal.loss {
        optimal
    } else {
        cheapest_for(surface, loss)?
    };
    Ok(Diagnosis {
        verdict: verdict(params, &valley),
        model: SurfacePoint {
            params,
            tokens,
            flops,
            loss,
        },
        optimal,
        valley,
        same_loss,
        wasted_flops_fraction: (1.0 - same_loss.flops.get() / flops.get()).max(0.0),
        tokens_for_size: data_for(surface, params).ok().map(|point| point.tokens),
    })
}

fn verdict(params: Params, valley: &Valley) -> Verdict {
    if params > valley.params_hi {
        Verdict::OverParameterised
    } else if params < valley.params_lo {
        Verdict::OverTrained
    } else {
        Verdict::Balanced
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_model::known_model;
    use crate::surface::tests::additive;

    fn by_besiroglu(name: &str) -> Diagnosis {
        let model = known_model(name).unwrap();
        let surface = additive(1.8172, 482.01, 2085.43, 0.3478, 0.3658);
        diagnose(&surface, model.params().unwrap(), model.tokens().unwrap()).unwrap()
    }

    fn close(found: f64, expected: f64, within: f64) {
        assert!(
            (found / expected - 1.0).abs() < within,
            "{found:e} is not {expected:e}"
        );
    }

    #[test]
    fn gpt_3_was_over_parameterised_and_under_trained() {
        // The figures follow from the constants of Besiroglu et al. 2024 in closed form.
        let found = by_besiroglu("GPT-3");
        assert_eq!(found.verdict, Verdict::OverParameterised);
        close(found.optimal.params.get(), 5.302e10, 1e-3);
        close(found.optimal.tokens.get(), 9.901e11, 1e-3);
        close(found.model.loss.get(), 2.0085, 1e-4);
        close(found.optimal.loss.get(), 1.9923, 1e-4);
        assert!(found.tokens_for_size.unwrap() > found.model.tokens);
        assert!((0.3..0.7).contains(&found.wasted_flops_fraction));
        close(found.same_loss.loss.get(), found.model.loss.get(), 1e-9);
    }

    #[test]
    fn chinchilla_was_balanced_and_llama_3_8b_over_trained() {
        assert_eq!(by_besiroglu("Chinchilla").verdict, Verdict::Balanced);
        assert!(by_besiroglu("Chinchilla").wasted_flops_fraction < 0.05);
        assert_eq!(by_besiroglu("Llama-3-8B").verdict, Verdict::OverTrained);
    }
}
