//! Which runs to make next.

use crate::answer::text;
use crate::errors::{misuse, of_design, of_law_in_use};
use crate::request::Size;
use isoflop_laws::{Law, ParamCount, Params, Tokens};
use isoflop_plan::{Design, DesignRequest, LawInUse, design};
use pyo3::prelude::*;
use serde::Serialize;

/// Published laws that are kept in play beside the one in use: the two disagree on the optimum,
/// so that a ladder must decide between them.
const OTHERS: [&str; 2] = ["besiroglu-2024", "hoffmann-2022"];

/// Keyword arguments of `design`.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct DesignArguments {
    target_flops: Size,
    budget: Size,
    max_run: Option<Size>,
    max_runs: usize,
    noise: f64,
}

/// The runs to add to those that exist. JSON.
pub fn designed(
    law: LawInUse,
    existing: Vec<(Params, Tokens)>,
    arguments: DesignArguments,
) -> PyResult<String> {
    #[derive(Serialize)]
    struct Answer<'a> {
        law: &'a str,
        conventions: isoflop_plan::Conventions,
        n_used: Option<usize>,
        #[serde(flatten)]
        design: Design,
        warnings: &'a [String],
    }
    let noise = arguments.noise;
    if !(noise.is_finite() && noise >= 0.0) {
        let sentence = format!("the noise is {noise}: expected zero or more, such as 0.003");
        return Err(misuse(sentence));
    }
    let request = DesignRequest {
        target: arguments.target_flops.read()?,
        budget: arguments.budget.read()?,
        max_run: arguments.max_run.as_ref().map(Size::read).transpose()?,
        max_runs: arguments.max_runs,
        existing,
        noise,
        level: law.level,
    };
    let others = other_laws(&law)?;
    let all = || std::iter::once(&law).chain(&others);
    let in_play: Vec<&dyn Law> = all().map(LawInUse::law).collect();
    let mut found = design(&in_play, &request).map_err(of_design)?;
    // By the name of the fit: several may be of one formula.
    found.laws = all().map(|law| law.name.clone()).collect();
    text(&Answer {
        law: &law.name,
        conventions: law.conventions,
        n_used: law.n_used,
        design: found,
        warnings: &law.warnings,
    })
}

fn other_laws(law: &LawInUse) -> PyResult<Vec<LawInUse>> {
    if law.conventions.param_count != ParamCount::Total {
        return Ok(Vec::new());
    }
    let names = OTHERS.into_iter().filter(|name| *name != law.name);
    names
        .map(|name| LawInUse::published(name).map_err(of_law_in_use))
        .collect()
}
