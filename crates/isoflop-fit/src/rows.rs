//! Observations as the numbers that estimation works on.

use crate::Dataset;
use isoflop_laws::{Quality, Steps};

/// The inputs of a law, in logarithms; [`Axis`] says which is which.
pub(crate) type Inputs = [f64; 6];

/// One observation in logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// ln N, ln D, ln C, ln S where given, ln U, and ln Q where given.
    pub x: Inputs,
    /// ln L.
    pub ln_loss: f64,
    /// Weight of the row in the objective.
    pub weight: f64,
    /// The run that the row comes from.
    pub cluster: usize,
    /// Index in the dataset.
    pub index: usize,
}

/// Which entry of [`Row::x`] a term depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Params = 0,
    Tokens = 1,
    Flops = 2,
    Steps = 3,
    /// Unique tokens, at most those seen.
    Unique = 4,
    /// Quality of the text relative to the reference, whose logarithm is zero.
    Quality = 5,
}

impl Axis {
    pub(crate) fn quantity(self) -> &'static str {
        match self {
            Axis::Params => "size N",
            Axis::Tokens => "tokens D",
            Axis::Flops => "compute C",
            Axis::Steps => "steps S",
            Axis::Unique => "unique tokens U",
            Axis::Quality => "quality Q",
        }
    }
}

/// The rows of a dataset. Standard errors of all losses, where known, weigh the rows by their
/// precision relative to the average one (inverse variance of ln L).
pub(crate) fn rows(data: &Dataset, steps: Option<&[Steps]>) -> Vec<Row> {
    let ln_steps = |index: usize| steps.and_then(|s| s.get(index)).map_or(0.0, |s| s.ln());
    let mut rows: Vec<Row> = data
        .observations
        .iter()
        .enumerate()
        .map(|(index, run)| Row {
            x: [
                run.params.ln(),
                run.tokens.ln(),
                run.flops.ln(),
                ln_steps(index),
                run.unique_tokens
                    .map_or(run.tokens.ln(), |unique| unique.ln().min(run.tokens.ln())),
                run.quality.map_or(0.0, Quality::ln),
            ],
            ln_loss: run.loss.ln(),
            weight: 1.0,
            cluster: run.cluster,
            index,
        })
        .collect();
    let precision = |index: usize| -> Option<f64> {
        let run = &data.observations[index];
        let relative = run.loss_std? / run.loss.get();
        (relative.is_finite() && relative > 0.0).then(|| 1.0 / (relative * relative))
    };
    let precisions: Option<Vec<f64>> = (0..rows.len()).map(precision).collect();
    if let Some(precisions) = precisions {
        let mean = precisions.iter().sum::<f64>() / precisions.len() as f64;
        for (row, precision) in rows.iter_mut().zip(precisions) {
            // A few very exact runs must not silence the others: the law itself is not exact.
            row.weight = (precision / mean).clamp(0.05, 20.0);
        }
    }
    rows
}

/// Smallest and largest value along an axis.
pub(crate) fn range(rows: &[Row], axis: Axis) -> (f64, f64) {
    rows.iter()
        .map(|row| row.x[axis as usize])
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| {
            (lo.min(x), hi.max(x))
        })
}

/// How many values along an axis differ by more than one per cent.
pub(crate) fn distinct(rows: &[Row], axis: Axis) -> usize {
    let mut values: Vec<f64> = rows.iter().map(|row| row.x[axis as usize]).collect();
    values.sort_by(f64::total_cmp);
    let mut last = f64::NEG_INFINITY;
    let mut count = 0;
    for value in values {
        if value - last > 0.01 {
            count += 1;
            last = value;
        }
    }
    count
}
