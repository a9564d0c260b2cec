//! `isoflop design`: which runs to make next.

use crate::failure::{Exit, Failure};
use crate::law_argument::LawArgument;
use crate::output::{Output, columns};
use crate::text::{basis, factor, paragraph, percent, warnings};
use isoflop_laws::Flops;
use isoflop_plan::{Design, DesignAnswer, DesignError, DesignRequest, design_in_play};

/// Choose the runs that narrow the forecast of the target most for the compute there is.
///
/// Examples:
///   isoflop design --target-flops 1e23 --budget 1e21
///   isoflop design runs.csv --target-flops 1e23 --budget 1e21 --max-run 3e20
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    law: LawArgument,
    /// Compute of the run to forecast
    #[arg(long, value_name = "C")]
    target_flops: Flops,
    /// Compute for all new runs together
    #[arg(long, value_name = "C")]
    budget: Flops,
    /// Most compute for one run [default: the budget]
    #[arg(long, value_name = "C")]
    max_run: Option<Flops>,
    /// Most new runs
    #[arg(long, default_value_t = 45, value_name = "COUNT")]
    max_runs: usize,
    /// Standard deviation of ln loss from run to run [default: as the forecasts of RUNS have it,
    /// 0.003 without runs]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    noise: Option<f64>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let law = args.law.law_in_use(output)?;
    let request = DesignRequest {
        target: args.target_flops,
        budget: args.budget,
        max_run: args.max_run,
        max_runs: args.max_runs,
        target_size: None,
        // A fit counts its own runs itself.
        existing: Vec::new(),
        noise: args.noise,
        level: law.level,
    };
    let answer = design_in_play(law, &request)?;
    output.answer(&answer, text)?;
    Ok(Exit::Done)
}

impl From<DesignError> for Failure {
    fn from(error: DesignError) -> Failure {
        match error {
            DesignError::TargetAffordable { .. } | DesignError::Noise(_) => Failure::misuse(error),
            other => Failure::no(other),
        }
    }
}

fn text(answer: &DesignAnswer) -> String {
    let design = &answer.design;
    let reach = format!(
        "the target has {} times the compute of the largest run, new ones counted",
        factor(design.extrapolation)
    );
    let mut text = basis(&answer.law, answer.conventions, answer.n_used, &reach);
    text += "\n";
    text += &paragraph(&headline(design), 0);
    text += "\n";
    let rows = design.runs.iter().enumerate().map(|(index, run)| {
        vec![
            (index + 1).to_string(),
            run.params.to_string(),
            run.tokens.to_string(),
            factor(run.tokens.get() / run.params.get()),
            run.flops.to_string(),
            percent(run.flops.get() / design.cost_flops.get()),
        ]
    });
    text += &columns(&["run", "N", "D", "D/N", "FLOPs", "of the cost"], rows);
    let rests = format!(
        "\nLaws kept in play: {}. Noise between runs: {} of the loss, {}.",
        design.laws.join(", "),
        percent(design.noise),
        design.noise_from
    );
    text += &paragraph(&rests, 0);
    text + &warnings(&answer.warnings)
}

fn headline(design: &Design) -> String {
    let (runs, narrow) = match design.runs.len() {
        1 => ("1 run that costs".to_owned(), "narrows"),
        count => (format!("{count} runs that cost"), "narrow"),
    };
    format!(
        "{runs} {} FLOPs {narrow} the {} interval of the loss at {} FLOPs (N = {}, D = {}) from {} to {} of that loss.",
        design.cost_flops,
        percent(design.level),
        design.target.flops,
        design.target.params,
        design.target.tokens,
        percent(design.interval_before),
        percent(design.interval_after),
    )
}
