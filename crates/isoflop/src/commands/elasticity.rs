//! `isoflop elasticity`: which of C, N and D matters most at a point.

use crate::failure::{Exit, Failure};
use crate::law_argument::LawArgument;
use crate::output::{Output, columns};
use crate::text::{basis, paragraph, reach, warnings};
use isoflop_laws::{Params, Tokens};
use isoflop_plan::{
    Conventions, Elasticities, ElasticityIntervals, elasticities, elasticity_intervals,
};
use serde::Serialize;

/// Say how many per cent the loss falls when C, N or D grows by one per cent, here.
///
/// Example:
///   isoflop elasticity --params 7B --tokens 140B
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    law: LawArgument,
    /// Model size N
    #[arg(long, value_name = "N")]
    params: Params,
    /// Training tokens D
    #[arg(long, value_name = "D")]
    tokens: Tokens,
}

#[derive(Debug, Serialize)]
struct Answer {
    law: String,
    conventions: Conventions,
    n_used: Option<usize>,
    extrapolation: Option<f64>,
    order: [&'static str; 3],
    elasticities: Elasticities,
    intervals: Option<ElasticityIntervals>,
    warnings: Vec<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let law = args.law.law_in_use(output)?;
    let found = elasticities(&law.surface(), args.params, args.tokens).map_err(Failure::no)?;
    let answer = Answer {
        extrapolation: law.extrapolation(found.at.flops),
        intervals: elasticity_intervals(&law, &found),
        law: law.name,
        conventions: law.conventions,
        n_used: law.n_used,
        order: found.order(),
        elasticities: found,
        warnings: law.warnings,
    };
    output.answer(&answer, text)?;
    Ok(Exit::Done)
}

fn text(answer: &Answer) -> String {
    let found = answer.elasticities;
    let reach = reach(answer.extrapolation);
    let mut text = basis(&answer.law, answer.conventions, answer.n_used, &reach);
    text += &paragraph(&format!("\n{}", headline(answer)), 0);
    let slopes = [
        (
            "C, N and D at their best",
            found.flops,
            answer.intervals.map(|i| i.flops),
        ),
        (
            "N, D fixed",
            found.params,
            answer.intervals.map(|i| i.params),
        ),
        (
            "D, N fixed",
            found.tokens,
            answer.intervals.map(|i| i.tokens),
        ),
    ];
    let rows = slopes.map(|(name, slope, interval)| {
        let interval = interval.map(|(lo, hi)| format!("{lo:+.4} to {hi:+.4}"));
        let interval = interval.unwrap_or_else(|| "-".to_owned());
        vec![name.to_owned(), format!("{slope:+.4}"), interval]
    });
    let header = ["one per cent more of", "loss, per cent", "interval"];
    text += &columns(&header, rows);
    text + &warnings(&answer.warnings)
}

fn headline(answer: &Answer) -> String {
    let found = answer.elasticities;
    let at = format!(
        "At N = {} and D = {} (loss {})",
        found.at.params, found.at.tokens, found.at.loss
    );
    if found.are_alike() {
        return format!("{at} C, N and D matter alike: the model is near the best of its compute.");
    }
    let order = answer.order.join(", then ");
    let sure = answer.intervals.map(|intervals| {
        let share = crate::text::percent(intervals.order_holds);
        format!(" ({share} of the refits agree on this order)")
    });
    format!(
        "{at} what matters most is {order}{}.",
        sure.unwrap_or_default()
    )
}
