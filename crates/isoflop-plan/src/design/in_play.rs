//! A design by the law in use: by the forecasts of a fit, or by published laws kept in play.

use super::{Design, DesignError, DesignRequest, design, design_by_forecasts};
use crate::{Conventions, LawInUse};
use isoflop_laws::{Law, ParamCount};
use serde::Serialize;

/// Published laws that are kept in play beside a published one in use: the two disagree on the optimum, so
/// that a ladder must decide between them.
pub const LAWS_IN_PLAY: [&str; 2] = ["besiroglu-2024", "hoffmann-2022"];

/// A design, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesignAnswer {
    /// The law that chose the target's size.
    pub law: String,
    /// How the runs and the budget count.
    pub conventions: Conventions,
    /// Runs that the law was fitted to; `None` for a published law.
    pub n_used: Option<usize>,
    /// The runs to make.
    #[serde(flatten)]
    pub design: Design,
    /// What to keep in mind, one sentence each.
    pub warnings: Vec<String>,
}

/// [`design_by_forecasts`] for a law fitted to runs; [`design`] by a published law and those of
/// [`LAWS_IN_PLAY`] that count parameters as it does.
///
/// # Errors
/// As of either.
pub fn design_in_play(law: LawInUse, request: &DesignRequest) -> Result<DesignAnswer, DesignError> {
    let mut warnings = law.warnings.clone();
    let design = match law.fit() {
        Some(fit) => design_by_forecasts(fit, &law.surface(), request)?,
        None => by_published_laws(&law, request, &mut warnings)?,
    };
    Ok(DesignAnswer {
        conventions: law.conventions,
        n_used: law.n_used,
        design,
        warnings,
        law: law.name,
    })
}

fn by_published_laws(
    law: &LawInUse,
    request: &DesignRequest,
    warnings: &mut Vec<String>,
) -> Result<Design, DesignError> {
    let mut others = Vec::new();
    if law.conventions.param_count == ParamCount::Total {
        let names = LAWS_IN_PLAY.into_iter().filter(|name| *name != law.name);
        others = names.map(LawInUse::published).collect::<Result<_, _>>()?;
    } else {
        warnings.push(format!(
            "no published law is kept in play: they count total parameters, and N is {} here",
            law.conventions.param_count
        ));
    }
    let all = || std::iter::once(law).chain(&others);
    let laws: Vec<&dyn Law> = all().map(LawInUse::law).collect();
    let mut found = design(&laws, request)?;
    // By the name of the fit: several may be of one formula.
    found.laws = all().map(|law| law.name.clone()).collect();
    Ok(found)
}
