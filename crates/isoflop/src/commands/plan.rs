//! `isoflop plan`: the size and data for a budget, or the budget for a size or data.

mod text;

use crate::failure::{Exit, Failure};
use crate::law_argument::LawArgument;
use crate::output::Output;
use isoflop_laws::{Flops, Params, Tokens};
use isoflop_plan::{
    ACCELERATORS, BudgetError, Cluster, Given, PlanAnswer, PlanRequest, days_for_money, plan,
};
use serde::Serialize;

/// Choose the parameters N and tokens D for a budget.
///
/// Examples:
///   isoflop plan --law besiroglu-2024 --flops 5.76e23 --compare
///   isoflop plan runs.csv --law isoflop --flops 1e22
///   isoflop plan --gpus 512xH100 --days 30 --mfu 0.4
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("budget").required(true)))]
pub struct Args {
    #[command(flatten)]
    law: LawArgument,
    /// Budget in FLOPs, such as 5.76e23
    #[arg(long, group = "budget", value_name = "C")]
    flops: Option<Flops>,
    /// Model size: find the data and budget that suit it
    #[arg(long, group = "budget", value_name = "N")]
    params: Option<Params>,
    /// Data: find the size and budget that suit them
    #[arg(long, group = "budget", value_name = "D")]
    tokens: Option<Tokens>,
    /// Budget in devices (`isoflop accelerators`)
    #[arg(long, group = "budget", value_name = "512xH100")]
    gpus: Option<String>,
    /// Days that the devices run
    #[arg(long, requires = "gpus", conflicts_with = "money")]
    days: Option<f64>,
    /// Model FLOPs utilisation: share of the peak
    #[arg(long, default_value_t = 0.4)]
    mfu: f64,
    /// Money for the devices, in the currency of --price
    #[arg(long, requires = "gpus", requires = "price")]
    money: Option<f64>,
    /// Price of one device for one hour
    #[arg(long, requires = "gpus")]
    price: Option<f64>,
    /// Unique tokens at hand; repeats count for less
    #[arg(long, value_name = "U")]
    unique_tokens: Option<Tokens>,
    /// Tokens that the model will process when served
    #[arg(long, value_name = "TOKENS")]
    served_tokens: Option<Tokens>,
    /// Set the rules of OpenAI and DeepMind beside it
    #[arg(long)]
    compare: bool,
    /// Say when compute-efficient training stops, and with which batch
    #[arg(long)]
    stop: bool,
    /// Vocabulary of the suggested shapes
    #[arg(long, default_value_t = 32_000, value_name = "V")]
    vocab: u64,
    /// Context of the suggested shapes, tokens
    #[arg(long, default_value_t = 4096, value_name = "TOKENS")]
    context: u64,
}

/// What a budget in devices came from.
#[derive(Debug, Serialize)]
struct Hardware {
    #[serde(flatten)]
    cluster: Cluster,
    days: f64,
    mfu: f64,
    flops: Flops,
    cost: Option<f64>,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    plan: PlanAnswer,
    hardware: Option<Hardware>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let law = args.law.law_to_plan_by(output)?;
    let hardware = args.hardware()?;
    let request = PlanRequest {
        given: args.given(hardware.as_ref())?,
        unique_tokens: args.unique_tokens,
        served_tokens: args.served_tokens,
        compare: args.compare,
        vocabulary: args.vocab,
        context: args.context,
        stop: args.stop,
    };
    let plan = plan(&law, &request).map_err(Failure::no)?;
    output.answer(&Answer { plan, hardware }, text::render)?;
    Ok(Exit::Done)
}

impl Args {
    fn hardware(&self) -> Result<Option<Hardware>, Failure> {
        let Some(gpus) = &self.gpus else {
            return Ok(None);
        };
        let cluster = Cluster::read(gpus).map_err(not_a_budget)?;
        let days = match (self.days, self.money, self.price) {
            (Some(days), ..) => days,
            (None, Some(money), Some(price)) => {
                days_for_money(&cluster, money, price).map_err(not_a_budget)?
            }
            _ => {
                let hint = "add `--days 30`, or `--money 1e6 --price 2.5`";
                return Err(Failure::misuse("`--gpus` needs to know for how long").hint(hint));
            }
        };
        let hours = cluster.devices * days * 24.0;
        Ok(Some(Hardware {
            cluster,
            days,
            mfu: self.mfu,
            flops: cluster.flops(days, self.mfu).map_err(not_a_budget)?,
            cost: self.price.map(|price| price * hours),
        }))
    }

    fn given(&self, hardware: Option<&Hardware>) -> Result<Given, Failure> {
        let hardware = hardware.map(|hardware| Given::Flops(hardware.flops));
        self.flops
            .map(Given::Flops)
            .or(self.params.map(Given::Params))
            .or(self.tokens.map(Given::Tokens))
            .or(hardware)
            .ok_or_else(|| Failure::misuse("give a budget: --flops, --params, --tokens or --gpus"))
    }
}

fn not_a_budget(error: BudgetError) -> Failure {
    match &error {
        BudgetError::UnknownDevice(name) => {
            let known = ACCELERATORS.iter().map(|device| device.name);
            Failure::unknown("accelerator", name, known)
        }
        _ => Failure::misuse(error),
    }
}
