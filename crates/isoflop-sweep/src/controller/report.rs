//! The status that a controller publishes.

use super::{Controller, ControllerError};
use crate::lock::Holder;
use crate::status::{AdaptiveStatus, Status};

/// Seconds of work before a pace is stated.
const SHORTEST: f64 = 2.0;

pub(super) fn status(controller: &Controller) -> Result<Status, ControllerError> {
    let counts = controller.journal.counts()?;
    let elapsed = controller.began.elapsed().as_secs_f64();
    let done = counts.ended_flops - controller.ended_before;
    let left = counts.planned_flops - counts.ended_flops;
    let remaining = (elapsed > SHORTEST && done > 0.0).then(|| left / done * elapsed);
    Ok(Status {
        name: controller.plan.name.clone(),
        as_of: jiff::Timestamp::now(),
        epoch: controller.journal.epoch(),
        controller: Some(Holder::this_process()),
        counts,
        remaining_secs: remaining,
        held: controller.held.clone(),
        notes: controller.notes.clone(),
        adaptive: controller.plan.adaptive.as_ref().map(|_| AdaptiveStatus {
            rounds: controller
                .added
                .rounds
                .iter()
                .map(|round| round.why.clone())
                .collect(),
            ..controller.extending.said.clone()
        }),
        runs: controller.journal.runs()?,
    })
}
