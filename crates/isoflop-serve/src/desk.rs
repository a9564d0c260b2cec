//! What was read and fitted, kept until the runs change.

use crate::choice::Choice;
use crate::problem::Problem;
use crate::workplace::{Reading, Workplace};
use isoflop_fit::FitOptions;
use isoflop_report::{Analysis, LossUnit, Question, Target};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Fits that are kept: going back and forth between a few laws is at once.
const KEPT: usize = 8;

/// The runs as they were when they were last read.
#[derive(Debug)]
pub struct Seen {
    /// Hash of the runs: another one when they changed.
    pub version: String,
    /// What was read.
    pub reading: Reading,
}

/// A fit, and what was said of it.
#[derive(Debug)]
pub struct Worked {
    /// The fit and all that follows from it.
    pub analysis: Analysis,
    /// The answer of `/api/fit`, once it was asked for.
    pub said: OnceLock<serde_json::Value>,
}

/// The runs as last read, and the fits to them.
#[derive(Debug)]
pub struct Desk {
    /// Where runs and forecasts are kept.
    pub workplace: Box<dyn Workplace>,
    seen: Mutex<Option<(u64, Arc<Seen>)>>,
    fits: Mutex<VecDeque<(Choice, Arc<Worked>)>>,
    /// Held while a fit is made: each takes all processors, and nobody makes the same one twice.
    working: Mutex<()>,
}

impl Desk {
    /// An empty desk.
    pub fn new(workplace: Box<dyn Workplace>) -> Desk {
        Desk {
            workplace,
            seen: Mutex::default(),
            fits: Mutex::default(),
            working: Mutex::default(),
        }
    }

    /// The runs, read again if they may have changed.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn seen(&self) -> Result<Arc<Seen>, Problem> {
        let mut seen = locked(&self.seen);
        let mark = self.workplace.mark();
        if let Some((known, found)) = seen.as_ref()
            && *known == mark
        {
            return Ok(Arc::clone(found));
        }
        let reading = self.workplace.read().map_err(Problem::no)?;
        let version = version_of(&reading);
        let found = match seen.take() {
            Some((_, old)) if old.version == version => old,
            _ => Arc::new(Seen { version, reading }),
        };
        *seen = Some((mark, Arc::clone(&found)));
        Ok(found)
    }

    /// The fit that is asked for.
    ///
    /// # Errors
    /// The runs have changed since, or determine no law.
    pub fn worked(&self, choice: &Choice) -> Result<Arc<Worked>, Problem> {
        if let Some(known) = self.known(choice) {
            return Ok(known);
        }
        let _working = locked(&self.working);
        if let Some(known) = self.known(choice) {
            return Ok(known);
        }
        let seen = self.seen()?;
        if seen.version != choice.version {
            return Err(Problem::changed());
        }
        let worked = Arc::new(Worked {
            analysis: analyse(&seen, choice)?,
            said: OnceLock::new(),
        });
        let mut fits = locked(&self.fits);
        fits.retain(|(known, _)| known.version == choice.version);
        fits.truncate(KEPT - 1);
        fits.push_front((choice.clone(), Arc::clone(&worked)));
        Ok(worked)
    }

    fn known(&self, choice: &Choice) -> Option<Arc<Worked>> {
        let fits = locked(&self.fits);
        let known = fits.iter().find(|(known, _)| known == choice)?;
        Some(Arc::clone(&known.1))
    }
}

fn analyse(seen: &Seen, choice: &Choice) -> Result<Analysis, Problem> {
    let evidence = seen.reading.evidence.clone();
    let evidence = evidence.without(&choice.without, "left out by hand");
    if evidence.names.is_empty() {
        return Err(Problem::no("no run can be used: there is nothing to fit"));
    }
    let question = Question {
        target: Target::TenTimes,
        options: FitOptions {
            law: choice.law,
            level: choice.level,
            ..FitOptions::default()
        },
        unit: LossUnit::NatsPerToken,
    };
    Analysis::new(evidence, question).map_err(Problem::no)
}

fn version_of(reading: &Reading) -> String {
    // `Debug` of a number reads back to the same bits.
    let text = format!("{:?}", reading);
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// The lock, whether or not somebody failed while holding it: what it guards is replaced whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
