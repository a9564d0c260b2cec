//! `isoflop runs show`.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::text::paragraph;
use isoflop_runs::{Checkpoint, Provenance, Run};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Show all that a store knows of a run, and where each value came from.
///
/// Example:
///   isoflop runs show runs.db d64-3
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The store
    store: PathBuf,
    /// The run
    run: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    run: Value,
    provenance: Vec<Value>,
    curve: Vec<Value>,
}

pub fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let store = super::open(&args.store)?;
    let found = store.run(&args.run).map_err(Failure::misuse)?;
    let Some(run) = found else {
        let names = store.runs().map_err(Failure::misuse)?;
        let names: Vec<&str> = names.iter().map(|run| run.run.as_str()).collect();
        return Err(Failure::unknown("run", &args.run, names));
    };
    let origins = store.provenance(&args.run).map_err(Failure::misuse)?;
    let curve = store.checkpoints(&args.run).map_err(Failure::misuse)?;
    let answer = Answer {
        run: run.to_json(),
        provenance: origins.iter().map(origin_json).collect(),
        curve: curve.iter().map(point_json).collect(),
    };
    output.answer(&answer, |_| text(&run, &origins, &curve))?;
    Ok(Exit::Done)
}

fn origin_json(origin: &Provenance) -> Value {
    json!({
        "column": origin.field, "source": origin.source, "line": origin.line, "note": origin.note,
    })
}

fn point_json(point: &Checkpoint) -> Value {
    json!({
        "step": point.step, "tokens": point.tokens, "loss": point.loss,
        "train_loss": point.train_loss, "lr": point.lr,
    })
}

fn text(run: &Run, origins: &[Provenance], curve: &[Checkpoint]) -> String {
    let mut text = String::new();
    let fields = run.to_json();
    for (name, value) in fields.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        let value = match value {
            Value::String(words) => words.clone(),
            other => other.to_string(),
        };
        text += &format!("{name}: {value}\n");
        for origin in origins.iter().filter(|origin| &origin.field == name) {
            let line = match origin.line {
                0 => String::new(),
                line => format!(", line {line}"),
            };
            let from = format!("    from {}{line}: {}", origin.source, origin.note);
            text += &paragraph(&from, 8);
        }
    }
    if let (Some(first), Some(last)) = (curve.first(), curve.last()) {
        text += &format!(
            "learning curve: {} points, step {} to {}\n",
            curve.len(),
            first.step,
            last.step
        );
    }
    text
}
