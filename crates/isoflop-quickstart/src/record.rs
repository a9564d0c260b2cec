//! What the store keeps of a run by its specification alone.

use isoflop_laws::{FlopCount, QuantityError, Tokens};
use isoflop_runs::Run;
use isoflop_train::TrainSpec;

/// The record of a run before it starts, without its corpus; `family` says what trained it.
///
/// # Errors
/// [`QuantityError`] where a size leaves the range of numbers.
pub fn run_record(name: &str, spec: &TrainSpec, family: &str) -> Result<Run, QuantityError> {
    let tokens = Tokens::new(spec.tokens() as f64)?;
    Ok(Run {
        params: Some(spec.shape.params()?),
        params_non_embedding: Some(spec.shape.params_non_embedding()?),
        tokens: Some(tokens),
        flops: Some(spec.shape.counted_flops(tokens)?),
        flop_count: Some(FlopCount::Counted),
        step: Some(spec.schedule.steps),
        batch_tokens: Some(Tokens::new(spec.batch_tokens() as f64)?),
        lr: Some(f64::from(spec.learning_rate)),
        schedule: Some(spec.schedule.to_string()),
        seed: Some(spec.seed),
        family: Some(family.to_owned()),
        spec: serde_json::to_value(spec).unwrap_or_default(),
        ..Run::new(name)
    })
}
