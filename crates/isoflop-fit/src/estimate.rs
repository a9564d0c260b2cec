//! Values of a law's parameters from rows, without intervals: what [`crate::fit`], its
//! resampling and its forecasts all stand on.

mod constrained;
mod farseer;
mod form;
mod graded;
pub(crate) mod hat;
mod kaplan_sum;
mod newton;
mod penalised;
mod power_sum;
mod profile;
mod robust;
mod scores;
mod search;
mod shared_sum;
mod valley;
mod varpro;

use crate::rows::{Axis, Row};
use crate::{FitError, FittedLaw, Objective};
pub(crate) use scores::Scores;

use constrained::Constrained;
use farseer::Farseer;
use graded::Graded;
use kaplan_sum::KaplanSum;
use penalised::Penalised;
use power_sum::{Notation, PowerSum};
use search::Search;
use shared_sum::SharedSum;
pub use valley::{ValleyFit, valleys};

/// A law's parameters as estimated from rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    /// In the order of the law's card.
    pub values: Vec<f64>,
    /// What was minimised, at its smallest.
    pub objective: f64,
    /// Typical size of a residual of ln L: 1.4826 × median |r|, which is the standard deviation
    /// if errors are normal.
    pub residual_scale: f64,
    /// Parameters, in the card's order, that ended at the edge of what they may be.
    pub at_bound: Vec<usize>,
}

/// Runs `$go` with the law's form bound to `$form`.
macro_rules! with_form {
    ($law:expr, $rows:expr, |$form:ident| $go:expr, else $other:expr) => {{
        use Axis::{Flops, Params, Steps, Tokens};
        use Notation::{Coefficients, Compute, Scales};
        match $law {
            FittedLaw::Chinchilla => {
                let $form = PowerSum::<2, 5>::centred([Params, Tokens], Coefficients, $rows);
                $go
            }
            FittedLaw::OverTraining => {
                let $form = SharedSum::centred($rows);
                $go
            }
            FittedLaw::DataConstrained => {
                let $form = Constrained::centred($rows);
                $go
            }
            FittedLaw::RepetitionPenalty => {
                let $form = Penalised::centred($rows);
                $go
            }
            FittedLaw::DataQuality => {
                let $form = Graded::centred($rows);
                $go
            }
            FittedLaw::Farseer => {
                let $form = Farseer::centred($rows);
                $go
            }
            FittedLaw::PowerC => {
                let $form = PowerSum::<1, 3>::centred([Flops], Compute, $rows);
                $go
            }
            FittedLaw::KaplanN => {
                let $form = PowerSum::<1, 2>::centred([Params], Scales, $rows);
                $go
            }
            FittedLaw::KaplanD => {
                let $form = PowerSum::<1, 2>::centred([Tokens], Scales, $rows);
                $go
            }
            FittedLaw::KaplanC => {
                let $form = PowerSum::<1, 2>::centred([Flops], Scales, $rows);
                $go
            }
            FittedLaw::KaplanNs => {
                let $form = PowerSum::<2, 4>::centred([Params, Steps], Scales, $rows);
                $go
            }
            FittedLaw::KaplanNd => {
                let $form = KaplanSum::centred($rows);
                $go
            }
            FittedLaw::Isoflop | FittedLaw::Envelope => $other,
        }
    }};
}

/// The global optimum of the objective over the law's parameters.
///
/// # Errors
/// [`FitError`] if the rows do not determine the law.
pub(crate) fn estimate(
    rows: &[Row],
    law: FittedLaw,
    objective: Objective,
) -> Result<Estimate, FitError> {
    with_form!(
        law,
        rows,
        |form| {
            let search = Search::new(&form, rows, objective);
            let guesses = guesses(rows, law, objective);
            search.best_of(&guesses).ok_or_else(|| no_trend(law))
        },
        else valley::estimate(rows, law)
    )
}

/// Parameters to search from besides the valleys of the grid, for a law that is not linear in more
/// than its exponents: the law of Hoffmann et al., on effective tokens where a law has them.
fn guesses(rows: &[Row], law: FittedLaw, objective: Objective) -> Vec<Vec<f64>> {
    match law {
        FittedLaw::DataConstrained => of_repetition(rows, objective),
        FittedLaw::RepetitionPenalty => of_penalty(rows, objective),
        FittedLaw::DataQuality => of_quality(rows, objective),
        FittedLaw::Farseer => of_curves(rows, objective),
        _ => Vec::new(),
    }
}

/// For curves of size that rise, fall and bend.
fn of_curves(rows: &[Row], objective: Objective) -> Vec<Vec<f64>> {
    let plain = estimate(rows, FittedLaw::Chinchilla, objective);
    let like = |plain: Estimate| Farseer::centred(rows).like(&plain.values);
    let mut guesses = plain.map_or_else(|_| Vec::new(), like);
    for tilt in farseer::TILTS {
        let form = Farseer::tilted(rows, tilt);
        let starts = varpro::starts(&form, rows, robust::Huber::SQUARES);
        guesses.extend(starts.iter().map(|start| form::Form::values(&form, start)));
    }
    guesses
}

/// For several worths of text of half the quality.
fn of_quality(rows: &[Row], objective: Objective) -> Vec<Vec<f64>> {
    let guess = |gamma: f64| {
        let worth = |row: &Row| graded::with_effective_tokens(row, gamma);
        let effective: Vec<Row> = rows.iter().map(worth).collect();
        let plain = estimate(&effective, FittedLaw::Chinchilla, objective).ok()?;
        Some(plain.values.into_iter().chain([gamma]).collect())
    };
    [-1.0, 0.0, 0.5, 1.5, 4.0]
        .into_iter()
        .filter_map(guess)
        .collect()
}

/// For several shapes of the penalty, beside what runs of few epochs or all runs say without one.
fn of_penalty(rows: &[Row], objective: Objective) -> Vec<Vec<f64>> {
    let few = |row: &&Row| {
        let epochs = row.x[Axis::Tokens as usize] - row.x[Axis::Unique as usize];
        epochs < FEW_EPOCHS.ln()
    };
    let few: Vec<Row> = rows.iter().filter(few).copied().collect();
    let determined = crate::checks::determine(&few, FittedLaw::Chinchilla).is_ok();
    let mut guesses = Vec::new();
    for rows_of_plain in [Some(few.as_slice()).filter(|_| determined), Some(rows)]
        .into_iter()
        .flatten()
    {
        let Ok(plain) = estimate(rows_of_plain, FittedLaw::Chinchilla, objective) else {
            continue;
        };
        for delta in [0.3, 1.0] {
            for kappa in [0.3, 1.0, 2.0] {
                guesses.push(penalised::guess(rows, &plain.values, delta, kappa));
            }
        }
    }
    guesses
}

/// Epochs up to which tokens seen again are nearly as good as new (Muennighoff et al. 2023).
const FEW_EPOCHS: f64 = 4.5;

/// For several worths of repeated tokens and parameters.
fn of_repetition(rows: &[Row], objective: Objective) -> Vec<Vec<f64>> {
    let mut guesses = Vec::new();
    for of_data in [1.0, 5.0, 25.0] {
        let worth = |row: &Row| constrained::with_effective_tokens(row, of_data);
        let effective: Vec<Row> = rows.iter().map(worth).collect();
        let plain = estimate(&effective, FittedLaw::Chinchilla, objective);
        for of_size in [1.0, 5.0, 25.0] {
            let plain = plain.iter().flat_map(|plain| &plain.values);
            let guess: Vec<f64> = plain.copied().chain([of_data, of_size]).collect();
            guesses.extend(
                (guess.len() == FittedLaw::DataConstrained.card().parameters.len())
                    .then_some(guess),
            );
        }
    }
    guesses
}

/// The optimum near `from`, parameters that were estimated from similar rows: much faster than
/// [`estimate`]. For refits to resampled or fewer rows.
///
/// # Errors
/// [`FitError`] if the rows do not determine the law.
pub(crate) fn refit(
    rows: &[Row],
    law: FittedLaw,
    objective: Objective,
    from: &[f64],
) -> Result<Estimate, FitError> {
    with_form!(
        law,
        rows,
        |form| {
            let search = Search::new(&form, rows, objective);
            search.near(from).ok_or_else(|| no_trend(law))
        },
        else valley::estimate(rows, law)
    )
}

/// ln of the loss that a law predicts at each row; `None` for laws that predict no loss.
pub(crate) fn ln_losses(rows: &[Row], law: FittedLaw, values: &[f64]) -> Option<Vec<f64>> {
    use form::Form;
    with_form!(
        law,
        rows,
        |form| {
            let at = form.coordinates(values);
            Some(rows.iter().map(|row| form.ln_loss(&at, &row.x)).collect())
        },
        else None
    )
}

/// Slopes of ln L̂ by the search's coordinates at each row, times the root of its weight; `None`
/// for laws that predict no loss.
pub(crate) fn gradients(rows: &[Row], law: FittedLaw, values: &[f64]) -> Option<Vec<Vec<f64>>> {
    use form::Form;
    with_form!(
        law,
        rows,
        |form| {
            let at = form.coordinates(values);
            let one = |row: &Row| {
                let root = row.weight.sqrt();
                form.jet(&at, &row.x).gradient.map(|g| g * root).to_vec()
            };
            Some(rows.iter().map(one).collect())
        },
        else None
    )
}

/// How each run pulls at the estimate, of rows sorted by run; `None` for laws that predict no
/// loss and where the objective has no single scale.
pub(crate) fn scores(
    rows: &[Row],
    law: FittedLaw,
    objective: Objective,
    values: &[f64],
) -> Option<Scores> {
    let huber = match objective {
        Objective::Huber { delta } => robust::Huber { delta },
        Objective::LeastSquares => robust::Huber::SQUARES,
        Objective::HuberLikelihood { .. } | Objective::Adaptive => return None,
    };
    with_form!(law, rows, |form| Scores::of(form, rows, huber, values), else None)
}

/// Where each parameter's profile likelihood ends, `reach` standard deviations out, about least
/// squares with these values; `None` for laws that predict no loss.
pub(crate) fn profile_ends(
    rows: &[Row],
    law: FittedLaw,
    values: &[f64],
    reach: f64,
) -> Option<Vec<profile::Ends>> {
    with_form!(
        law,
        rows,
        |form| {
            let ends = |index| profile::ends(&form, rows, values, index, reach);
            Some((0..values.len()).map(ends).collect())
        },
        else None
    )
}

/// Slopes of ln L̂ by the law's own parameters at each row, times the root of its weight.
pub(crate) fn slopes(rows: &[Row], law: FittedLaw, values: &[f64]) -> Option<Vec<Vec<f64>>> {
    let by_parameter = |index: usize| {
        // Central differences: the step balances rounding and curvature.
        let step = values[index].abs().max(1e-12) * 1e-5;
        let at = |sign: f64| {
            let mut moved = values.to_vec();
            moved[index] += sign * step;
            ln_losses(rows, law, &moved)
        };
        let (above, below) = (at(1.0)?, at(-1.0)?);
        let pairs = above.iter().zip(below);
        Some(pairs.map(|(a, b)| (a - b) / (2.0 * step)).collect())
    };
    let columns: Option<Vec<Vec<f64>>> = (0..values.len()).map(by_parameter).collect();
    let columns = columns?;
    let row = |(index, row): (usize, &Row)| {
        let root = row.weight.sqrt();
        columns.iter().map(|column| root * column[index]).collect()
    };
    Some(rows.iter().enumerate().map(row).collect())
}

fn no_trend(law: FittedLaw) -> FitError {
    FitError::NoTrend {
        law: law.name(),
        quantity: axes(law)
            .first()
            .map_or("compute C", |axis| axis.quantity()),
    }
}

/// The quantities that a law depends on.
pub(crate) fn axes(law: FittedLaw) -> &'static [Axis] {
    match law {
        FittedLaw::Chinchilla
        | FittedLaw::OverTraining
        | FittedLaw::DataConstrained
        | FittedLaw::RepetitionPenalty
        | FittedLaw::DataQuality
        | FittedLaw::Farseer
        | FittedLaw::KaplanNd => &[Axis::Params, Axis::Tokens],
        FittedLaw::KaplanN => &[Axis::Params],
        FittedLaw::KaplanD => &[Axis::Tokens],
        FittedLaw::KaplanC | FittedLaw::PowerC => &[Axis::Flops],
        FittedLaw::KaplanNs => &[Axis::Params, Axis::Steps],
        FittedLaw::Isoflop | FittedLaw::Envelope => &[Axis::Flops, Axis::Params],
    }
}
