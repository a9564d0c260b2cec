//! `isoflop design`: which runs to make next.

use crate::failure::{Exit, Failure};
use crate::law_argument::{LawArgument, Needs, Source};
use crate::output::{Output, columns};
use crate::text::{basis, factor, paragraph, percent, warnings};
use isoflop_laws::Flops;
use isoflop_plan::{
    Design, DesignAnswer, DesignError, DesignRequest, LawInUse, SavedFit, design_in_play,
};

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
    /// Standard deviation of ln loss from run to run
    #[arg(
        long,
        default_value_t = 0.003,
        value_name = "SHARE",
        allow_negative_numbers = true
    )]
    noise: f64,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let (law, saved) = match args.law.read(Needs::Surface, output)? {
        Source::Published(name) => (crate::law_argument::published(&name)?, None),
        Source::Fitted(saved) => (LawInUse::fitted(saved.fit.clone())?, Some(saved)),
    };
    let existing = saved.as_deref().map(existing).unwrap_or_default();
    let request = DesignRequest {
        target: args.target_flops,
        budget: args.budget,
        max_run: args.max_run,
        max_runs: args.max_runs,
        existing,
        noise: args.noise,
        level: law.level,
    };
    let answer = design_in_play(law, &request)?;
    output.answer(&answer, text)?;
    Ok(Exit::Done)
}

fn existing(saved: &SavedFit) -> Vec<(isoflop_laws::Params, isoflop_laws::Tokens)> {
    let runs = saved.runs.iter();
    runs.filter_map(|run| run.params.zip(run.tokens)).collect()
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
    text += &paragraph(
        &format!("\nLaws kept in play: {}.", design.laws.join(", ")),
        0,
    );
    text + &warnings(&answer.warnings)
}

fn headline(design: &Design) -> String {
    format!(
        "{} runs that cost {} FLOPs narrow the {} interval of the loss at {} FLOPs (N = {}, D = {}) from {} to {} of that loss.",
        design.runs.len(),
        design.cost_flops,
        percent(design.level),
        design.target.flops,
        design.target.params,
        design.target.tokens,
        percent(design.interval_before),
        percent(design.interval_after),
    )
}
