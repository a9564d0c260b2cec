//! The plan of a sweep: a TOML file that people read, review and edit.

mod adaptive;
mod built_in;
mod file;
mod write;

use crate::key::{RunKey, canonical};
use isoflop_laws::{Flops, Params, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use adaptive::AdaptivePlan;
pub use built_in::built_in_trainer;
pub use file::PlanError;
pub use write::write_plan;
pub(crate) use write::{quoted, write_run};

/// What to run, with what, where, and within which limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPlan {
    /// The sweep's name, shown in listings.
    pub name: String,
    /// What trains a run.
    pub trainer: Trainer,
    /// Where runs are executed.
    #[serde(default)]
    pub executor: ExecutorPlan,
    /// What a sweep may not exceed.
    #[serde(default)]
    pub limits: Limits,
    /// How the sweep adds runs of its own, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<AdaptivePlan>,
    /// The runs, in the order in which they are begun.
    #[serde(default, rename = "run")]
    pub runs: Vec<RunSpec>,
}

/// What trains a run: a command that reads a JSON specification and writes a JSON result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trainer {
    /// The command, one element per argument; no shell reads it. `{spec}`, `{result}`, `{curve}`
    /// and `{checkpoint}` stand for paths, `{isoflop}` for this program. A file may say `"built-in"`
    /// instead: [`built_in_trainer`].
    #[serde(with = "built_in")]
    pub command: Vec<String>,
    /// Folder in which the command runs, relative to the plan.
    #[serde(default = "here")]
    pub folder: PathBuf,
    /// Files whose contents are part of a run's identity: code and data.
    #[serde(default)]
    pub depends_on: Vec<PathBuf>,
    /// Environment variables handed to the command besides [`ENVIRONMENT`].
    #[serde(default)]
    pub environment: Vec<String>,
}

/// Environment variables that every command is handed where they are set; all others are
/// withheld, so that no key or token reaches a run that was not meant to have it.
pub const ENVIRONMENT: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "VIRTUAL_ENV",
];

fn here() -> PathBuf {
    PathBuf::from(".")
}

/// Where runs are executed, and what one run needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutorPlan {
    /// Which executor.
    pub kind: ExecutorKind,
    /// Most runs at a time; as many as fit if `None`.
    pub parallel: Option<usize>,
    /// Processor cores of a run.
    pub cores_per_run: usize,
    /// Memory of a run in MiB.
    pub memory_per_run_mib: u64,
    /// Options of Slurm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmPlan>,
    /// Options of Ray.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ray: Option<RayPlan>,
}

impl Default for ExecutorPlan {
    fn default() -> Self {
        ExecutorPlan {
            kind: ExecutorKind::Local,
            parallel: None,
            cores_per_run: 1,
            memory_per_run_mib: 1024,
            slurm: None,
            ray: None,
        }
    }
}

/// The executors there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorKind {
    /// Processes on this machine.
    Local,
    /// A Slurm cluster, through `sbatch`.
    Slurm,
    /// A Ray cluster, through its Jobs API.
    Ray,
}

/// Options of Slurm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlurmPlan {
    /// Further arguments of `sbatch`, such as `--partition=gpu` or `--gres=gpu:1`.
    pub options: Vec<String>,
    /// Runs that one job of an array makes, one after the other.
    pub runs_per_task: usize,
    /// Seconds between two questions to the engine, however many jobs there are.
    pub poll_secs: f64,
}

impl Default for SlurmPlan {
    fn default() -> Self {
        SlurmPlan {
            options: Vec::new(),
            runs_per_task: 1,
            poll_secs: 10.0,
        }
    }
}

/// Options of Ray.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RayPlan {
    /// Address of the dashboard.
    pub address: String,
    /// GPUs of a run.
    pub gpus_per_run: f64,
    /// Allow an address that is not this machine's without a token.
    pub insecure: bool,
    /// Seconds between two questions to the engine.
    pub poll_secs: f64,
}

impl Default for RayPlan {
    fn default() -> Self {
        RayPlan {
            address: "http://127.0.0.1:8265".to_owned(),
            gpus_per_run: 0.0,
            insecure: false,
            poll_secs: 5.0,
        }
    }
}

/// What a sweep may not exceed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Attempts at one run that may fail before it is given up.
    pub attempts: u32,
    /// Attempts at one run that may be lost without a word before it is given up.
    pub lost_attempts: u32,
    /// FLOPs of all runs together; runs beyond it are not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend_flops: Option<f64>,
    /// A run whose loss exceeds this (nats per token) after its warm-up is stopped as diverged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diverged_above: Option<f64>,
    /// Share of a run's tokens before which `diverged_above` is not judged.
    pub diverged_after: f64,
    /// Times that an engine may be asked about a job which it does not know, and whose progress
    /// stands still, before the job counts as lost.
    pub silent_polls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            attempts: 3,
            lost_attempts: 10,
            spend_flops: None,
            diverged_above: None,
            diverged_after: 0.1,
            silent_polls: 6,
        }
    }
}

/// One run: its size, its data, and whatever else its trainer wants to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// A name of its own, for people; not part of the run's identity.
    pub name: String,
    /// Model size N, all parameters.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// Training compute C; 6ND if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flops: Option<Flops>,
    /// Batch size B in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<Tokens>,
    /// Peak learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Random seed.
    #[serde(default)]
    pub seed: u64,
    /// What the trainer wants to know besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
}

impl RunSpec {
    /// Training compute: as stated, or 6ND.
    #[must_use]
    pub fn compute(&self) -> Flops {
        self.flops
            .unwrap_or_else(|| Flops::six_nd(self.params, self.tokens))
    }
}

/// A run of a plan with the key that names it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedRun {
    /// Hash of what follows and of the trainer.
    pub key: RunKey,
    /// The run.
    pub spec: RunSpec,
}

impl SweepPlan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// [`PlanError`] with the file, the line and what was expected.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        file::read(path)
    }

    /// Reads and checks the text of a plan; `path` is for messages.
    ///
    /// # Errors
    /// [`PlanError`] with the line and what was expected.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PlanError> {
        file::parse(text, path)
    }

    /// The runs with their keys. The files of [`Trainer::depends_on`] are read from `folder`.
    ///
    /// # Errors
    /// [`PlanError`] for a file that can't be read, or two runs that are the same.
    pub fn keyed_runs(&self, folder: &Path) -> Result<Vec<KeyedRun>, PlanError> {
        let trainer = self.trainer.identity(folder)?;
        let mut names = BTreeMap::new();
        let mut keyed = Vec::with_capacity(self.runs.len());
        for spec in &self.runs {
            let key = spec.key(&trainer);
            if let Some(other) = names.insert(key.clone(), &spec.name) {
                return Err(PlanError::SameRun(other.clone(), spec.name.clone()));
            }
            let spec = spec.clone();
            keyed.push(KeyedRun { key, spec });
        }
        Ok(keyed)
    }
}

impl RunSpec {
    /// Whether it is the same run as another one, whatever they are called.
    pub(crate) fn is_same_run(&self, other: &RunSpec) -> bool {
        let named_alike = RunSpec {
            name: self.name.clone(),
            ..other.clone()
        };
        *self == named_alike
    }

    fn key(&self, trainer: &Value) -> RunKey {
        let identity = json!({
            "schema": 1, "trainer": trainer, "params": self.params, "tokens": self.tokens,
            "flops": self.flops, "batch_tokens": self.batch_tokens,
            "learning_rate": self.learning_rate, "seed": self.seed, "settings": self.settings,
        });
        RunKey::of(&identity)
    }
}

impl Trainer {
    /// What of the trainer decides a result: its command, and the contents of its files.
    fn identity(&self, folder: &Path) -> Result<Value, PlanError> {
        let mut files = BTreeMap::new();
        for path in &self.depends_on {
            let mut hasher = blake3::Hasher::new();
            let unreadable = |source| PlanError::Unreadable {
                path: folder.join(path),
                source,
            };
            let file = std::fs::File::open(folder.join(path)).map_err(unreadable)?;
            hasher.update_reader(file).map_err(unreadable)?;
            let hash = hasher.finalize().to_hex().to_string();
            files.insert(path.display().to_string(), hash);
        }
        Ok(json!({"command": self.command, "files": files}))
    }
}

/// The specification that a trainer reads: one JSON object.
#[must_use]
pub fn specification(run: &KeyedRun) -> String {
    let spec = &run.spec;
    canonical(&json!({
        "schema": "isoflop-run/1", "run": spec.name, "key": run.key, "params": spec.params,
        "tokens": spec.tokens, "flops": spec.compute(), "batch_tokens": spec.batch_tokens,
        "learning_rate": spec.learning_rate, "seed": spec.seed, "settings": spec.settings,
    }))
}
