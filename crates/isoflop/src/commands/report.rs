//! `isoflop report`: one page about some runs.

use crate::analysis_argument::AnalysisArguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_report::ReportText;
use isoflop_runs::write_atomically;
use serde::Serialize;
use std::path::PathBuf;

/// Write one page about some runs: the answer, every figure, data, conventions, diagnostics.
///
/// Examples:
///   isoflop report runs.csv -o report.html
///   isoflop report runs.csv --flops 5.76e23 --law chinchilla -o report.html
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Where to: one file that loads nothing
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
    /// Heading of the page
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    analysis: AnalysisArguments,
}

/// What was written, and the answer in it.
#[derive(Debug, Serialize)]
struct Answer {
    file: String,
    law: String,
    params: f64,
    tokens: f64,
    flops: f64,
    loss: f64,
    lo: f64,
    hi: f64,
    level: f64,
    n_used: usize,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let analysis = args.analysis.analysis(output)?;
    let working = output.working("drawing the figures");
    let text = ReportText {
        title: args.title,
        command: command_line(),
        program: format!("isoflop {}", env!("CARGO_PKG_VERSION")),
    };
    let page = analysis.report(&text)?.map_err(Failure::misuse)?;
    working.done();
    write_atomically(&args.output, page.as_bytes()).map_err(|error| {
        Failure::misuse(format!("cannot write {}: {error}", args.output.display()))
    })?;
    let said = analysis.prediction();
    let answer = Answer {
        file: args.output.display().to_string(),
        law: analysis.fit().law.to_string(),
        params: said.params.get(),
        tokens: said.tokens.get(),
        flops: said.flops.get(),
        loss: said.loss.get(),
        lo: said.low.get(),
        hi: said.high.get(),
        level: said.level,
        n_used: analysis.fit().n_used,
    };
    output.answer(&answer, |answer| {
        format!(
            "{}\nPredicted loss {} ({:.0} % interval {} to {}) for N = {}, D = {}, by law {} on {} rows.\n",
            answer.file,
            said.loss,
            said.level * 100.0,
            said.low,
            said.high,
            said.params,
            said.tokens,
            answer.law,
            answer.n_used
        )
    })?;
    Ok(Exit::Done)
}

/// The command as it was given, so that a shell would understand it.
fn command_line() -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let quoted = std::env::args().skip(1).map(|argument| {
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    let words: Vec<String> = std::iter::once("isoflop".to_owned())
        .chain(quoted)
        .collect();
    words.join(" ")
}
