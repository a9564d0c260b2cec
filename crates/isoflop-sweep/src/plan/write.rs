//! Writing a plan so that a person reviews it with pleasure.

use super::built_in::{NAME, built_in_trainer};
use super::{ExecutorKind, RunSpec, SweepPlan};
use std::fmt::Write;

/// The plan as TOML with comments; `remarks` open the file, one a line.
///
/// Reading the text gives the same plan.
#[must_use]
pub fn write_plan(plan: &SweepPlan, remarks: &[String]) -> String {
    let mut text = String::new();
    for remark in remarks {
        text += &format!("# {}\n", remark.replace(['\n', '\r'], " "));
    }
    let _ = writeln!(text, "name = {}\n", quoted(&plan.name));
    trainer(plan, &mut text);
    executor(plan, &mut text);
    limits(plan, &mut text);
    adaptive(plan, &mut text);
    for run in &plan.runs {
        write_run(run, "run", &mut text);
    }
    text
}

pub(crate) fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn list(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.map(|value| quoted(&value)).collect();
    format!("[{}]", values.join(", "))
}

fn trainer(plan: &SweepPlan, text: &mut String) {
    let trainer = &plan.trainer;
    let command = if trainer.command == built_in_trainer() {
        quoted(NAME)
    } else {
        list(trainer.command.iter().cloned())
    };
    let depends = list(
        trainer
            .depends_on
            .iter()
            .map(|path| path.display().to_string()),
    );
    let environment = list(trainer.environment.iter().cloned());
    let folder = quoted(&trainer.folder.display().to_string());
    let _ = write!(
        text,
        "[trainer]\n\
         # One element per argument; no shell reads them. {{spec}} and {{result}} are JSON files,\n\
         # {{curve}} a JSON-lines file of the learning curve, {{checkpoint}} a folder that outlives\n\
         # an interruption, {{isoflop}} this program. \"built-in\" is the trainer of this program.\n\
         command = {command}\n\
         folder = {folder}\n\
         # Files whose contents are part of what a run is: code and data.\n\
         depends_on = {depends}\n\
         # Variables of the environment that the command may see; all others are withheld.\n\
         environment = {environment}\n\n"
    );
}

fn executor(plan: &SweepPlan, text: &mut String) {
    let executor = &plan.executor;
    let kind = match executor.kind {
        ExecutorKind::Local => "local",
        ExecutorKind::Slurm => "slurm",
        ExecutorKind::Ray => "ray",
    };
    let _ = writeln!(text, "[executor]\nkind = \"{kind}\" # local, slurm or ray");
    if let Some(parallel) = executor.parallel {
        let _ = writeln!(text, "parallel = {parallel}");
    }
    let _ = writeln!(text, "cores_per_run = {}", executor.cores_per_run);
    let _ = writeln!(
        text,
        "memory_per_run_mib = {}\n",
        executor.memory_per_run_mib
    );
    if let Some(slurm) = &executor.slurm {
        let _ = write!(
            text,
            "[executor.slurm]\noptions = {}\nruns_per_task = {}\npoll_secs = {:?}\n\n",
            list(slurm.options.iter().cloned()),
            slurm.runs_per_task,
            slurm.poll_secs
        );
    }
    if let Some(ray) = &executor.ray {
        let _ = write!(
            text,
            "[executor.ray]\naddress = {}\ngpus_per_run = {:?}\ninsecure = {}\npoll_secs = {:?}\n\n",
            quoted(&ray.address),
            ray.gpus_per_run,
            ray.insecure,
            ray.poll_secs
        );
    }
}

fn limits(plan: &SweepPlan, text: &mut String) {
    let limits = &plan.limits;
    let _ = writeln!(text, "[limits]\nattempts = {}", limits.attempts);
    let _ = writeln!(text, "lost_attempts = {}", limits.lost_attempts);
    if let Some(flops) = limits.spend_flops {
        let _ = writeln!(text, "spend_flops = {flops:e}");
    }
    if let Some(loss) = limits.diverged_above {
        let _ = writeln!(text, "diverged_above = {loss:?}");
    }
    let _ = writeln!(text, "diverged_after = {:?}", limits.diverged_after);
    let _ = writeln!(text, "silent_polls = {}", limits.silent_polls);
}

fn adaptive(plan: &SweepPlan, text: &mut String) {
    let Some(adaptive) = &plan.adaptive else {
        return;
    };
    let _ = write!(
        text,
        "\n[adaptive]\n\
         # Runs are added until the interval of the loss at target_flops is narrow enough, within\n\
         # limits.spend_flops; which ones, and why, is written to added.toml in the sweep's folder.\n\
         target_flops = {:e}\nuntil_width = {:?}\nlevel = {:?}\nruns_per_round = {}\nmax_runs = {}\n",
        adaptive.target_flops.get(),
        adaptive.until_width,
        adaptive.level,
        adaptive.runs_per_round,
        adaptive.max_runs
    );
}

/// A run as an element of the array `table`.
pub(crate) fn write_run(run: &RunSpec, table: &str, text: &mut String) {
    let _ = write!(
        text,
        "\n[[{table}]]\nname = {}\nparams = {} # {}\ntokens = {} # {}\n",
        quoted(&run.name),
        number(run.params.get()),
        run.params,
        number(run.tokens.get()),
        run.tokens
    );
    if let Some(flops) = run.flops {
        let _ = writeln!(text, "flops = {:e}", flops.get());
    }
    if let Some(batch) = run.batch_tokens {
        let _ = writeln!(text, "batch_tokens = {}", number(batch.get()));
    }
    if let Some(rate) = run.learning_rate {
        let _ = writeln!(text, "learning_rate = {rate:?}");
    }
    let _ = writeln!(text, "seed = {}", run.seed);
    if !run.settings.is_empty() {
        let settings = toml::Value::try_from(&run.settings)
            .map_or_else(|_| "{}".to_owned(), |value| value.to_string());
        let _ = writeln!(text, "settings = {settings}");
    }
}

/// A count: whole where it is, with an exponent where it is large.
fn number(value: f64) -> String {
    if value < 1e15 {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}
