//! The errors of runs about a law, and runs that might have been with new ones.

use crate::estimate::{Estimate, gradients, hat, ln_losses, refit};
use crate::rows::Row;
use crate::{FittedLaw, Objective};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// Standard deviation of the kernel that smooths the errors found, in units of theirs: a few
/// dozen errors have gaps that a median would fall into.
const KERNEL: f64 = 1.0;
/// No run is held to have determined more of its own prediction than this.
const MOST_LEVERAGE: f64 = 0.95;

/// What runs are about a law.
pub(crate) struct Errors {
    /// ln of the predicted loss of each row.
    fitted: Vec<f64>,
    /// Errors as they would be had their own rows not been fitted, for a row of weight one.
    pool: Vec<f64>,
    spread: f64,
    degrees_of_freedom: f64,
    /// Largest variance of a parameter by the errors of its own runs ÷ that by the errors of all.
    unlikeness: f64,
}

/// From this ratio of variances on, errors of some runs are larger where it matters. With 45
/// runs of like errors it is exceeded once in a hundred ladders.
const UNLIKE: f64 = 2.0;

impl Errors {
    /// The errors about a law with these values; `None` for laws that predict no loss.
    ///
    /// Their sizes are taken from least squares near the values: other objectives pass through
    /// as many rows as they have parameters, and call those errors zero.
    pub(crate) fn of(rows: &[Row], law: FittedLaw, values: &[f64]) -> Option<Self> {
        let fitted = ln_losses(rows, law, values)?;
        let squares = refit(rows, law, Objective::LeastSquares, values);
        let values = squares.map_or_else(|_| values.to_vec(), |fit| fit.values);
        let slopes = gradients(rows, law, &values)?;
        let pool = deleted_residuals(rows, law, &values, &slopes)?;
        let count = pool.len() as f64;
        Some(Self {
            fitted,
            unlikeness: unlikeness(&pool, &slopes),
            spread: (pool.iter().map(|e| e * e).sum::<f64>() / count).sqrt(),
            pool,
            degrees_of_freedom: (count - values.len() as f64).max(1.0),
        })
    }

    /// Whether the errors of all runs look alike, so that one run's may stand for another's.
    pub(crate) fn are_alike(&self) -> bool {
        self.unlikeness <= UNLIKE
    }

    /// The rows with errors drawn from those found. Replicate k draws from stream k of the seed.
    ///
    /// The common factor √(ν / χ²) is what the spread may be as well, given the one found: it
    /// gives Student's interval where the law is linear.
    pub(crate) fn resample(&self, rows: &[Row], seed: u64, replicate: usize) -> Vec<Row> {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(replicate as u64);
        let degrees = self.degrees_of_freedom;
        let chi = ChiSquared::new(degrees).map_or(degrees, |d| d.sample(&mut stream));
        // The kernel widens the errors; they are drawn together by as much.
        let factor = (degrees / chi).sqrt() / (1.0 + KERNEL * KERNEL).sqrt();
        let mut error = || {
            let found = self.pool[stream.random_range(0..self.pool.len())];
            let normal: f64 = StandardNormal.sample(&mut stream);
            factor * (found + KERNEL * self.spread * normal)
        };
        let redrawn = rows.iter().zip(&self.fitted).map(|(row, fitted)| Row {
            ln_loss: fitted + error() / row.weight.sqrt(),
            ..*row
        });
        redrawn.collect()
    }
}

/// r √w / √(1 − h), centred, about least squares with these values and slopes.
fn deleted_residuals(
    rows: &[Row],
    law: FittedLaw,
    values: &[f64],
    slopes: &[Vec<f64>],
) -> Option<Vec<f64>> {
    let fitted = ln_losses(rows, law, values)?;
    let found = rows.iter().zip(&fitted).zip(hat::diagonal(slopes));
    let mut pool: Vec<f64> = found
        .map(|((row, fitted), leverage)| {
            let residual = (row.ln_loss - fitted) * row.weight.sqrt();
            residual / (1.0 - leverage.min(MOST_LEVERAGE)).sqrt()
        })
        .collect();
    let mean = pool.iter().sum::<f64>() / pool.len() as f64;
    pool.iter_mut().for_each(|error| *error -= mean);
    Some(pool)
}

/// For each parameter, its variance by every run's own error (HC2 of MacKinnon and White 1985)
/// ÷ that by the common spread; the largest of them.
fn unlikeness(pool: &[f64], slopes: &[Vec<f64>]) -> f64 {
    let common = pool.iter().map(|e| e * e).sum::<f64>() / pool.len() as f64;
    let width = slopes.first().map_or(0, Vec::len);
    let ratio = |column: usize| {
        let part = hat::partial(slopes, column)?;
        let own = part.iter().zip(pool).map(|(p, e)| p * p * e * e);
        Some(own.sum::<f64>() / common)
    };
    (0..width).filter_map(ratio).fold(0.0, f64::max)
}

/// Thresholds to choose from, in robust standard deviations; infinity is least squares, 1.345
/// has 95 % of its efficiency with normal errors (Huber 1981), and small ones are the median's.
const THRESHOLDS: [f64; 4] = [f64::INFINITY, 2.0, 1.345, 0.5];
/// A threshold replaces a larger one if it makes the variance this much smaller: what is
/// estimated from a few dozen errors is itself uncertain.
const WORTH_CHANGING: f64 = 0.75;

/// The objective that makes estimates least uncertain for errors like those about `fit`, which
/// must be of least squares: asymptotic variance Σψ² / (Σψ')² for each threshold.
pub(crate) fn suited(rows: &[Row], law: FittedLaw, fit: &Estimate) -> Objective {
    let slopes = gradients(rows, law, &fit.values).unwrap_or_default();
    let Some(pool) = deleted_residuals(rows, law, &fit.values, &slopes) else {
        return Objective::LeastSquares;
    };
    let mut sizes: Vec<f64> = pool.iter().map(|e| e.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let scale = 1.4826 * crate::quantiles::quantile(&sizes, 0.5);
    let variance = |threshold: f64| {
        let (mut squares, mut slopes) = (0.0, 0.0);
        for error in &pool {
            let size = error.abs();
            squares += size.min(threshold).powi(2);
            slopes += if size <= threshold { 1.0 } else { 0.0 };
        }
        squares / (slopes * slopes)
    };
    let mut best = (f64::INFINITY, variance(f64::INFINITY));
    for threshold in THRESHOLDS.map(|t| t * scale) {
        let variance = variance(threshold);
        if variance < WORTH_CHANGING * best.1 {
            best = (threshold, variance);
        }
    }
    if best.0.is_finite() && best.0 > 0.0 {
        Objective::Huber { delta: best.0 }
    } else {
        Objective::LeastSquares
    }
}
