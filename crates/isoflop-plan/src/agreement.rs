//! Does a published law agree with somebody's runs, and where not?

use crate::forecast::Conventions;
use crate::law_in_use::{LawInUse, LawInUseError};
use isoflop_fit::{Dataset, Fit, Observation};
use isoflop_laws::{Flops, ParamCount};
use serde::Serialize;

/// Why a law cannot be held against runs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AgreementError {
    /// The law does not give the loss of a run.
    #[error(transparent)]
    Law(#[from] LawInUseError),
    /// Parameters are counted otherwise.
    #[error(
        "law `{law}` counts N as {of_law} and these runs as {of_runs}: they are not compared, for the difference moves the answer; give the runs' {of_law} as well"
    )]
    Conventions {
        /// The law's name.
        law: String,
        /// What N is to the law.
        of_law: ParamCount,
        /// What N is in the runs.
        of_runs: ParamCount,
    },
    /// No run where the law has a value.
    #[error("law `{0}` has no finite loss at any of these runs")]
    NoValue(String),
}

/// Runs of similar compute, beside what the law says of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Region {
    /// Smallest compute.
    pub from: Flops,
    /// Largest compute.
    pub to: Flops,
    /// Runs.
    pub n: usize,
    /// Median of measured ÷ predicted loss − 1.
    pub median_deviation: f64,
}

/// A constant that is published with another value than the runs give.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherConstant {
    /// Its symbol.
    pub symbol: String,
    /// The published value.
    pub published: f64,
    /// Lower end of its interval by the runs.
    pub lo: f64,
    /// Upper end of its interval by the runs.
    pub hi: f64,
}

/// A published law beside runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The law's name.
    pub law: String,
    /// Runs compared.
    pub n: usize,
    /// Whether every third of the runs, by compute, is within [`Agreement::tolerance`].
    pub agrees: bool,
    /// Deviation that counts as agreement.
    pub tolerance: f64,
    /// Median of measured ÷ predicted loss − 1, all runs.
    pub median_deviation: f64,
    /// The same by thirds of the runs, the smallest compute first.
    pub by_compute: Vec<Region>,
    /// Constants of the same formula outside the interval that the runs give them.
    pub other_constants: Vec<OtherConstant>,
    /// What such a deviation often comes from.
    pub likely: Vec<String>,
}

/// Deviation that is not held against a law: twice the usual run-to-run noise of a ladder, and
/// never more than the runs themselves scatter.
const TOLERANCE: f64 = 0.01;

/// Holds a published law against the runs of a fit.
///
/// # Errors
/// [`AgreementError`] if the law is no surface, counts otherwise, or has no value at the runs.
pub fn agreement(name: &str, dataset: &Dataset, fit: &Fit) -> Result<Agreement, AgreementError> {
    let law = LawInUse::published(name)?;
    check_conventions(&law.name, law.conventions, dataset)?;
    let mut deviations: Vec<(Flops, f64)> = dataset
        .observations
        .iter()
        .filter_map(|run| Some((run.flops, deviation(&law, run)?)))
        .collect();
    if deviations.is_empty() {
        return Err(AgreementError::NoValue(law.name));
    }
    deviations.sort_by(|a, b| a.0.get().total_cmp(&b.0.get()));
    let by_compute = thirds(&deviations);
    let agrees = by_compute
        .iter()
        .all(|region| region.median_deviation.abs() <= TOLERANCE);
    Ok(Agreement {
        n: deviations.len(),
        agrees,
        tolerance: TOLERANCE,
        median_deviation: median(deviations.iter().map(|d| d.1)),
        other_constants: other_constants(&law, fit),
        likely: if agrees { vec![] } else { likely(&by_compute) },
        by_compute,
        law: law.name,
    })
}

fn check_conventions(
    law: &str,
    conventions: Conventions,
    dataset: &Dataset,
) -> Result<(), AgreementError> {
    if conventions.param_count == dataset.param_count {
        return Ok(());
    }
    Err(AgreementError::Conventions {
        law: law.to_owned(),
        of_law: conventions.param_count,
        of_runs: dataset.param_count,
    })
}

fn deviation(law: &LawInUse, run: &Observation) -> Option<f64> {
    let predicted = law.law().surface()?.loss(run.params, run.tokens).ok()?;
    Some(run.loss.get() / predicted.get() - 1.0)
}

/// Up to three regions of equally many runs.
fn thirds(deviations: &[(Flops, f64)]) -> Vec<Region> {
    let size = deviations.len().div_ceil(3);
    let regions = deviations.chunks(size).map(|runs| Region {
        from: runs[0].0,
        to: runs[runs.len() - 1].0,
        n: runs.len(),
        median_deviation: median(runs.iter().map(|run| run.1)),
    });
    regions.collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle.saturating_sub(1)], values[middle])
    }
}

/// Constants that differ, where the fit is of the same formula and knows its intervals.
fn other_constants(law: &LawInUse, fit: &Fit) -> Vec<OtherConstant> {
    if law.law().card().name != fit.law.name() {
        return vec![];
    }
    let pairs = law.law().values().into_iter().zip(&fit.parameters);
    let others = pairs.filter_map(|(published, fitted)| {
        let (lo, hi) = (fitted.lo?, fitted.hi?);
        (fitted.identified && !(lo..=hi).contains(&published)).then(|| OtherConstant {
            symbol: fitted.symbol.clone(),
            published,
            lo,
            hi,
        })
    });
    others.collect()
}

/// Causes that such a deviation had in the literature.
fn likely(regions: &[Region]) -> Vec<String> {
    let first = regions[0].median_deviation;
    let last = regions[regions.len() - 1].median_deviation;
    let level = f64::midpoint(first, last);
    // Bits are nats divided by ln 2.
    let as_bits = |deviation: f64| (deviation + 1.0) * std::f64::consts::LN_2 - 1.0;
    let mut causes = Vec::new();
    if as_bits(level).abs() < 0.1 && level > 0.2 {
        causes.push("the losses are about 1 / ln 2 of what is predicted: bits given as nats?");
    } else if (last - first).abs() < level.abs() / 2.0 {
        causes.push("nearly the same share everywhere: another tokeniser, corpus or held-out text");
    }
    if first.abs() > TOLERANCE && first.abs() > 2.0 * last.abs() {
        causes.push(
            "largest at small compute: embeddings counted otherwise, the last layer's FLOPs left out, or warm-up too long for small runs (Porian et al. 2024; Pearce & Song 2024)",
        );
    }
    if last > TOLERANCE && last > 2.0 * first.abs() {
        causes.push(
            "largest at large compute: schedules that do not end with the run, or hyperparameters not tuned by scale (Hoffmann et al. 2022; Porian et al. 2024)",
        );
    }
    causes.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(median_deviation: f64) -> Region {
        Region {
            from: Flops::new(1e18).unwrap(),
            to: Flops::new(1e19).unwrap(),
            n: 5,
            median_deviation,
        }
    }

    #[test]
    fn losses_in_bits_are_suspected() {
        let in_bits = 1.0 / std::f64::consts::LN_2 - 1.0;
        let causes = likely(&[region(in_bits), region(in_bits), region(in_bits)]);
        assert!(causes[0].contains("bits"), "{causes:?}");
    }

    #[test]
    fn a_constant_share_points_to_the_tokeniser_and_a_share_at_small_runs_to_conventions() {
        let causes = likely(&[region(0.08), region(0.08), region(0.08)]);
        assert!(causes[0].contains("tokeniser"), "{causes:?}");
        let causes = likely(&[region(0.06), region(0.02), region(0.005)]);
        assert!(causes[0].contains("small compute"), "{causes:?}");
    }
}
