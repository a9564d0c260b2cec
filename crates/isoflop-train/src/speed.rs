//! How fast this machine trains a shape, measured in a fraction of a second.

use crate::device::Device;
use crate::ladder::Speed;
use crate::recipe::Recipe;
use crate::shape::ModelShape;
use crate::trainer::{TrainError, Trainer};
use std::time::Instant;

/// Seconds of training measured for each shape.
const TRAIN_SECS: f64 = 0.4;

/// Seconds of validation measured for each shape.
const EVALUATE_SECS: f64 = 0.15;

/// Trains and evaluates `shape` for a moment on arbitrary tokens; speed does not depend on them.
///
/// # Errors
/// [`TrainError`] for an impossible shape.
pub fn measure_speed(recipe: &Recipe, shape: &ModelShape) -> Result<Speed, TrainError> {
    measure_speed_on(Device::Cpu, recipe, shape)
}

/// Whether `device` can be trained on here, told before anything is prepared for it.
///
/// # Errors
/// [`TrainError::Device`] with what is missing and what to do.
pub fn check_device(device: Device) -> Result<(), TrainError> {
    let recipe = Recipe::default();
    Trainer::new_on(device, recipe.spec(recipe.shape(0), 1, 0)).map(drop)
}

/// As [`measure_speed`], on `device`.
///
/// # Errors
/// As [`measure_speed`], and [`TrainError::Device`] for a device that is not there.
pub fn measure_speed_on(
    device: Device,
    recipe: &Recipe,
    shape: &ModelShape,
) -> Result<Speed, TrainError> {
    let mut trainer = Trainer::new_on(device, recipe.spec(*shape, 1_000_000, 0))?;
    let context = shape.context;
    let token = |i: usize| ((i * 7919 + i * i / 13) % shape.vocabulary) as u16;
    let text: Vec<u16> = (0..64 * context + 1).map(token).collect();
    let window = |i: usize| &text[(i % 64) * context..][..=context];
    let train = seconds_a_call(TRAIN_SECS, || trainer.step(window).map(drop))?;
    let windows: Vec<&[u16]> = (0..64).map(window).collect();
    let evaluate = seconds_a_call(EVALUATE_SECS, || trainer.evaluate(&windows).map(drop))?;
    Ok(Speed {
        train: train / recipe.batch_tokens() as f64,
        evaluate: evaluate / (64 * context) as f64,
    })
}

/// Mean seconds of a call, over at least two calls and `budget` seconds after one to warm up.
fn seconds_a_call(
    budget: f64,
    mut call: impl FnMut() -> Result<(), TrainError>,
) -> Result<f64, TrainError> {
    call()?;
    let (start, mut calls) = (Instant::now(), 0);
    while calls < 2 || start.elapsed().as_secs_f64() < budget {
        call()?;
        calls += 1;
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_costs_more_than_evaluation_and_larger_shapes_more_than_small() {
        let recipe = Recipe::default();
        let small = measure_speed(&recipe, &recipe.shape(0)).unwrap();
        let large = measure_speed(&recipe, &recipe.shape(6)).unwrap();
        // Factors of three and more in truth: no noise of a shared machine turns them round.
        assert!(small.train > small.evaluate && large.train > large.evaluate);
        assert!(large.train > small.train);
    }
}
