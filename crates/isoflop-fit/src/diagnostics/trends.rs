//! Whether residuals move with an input, and how far inputs reach.

use super::Suspicion;
use crate::rows::{Axis, Row};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An input of a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Model size N.
    Params,
    /// Tokens D.
    Tokens,
    /// Compute C.
    Flops,
    /// Optimiser steps S.
    Steps,
}

impl Quantity {
    pub(crate) fn of(axis: Axis) -> Self {
        match axis {
            Axis::Params => Quantity::Params,
            // What is unique and how good it is are properties of the tokens.
            Axis::Tokens | Axis::Unique | Axis::Quality => Quantity::Tokens,
            Axis::Flops => Quantity::Flops,
            Axis::Steps => Quantity::Steps,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Quantity::Params => "size N",
            Quantity::Tokens => "tokens D",
            Quantity::Flops => "compute C",
            Quantity::Steps => "steps S",
        })
    }
}

/// How far an input reaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Which input.
    pub quantity: Quantity,
    /// Smallest value.
    pub lo: f64,
    /// Largest value.
    pub hi: f64,
    /// Largest ÷ smallest.
    pub factor: f64,
}

impl Span {
    pub(super) fn of(axis: Axis, (lo, hi): (f64, f64)) -> Self {
        Self {
            quantity: Quantity::of(axis),
            lo: lo.exp(),
            hi: hi.exp(),
            factor: (hi - lo).exp(),
        }
    }
}

/// Residuals as a parabola in the logarithm of an input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// The input.
    pub quantity: Quantity,
    /// Change of ln L − ln L̂ from the smallest to the largest value.
    pub drift: f64,
    /// Student's t of the drift.
    pub drift_t: f64,
    /// Mean of both ends less the middle.
    pub bend: f64,
    /// Student's t of the bend.
    pub bend_t: f64,
}

/// A trend counts from this t on: six are looked at in each fit.
const SIGNIFICANT: f64 = 4.0;
/// Fewest runs that show a trend.
const FEWEST: usize = 10;

impl Trend {
    pub(super) fn suspicion(&self) -> Option<Suspicion> {
        let bends = self.bend_t.abs() >= SIGNIFICANT;
        let drifts = self.drift_t.abs() >= SIGNIFICANT;
        (bends || drifts).then_some(Suspicion::ResidualTrend {
            quantity: self.quantity,
            bends,
            change: if bends { self.bend } else { self.drift },
        })
    }
}

pub(super) fn of(rows: &[Row], errors: &[f64], scale: f64) -> Vec<Trend> {
    if errors.len() < FEWEST || scale < 1e-9 {
        return Vec::new();
    }
    let axes = [Axis::Params, Axis::Tokens, Axis::Flops];
    let one = |axis: Axis| trend(rows, errors, scale, axis);
    axes.into_iter().filter_map(one).collect()
}

/// The residuals, outliers drawn in to three standard deviations, on Legendre's polynomials.
fn trend(rows: &[Row], errors: &[f64], scale: f64, axis: Axis) -> Option<Trend> {
    let (lo, hi) = crate::rows::range(rows, axis);
    let place = |row: &Row| 2.0 * (row.x[axis as usize] - lo) / (hi - lo) - 1.0;
    let basis = |row: &Row| {
        let x = place(row);
        vec![1.0, x, 1.5 * x * x - 0.5]
    };
    let columns: Vec<Vec<f64>> = rows.iter().map(basis).collect();
    let drawn_in: Vec<f64> = errors
        .iter()
        .map(|e| e.clamp(-3.0 * scale, 3.0 * scale))
        .collect();
    // Slope of a column with the others held, and its standard error for errors of one.
    let of = |column: usize| -> Option<(f64, f64)> {
        let part = crate::estimate::hat::partial(&columns, column)?;
        let reach: f64 = part.iter().zip(&columns).map(|(p, c)| p * c[column]).sum();
        let product: f64 = part.iter().zip(&drawn_in).map(|(p, e)| p * e).sum();
        Some((product / reach, 1.0 / reach.abs()))
    };
    let ((level, _), (slope, slope_error), (bend, bend_error)) = (of(0)?, of(1)?, of(2)?);
    let left = |(e, c): (&f64, &Vec<f64>)| e - level - slope * c[1] - bend * c[2];
    let left: Vec<f64> = drawn_in.iter().zip(&columns).map(left).collect();
    let spread = super::residuals::robust_scale(&left).max(1e-12);
    let (drift_t, bend_t) = (slope / (slope_error * spread), bend / (bend_error * spread));
    let finite = slope.is_finite() && bend.is_finite();
    finite.then_some(Trend {
        quantity: Quantity::of(axis),
        drift: 2.0 * slope,
        drift_t,
        bend: 1.5 * bend,
        bend_t,
    })
}
