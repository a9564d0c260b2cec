//! The law that a command answers by: fitted to runs, read from a saved fit, or published.

use crate::failure::Failure;
use crate::fitting::{CertaintyArguments, FittableRuns};
use crate::output::Output;
use crate::runs_argument::{ReadingArguments, RunRows};
use crate::saved_fit;
use isoflop_fit::{Fit, FitOptions, FittedLaw, LawChoice};
use isoflop_plan::{LawInUse, LawInUseError, SavedFit};
use std::path::PathBuf;

/// Arguments of every command that answers by a law.
#[derive(Debug, clap::Args)]
pub struct LawArgument {
    /// A file of runs, a directory, a store, -, or a saved fit
    #[arg(value_name = "RUNS|FIT.json")]
    pub source: Option<PathBuf>,
    /// Law to fit to RUNS, or a published fit (`isoflop laws`)
    #[arg(long, value_name = "NAME")]
    pub law: Option<String>,
    #[command(flatten)]
    pub reading: ReadingArguments,
    #[command(flatten)]
    pub certainty: CertaintyArguments,
}

/// The published law of all commands that are given none: the refit of the data behind the
/// 20-tokens rule, the only one whose own compute-optimal ratio agrees with that rule.
pub const DEFAULT_LAW: &str = "besiroglu-2024";

/// A fit from runs or a file.
pub enum Source {
    /// No runs: a published fit, by name.
    Published(String),
    /// Made now, or saved before.
    Fitted(Box<SavedFit>),
}

impl LawArgument {
    /// The law to answer by, which gives the loss from size and data.
    ///
    /// # Errors
    /// Status 2 if there is no such law or it cannot answer, status 1 if the runs do not
    /// determine it.
    pub fn law_in_use(&self, output: &mut Output) -> Result<LawInUse, Failure> {
        match self.read(Needs::Surface, output)? {
            Source::Published(name) => published(&name),
            Source::Fitted(saved) => LawInUse::fitted(saved.fit).map_err(Failure::from),
        }
    }

    /// The law to share a budget by: one that at least states the best size.
    ///
    /// # Errors
    /// Those of [`law_in_use`](Self::law_in_use).
    pub fn law_to_plan_by(&self, output: &mut Output) -> Result<LawInUse, Failure> {
        match self.read(Needs::Surface, output)? {
            Source::Published(name) => Ok(LawInUse::published_to_plan_by(&name)?),
            Source::Fitted(saved) => Ok(LawInUse::fitted(saved.fit)?),
        }
    }

    /// Where the law comes from; runs are fitted.
    ///
    /// # Errors
    /// Those of [`law_in_use`](Self::law_in_use).
    pub fn read(&self, needs: Needs, output: &mut Output) -> Result<Source, Failure> {
        let Some(path) = &self.source else {
            let name = self.law.as_deref().unwrap_or(DEFAULT_LAW);
            return Ok(Source::Published(name.to_owned()));
        };
        if let Some(saved) = saved_fit::read(path)? {
            return self
                .saved(saved)
                .map(|saved| Source::Fitted(Box::new(saved)));
        }
        let saved = self.fit_rows(self.reading.read(path)?, needs, output)?;
        Ok(Source::Fitted(Box::new(saved)))
    }

    /// The law fitted to runs that were read.
    ///
    /// # Errors
    /// Status 2 if there is no such law or it cannot be fitted, status 1 if the runs do not
    /// determine it.
    pub fn fit_rows(
        &self,
        rows: RunRows,
        needs: Needs,
        output: &mut Output,
    ) -> Result<SavedFit, Failure> {
        let options = self.certainty.options(self.law.as_deref())?;
        let runs = FittableRuns::new(rows, output)?;
        let fit = runs.fit(options.clone(), output)?;
        let fit = match needs {
            Needs::Surface => surface(fit, &runs, options, output)?,
            Needs::AnyLaw => fit,
        };
        Ok(saved_fit::of_runs(fit, &runs))
    }

    /// A saved fit, unless another law is asked for than the one it is of.
    fn saved(&self, saved: SavedFit) -> Result<SavedFit, Failure> {
        match &self.law {
            Some(law) if law != saved.fit.law.name() => {
                let law_of_fit = saved.fit.law;
                let sentence = format!("the saved fit is of law `{law_of_fit}`, not of `{law}`");
                Err(Failure::misuse(sentence).hint("give the runs to fit another law to them"))
            }
            _ => Ok(saved),
        }
    }
}

/// What a command needs of its law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Loss from size and data.
    Surface,
    /// Any law that forecasts.
    AnyLaw,
}

/// The fit itself if it gives the loss from size and data. Where the best forecast is by a law in
/// compute alone, which chooses no size, Hoffmann's third approach is fitted instead, and said.
fn surface(
    fit: Fit,
    runs: &FittableRuns,
    options: FitOptions,
    output: &mut Output,
) -> Result<Fit, Failure> {
    let has_surface = fit.law().is_ok_and(|law| law.surface().is_some());
    if has_surface || options.law != LawChoice::Auto {
        return Ok(fit);
    }
    output.note(format!(
        "law `{}` forecasts these runs best but gives no loss from size and data: this answer is by `chinchilla`",
        fit.law
    ));
    let chinchilla = LawChoice::Named(FittedLaw::Chinchilla);
    let options = FitOptions {
        law: chinchilla,
        ..options
    };
    // Intervals stay those of `isoflop predict`.
    Ok(runs.fit(options, output)?.with_forecasts_of(&fit))
}

/// A published law by its name.
///
/// # Errors
/// Status 2 if there is none, or it does not give the loss from size and data.
pub fn published(name: &str) -> Result<LawInUse, Failure> {
    LawInUse::published(name).map_err(Failure::from)
}

impl From<LawInUseError> for Failure {
    fn from(error: LawInUseError) -> Failure {
        match error {
            LawInUseError::Unknown(unknown) => Failure::from(unknown),
            other => Failure::misuse(other),
        }
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
