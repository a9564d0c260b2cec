//! `/api/state`: which runs there are now, and how a sweep goes. Asked every few seconds.

use super::{Answer, Shared, compute, shown};
use crate::desk::Desk;
use axum::Json;
use axum::extract::State;
use isoflop_sweep::{RunRow, Status, SweepFolder};
use serde_json::{Value, json};

pub async fn answer(State(desk): Shared) -> Answer {
    compute(move || Ok(Json(state(&desk)))).await
}

fn state(desk: &Desk) -> Value {
    let sweep = desk.workplace.sweep();
    let sweep = sweep.as_ref().and_then(sweep_state);
    match desk.seen() {
        Ok(seen) => {
            let evidence = &seen.reading.evidence;
            json!({
                "version": seen.version,
                "used": evidence.names.len(),
                "not_used": evidence.not_used.len(),
                "sweep": sweep,
                "problem": null,
            })
        }
        Err(problem) => json!({ "sweep": sweep, "problem": shown(problem.sentence()) }),
    }
}

/// Runs of a sweep that are listed: those that need attention, and those under way, first.
const LISTED: usize = 200;

fn sweep_state(folder: &SweepFolder) -> Option<Value> {
    let status = Status::read(folder).ok()?;
    let mut runs: Vec<&RunRow> = status.runs.iter().collect();
    runs.sort_by_key(|run| match run.state.as_str() {
        "failed" | "diverged" => 0,
        "active" => 1,
        "finished" | "cancelled" => 3,
        _ => 2,
    });
    let row = |run: &&RunRow| {
        json!({
            "name": shown(&run.name),
            "state": run.state,
            "attempts": run.attempts,
            "loss": run.loss,
            "reason": run.reason.as_deref().map(shown),
        })
    };
    let notes = status.notes.iter().chain(&status.held);
    Some(json!({
        "name": shown(&status.name),
        "as_of": status.as_of,
        "running": status.controller.is_some(),
        "counts": status.counts,
        "total": status.counts.total(),
        "open": status.counts.open(),
        "remaining_secs": status.remaining_secs,
        "notes": notes.map(|note| shown(note)).collect::<Vec<String>>(),
        "runs": runs.iter().take(LISTED).map(row).collect::<Vec<Value>>(),
    }))
}
