//! Where a run stands in a picture, so that pointing at it says which run it is.

use super::{LossUnit, RunPoint};
use std::cell::RefCell;

/// A place in a picture with what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Place from the left, in units of the SVG's view box.
    pub x: i32,
    /// Place from the top, in units of the SVG's view box.
    pub y: i32,
    /// The run and its numbers, as text from outside: escape it.
    pub text: String,
}

/// Spots of all panels of a figure, collected while it is drawn.
pub(super) type Spots = RefCell<Vec<Spot>>;

/// The run in one line, as it is shown when it is pointed at.
pub(super) fn run_text(run: &RunPoint, unit: LossUnit) -> String {
    format!(
        "{}: N {}, D {}, C {}, loss {:.4}",
        run.run,
        run.params,
        run.tokens,
        run.flops,
        unit.convert(run.loss)
    )
}
