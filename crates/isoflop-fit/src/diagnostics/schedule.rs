//! Several checkpoints of one run: a loss in the middle of a schedule is above that of a run
//! that ends there (Hoffmann et al. 2022, section 3.1).

use super::Suspicion;
use crate::Dataset;
use crate::rows::{Axis, Row};
use std::collections::HashMap;

/// Runs with checkpoints from which a mean says something.
const FEWEST: usize = 3;
/// Excess that matters beside the noise between runs.
const EXCESS: f64 = 0.002;

pub(super) fn suspicions(data: &Dataset, rows: &[Row], errors: &[f64]) -> Vec<Suspicion> {
    let mut clusters: HashMap<usize, Vec<usize>> = HashMap::new();
    for (k, row) in rows.iter().enumerate() {
        clusters.entry(row.cluster).or_default().push(k);
    }
    let tokens = |&k: &usize| rows[k].x[Axis::Tokens as usize];
    clusters.retain(|_, members| {
        let first = members.iter().map(tokens).fold(f64::INFINITY, f64::min);
        let last = members.iter().map(tokens).fold(f64::NEG_INFINITY, f64::max);
        last - first > 0.01
    });
    if clusters.is_empty() {
        return Vec::new();
    }
    let observations = clusters.values().map(Vec::len).sum();
    let mut found = vec![Suspicion::Checkpoints {
        runs: clusters.len(),
        observations,
    }];
    debug_assert!(observations <= data.observations.len());
    if errors.is_empty() || clusters.len() < FEWEST {
        return found;
    }
    // Each run's mean before its end less its end; the sizes cancel.
    let mut excess: Vec<f64> = clusters
        .values()
        .filter_map(|members| {
            let end = *members
                .iter()
                .max_by(|a, b| tokens(a).total_cmp(&tokens(b)))?;
            let before: Vec<f64> = members
                .iter()
                .filter(|&&k| k != end)
                .map(|&k| errors[k])
                .collect();
            Some(before.iter().sum::<f64>() / before.len() as f64 - errors[end])
        })
        .collect();
    excess.sort_by(f64::total_cmp);
    let middle = crate::quantiles::quantile(&excess, 0.5);
    let positive = excess.iter().filter(|&&e| e > 0.0).count();
    if middle > EXCESS && positive * 5 >= excess.len() * 4 {
        found.push(Suspicion::Schedule {
            runs: excess.len(),
            excess: middle,
        });
    }
    found
}
