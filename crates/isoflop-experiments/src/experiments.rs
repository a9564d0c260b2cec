//! Every experiment: one file each, with its runs and its judge.

mod critical_batch;
mod data_quality;
mod early_stopping;
mod kaplan_panels;
mod repetition;
mod sample_efficiency;
mod tokens_per_parameter;
mod valleys;
mod wsd;

use crate::Name;
use crate::design::{Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::Judgement;
use crate::records::Records;
use isoflop_fit::{FitOptions, FittedLaw, FormulaOptions};
use isoflop_report::LossUnit;

macro_rules! experiments {
    ($($name:ident => $module:ident),+ $(,)?) => {
        /// The runs of an experiment, their length `scale` times the shortest that make sense.
        pub(crate) fn runs(name: Name, bench: &Bench, scale: f64) -> Vec<PlannedRun> {
            match name {
                $(Name::$name => $module::runs(bench, scale),)+
            }
        }

        /// Whether its claim holds on these records.
        pub(crate) fn judge(name: Name, records: &Records) -> Result<Judgement, ExperimentError> {
            match name {
                $(Name::$name => $module::judge(records),)+
            }
        }
    };
}

experiments! {
    KaplanPanels => kaplan_panels,
    SampleEfficiency => sample_efficiency,
    EarlyStopping => early_stopping,
    CriticalBatch => critical_batch,
    Valleys => valleys,
    DataQuality => data_quality,
    Repetition => repetition,
    TokensPerParameter => tokens_per_parameter,
    Wsd => wsd,
}

/// How laws are fitted here.
fn options_for(law: FittedLaw, records: &Records) -> FitOptions {
    FitOptions {
        level: crate::judgement::LEVEL,
        seed: records.seed,
        ..FitOptions::of(law)
    }
}

/// How formulas are fitted here.
fn formula(name: &'static str, seed: u64) -> FormulaOptions {
    FormulaOptions {
        name,
        bootstraps: 400,
        seed,
        level: crate::judgement::LEVEL,
    }
}

/// The `p` quantile of sorted numbers; NaN for none.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = (sorted.len() as f64 * p) as usize;
    sorted
        .get(place.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Losses in figures.
const UNIT: LossUnit = LossUnit::NatsPerToken;

/// What a figure says below, of all experiments.
fn basis(law: &str, records: &Records) -> String {
    format!(
        "{law}. {} runs, {} measurements. C counted from the architecture; loss on clean \
         validation text.",
        records.runs(),
        records.rows.len()
    )
}

/// A number in a sentence: three significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size == 0.0 => "0".to_owned(),
        _ if !(1e-3..1e5).contains(&size) => format!("{value:.2e}"),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// `0.48 (0.41 to 0.55)`.
fn with_interval(value: f64, (lo, hi): (f64, f64)) -> String {
    format!("{} ({} to {})", short(value), short(lo), short(hi))
}
