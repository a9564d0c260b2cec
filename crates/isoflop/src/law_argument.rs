//! The law that a command answers by: fitted to runs, read from a saved fit, or published.

use crate::failure::Failure;
use isoflop_plan::{LawInUse, LawInUseError};

/// Arguments of every command that answers by a law.
#[derive(Debug, clap::Args)]
pub struct LawArgument {
    /// Answer by this law: a published fit such as besiroglu-2024 (`isoflop laws`)
    #[arg(long, value_name = "NAME")]
    pub law: Option<String>,
}

/// The published law of all commands that are given none: the refit of the data behind the
/// 20-tokens rule, the only one whose own compute-optimal ratio agrees with that rule.
const DEFAULT_LAW: &str = "besiroglu-2024";

impl LawArgument {
    /// The law to answer by.
    ///
    /// # Errors
    /// Status 2 if there is no such law, or it cannot answer.
    pub fn law_in_use(&self) -> Result<LawInUse, Failure> {
        let name = self.law.as_deref().unwrap_or(DEFAULT_LAW);
        LawInUse::published(name).map_err(|error| match error {
            LawInUseError::Unknown(unknown) => Failure::from(unknown),
            other => Failure::misuse(other),
        })
    }
}

impl From<isoflop_laws::UnknownLaw> for Failure {
    fn from(unknown: isoflop_laws::UnknownLaw) -> Self {
        let failure = Failure::misuse(format!("there is no law `{}`", unknown.name));
        match unknown.nearest {
            Some(name) => failure.hint(format!("did you mean `{name}`?")),
            None => failure.hint("`isoflop laws` lists them all"),
        }
    }
}
