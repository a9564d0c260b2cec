//! `isoflop simulate`: ladders whose truth is known, for teaching and for tests.

use crate::failure::{Exit, Failure};
use crate::law_argument::{DEFAULT_LAW, published};
use crate::output::Output;
use isoflop_fit::Observation;
use isoflop_laws::{Flops, ParamCount};
use isoflop_plan::{Conventions, IsoflopGrid, measure};
use isoflop_runs::{Run, Status, write_csv};
use serde::Serialize;

/// Make a ladder of runs from a law and noise, as CSV that every command reads.
///
/// Example:
///   isoflop simulate --law besiroglu-2024 --noise 0.003 --seed 1 > runs.csv
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Published fit that is the truth (`isoflop laws`)
    #[arg(long, value_name = "NAME", default_value = DEFAULT_LAW)]
    law: String,
    /// Noise: standard deviation of ln loss from run to run
    #[arg(long, default_value_t = 0.003)]
    noise: f64,
    /// Smallest budget, FLOPs
    #[arg(long, default_value = "1e18", value_name = "C")]
    from: Flops,
    /// Largest budget, FLOPs
    #[arg(long, default_value = "1e20", value_name = "C")]
    to: Flops,
    /// Budgets
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    budgets: u16,
    /// Sizes at each budget
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000))]
    sizes: u16,
    /// Largest size ÷ best size, and best ÷ smallest
    #[arg(long, default_value_t = 8.0)]
    spread: f64,
    /// Seed of the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Serialize)]
struct Answer {
    law: String,
    conventions: Conventions,
    noise: f64,
    seed: u64,
    runs: Vec<serde_json::Value>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    args.check()?;
    let law = published(&args.law)?;
    let (budgets, sizes) = (usize::from(args.budgets), usize::from(args.sizes));
    let grid = IsoflopGrid::spaced(args.from, args.to, budgets, sizes, args.spread)
        .map_err(Failure::misuse)?;
    let points = grid.points(&law.surface()).map_err(Failure::no)?;
    let measured = measure(&law.surface(), &points, args.noise, args.seed);
    let count = law.conventions.param_count;
    let runs = measured
        .iter()
        .map(|one| as_run(one, count, &law.name, args.seed));
    let runs: Vec<Run> = runs.collect();
    if output.is_json() {
        let answer = Answer {
            law: law.name,
            conventions: law.conventions,
            noise: args.noise,
            seed: args.seed,
            runs: runs.iter().map(Run::to_json).collect(),
        };
        output.answer(&answer, |_| String::new())?;
    } else {
        let mut csv = Vec::new();
        write_csv(&runs, &mut csv)?;
        output.raw(&csv)?;
    }
    Ok(Exit::Done)
}

impl Args {
    fn check(&self) -> Result<(), Failure> {
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            let sentence = format!(
                "the noise is {}: expected zero or more, such as 0.003",
                self.noise
            );
            return Err(Failure::misuse(sentence));
        }
        if !(self.spread.is_finite() && self.spread >= 1.0) {
            let sentence = format!(
                "the spread is {}: expected one or more, such as 8",
                self.spread
            );
            return Err(Failure::misuse(sentence));
        }
        Ok(())
    }
}

fn as_run(observation: &Observation, count: ParamCount, law: &str, seed: u64) -> Run {
    let params = Some(observation.params);
    let (total, non_embedding) = match count {
        ParamCount::Total => (params, None),
        ParamCount::NonEmbedding => (None, params),
    };
    Run {
        params: total,
        params_non_embedding: non_embedding,
        tokens: Some(observation.tokens),
        flops: Some(observation.flops),
        loss: Some(observation.loss),
        loss_std: observation.loss_std,
        seed: Some(seed),
        dataset: Some(format!("simulated by {law}")),
        status: Status::Finished,
        ..Run::new(format!("sim-{:04}", observation.cluster + 1))
    }
}
