//! Where runs and sealed forecasts are kept.

use isoflop_plan::{ForecastBody, Ledger, SealedForecast};
use isoflop_report::Evidence;
use isoflop_runs::Run;
use isoflop_sweep::SweepFolder;

/// What was read at one time.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What can be fitted, and what became of the rest.
    pub evidence: Evidence,
    /// Every run that was read, whatever its status.
    pub runs: Vec<Run>,
}

/// What the page is about. Errors are sentences for people.
pub trait Workplace: std::fmt::Debug + Send + Sync + 'static {
    /// What people call it: the path that they gave.
    fn name(&self) -> String;

    /// The law that the page starts with, or `auto`.
    fn law(&self) -> String;

    /// A number that is another one when the runs may have changed; cheap, for it is asked often.
    fn mark(&self) -> u64;

    /// Reads the runs.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn read(&self) -> Result<Reading, String>;

    /// The sweep whose runs these are, if there is one.
    fn sweep(&self) -> Option<SweepFolder>;

    /// The ledger of forecasts.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn ledger(&self) -> Result<Ledger, String>;

    /// Puts a forecast on record; `None` where the page may only be looked at.
    ///
    /// # Errors
    /// Why it is not on record now.
    fn seal(&self, body: ForecastBody) -> Option<Result<SealedForecast, String>>;

    /// Whether forecasts can be sealed here.
    fn can_seal(&self) -> bool;
}
