//! Which runs to make next.

use crate::answer::text;
use crate::errors::of_design;
use crate::request::Size;
use isoflop_plan::{DesignRequest, LawInUse, design_in_play};
use pyo3::prelude::*;

/// Keyword arguments of `design`.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct DesignArguments {
    target_flops: Size,
    budget: Size,
    max_run: Option<Size>,
    max_runs: usize,
    noise: Option<f64>,
}

/// The runs to add to those that the law was fitted to. JSON.
pub fn designed(law: LawInUse, arguments: DesignArguments) -> PyResult<String> {
    let request = DesignRequest {
        target: arguments.target_flops.read()?,
        budget: arguments.budget.read()?,
        max_run: arguments.max_run.as_ref().map(Size::read).transpose()?,
        max_runs: arguments.max_runs,
        target_size: None,
        existing: Vec::new(),
        noise: arguments.noise,
        level: law.level,
    };
    text(&design_in_play(law, &request).map_err(of_design)?)
}
