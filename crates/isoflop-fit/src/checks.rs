//! Whether rows can determine a law at all, said before any search.

use crate::estimate::axes;
use crate::rows::{Axis, Row, distinct, range};
use crate::{FitError, FittedLaw};

/// Different values that each axis of the law needs: as many as its curve has parameters there.
fn needed_values(law: FittedLaw) -> usize {
    match law {
        // A power and a constant need three points on each axis.
        FittedLaw::Chinchilla
        | FittedLaw::OverTraining
        | FittedLaw::DataConstrained
        | FittedLaw::RepetitionPenalty
        | FittedLaw::DataQuality
        | FittedLaw::Farseer
        | FittedLaw::PowerC => 3,
        _ => 2,
    }
}

/// Fewest runs: one more than parameters, so that something is left to judge the fit by.
fn needed_runs(law: FittedLaw) -> usize {
    match law {
        FittedLaw::Isoflop => 6,
        FittedLaw::Envelope => 2,
        _ => law.card().parameters.len() + 1,
    }
}

/// ln of the factor that an axis must span.
const SMALLEST_SPAN: f64 = std::f64::consts::LN_2;

/// # Errors
/// [`FitError::TooFewRuns`] or [`FitError::NoRange`].
pub(crate) fn determine(rows: &[Row], law: FittedLaw) -> Result<(), FitError> {
    let found = different(rows);
    let needed = needed_runs(law);
    if found < needed {
        let simpler = match law {
            FittedLaw::DataConstrained
            | FittedLaw::RepetitionPenalty
            | FittedLaw::DataQuality
            | FittedLaw::Farseer => "chinchilla",
            FittedLaw::Chinchilla | FittedLaw::OverTraining => "power-c",
            FittedLaw::KaplanN | FittedLaw::KaplanD => "kaplan-c",
            _ => "kaplan-n",
        };
        return Err(FitError::TooFewRuns {
            law: law.name(),
            needed,
            found,
            simpler,
        });
    }
    for &axis in axes(law) {
        let (lo, hi) = range(rows, axis);
        let needed = needed_values(law);
        if distinct(rows, axis) < needed || hi - lo < SMALLEST_SPAN {
            return Err(FitError::NoRange {
                law: law.name(),
                quantity: axis.quantity(),
                value: as_people_write(axis, f64::midpoint(lo, hi).exp()),
                needed,
            });
        }
    }
    match law {
        FittedLaw::DataConstrained | FittedLaw::RepetitionPenalty => repeated(rows, law),
        FittedLaw::DataQuality => graded(rows),
        _ => Ok(()),
    }
}

/// # Errors
/// [`FitError::NoGrades`] unless the text of some runs is better than that of others.
fn graded(rows: &[Row]) -> Result<(), FitError> {
    if distinct(rows, Axis::Quality) > 1 {
        return Ok(());
    }
    let quality = rows
        .first()
        .map_or(0.0, |row| row.x[Axis::Quality as usize]);
    Err(FitError::NoGrades {
        quality: quality.exp(),
    })
}

/// Fewest different runs over two epochs and more from which the worth of repetition is told.
const REPEATED: usize = 3;

/// # Errors
/// [`FitError::NoRepetition`] unless some runs saw their tokens several times.
fn repeated(rows: &[Row], law: FittedLaw) -> Result<(), FitError> {
    let again = |row: &&Row| {
        let epochs = row.x[Axis::Tokens as usize] - row.x[Axis::Unique as usize];
        epochs > 0.99 * std::f64::consts::LN_2
    };
    let rows: Vec<Row> = rows.iter().filter(again).copied().collect();
    match different(&rows) {
        found if found < REPEATED => Err(FitError::NoRepetition {
            law: law.name(),
            found,
            needed: REPEATED,
        }),
        _ => Ok(()),
    }
}

/// Rows that are not copies of another one.
fn different(rows: &[Row]) -> usize {
    let key = |row: &Row| (row.x.map(f64::to_bits), row.ln_loss.to_bits());
    let mut keys: Vec<_> = rows.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

fn as_people_write(axis: Axis, value: f64) -> String {
    use isoflop_laws::{Flops, Params, Steps, Tokens};
    let text = match axis {
        Axis::Params => Params::new(value).map(|x| format!("{x} parameters")),
        Axis::Tokens => Tokens::new(value).map(|x| format!("{x} tokens")),
        Axis::Flops => Flops::new(value).map(|x| format!("{x} FLOPs")),
        Axis::Unique => Tokens::new(value).map(|x| format!("{x} unique tokens")),
        Axis::Steps => Steps::new(value).map(|x| format!("{x} steps")),
        Axis::Quality => Ok(format!("a quality of {value:.3}")),
    };
    text.unwrap_or_else(|_| "none".to_owned())
}
