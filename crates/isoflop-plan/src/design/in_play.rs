//! A design that keeps published laws in play beside one's own.

use super::{Design, DesignError, DesignRequest, design};
use crate::{Conventions, LawInUse};
use isoflop_laws::{Law, ParamCount};
use serde::Serialize;

/// Published laws that are kept in play beside the one in use: the two disagree on the optimum, so
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

/// [`design`] by a law and those of [`LAWS_IN_PLAY`] that count parameters as it does.
///
/// # Errors
/// As of [`design`].
pub fn design_in_play(law: LawInUse, request: &DesignRequest) -> Result<DesignAnswer, DesignError> {
    let LawInUse { conventions, .. } = law;
    let mut warnings = law.warnings.clone();
    let mut others = Vec::new();
    if conventions.param_count == ParamCount::Total {
        let names = LAWS_IN_PLAY.into_iter().filter(|name| *name != law.name);
        others = names.map(LawInUse::published).collect::<Result<_, _>>()?;
    } else {
        warnings.push(format!(
            "no published law is kept in play: they count total parameters, and N is {} here",
            conventions.param_count
        ));
    }
    let all = || std::iter::once(&law).chain(&others);
    let laws: Vec<&dyn Law> = all().map(LawInUse::law).collect();
    let mut found = design(&laws, request)?;
    // By the name of the fit: several may be of one formula.
    found.laws = all().map(|law| law.name.clone()).collect();
    Ok(DesignAnswer {
        conventions,
        n_used: law.n_used,
        design: found,
        warnings,
        law: law.name,
    })
}
