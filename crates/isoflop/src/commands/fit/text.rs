//! A fit as text that a statistician can quote.

use super::answer::{Against, Answer, GroupAnswer, Grouped, NotUsed};
use crate::output::{columns, named_rows};
use crate::text::{labelled, number, paragraph, percent, signed_percent, warnings};
use isoflop_fit::{FittedParameter, PosteriorInterval};
use isoflop_plan::Agreement;

pub fn one(answer: &Answer) -> String {
    let mut text = labelled("Law", &format!("{}: {}", answer.law, answer.formula));
    let counts = answer.conventions;
    text += &labelled(
        "Counts",
        &format!("N {}, {}", counts.param_count, counts.flop_count),
    );
    text += &labelled("Runs", &runs(answer));
    let objective = format!(
        "{}: {}",
        objective(&answer.objective),
        number(answer.objective_value)
    );
    text += &labelled("Objective", &objective);
    text += &labelled("Intervals", &intervals(answer));
    text += "\n";
    text += &parameters(&answer.parameters, answer.level);
    text += "\n";
    if let Some(found) = &answer.posterior {
        text += &posterior(found, answer.level);
        text += "\n";
    }
    text += &diagnostics(answer);
    for against in &answer.against {
        text += &self::against(against);
    }
    text + &warnings(&answer.warnings)
}

fn runs(answer: &Answer) -> String {
    let mut text = format!("{} used", answer.n_used);
    if answer.n_runs < answer.n_used {
        text += &format!(" of {} training runs", answer.n_runs);
    }
    text += &format!(
        ", {} dropped; C from {} to {}",
        answer.n_dropped, answer.smallest_flops, answer.largest_flops
    );
    text
}

fn objective(name: &str) -> &'static str {
    match name {
        "huber" => "sum of Huber terms of ln L, delta 1e-3 (huber)",
        "huber-likelihood" => {
            "likelihood of a Huber density of ln L with a free scale (huber-likelihood)"
        }
        _ => "sum of squares of ln L (least-squares)",
    }
}

fn intervals(answer: &Answer) -> String {
    match answer.bootstraps {
        0 => "none: no refits to resampled runs were asked for".to_owned(),
        count => format!(
            "{}, from {count} refits to resampled runs, seed {}",
            percent(answer.level),
            answer.seed
        ),
    }
}

fn parameters(parameters: &[FittedParameter], level: f64) -> String {
    let rows = parameters.iter().map(|parameter| {
        let interval = match (parameter.lo, parameter.hi) {
            (Some(lo), Some(hi)) => format!("{} to {}", number(lo), number(hi)),
            _ => "-".to_owned(),
        };
        // A value that the runs do not determine must not be quoted.
        let value = match parameter.identified {
            true => number(parameter.value),
            false => "not identified".to_owned(),
        };
        let error = parameter.standard_error.map_or("-".to_owned(), number);
        vec![parameter.symbol.clone(), value, interval, error]
    });
    let interval = format!("{} interval", percent(level));
    columns(&["parameter", "estimate", &interval, "std. error"], rows)
}

fn posterior(found: &[PosteriorInterval], level: f64) -> String {
    let mut text = labelled(
        "Posterior",
        "runs and the weak prior from published laws together; the law's form may be wrong by as much as forecasts allow it",
    );
    text += "\n";
    let span = |lo: f64, hi: f64| format!("{} to {}", number(lo), number(hi));
    let rows = found.iter().map(|p| {
        vec![
            p.symbol.clone(),
            number(p.value),
            span(p.lo, p.hi),
            span(p.prior_lo, p.prior_hi),
        ]
    });
    let interval = format!("{} interval", percent(level));
    text + &columns(&["parameter", "median", &interval, "prior alone"], rows)
}

fn diagnostics(answer: &Answer) -> String {
    let mut text = String::new();
    if let Some(errors) = answer.in_sample {
        let worst = answer.worst_run.as_deref().unwrap_or_default();
        let errors = format!(
            "median error {}, nine of ten runs within {}, largest {} ({worst})",
            percent(errors.median),
            percent(errors.p90),
            percent(errors.max)
        );
        text += &labelled("In sample", &errors);
    }
    if let Some(best) = answer.optimum {
        let range = match (best.lo, best.hi) {
            (Some(lo), Some(hi)) => format!(" ({lo:.2} to {hi:.2})"),
            _ => String::new(),
        };
        let optimum = format!(
            "at {} FLOPs N = {} and D = {}; there N grows as C^{:.2}{range}",
            best.at.flops, best.at.params, best.at.tokens, best.params_exponent
        );
        text += &labelled("Optimum", &optimum);
    }
    if let Some(found) = answer.elasticities {
        let order = match found.are_alike() {
            true => "C, N and D alike".to_owned(),
            false => found.order().join(", then "),
        };
        let slopes = format!(
            "{order}: one per cent more changes the loss by {:.3} % (C), {:.3} % (N), {:.3} % (D) at the run with the most compute, N = {} and D = {}",
            found.flops, found.params, found.tokens, found.at.params, found.at.tokens
        );
        text += &labelled("Matters", &slopes);
    }
    text
}

fn against(against: &Against) -> String {
    let label = format!("\nAgainst {}: ", against.law);
    match (&against.agreement, &against.not_compared) {
        (Some(agreement), _) => paragraph(&(label + &in_words(agreement)), 0),
        (None, Some(reason)) => paragraph(&(label + reason + "."), 0),
        (None, None) => String::new(),
    }
}

fn in_words(found: &Agreement) -> String {
    let mut text = match found.agrees {
        true => "the runs agree".to_owned(),
        false => "the runs do not agree".to_owned(),
    };
    text += &format!(
        "; measured ÷ predicted loss is {} in the median of {} runs",
        signed_percent(found.median_deviation),
        found.n
    );
    let regions: Vec<String> = found
        .by_compute
        .iter()
        .map(|region| {
            format!(
                "{} from {} to {} FLOPs",
                signed_percent(region.median_deviation),
                region.from,
                region.to
            )
        })
        .collect();
    text += &format!(" ({}).", regions.join(", "));
    for constant in &found.other_constants {
        text += &format!(
            " {} is published as {} and is {} to {} here.",
            constant.symbol,
            number(constant.published),
            number(constant.lo),
            number(constant.hi)
        );
    }
    if !found.likely.is_empty() {
        text += &format!(" Worth a look: {}.", found.likely.join("; "));
    }
    text
}

pub fn groups(grouped: &Grouped) -> String {
    let mut text = String::new();
    for group in &grouped.groups {
        text += &paragraph(&format!("{} = {}", grouped.by, group.group), 0);
        text += &match (&group.fit, &group.error) {
            (Some(answer), _) => one(answer),
            (None, Some(error)) => paragraph(&format!("No fit: {error}."), 0),
            (None, None) => String::new(),
        };
        text += "\n";
    }
    text + &summary(&grouped.groups) + &left_out(&grouped.dropped)
}

/// The groups side by side: the parameters alone.
fn summary(groups: &[GroupAnswer]) -> String {
    let rows = groups.iter().map(|group| {
        let (law, n, optimum) = match &group.fit {
            Some(fit) => (fit.law.clone(), fit.n_used.to_string(), fit.optimum),
            None => ("-".to_owned(), "-".to_owned(), None),
        };
        let exponent = optimum.map_or("-".to_owned(), |best| {
            format!("{:.3}", best.params_exponent)
        });
        let interval = match optimum.and_then(|best| best.lo.zip(best.hi)) {
            Some((lo, hi)) => format!("{lo:.2} to {hi:.2}"),
            None => "-".to_owned(),
        };
        vec![group.group.clone(), law, n, exponent, interval]
    });
    let header = ["group", "law", "runs", "N as C^", "interval"];
    named_rows(&header, rows.collect())
}

fn left_out(rows: &[NotUsed]) -> String {
    match rows.len() {
        0 => String::new(),
        n => paragraph(&format!("\n{n} rows belong to no group."), 0),
    }
}
