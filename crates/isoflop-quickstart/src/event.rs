//! What happens during a quickstart, for whoever shows it.

use crate::corpus::CorpusFacts;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::progress::Progress;
use isoflop_plan::SealedForecast;
use isoflop_runs::Run;
use isoflop_train::PlannedRun;
use std::path::Path;

/// The steps of a quickstart in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Gathering and tokenising the text.
    Corpus,
    /// Measuring this machine's speed and planning the ladder.
    Plan,
    /// Training the small runs.
    Small,
    /// Fitting the laws and sealing the forecast.
    Forecast,
    /// Training the target.
    Target,
    /// Comparing, and writing the report.
    Report,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step begins.
    Began(Step),
    /// The corpus is there.
    Corpus(&'a CorpusFacts),
    /// The plan is made, or was made by an earlier start (`resumed`); nothing is trained yet.
    Planned {
        /// The plan.
        plan: &'a Plan,
        /// Whether an earlier start made it.
        resumed: bool,
    },
    /// A run begins, or goes on at `step`.
    RunBegan {
        /// The run.
        run: &'a PlannedRun,
        /// Its place among all runs, from 1.
        number: usize,
        /// All runs.
        of: usize,
        /// Steps done by an earlier start.
        step: u64,
    },
    /// A run has moved on.
    Progress(&'a Progress),
    /// A run has ended and is in the store.
    RunEnded {
        /// The run.
        run: &'a Run,
        /// Its place among all runs, from 1.
        number: usize,
        /// All runs.
        of: usize,
    },
    /// Runs take longer than planned by this factor.
    Slower(f64),
    /// A run that the plan can do without is left out.
    LeftOut {
        /// Its name.
        run: &'a str,
        /// Why.
        why: &'a str,
    },
    /// The forecast is sealed, now or by an earlier start.
    Sealed {
        /// The forecast.
        forecast: &'a SealedForecast,
        /// Its file.
        path: &'a Path,
    },
    /// The result is known.
    Compared(&'a Outcome),
    /// A file of the result is written.
    Written(&'a Path),
}

/// Whoever is told.
pub type Observer<'o> = dyn FnMut(Event<'_>) + 'o;
