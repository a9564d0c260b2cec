//! Least squares for a formula that is given with its data: laws that are not fitted to runs of
//! N, D, C and loss alone, such as the critical batch or the worth of repeated tokens.
//!
//! The minimum is found by the method of Levenberg (1944) and Marquardt (1963) with derivatives by
//! central differences, from several starts. Intervals are those of a parametric bootstrap: errors
//! are drawn as normal with the residuals' own spread, which is itself unknown, so that
//! a formula's interval in a linear problem is Student's.

use crate::FitError;
use crate::quantiles::central;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use rayon::prelude::*;

/// A formula: parameters and the position of an observation give what should be observed.
pub type Formula<'f> = dyn Fn(&[f64], usize) -> f64 + Sync + 'f;

/// How a formula is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FormulaOptions {
    /// What the formula is called in an error.
    pub name: &'static str,
    /// Refits to drawn observations, for intervals.
    pub bootstraps: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Coverage that intervals claim.
    pub level: f64,
}

/// A fitted formula.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaFit {
    /// The parameters, in the order of the starts.
    pub values: Vec<f64>,
    /// The same from refits to observations that might have been.
    pub draws: Vec<Vec<f64>>,
    /// Observed less fitted, in the order of the observations.
    pub residuals: Vec<f64>,
    /// Coverage of [`FormulaFit::interval`].
    pub level: f64,
}

/// Steps of the search, far more than a smooth problem takes.
const STEPS: usize = 200;

/// Fits `formula` to `observed` by least squares; the best of all `starts` counts.
///
/// # Errors
/// [`FitError::TooFewRuns`] unless there are more observations than parameters;
/// [`FitError::NoTrend`] if the formula is not finite at any start.
pub fn fit_formula(
    observed: &[f64],
    formula: &Formula<'_>,
    starts: &[Vec<f64>],
    options: FormulaOptions,
) -> Result<FormulaFit, FitError> {
    let parameters = starts.first().map_or(0, Vec::len);
    if observed.len() <= parameters || parameters == 0 {
        return Err(FitError::TooFewRuns {
            law: options.name,
            needed: parameters + 1,
            found: observed.len(),
            simpler: "power-c",
        });
    }
    let found = starts
        .iter()
        .filter_map(|start| search(observed, formula, start));
    let best = found.min_by(|a, b| a.squares.total_cmp(&b.squares));
    let best = best.ok_or(FitError::NoTrend {
        law: options.name,
        quantity: "what it depends on",
    })?;
    let residuals = residuals(observed, formula, &best.values);
    let fitted: Vec<f64> = (0..observed.len())
        .map(|i| formula(&best.values, i))
        .collect();
    let freedom = (observed.len() - parameters) as f64;
    let spread = (best.squares / freedom).sqrt();
    let draw = |replicate: usize| {
        let mut stream = ChaCha8Rng::seed_from_u64(options.seed);
        stream.set_stream(replicate as u64);
        let chi: f64 = ChiSquared::new(freedom).ok()?.sample(&mut stream);
        let scale = spread * (freedom / chi).sqrt();
        let normal = |stream: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(stream) };
        let drawn: Vec<f64> = fitted
            .iter()
            .map(|value| value + scale * normal(&mut stream))
            .collect();
        Some(search(&drawn, formula, &best.values)?.values)
    };
    let draws: Vec<Option<Vec<f64>>> = (0..options.bootstraps).into_par_iter().map(draw).collect();
    Ok(FormulaFit {
        values: best.values,
        draws: draws.into_iter().flatten().collect(),
        residuals,
        level: options.level,
    })
}

impl FormulaFit {
    /// The interval of a quantity that the parameters give; NaN without draws.
    pub fn interval(&self, of: impl Fn(&[f64]) -> f64) -> (f64, f64) {
        let mut drawn: Vec<f64> = self.draws.iter().map(|draw| of(draw)).collect();
        drawn.retain(|value| !value.is_nan());
        drawn.sort_by(f64::total_cmp);
        central(&drawn, self.level)
    }

    /// Root of the mean square of the residuals.
    #[must_use]
    pub fn rms(&self) -> f64 {
        (squares(&self.residuals) / self.residuals.len() as f64).sqrt()
    }
}

struct Found {
    values: Vec<f64>,
    squares: f64,
}

fn squares(residuals: &[f64]) -> f64 {
    residuals.iter().map(|r| r * r).sum()
}

fn residuals(observed: &[f64], formula: &Formula<'_>, values: &[f64]) -> Vec<f64> {
    let left = |(i, seen): (usize, &f64)| seen - formula(values, i);
    observed.iter().enumerate().map(left).collect()
}

fn search(observed: &[f64], formula: &Formula<'_>, start: &[f64]) -> Option<Found> {
    let mut values = start.to_vec();
    let mut left = residuals(observed, formula, &values);
    let mut best = squares(&left);
    if !best.is_finite() {
        return None;
    }
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let slopes = slopes(formula, &values, observed.len());
        let (normal, right) = normal_equations(&slopes, &left);
        let Some(step) = damped_step(normal, right, damping) else {
            break;
        };
        let tried: Vec<f64> = values.iter().zip(&step).map(|(v, s)| v + s).collect();
        let tried_left = residuals(observed, formula, &tried);
        let tried_squares = squares(&tried_left);
        if tried_squares.is_finite() && tried_squares <= best {
            let gain = best - tried_squares;
            (values, left, best) = (tried, tried_left, tried_squares);
            damping = (damping * 0.3).max(1e-12);
            if gain <= 1e-13 * best.max(1e-300) {
                break;
            }
        } else {
            damping *= 4.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    Some(Found {
        values,
        squares: best,
    })
}

/// Derivatives by each parameter, one row an observation.
fn slopes(formula: &Formula<'_>, values: &[f64], count: usize) -> Vec<Vec<f64>> {
    let mut moved = values.to_vec();
    let mut rows = vec![vec![0.0; values.len()]; count];
    for parameter in 0..values.len() {
        let h = 1e-6 * values[parameter].abs().max(1e-2);
        for (side, sign) in [(h, 1.0), (-h, -1.0)] {
            moved[parameter] = values[parameter] + side;
            for (i, row) in rows.iter_mut().enumerate() {
                row[parameter] += sign * formula(&moved, i) / (2.0 * h);
            }
        }
        moved[parameter] = values[parameter];
    }
    rows
}

fn normal_equations(slopes: &[Vec<f64>], left: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let count = slopes.first().map_or(0, Vec::len);
    let mut normal = vec![vec![0.0; count]; count];
    let mut right = vec![0.0; count];
    for (row, left) in slopes.iter().zip(left) {
        for i in 0..count {
            right[i] += row[i] * left;
            for j in 0..count {
                normal[i][j] += row[i] * row[j];
            }
        }
    }
    (normal, right)
}

/// Marquardt's step: the diagonal is enlarged in proportion; elimination with pivots.
fn damped_step(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>, damping: f64) -> Option<Vec<f64>> {
    let count = right.len();
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] += damping * row[i].max(1e-12);
    }
    for column in 0..count {
        let pivot = (column..count).max_by(|a, b| {
            matrix[*a][column]
                .abs()
                .total_cmp(&matrix[*b][column].abs())
        })?;
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let head = matrix[column][column];
        if !(head.is_finite() && head != 0.0) {
            return None;
        }
        for row in column + 1..count {
            let factor = matrix[row][column] / head;
            for k in column..count {
                matrix[row][k] -= factor * matrix[column][k];
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right.iter().all(|value| value.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: FormulaOptions = FormulaOptions {
        name: "test",
        bootstraps: 400,
        seed: 1,
        level: 0.9,
    };

    #[test]
    fn recovers_a_power_and_a_constant_without_noise() {
        let formula = |p: &[f64], i: usize| p[0] + (p[1] - p[2] * (i as f64 + 1.0).ln()).exp();
        let truth = [1.7, 0.9, 0.4];
        let observed: Vec<f64> = (0..8).map(|i| formula(&truth, i)).collect();
        let starts = [vec![1.0, 0.0, 0.2], vec![0.1, 1.0, 1.0]];
        let fit = fit_formula(&observed, &formula, &starts, OPTIONS).unwrap();
        for (found, true_value) in fit.values.iter().zip(truth) {
            assert!((found - true_value).abs() < 1e-5, "{:?}", fit.values);
        }
        assert!(fit.rms() < 1e-7);
    }

    #[test]
    fn the_interval_of_a_mean_is_students() {
        // Six observations of one mean: 90 % interval is mean ± 2.015 s / √6.
        let observed = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let options = FormulaOptions {
            bootstraps: 20_000,
            ..OPTIONS
        };
        let fit = fit_formula(&observed, &|p, _| p[0], &[vec![0.0]], options).unwrap();
        let half = 2.015 * 3.5f64.sqrt() / 6f64.sqrt();
        let (lo, hi) = fit.interval(|p| p[0]);
        assert!((fit.values[0] - 3.5).abs() < 1e-9);
        assert!((lo - (3.5 - half)).abs() < 0.05, "{lo}");
        assert!((hi - (3.5 + half)).abs() < 0.05, "{hi}");
    }

    #[test]
    fn too_few_observations_are_refused() {
        let error = fit_formula(&[1.0], &|p, _| p[0], &[vec![0.0]], OPTIONS).unwrap_err();
        assert!(matches!(
            error,
            FitError::TooFewRuns {
                needed: 2,
                found: 1,
                ..
            }
        ));
        let nan = fit_formula(&[1.0, 2.0], &|_, _| f64::NAN, &[vec![0.0]], OPTIONS);
        assert!(nan.is_err());
    }
}
