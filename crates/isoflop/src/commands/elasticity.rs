//! `isoflop elasticity`: which of C, N and D matters most at a point.

use crate::failure::{Exit, Failure};
use crate::law_argument::LawArgument;
use crate::output::{Output, columns};
use crate::text::{basis, paragraph, reach, warnings};
use isoflop_laws::{Params, Tokens};
use isoflop_plan::{Conventions, Elasticities, elasticities};
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
    warnings: Vec<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let law = args.law.law_in_use(output)?;
    let found = elasticities(&law.surface(), args.params, args.tokens).map_err(Failure::no)?;
    let answer = Answer {
        extrapolation: law.extrapolation(found.at.flops),
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
    let order = answer.order.join(", then ");
    text += &paragraph(
        &format!(
            "\nAt N = {} and D = {} (loss {}) what matters most is {order}.",
            found.at.params, found.at.tokens, found.at.loss
        ),
        0,
    );
    let rows = [
        ("C, N and D at their best", found.flops),
        ("N, D fixed", found.params),
        ("D, N fixed", found.tokens),
    ];
    let rows = rows.map(|(name, slope)| vec![name.to_owned(), format!("{slope:+.4}")]);
    text += &columns(&["one per cent more of", "loss, per cent"], rows);
    text + &warnings(&answer.warnings)
}
