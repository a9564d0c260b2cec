//! What a fit says.

use crate::failure::{Exit, Failure};
use crate::fitting::FittableRuns;
use isoflop_fit::{Fit, FitOptions, FittedParameter, PosteriorInterval};
use isoflop_laws::Flops;
use isoflop_plan::{
    Agreement, Conventions, Elasticities, Growth, InSample, LawInUse, agreement, elasticities,
    growth, in_sample,
};
use isoflop_runs::Dropped;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One fit, in the fields that scripts rely on and some more.
#[derive(Debug, Serialize)]
pub struct Answer {
    pub law: String,
    pub formula: &'static str,
    pub source: String,
    pub conventions: Conventions,
    pub n_used: usize,
    pub n_runs: usize,
    pub n_dropped: usize,
    pub dropped: Vec<NotUsed>,
    pub smallest_flops: Flops,
    pub largest_flops: Flops,
    /// By symbol, in the order of the formula.
    pub params: Map<String, Value>,
    /// The same parameters under the prior and the runs together, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posterior: Option<Vec<PosteriorInterval>>,
    pub level: f64,
    pub objective: String,
    pub objective_value: f64,
    pub bootstraps: usize,
    pub seed: u64,
    /// Errors at the runs themselves.
    pub in_sample: Option<InSample>,
    /// The run with the largest of them.
    pub worst_run: Option<String>,
    /// The optimum at the largest compute of the runs, and how it grows.
    pub optimum: Option<Growth>,
    /// What matters most at the run with the most compute.
    pub elasticities: Option<Elasticities>,
    pub against: Vec<Against>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub parameters: Vec<FittedParameter>,
}

/// What an answer holds beside the fit itself.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Published laws to hold against the runs.
    pub against: &'a [String],
    /// Whether to say what runs and prior make of the parameters together.
    pub posterior: bool,
}

/// A row that the fit did not use.
#[derive(Debug, Clone, Serialize)]
pub struct NotUsed {
    pub line: Option<u64>,
    pub run: String,
    pub reason: String,
}

/// A published law beside the runs, or why they are not compared.
#[derive(Debug, Serialize)]
pub struct Against {
    pub law: String,
    #[serde(flatten)]
    pub agreement: Option<Agreement>,
    pub not_compared: Option<String>,
}

/// Fits of each value of a column.
#[derive(Debug, Serialize)]
pub struct Grouped {
    pub by: String,
    pub groups: Vec<GroupAnswer>,
    pub dropped: Vec<NotUsed>,
}

/// The fit of one value, or why there is none.
#[derive(Debug, Serialize)]
pub struct GroupAnswer {
    pub group: String,
    pub fit: Option<Answer>,
    pub error: Option<String>,
}

impl GroupAnswer {
    pub fn new(group: String, fitted: Result<Answer, Failure>) -> Self {
        let (fit, error) = match fitted {
            Ok(fit) => (Some(fit), None),
            Err(failure) => (None, Some(failure.sentence().to_owned())),
        };
        Self { group, fit, error }
    }
}

impl Grouped {
    /// "No" only if no group could be fitted.
    pub fn exit(&self) -> Exit {
        if self.groups.iter().any(|group| group.fit.is_some()) {
            Exit::Done
        } else {
            Exit::No
        }
    }
}

pub fn dropped(rows: &[Dropped]) -> Vec<NotUsed> {
    let listed = rows.iter().map(|row| NotUsed {
        line: row.line,
        run: row.run.clone(),
        reason: row.reason.clone(),
    });
    listed.collect()
}

impl Answer {
    /// # Errors
    /// Status 2 if a law of `wanted.against` does not exist, or the fitted one has no posterior.
    pub fn new(
        fit: Fit,
        runs: &FittableRuns,
        options: &FitOptions,
        wanted: Wanted<'_>,
    ) -> Result<Self, Failure> {
        let dataset = &runs.selection.dataset;
        let in_sample = in_sample(&fit, dataset);
        let worst = in_sample.map(|found| runs.run_at(found.worst));
        let in_use = LawInUse::fitted(fit.clone()).ok();
        let optimum = in_use
            .as_ref()
            .and_then(|law| growth(law, fit.largest_flops).ok());
        let largest = dataset.observations.iter();
        // Of several with the most compute, the best one: the others were bottlenecked.
        let largest = largest.max_by(|a, b| {
            let by_flops = a.flops.get().total_cmp(&b.flops.get());
            by_flops.then(b.loss.get().total_cmp(&a.loss.get()))
        });
        let elasticities = in_use
            .as_ref()
            .zip(largest)
            .and_then(|(law, run)| elasticities(&law.surface(), run.params, run.tokens).ok());
        let smallest = dataset.observations.iter().map(|run| run.flops);
        let smallest = smallest.min_by(|a, b| a.get().total_cmp(&b.get()));
        let compare = |name: &String| compare(name, runs, &fit);
        let posterior = wanted
            .posterior
            .then(|| fit.posterior(options.level, options.seed));
        Ok(Self {
            law: fit.law.name().to_owned(),
            formula: fit.law.card().formula,
            source: runs.rows.source.clone(),
            conventions: Conventions {
                param_count: fit.param_count,
                flop_count: fit.flop_count,
            },
            n_used: fit.n_used,
            n_runs: fit.n_runs,
            n_dropped: runs.selection.dropped.len(),
            dropped: dropped(&runs.selection.dropped),
            smallest_flops: smallest.unwrap_or(fit.largest_flops),
            largest_flops: fit.largest_flops,
            params: fit.parameters.iter().map(by_symbol).collect(),
            posterior: posterior.transpose().map_err(Failure::misuse)?,
            level: fit.level,
            objective: fit.objective.to_string(),
            objective_value: fit.objective_value,
            bootstraps: options.bootstraps,
            seed: options.seed,
            in_sample,
            worst_run: worst,
            optimum,
            elasticities,
            against: wanted
                .against
                .iter()
                .map(compare)
                .collect::<Result<_, _>>()?,
            notes: runs.selection.notes.clone(),
            warnings: fit.warnings,
            parameters: fit.parameters,
        })
    }
}

fn by_symbol(parameter: &FittedParameter) -> (String, Value) {
    let value = json!({
        "value": parameter.value,
        "lo": parameter.lo,
        "hi": parameter.hi,
        "standard_error": parameter.standard_error,
        "identified": parameter.identified,
    });
    (parameter.symbol.clone(), value)
}

fn compare(name: &str, runs: &FittableRuns, fit: &Fit) -> Result<Against, Failure> {
    // A law that does not exist is wrong use; one that cannot be compared is an answer.
    isoflop_laws::find(name)?;
    let found = agreement(name, &runs.selection.dataset, fit);
    let (agreement, not_compared) = match found {
        Ok(agreement) => (Some(agreement), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Against {
        law: name.to_owned(),
        agreement,
        not_compared,
    })
}
