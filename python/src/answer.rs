//! What a fit says, in the fields of `isoflop fit --json`.

use crate::errors::of_law;
use crate::runs::dropped;
use isoflop_fit::{Fit, FitOptions, FittedParameter};
use isoflop_plan::{Conventions, LawInUse, agreement, elasticities, growth, in_sample};
use isoflop_runs::{Imported, Selection};
use pyo3::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// JSON text of an answer.
pub fn text(answer: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(answer).map_err(crate::errors::misuse)
}

pub fn conventions(fit: &Fit) -> Conventions {
    Conventions {
        param_count: fit.param_count,
        flop_count: fit.flop_count,
    }
}

/// The answer of a fit that was just made.
pub fn of_fit(
    fit: &Fit,
    imported: &Imported,
    selection: &Selection,
    options: &FitOptions,
    against: &[String],
) -> PyResult<Value> {
    let dataset = &selection.dataset;
    let in_sample = in_sample(fit, dataset);
    let worst = in_sample
        .as_ref()
        .map(|found| run_at(imported, selection, found.worst));
    let in_use = LawInUse::fitted(fit.clone()).ok();
    let optimum = in_use
        .as_ref()
        .and_then(|law| growth(law, fit.largest_flops).ok());
    let runs = &dataset.observations;
    let largest = runs
        .iter()
        .max_by(|a, b| a.flops.get().total_cmp(&b.flops.get()));
    let elasticities = in_use
        .as_ref()
        .zip(largest)
        .and_then(|(law, run)| elasticities(&law.surface(), run.params, run.tokens).ok());
    let smallest = runs.iter().map(|run| run.flops);
    let smallest = smallest.min_by(|a, b| a.get().total_cmp(&b.get()));
    let compare = |name: &String| compared(name, selection, fit);
    let mut answer = of_saved(fit, &imported.source);
    let more = json!({
        "n_dropped": selection.dropped.len(),
        "dropped": Value::from_iter(selection.dropped.iter().map(dropped)),
        "smallest_flops": smallest.unwrap_or(fit.largest_flops),
        "bootstraps": options.bootstraps,
        "seed": options.seed,
        "in_sample": in_sample,
        "worst_run": worst,
        "optimum": optimum,
        "elasticities": elasticities,
        "against": Value::from_iter(against.iter().map(compare).collect::<PyResult<Vec<_>>>()?),
        "notes": selection.notes,
        "columns": imported.columns.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    Ok(answer)
}

/// The part of the answer that a saved fit knows.
pub fn of_saved(fit: &Fit, source: &str) -> Value {
    json!({
        "law": fit.law.name(),
        "formula": fit.law.card().formula,
        "source": source,
        "conventions": conventions(fit),
        "n_used": fit.n_used,
        "n_runs": fit.n_runs,
        "largest_flops": fit.largest_flops,
        "params": fit.parameters.iter().map(by_symbol).collect::<Map<_, _>>(),
        "level": fit.level,
        "objective": fit.objective.to_string(),
        "objective_value": fit.objective_value,
        "warnings": fit.warnings,
    })
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

/// A published law beside the runs, or why they are not compared.
fn compared(name: &str, selection: &Selection, fit: &Fit) -> PyResult<Value> {
    // A law that does not exist is wrong use; one that cannot be compared is an answer.
    isoflop_laws::find(name).map_err(of_law)?;
    let mut answer = json!({"law": name, "not_compared": null});
    match agreement(name, &selection.dataset, fit) {
        Ok(found) => {
            if let (Value::Object(answer), Ok(Value::Object(found))) =
                (&mut answer, serde_json::to_value(&found))
            {
                answer.extend(found);
            }
        }
        Err(error) => answer["not_compared"] = error.to_string().into(),
    }
    Ok(answer)
}

/// The name of the run at a position in the dataset, and its line.
pub fn run_at(imported: &Imported, selection: &Selection, position: usize) -> String {
    let row = &imported.rows[selection.used[position]];
    row.run.at_line(Some(row.line).filter(|line| *line > 0))
}
