//! How a law may be wrong: a smooth function of size and compute with a Gaussian-process prior
//! (Kennedy & O'Hagan 2001).
//!
//! Runs at other compute but the same place in their budget's valley err alike, whatever the
//! cause (long warm-up, small batches, embeddings not counted), and that place moves with
//! compute as N ∝ C^shift. So the process lives in ln N − shift · ln C, with a short length, and
//! ln C, with a long one; half of its variance does not depend on C at all. Extrapolation in C
//! then carries the shape of the valley along and lets it drift.

use super::sample::{Place, Sample};

/// Number of [`Traits`].
pub(crate) const TRAITS: usize = 5;

/// Unconstrained coordinates of [`Traits`].
pub(crate) type Coordinates = [f64; TRAITS];

/// What the process is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Traits {
    /// Length across the valley, in ln N.
    pub across: f64,
    /// Length along compute, in ln C.
    pub along: f64,
    /// Standard deviation of the discrepancy of ln L.
    pub size: f64,
    /// Standard deviation of noise of ln L.
    pub noise: f64,
    /// Exponent with which a valley's places move with compute; 0.5 keeps D / N.
    pub shift: f64,
}

/// Prior means of the coordinates: lengths of a factor of 4.5 in N and 400 in C, 1 % of
/// discrepancy, 0.4 % of noise, places that keep D / N.
const USUAL: Coordinates = [0.405, 1.792, -4.605, -5.521, 0.5];
/// Prior standard deviations.
pub(crate) const SPREAD: Coordinates = [0.6, 0.6, 1.5, 1.0, 0.25];
/// Where a search starts: some more discrepancy than usual.
pub(crate) const START: Coordinates = [0.405, 1.792, -3.855, -5.521, 0.5];

/// Share of the variance that is the same at all compute.
const SHARED: f64 = 0.5;
/// Length along ln (D / U): repetition by a factor of seven.
const REPETITION: f64 = 2.0;

impl Traits {
    pub(crate) fn from(coordinates: &Coordinates) -> Self {
        let [across, along, size, noise, shift] = *coordinates;
        Self {
            across: across.exp(),
            along: along.exp(),
            size: size.exp(),
            noise: noise.exp(),
            shift,
        }
    }

    /// Minus the logarithm of the prior density, but for a constant.
    pub(crate) fn surprise(coordinates: &Coordinates) -> f64 {
        let terms = coordinates.iter().zip(USUAL).zip(SPREAD);
        terms
            .map(|((x, mean), sd)| 0.5 * ((x - mean) / sd).powi(2))
            .sum()
    }

    /// Covariance of the discrepancies at two places.
    pub(crate) fn covariance(&self, a: &Place, b: &Place) -> f64 {
        let across = (a.n - b.n - self.shift * (a.c - b.c)) / self.across;
        let along = (a.c - b.c) / self.along;
        let repetition = (a.repeats - b.repeats) / REPETITION;
        let alike = (-0.5 * (across * across + repetition * repetition)).exp();
        let drift = SHARED + (1.0 - SHARED) * (-0.5 * along * along).exp();
        self.size * self.size * alike * drift
    }

    /// Covariance of all measurements, discrepancy and noise together: rows of a square matrix,
    /// filled at and below the diagonal. `trust` divides the variance of each one's noise.
    pub(crate) fn matrix(&self, sample: &Sample, trust: &[f64]) -> Vec<f64> {
        let n = sample.rows.len();
        let mut matrix = vec![0.0; n * n];
        for (i, row) in sample.rows.iter().enumerate() {
            for (j, other) in sample.rows[..i].iter().enumerate() {
                matrix[i * n + j] = self.covariance(&row.at, &other.at);
            }
            let noise = self.noise * self.noise * row.noise / trust[i];
            matrix[i * n + i] = self.size * self.size + noise + 1e-10;
        }
        matrix
    }
}
