//! The size that runs of least loss had for their compute.

use super::sample::Sample;

/// ln N = level + slope · ln C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frontier {
    level: f64,
    slope: f64,
}

/// What the slope is without runs: 0.5, as published sizes grow, give or take 0.15 (Hoffmann et
/// al. 2022 have 0.46 to 0.5, Kaplan et al. 2020 have 0.73), against runs that scatter by a
/// factor of 1.35 around the line.
const USUAL_SLOPE: f64 = 0.5;
const PULL: f64 = 4.0;

impl Frontier {
    /// From the runs that no run of less compute beats. `None` without runs.
    pub(crate) fn of(sample: &Sample) -> Option<Self> {
        let mut lowest = f64::INFINITY;
        // Rows are sorted from large to small compute.
        let on: Vec<_> = sample
            .rows
            .iter()
            .rev()
            .filter(|row| {
                let beats = row.y < lowest;
                lowest = lowest.min(row.y);
                beats
            })
            .map(|row| row.at)
            .collect();
        let count = on.len() as f64;
        let c = on.iter().map(|at| at.c).sum::<f64>() / count;
        let n = on.iter().map(|at| at.n).sum::<f64>() / count;
        let square: f64 = on.iter().map(|at| (at.c - c).powi(2)).sum();
        let product: f64 = on.iter().map(|at| (at.c - c) * (at.n - n)).sum();
        let slope = (product + PULL * USUAL_SLOPE) / (square + PULL);
        (!on.is_empty()).then_some(Self {
            level: n - slope * c,
            slope,
        })
    }

    pub(crate) fn ln_params(&self, ln_flops: f64) -> f64 {
        self.level + self.slope * ln_flops
    }
}
