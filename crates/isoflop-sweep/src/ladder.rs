//! The runs of a ladder: a grid, sets at equal compute, or a design's.

use crate::plan::RunSpec;
use isoflop_laws::{Flops, Params, QuantityError, Tokens};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Why there is no ladder.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LadderError {
    /// A size left the range of numbers.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// Nothing to run.
    #[error("a ladder needs at least one {0}")]
    Empty(&'static str),
    /// The text is not the answer of `isoflop design`.
    #[error("this is not the answer of `isoflop design --json`: {0}")]
    NotADesign(String),
}

/// Tokens a parameter around which the sizes of a budget lie (Hoffmann et al. 2022).
pub const CENTRAL_RATIO: f64 = 20.0;

/// Compute of a level over that of the next larger one: half a decade, so that three levels span
/// a factor of ten.
const LEVEL_RATIO: f64 = 0.316_227_766_016_837_94;

/// Every size with every length.
///
/// # Errors
/// [`LadderError::Empty`] without sizes or lengths.
pub fn grid(params: &[Params], tokens: &[Tokens]) -> Result<Vec<(Params, Tokens)>, LadderError> {
    if params.is_empty() || tokens.is_empty() {
        return Err(LadderError::Empty("size and length"));
    }
    let points = params
        .iter()
        .flat_map(|n| tokens.iter().map(move |d| (*n, *d)));
    Ok(points.collect())
}

/// `sizes` sizes at each budget, spread evenly in ln N from the best one by the rule of
/// [`CENTRAL_RATIO`] ÷ `spread` to the best one × `spread`; C = 6ND throughout (Hoffmann et al.
/// 2022, approach 2).
///
/// # Errors
/// [`LadderError`] without budgets or sizes, or with a spread below 1.
pub fn isoflop_sets(
    budgets: &[Flops],
    sizes: usize,
    spread: f64,
) -> Result<Vec<(Params, Tokens)>, LadderError> {
    if budgets.is_empty() || sizes == 0 {
        return Err(LadderError::Empty("budget and size"));
    }
    let mut points = Vec::new();
    for budget in budgets {
        let best = (budget.get() / (6.0 * CENTRAL_RATIO)).sqrt();
        for index in 0..sizes {
            // From −1 to 1 across the valley; a single size is the best one.
            let place = match sizes {
                1 => 0.0,
                _ => 2.0 * index as f64 / (sizes - 1) as f64 - 1.0,
            };
            let params = best * spread.powf(place);
            points.push((
                Params::new(params)?,
                Tokens::new(budget.get() / (6.0 * params))?,
            ));
        }
    }
    Ok(points)
}

/// Budgets of `levels` levels with `runs` runs each, half a decade apart, which together cost
/// `total`.
///
/// # Errors
/// [`LadderError::Empty`] without levels or runs.
pub fn levels(total: Flops, levels: usize, runs: usize) -> Result<Vec<Flops>, LadderError> {
    if levels == 0 || runs == 0 {
        return Err(LadderError::Empty("level and run"));
    }
    let shares: Vec<f64> = (0..levels)
        .rev()
        .map(|level| LEVEL_RATIO.powi(level as i32))
        .collect();
    let unit = total.get() / (runs as f64 * shares.iter().sum::<f64>());
    Ok(shares
        .iter()
        .map(|share| Flops::new(unit * share))
        .collect::<Result<_, _>>()?)
}

#[derive(Deserialize)]
struct Design {
    runs: Vec<DesignRun>,
}

#[derive(Deserialize)]
struct DesignRun {
    params: Params,
    tokens: Tokens,
}

/// The runs that `isoflop design --json` proposed.
///
/// # Errors
/// [`LadderError::NotADesign`] says what is wrong.
pub fn from_design(text: &str) -> Result<Vec<(Params, Tokens)>, LadderError> {
    let design: Design =
        serde_json::from_str(text).map_err(|error| LadderError::NotADesign(error.to_string()))?;
    if design.runs.is_empty() {
        return Err(LadderError::Empty("proposed run"));
    }
    Ok(design
        .runs
        .iter()
        .map(|run| (run.params, run.tokens))
        .collect())
}

/// What the runs of a ladder share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shared {
    /// Batch size in tokens; lengths are rounded to whole batches.
    pub batch_tokens: Option<Tokens>,
    /// Peak learning rate.
    pub learning_rate: Option<f64>,
    /// Seeds of each point.
    pub seeds: u64,
    /// What the trainer wants to know besides.
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// The runs of a plan, from cheap to dear, each with a name that says what it is. Points that are
/// the same get further seeds.
///
/// # Errors
/// [`LadderError::Quantity`] where a length is less than a batch.
pub fn runs(points: &[(Params, Tokens)], shared: &Shared) -> Result<Vec<RunSpec>, LadderError> {
    let mut specs: Vec<RunSpec> = Vec::new();
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    for &(params, tokens) in points {
        let params = Params::new(params.get().round())?;
        let tokens = match shared.batch_tokens {
            Some(batch) => {
                Tokens::new((tokens.get() / batch.get()).round().max(1.0) * batch.get().round())?
            }
            None => Tokens::new(tokens.get().round())?,
        };
        for _ in 0..shared.seeds.max(1) {
            let point = format!("n{params}-d{tokens}");
            let seed = names.entry(point.clone()).or_default();
            specs.push(RunSpec {
                name: format!("{point}-s{seed}"),
                params,
                tokens,
                flops: None,
                batch_tokens: shared.batch_tokens,
                learning_rate: shared.learning_rate,
                seed: *seed,
                settings: shared.settings.clone(),
            });
            *seed += 1;
        }
    }
    // Rounded sizes leave the runs of one budget a little apart: they still belong together.
    specs.sort_by_cached_key(|run| {
        (
            (run.compute().ln() * 100.0).round() as i64,
            run.params.get().to_bits(),
        )
    });
    Ok(specs)
}

/// Seconds that runs take with `slots` at a time, each at `flops_per_sec`: begun in order, each on
/// the first slot that is free.
#[must_use]
pub fn duration_secs(runs: &[RunSpec], slots: usize, flops_per_sec: f64) -> f64 {
    let mut free = vec![0.0_f64; slots.max(1)];
    for run in runs {
        if let Some(slot) = free.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            *slot += run.compute().get() / flops_per_sec;
        }
    }
    free.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_design_becomes_runs_and_repeated_points_become_seeds() {
        let text = r#"{"runs":[{"params":2e6,"tokens":4e7,"flops":4.8e14},{"params":1e6,"tokens":2e7,"flops":1.2e14},
            {"params":1e6,"tokens":2e7,"flops":1.2e14}],"cost_flops":7.2e14}"#;
        let runs = runs(&from_design(text).unwrap(), &Shared::default()).unwrap();
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names, ["n1M-d20M-s0", "n1M-d20M-s1", "n2M-d40M-s0"]);
        assert!(from_design("{}").unwrap_err().to_string().contains("runs"));
    }

    #[test]
    fn runs_are_packed_as_an_executor_packs_them() {
        let point = |d: f64| (Params::new(1e6).unwrap(), Tokens::new(d).unwrap());
        let points: Vec<_> = [1e6, 2e6, 3e6].map(point).into();
        let runs = runs(&points, &Shared::default()).unwrap();
        // 6, 12 and 18 units: the third begins when the first slot is free.
        assert_eq!(duration_secs(&runs, 2, 1e12), 24.0);
        assert_eq!(duration_secs(&runs, 1, 1e12), 36.0);
    }

    proptest! {
        #[test]
        fn levels_cost_what_was_given(total in 1e10f64..1e24, count in 1usize..8, sizes in 1usize..9) {
            let total = Flops::new(total).unwrap();
            let budgets = levels(total, count, sizes).unwrap();
            let points = isoflop_sets(&budgets, sizes, 4.0).unwrap();
            let cost: f64 = points.iter().map(|(n, d)| 6.0 * n.get() * d.get()).sum();
            prop_assert!((cost / total.get() - 1.0).abs() < 1e-9);
            prop_assert_eq!(points.len(), count * sizes);
        }
    }
}
