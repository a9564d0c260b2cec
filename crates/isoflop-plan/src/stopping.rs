//! When compute-efficient training stops: well before the loss converges (Kaplan et al. 2020).

use isoflop_laws::laws::{CriticalBatch, KaplanNs};
use isoflop_laws::{Flops, LawError, Loss, Params, QuantityError, Steps, Tokens};
use serde::Serialize;

/// Why there is no stopping point.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoppingError {
    /// A law has no value there.
    #[error(transparent)]
    Law(#[from] LawError),
    /// A number left the range of numbers.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
}

/// The compute-efficient stopping point of a model by Kaplan et al. 2020.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EfficientStop {
    /// Where it comes from.
    pub source: &'static str,
    /// Model size, parameters without embeddings: what these laws count.
    pub params_non_embedding: Params,
    /// Loss of the model if it were trained without end, nats per token of WebText2.
    pub converged_loss: Loss,
    /// Share above that loss at which training stops, aN / aS.
    pub excess: f64,
    /// Loss at the stop.
    pub stop_loss: Loss,
    /// Critical batch at that loss, tokens: twice the fewest steps and twice the least compute.
    pub batch: Tokens,
    /// Fewest steps, with a batch far above the critical one.
    pub min_steps: Steps,
    /// Steps with the critical batch.
    pub steps: Steps,
    /// Tokens seen with the critical batch.
    pub tokens: Tokens,
    /// Compute with the critical batch, 6 N B S.
    pub flops: Flops,
    /// Least compute, with a batch far below the critical one.
    pub min_flops: Flops,
}

/// The stopping point of a model of this size: the excess f = aN / aS over the converged loss
/// (Kaplan et al. 2020, appendix B), the steps that reach it (eq. 1.6) and the critical batch
/// there (eq. 1.4).
///
/// # Errors
/// [`StoppingError`] where a law has no value.
pub fn efficient_stop(params_non_embedding: Params) -> Result<EfficientStop, StoppingError> {
    let (law, batches) = (KaplanNs::KAPLAN_2020, CriticalBatch::KAPLAN_2020);
    let excess = law.efficient_stop();
    let min_steps = law.steps_to_excess(params_non_embedding, excess)?;
    let stop_loss = law.loss(params_non_embedding, min_steps)?;
    let batch = batches.batch(stop_loss)?;
    let steps = batches.steps(min_steps, batch, stop_loss)?;
    let tokens = Tokens::new(batch.get() * steps.get())?;
    let flops = Flops::six_nd(params_non_embedding, tokens);
    Ok(EfficientStop {
        source: "Kaplan et al. 2020, eqs. 1.4 and 1.6 and appendix B, WebText2",
        params_non_embedding,
        converged_loss: Loss::new(stop_loss.get() / (1.0 + excess))?,
        excess,
        stop_loss,
        batch,
        min_steps,
        steps,
        tokens,
        flops,
        min_flops: batches.min_flops(flops, batch, stop_loss)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::laws::KaplanOptimum;

    fn near(found: f64, expected: f64, within: f64) {
        assert!(
            (found / expected - 1.0).abs() < within,
            "{found:e} is not {expected:e}"
        );
    }

    #[test]
    fn training_stops_ten_per_cent_above_the_converged_loss() {
        // Kaplan et al. 2020, appendix B: aN / aS, about 10 %.
        let found = efficient_stop(Params::new(1e9).unwrap()).unwrap();
        assert!((found.excess - 0.1013).abs() < 1e-4);
        near(
            found.stop_loss.get(),
            found.converged_loss.get() * 1.1013,
            1e-4,
        );
        near(
            found.converged_loss.get(),
            (6.5e13f64 / 1e9).powf(0.077),
            1e-9,
        );
    }

    #[test]
    fn the_critical_batch_takes_twice_the_fewest_steps_and_twice_the_least_compute() {
        let found = efficient_stop(Params::new(1e9).unwrap()).unwrap();
        near(found.steps.get(), 2.0 * found.min_steps.get(), 1e-12);
        near(found.flops.get(), 2.0 * found.min_flops.get(), 1e-12);
    }

    #[test]
    fn the_stop_of_the_best_model_of_a_petaflop_day_is_near_that_of_table_6() {
        // N 1.3e9, B 2.0e6, Smin 5.4e3 at Cmin = 1 PF-day: fits to frontiers, not this formula.
        // Agreement within a factor of three is all that the paper itself has.
        let day = Flops::new(Flops::PER_PF_DAY).unwrap();
        let best = KaplanOptimum::KAPLAN_2020.params(day).unwrap();
        let found = efficient_stop(best).unwrap();
        for (found, printed) in [(found.batch.get(), 2.0e6), (found.min_steps.get(), 5.4e3)] {
            assert!(
                (0.33..3.0).contains(&(found / printed)),
                "{found:e} {printed:e}"
            );
        }
    }
}
