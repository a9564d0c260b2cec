//! `isoflop sweep plan`: a ladder as a file that people review before anything runs.

use super::status::duration;
use crate::failure::{Exit, Failure};
use crate::output::{Output, columns};
use crate::text::paragraph;
use isoflop_laws::{Flops, Params, Tokens};
use isoflop_plan::Cluster;
use isoflop_sweep::{
    AdaptivePlan, ExecutorKind, ExecutorPlan, LadderError, Limits, RayPlan, RunSpec, Shared,
    SlurmPlan, SweepPlan, Trainer, built_in_trainer, duration_secs, from_design, grid,
    isoflop_sets, levels, runs, write_plan,
};
use isoflop_train::RunSettings;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Plan a ladder of runs: sizes, lengths and seeds for a budget, in a file to review and edit.
///
/// What follows `--` is the command that trains one run, one argument per word; no shell reads
/// it. It finds its specification at {spec} and leaves its result at {result}, both JSON. With
/// --built-in this program trains the runs itself, on --corpus.
///
/// Examples:
///   isoflop sweep plan --budget 1e16 -o sweep.toml -- python3 train.py {spec} {result}
///   isoflop sweep plan --budget 1e14 --built-in --corpus ~/text -o small.toml
///   isoflop sweep plan --budget 1e18 --adaptive 1e21 --spend 1e19 -o ladder.toml -- python3 ...
///   isoflop design runs.csv --target-flops 1e21 --budget 1e19 --json |
///     isoflop sweep plan --design - --executor slurm -o next.toml -- python3 train.py {spec} {result}
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("ladder").required(true)))]
pub struct Args {
    /// FLOPs of the whole ladder: levels half a decade apart, several sizes at each
    #[arg(long, group = "ladder", value_name = "C")]
    budget: Option<Flops>,
    /// Budgets of single runs: several sizes at each
    #[arg(long, group = "ladder", value_name = "C,...", value_delimiter = ',')]
    isoflop: Vec<Flops>,
    /// Answer of `isoflop design --json`, or `-`
    #[arg(long, group = "ladder", value_name = "FILE")]
    design: Option<PathBuf>,
    /// Sizes of a grid
    #[arg(
        long,
        group = "ladder",
        value_name = "N,...",
        value_delimiter = ',',
        requires = "tokens"
    )]
    params: Vec<Params>,
    /// Lengths of a grid
    #[arg(long, value_name = "D,...", value_delimiter = ',', requires = "params")]
    tokens: Vec<Tokens>,
    /// Levels of --budget
    #[arg(long, default_value_t = 3)]
    levels: usize,
    /// Sizes at each budget
    #[arg(long, default_value_t = 5)]
    sizes: usize,
    /// Largest size ÷ best size, and best ÷ smallest, at each budget
    #[arg(long, default_value_t = 3.0)]
    spread: f64,
    /// Seeds of each run
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Batch size in tokens
    #[arg(long, value_name = "B")]
    batch_tokens: Option<Tokens>,
    /// Peak learning rate; left to the trainer if not given
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,
    /// Something else that the trainer wants to know, such as context=256
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, serde_json::Value)>,
    /// Where runs are made
    #[arg(long, default_value = "local", value_parser = kind, value_name = "local|slurm|ray")]
    executor: ExecutorKind,
    /// Most runs at a time
    #[arg(long, value_name = "RUNS")]
    parallel: Option<usize>,
    /// FLOPs that all runs together may cost, every attempt counted; none is begun beyond
    #[arg(long, value_name = "C")]
    spend: Option<Flops>,
    /// Add runs while results come, within --spend: those that narrow the forecast of a run of C
    #[arg(long, value_name = "C", requires = "spend")]
    adaptive: Option<Flops>,
    /// Width of that forecast's interval ÷ its loss at which nothing more is added
    #[arg(
        long,
        default_value_t = 0.02,
        value_name = "SHARE",
        requires = "adaptive"
    )]
    until_width: f64,
    /// Speed of one run in FLOP/s, to state the time
    #[arg(long, value_name = "FLOP/s", conflicts_with = "gpus")]
    flops_per_sec: Option<f64>,
    /// Devices of one run, such as 1xH100, to state the time
    #[arg(long, value_name = "COUNTxDEVICE")]
    gpus: Option<String>,
    /// Share of the devices' peak that a run reaches
    #[arg(long, default_value_t = 0.3, requires = "gpus")]
    mfu: f64,
    /// Price of one device for one hour, to state the cost
    #[arg(long, requires = "gpus")]
    price: Option<f64>,
    /// The file to write; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Train with `isoflop train`
    #[arg(long, conflicts_with = "command")]
    built_in: bool,
    /// What --built-in trains on: a folder or file of text or tokens, registry, or synthetic
    #[arg(long, value_name = "PATH", requires = "built_in")]
    corpus: Option<String>,
    /// The command that trains one run
    #[arg(
        last = true,
        required_unless_present = "built_in",
        value_name = "COMMAND"
    )]
    command: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    plan: Option<String>,
    runs: Vec<RunSpec>,
    cost_flops: f64,
    seconds: Option<f64>,
    device_hours: Option<f64>,
    cost: Option<f64>,
    spend: Option<Flops>,
    adaptive: Option<Flops>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let plan = args.plan()?;
    let answer = args.answer(&plan)?;
    let text = write_plan(&plan, &remarks(&answer));
    // What is written reads back, or is not written.
    let path = args.output.as_deref().unwrap_or(Path::new("the plan"));
    SweepPlan::parse(&text, path).map_err(Failure::misuse)?;
    match &args.output {
        Some(path) => {
            write_new(path, &text)?;
            output.answer(&answer, summary)?;
        }
        None if output.is_json() => output.answer(&answer, summary)?,
        None => output.raw(text.as_bytes())?,
    }
    Ok(Exit::Done)
}

/// A plan that exists was perhaps edited: it is not replaced.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create_new(path)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    };
    write().map_err(|error| Failure::misuse(format!("cannot write {}: {error}", path.display())))
}

impl Args {
    fn plan(&self) -> Result<SweepPlan, Failure> {
        let shared = Shared {
            batch_tokens: self.batch_tokens,
            learning_rate: self.lr,
            seeds: self.seeds,
            settings: self.settings()?,
        };
        let runs = runs(&self.points()?, &shared).map_err(Failure::misuse)?;
        let name = self.output.as_ref().and_then(|path| path.file_stem());
        Ok(SweepPlan {
            name: name.map_or_else(
                || "sweep".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            ),
            trainer: Trainer {
                command: if self.built_in {
                    built_in_trainer()
                } else {
                    self.command.clone()
                },
                folder: PathBuf::from("."),
                depends_on: self.files(),
                environment: Vec::new(),
            },
            executor: ExecutorPlan {
                kind: self.executor,
                parallel: self.parallel,
                slurm: (self.executor == ExecutorKind::Slurm).then(SlurmPlan::default),
                ray: (self.executor == ExecutorKind::Ray).then(RayPlan::default),
                ..ExecutorPlan::default()
            },
            limits: Limits {
                spend_flops: self.spend.map(Flops::get),
                ..Limits::default()
            },
            adaptive: self.adaptive.map(|target| AdaptivePlan {
                until_width: self.until_width,
                ..AdaptivePlan::towards(target)
            }),
            runs,
        })
    }

    /// What the trainer wants to know besides; the built-in one is told where the text is, and
    /// where all runs together keep it as tokens.
    fn settings(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let mut settings: BTreeMap<String, Value> = self.set.iter().cloned().collect();
        if !self.built_in {
            return Ok(settings);
        }
        if let Some(corpus) = &self.corpus {
            let corpus = match corpus.as_str() {
                "registry" | "synthetic" => corpus.clone(),
                place => std::path::absolute(place)?.display().to_string(),
            };
            settings.insert("corpus".to_owned(), corpus.into());
        }
        if let Some(plan) = &self.output
            && settings
                .get("corpus")
                .is_none_or(|corpus| corpus != "synthetic")
        {
            let cache = std::path::absolute(plan.with_extension("corpus"))?;
            let cache = cache.display().to_string();
            settings.entry("cache".to_owned()).or_insert(cache.into());
        }
        let known: serde_json::Map<String, Value> = settings.clone().into_iter().collect();
        serde_json::from_value::<RunSettings>(known.into())
            .map_err(|error| Failure::misuse(format!("the built-in trainer: {error}")))?;
        Ok(settings)
    }

    fn points(&self) -> Result<Vec<(Params, Tokens)>, Failure> {
        if !(self.spread.is_finite() && self.spread >= 1.0) {
            return Err(Failure::misuse("--spread must be 1 or more"));
        }
        let points = if let Some(budget) = self.budget {
            levels(budget, self.levels, self.sizes)
                .and_then(|budgets| isoflop_sets(&budgets, self.sizes, self.spread))
        } else if let Some(design) = &self.design {
            from_design(&read(design)?)
        } else if self.params.is_empty() {
            isoflop_sets(&self.isoflop, self.sizes, self.spread)
        } else {
            grid(&self.params, &self.tokens)
        };
        points.map_err(|error: LadderError| Failure::misuse(error))
    }

    /// Arguments of the command that are files: what they hold is part of what a run is.
    fn files(&self) -> Vec<PathBuf> {
        let folder = self
            .output
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let parts = self.command.iter().skip(1).map(PathBuf::from);
        parts
            .filter(|path| path.is_relative() && folder.join(path).is_file())
            .collect()
    }

    fn answer(&self, plan: &SweepPlan) -> Result<Answer, Failure> {
        let cluster = self
            .gpus
            .as_deref()
            .map(Cluster::read)
            .transpose()
            .map_err(Failure::misuse)?;
        let by_devices = match cluster {
            Some(cluster) => {
                let day = cluster.flops(1.0, self.mfu).map_err(Failure::misuse)?;
                Some(day.get() / 86_400.0)
            }
            None => None,
        };
        let speed = by_devices.or(self.flops_per_sec);
        if speed.is_some_and(|speed| !(speed.is_finite() && speed > 0.0)) {
            return Err(Failure::misuse("--flops-per-sec must be a positive number"));
        }
        let cost_flops: f64 = plan.runs.iter().map(|run| run.compute().get()).sum();
        let device_hours = cluster
            .zip(speed)
            .map(|(cluster, speed)| cost_flops / speed * cluster.devices / 3600.0);
        Ok(Answer {
            plan: self.output.as_ref().map(|path| path.display().to_string()),
            cost_flops,
            seconds: speed.map(|speed| duration_secs(&plan.runs, self.slots(), speed)),
            device_hours,
            cost: device_hours
                .zip(self.price)
                .map(|(hours, price)| hours * price),
            spend: self.spend,
            adaptive: self.adaptive,
            runs: plan.runs.clone(),
        })
    }

    fn slots(&self) -> usize {
        let here = || std::thread::available_parallelism().map_or(1, usize::from);
        match (self.parallel, self.executor) {
            (Some(parallel), _) => parallel,
            (None, ExecutorKind::Local) => here(),
            // How many jobs a cluster starts at once is not known: the time is that of one.
            (None, _) => 1,
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.map_err(|error| Failure::misuse(format!("cannot read {}: {error}", path.display())))?;
    Ok(text)
}

fn kind(text: &str) -> Result<ExecutorKind, String> {
    match text {
        "local" => Ok(ExecutorKind::Local),
        "slurm" => Ok(ExecutorKind::Slurm),
        "ray" => Ok(ExecutorKind::Ray),
        _ => Err("expected local, slurm or ray".to_owned()),
    }
}

/// `NAME=VALUE`; the value is JSON where it can be read as that, else text.
fn setting(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let value: serde_json::Value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    if value.is_null() {
        return Err("a plan has no null: leave the setting out".to_owned());
    }
    Ok((name.to_owned(), value))
}

/// What the plan's file says at its top.
fn remarks(answer: &Answer) -> Vec<String> {
    let mut lines = vec![cost(answer)];
    lines.push(
        "Edit freely; `isoflop sweep run` on this file begins it, or goes on with it.".to_owned(),
    );
    lines.push(
        "A run is what it is by its numbers, settings and the trainer; its name is free."
            .to_owned(),
    );
    lines
}

fn cost(answer: &Answer) -> String {
    let mut text = format!(
        "{} runs, {:.2e} FLOPs",
        answer.runs.len(),
        answer.cost_flops
    );
    match answer.seconds {
        Some(seconds) => text += &format!(", about {}", duration(seconds)),
        None => text += ", time not known (--flops-per-sec or --gpus states it)",
    }
    if let Some(hours) = answer.device_hours {
        text += &format!(", {hours:.1} device-hours");
    }
    if let Some(cost) = answer.cost {
        text += &format!(", at a cost of {cost:.2}");
    }
    match (answer.spend, answer.adaptive) {
        (Some(spend), Some(target)) => {
            text += &format!(
                "; runs are added for the forecast at {target} FLOPs, up to {spend} in all"
            );
        }
        (Some(spend), None) => text += &format!("; nothing is begun beyond {spend}"),
        _ => {}
    }
    text
}

fn summary(answer: &Answer) -> String {
    let rows = answer.runs.iter().map(|run| {
        let per_param = run.tokens.get() / run.params.get();
        vec![
            run.name.clone(),
            run.params.to_string(),
            run.tokens.to_string(),
            format!("{per_param:.1}"),
            run.compute().to_string(),
        ]
    });
    let mut text = columns(&["run", "N", "D", "D/N", "FLOPs"], rows);
    text += &format!("\n{}", paragraph(&cost(answer), 0));
    if let Some(plan) = &answer.plan {
        text += &format!("isoflop sweep run {plan}\n");
    }
    text
}
