//! `isoflop forecast score`: record what came, once.

use crate::failure::{Exit, Failure};
use crate::ledger_file::LedgerFile;
use crate::output::Output;
use crate::text::{basis, paragraph, percent, reach};
use isoflop_laws::Loss;
use isoflop_plan::Score;

/// Record the loss that a forecast run reached, and say how good the forecast was.
///
/// Example:
///   isoflop forecast score big-run --loss 1.97
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The forecast: its name, or the start of its hash
    forecast: String,
    /// The loss that was reached, nats per token
    #[arg(long)]
    loss: Loss,
    /// Which of its points, counted from 1
    #[arg(long, default_value_t = 1)]
    point: usize,
    #[command(flatten)]
    ledger: LedgerFile,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    args.ledger.must_exist()?;
    let now = jiff::Timestamp::now();
    let score = args
        .ledger
        .change(|ledger| ledger.record(&args.forecast, args.point, args.loss, now))?;
    output.answer(&score, text)?;
    // A miss is an answer of "no".
    Ok(match score.inside {
        Some(false) => Exit::No,
        _ => Exit::Done,
    })
}

fn text(score: &Score) -> String {
    let said = score.said;
    let (law, n_used) = (&score.law, Some(score.n_used));
    let mut text = basis(law, score.conventions, n_used, &reach(said.extrapolation)) + "\n";
    let interval = match (said.lo, said.hi) {
        (Some(lo), Some(hi)) => format!(" ({lo} to {hi} at {})", percent(score.level)),
        _ => String::new(),
    };
    let came = score.actual.map_or(String::new(), |loss| loss.to_string());
    let error = score.relative_error.unwrap_or(f64::NAN) * 100.0;
    let inside = match score.inside {
        Some(true) => "inside the interval",
        Some(false) => "outside the interval",
        None => "no interval was given",
    };
    text += &paragraph(
        &format!(
            "{}: said {}{interval}, came {came}: {error:+.2} %, {inside}.",
            score.name, said.loss
        ),
        0,
    );
    text
}
