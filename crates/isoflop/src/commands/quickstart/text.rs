//! What a quickstart says in words.

use crate::output::columns;
use crate::text::{basis, labelled, percent};
use isoflop_laws::{Flops, Params, Tokens};
use isoflop_plan::SealedForecast;
use isoflop_quickstart::{Comparison, CorpusFacts, Outcome, Plan, Progress};
use isoflop_runs::{Run, Status};
use isoflop_train::PlannedRun;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// `45 s`, `3 min 20 s`, `1 h 5 min`.
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// The corpus in one line.
pub fn corpus(facts: &CorpusFacts) -> String {
    let tokens = |count: usize| match Tokens::new(count as f64) {
        Ok(tokens) => tokens.to_string(),
        Err(_) => "no".to_owned(),
    };
    let mut text = format!(
        "corpus: {}: {} training tokens, {} in the validation set, vocabulary {}",
        facts.description,
        tokens(facts.training_tokens),
        tokens(facts.validation_tokens),
        facts.vocabulary
    );
    if let Some(source) = &facts.synthetic {
        let _ = write!(text, ", entropy rate {:.4}", source.entropy_rate.get());
    }
    text
}

/// The plan as a table.
pub fn plan(plan: &Plan, resumed: bool) -> String {
    let total = Duration::from_secs_f64(plan.ladder.seconds());
    let header = [
        "run", "params", "width", "layers", "tokens", "D/N", "FLOPs", "time",
    ];
    let table = columns(&header, plan.runs().filter_map(planned_row));
    let made = if resumed {
        "plan (of an earlier start)"
    } else {
        "plan"
    };
    format!(
        "{made}: {} small runs, the forecast, then the target with {} times the compute; {} of \
         training\n{table}",
        plan.ladder.small.len(),
        plan.ratio,
        duration(total)
    )
}

/// A planned run; `None` for one without parameters or tokens, which no plan has.
fn planned_row(run: &PlannedRun) -> Option<Vec<String>> {
    let (shape, tokens) = (&run.spec.shape, Tokens::new(run.spec.tokens() as f64).ok()?);
    let (params, flops): (Params, Flops) = (shape.params().ok()?, run.flops().ok()?);
    Some(vec![
        run.name.clone(),
        params.to_string(),
        shape.width.to_string(),
        shape.layers.to_string(),
        tokens.to_string(),
        format!("{:.0}", tokens.get() / params.get()),
        flops.to_string(),
        duration(Duration::from_secs_f64(run.seconds.max(1.0))),
    ])
}

/// How far a run is, in one line.
pub fn progress(progress: &Progress) -> String {
    let run = &progress.of_run;
    format!(
        "{}: step {} of {}, loss {:.3}; {} of everything, {} left",
        progress.run,
        run.step,
        run.steps,
        run.loss,
        percent(progress.whole),
        duration(progress.left)
    )
}

/// A run that has ended, in one line.
pub fn ended(run: &Run, number: usize, of: usize) -> String {
    let mut text = format!("{number:>3} of {of}  {}", run.run);
    match (run.status, run.loss) {
        (Status::Finished, Some(loss)) => {
            let _ = write!(text, "  loss {:.4}", loss.get());
            if let Some(std) = run.loss_std {
                let _ = write!(text, " ± {std:.4} nats per token");
            }
            if let Some(bits) = run.bits_per_byte {
                let _ = write!(text, ", {bits:.3} bits per byte");
            }
        }
        _ => {
            let reason = run.reason.as_deref().unwrap_or("no reason is known");
            let _ = write!(text, "  {}: {reason}", run.status);
        }
    }
    text
}

/// The sealed forecast in one line.
pub fn sealed(forecast: &SealedForecast, path: &Path) -> String {
    let body = forecast.body();
    let said = body.stated.forecasts.first().map(|point| {
        let ends = point.lo.zip(point.hi);
        let ends = ends.map(|(lo, hi)| {
            let level = body.level * 100.0;
            format!(
                " ({level:.0} % interval {:.4} to {:.4})",
                lo.get(),
                hi.get()
            )
        });
        format!("{:.4}{}", point.loss.get(), ends.unwrap_or_default())
    });
    format!(
        "forecast of the target's loss: {} nats per token, sealed in {} as {}",
        said.unwrap_or_default(),
        path.display(),
        &forecast.hash()[..12]
    )
}

/// The answer.
pub fn outcome(outcome: &Outcome) -> String {
    let said = &outcome.comparison;
    let mut text = String::from("\n");
    let header = ["law", "predicted", "interval", "actual", "error", "inside"];
    let mut rows = vec![row(&outcome.law, said)];
    rows.extend(
        outcome
            .others
            .iter()
            .map(|other| row(&other.law, &other.comparison)),
    );
    text += &columns(&header, rows);
    let verdict = match said.inside {
        true => "inside",
        false => "OUTSIDE",
    };
    let _ = write!(
        text,
        "\nThe actual loss is {verdict} the {:.0} % interval that was sealed before the run.\n\n",
        said.level * 100.0
    );
    let target = format!(
        "{} parameters, {} tokens, {} FLOPs",
        outcome.params, outcome.tokens, outcome.flops
    );
    text += &labelled("Target", &target);
    let reach = crate::text::reach(Some(outcome.extrapolation));
    text += &basis(
        &outcome.law,
        outcome.conventions,
        Some(outcome.n_used),
        &reach,
    );
    if let Some(floor) = outcome.floor {
        text += &labelled("Floor", &floor_line(&floor));
    }
    text += &labelled("Seal", &outcome.seal);
    text += &labelled("Report", &outcome.report.display().to_string());
    text += &labelled("Runs", &outcome.runs.display().to_string());
    text
}

fn row(law: &str, said: &Comparison) -> Vec<String> {
    vec![
        law.to_owned(),
        format!("{:.4}", said.predicted.get()),
        format!("{:.4} to {:.4}", said.lo.get(), said.hi.get()),
        format!("{:.4}", said.actual.get()),
        format!("{:+.2} %", said.relative_error * 100.0),
        if said.inside { "yes" } else { "no" }.to_owned(),
    ]
}

fn floor_line(floor: &isoflop_quickstart::FloorCheck) -> String {
    let known = format!("true entropy rate {:.4}", floor.known.get());
    let Some(fitted) = floor.fitted else {
        return known;
    };
    let ends = floor.lo.zip(floor.hi);
    let ends = ends.map(|(lo, hi)| format!(" ({lo:.4} to {hi:.4})"));
    format!(
        "{known}; fitted E {fitted:.4}{}: off by {:+.4} nats per token",
        ends.unwrap_or_default(),
        fitted - floor.known.get()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_say_them() {
        let show = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(show(0), "0 s");
        assert_eq!(show(59), "59 s");
        assert_eq!(show(200), "3 min 20 s");
        assert_eq!(show(3900), "1 h 5 min");
    }
}
