//! Step 3: this machine's speed and, from it, the ladder; stored, so that a job that is resumed
//! has the same plan however fast the machine then is.

use crate::corpus::{CorpusFacts, LoadedCorpus};
use crate::error::QuickstartError;
use crate::folder::JobFolder;
use crate::options::{CorpusChoice, Options};
use isoflop_corpus::CorpusOptions;
use isoflop_train::{
    Budget, Device, Ladder, LadderError, ModelShape, PlannedRun, Recipe, Speed, TrainError,
    measure_speed_on,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Raised when the meaning of the file changes.
const FORMAT: u32 = 1;

/// Share of the time that is planned for. Speed is measured for a moment, and machines slow down
/// when they get warm or somebody else works on them.
const PLANNED_SHARE: f64 = 0.94;

/// Seconds for the measurement of speed, the fits, the forecast and the report.
const OVERHEAD_SECS: f64 = 16.0;

/// Seeds of two jobs never meet: a job has fewer runs than this.
const SEEDS_A_JOB: u64 = 1000;

/// Everything that decides the runs of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    format: u32,
    /// Program and version that made it.
    pub program: String,
    /// When it was made.
    pub planned_at: Timestamp,
    /// Minutes asked for.
    pub minutes: f64,
    /// Leap in compute asked for.
    pub ratio: f64,
    /// Seed asked for.
    pub seed: u64,
    /// Corpus asked for.
    pub corpus: CorpusChoice,
    /// Field of the text asked for.
    #[serde(default)]
    pub text_field: Option<String>,
    /// Tokeniser asked for.
    #[serde(default)]
    pub tokenizer: Option<PathBuf>,
    /// Where runs are trained: another device gives other bits.
    #[serde(default)]
    pub device: Device,
    /// What it turned out to be.
    pub facts: CorpusFacts,
    /// How runs are trained; its vocabulary is the one asked for.
    pub recipe: Recipe,
    /// Seconds between checkpoints.
    pub checkpoint_every_secs: f64,
    /// Speeds that were measured.
    pub speeds: Vec<(ModelShape, Speed)>,
    /// The runs.
    pub ladder: Ladder,
}

impl Plan {
    /// Measures this machine and plans the largest ladder for the time that is left; `begun` is
    /// when the job began.
    ///
    /// # Errors
    /// [`QuickstartError::TooFewMinutes`] with how many it takes.
    pub(crate) fn make(
        options: &Options,
        corpus: &LoadedCorpus,
        begun: Instant,
    ) -> Result<Self, QuickstartError> {
        let recipe = Recipe {
            vocabulary: corpus.facts.vocabulary,
            ..options.recipe
        };
        let used = begun.elapsed().as_secs_f64() + OVERHEAD_SECS;
        let budget = Budget {
            seconds: options.minutes * 60.0 * PLANNED_SHARE - used,
            ratio: options.ratio,
            unique_tokens: corpus.unique_tokens(&recipe)?.get() as u64,
            validation_tokens: corpus.facts.validation_tokens as u64,
        };
        let (ladder, speeds) = measured_ladder(options.device, &recipe, budget)?;
        let ladder = ladder.map_err(|error| too_few_minutes(error, options, used))?;
        Ok(Self {
            format: FORMAT,
            program: program(),
            planned_at: Timestamp::now(),
            minutes: options.minutes,
            ratio: options.ratio,
            seed: options.seed,
            corpus: options.corpus.clone(),
            text_field: options.text.text_field.clone(),
            tokenizer: options.tokenizer.clone(),
            device: options.device,
            facts: corpus.facts.clone(),
            recipe: options.recipe,
            checkpoint_every_secs: options.checkpoint_every.as_secs_f64(),
            speeds,
            ladder: seeded(ladder, options.seed),
        })
    }

    /// The plan of an earlier start in this folder; `None` if there is none.
    ///
    /// # Errors
    /// [`QuickstartError::OtherJob`] if it was made for other options,
    /// [`QuickstartError::Unreadable`] if it can't be read.
    pub(crate) fn load(
        folder: &JobFolder,
        options: &Options,
    ) -> Result<Option<Self>, QuickstartError> {
        let path = folder.plan();
        let Some(text) = JobFolder::read(&path)? else {
            return Ok(None);
        };
        let unreadable = |reason| QuickstartError::Unreadable {
            path: path.clone(),
            reason,
        };
        let plan: Plan =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        if plan.format != FORMAT {
            return Err(unreadable(format!("it has format {}", plan.format)));
        }
        if plan.is_for(options) {
            return Ok(Some(plan));
        }
        Err(QuickstartError::OtherJob {
            path: folder.path().to_owned(),
            there: plan.asked(),
            asked: options.asked(),
        })
    }

    fn is_for(&self, options: &Options) -> bool {
        self.minutes == options.minutes
            && self.ratio == options.ratio
            && self.seed == options.seed
            && self.corpus == options.corpus
            && self.text_field == options.text.text_field
            && self.tokenizer == options.tokenizer
            && self.device == options.device
    }

    fn asked(&self) -> String {
        let options = Options {
            minutes: self.minutes,
            ratio: self.ratio,
            seed: self.seed,
            corpus: self.corpus.clone(),
            text: CorpusOptions {
                text_field: self.text_field.clone(),
                ..CorpusOptions::default()
            },
            tokenizer: self.tokenizer.clone(),
            device: self.device,
            ..Options::default()
        };
        options.asked()
    }

    pub(crate) fn to_json(&self) -> String {
        // Strings, numbers and lists only: there is nothing that serde_json refuses.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// All runs in their order, the target last.
    pub fn runs(&self) -> impl Iterator<Item = &PlannedRun> {
        self.ladder.small.iter().chain([&self.ladder.target])
    }

    /// How often a run is saved.
    #[must_use]
    pub fn checkpoint_every(&self) -> Duration {
        Duration::from_secs_f64(self.checkpoint_every_secs.max(0.0))
    }
}

/// Program and version.
pub(crate) fn program() -> String {
    format!("isoflop {}", env!("CARGO_PKG_VERSION"))
}

type Measured = (Result<Ladder, LadderError>, Vec<(ModelShape, Speed)>);

fn measured_ladder(
    device: Device,
    recipe: &Recipe,
    budget: Budget,
) -> Result<Measured, TrainError> {
    let (mut speeds, mut failure) = (Vec::new(), None);
    let ladder = isoflop_train::plan(recipe, budget, |shape| {
        let speed = measure_speed_on(device, recipe, shape).unwrap_or_else(|error| {
            failure = Some(error);
            Speed {
                train: f64::INFINITY,
                evaluate: f64::INFINITY,
            }
        });
        speeds.push((*shape, speed));
        speed
    });
    match failure {
        Some(error) => Err(error),
        None => Ok((ladder, speeds)),
    }
}

fn too_few_minutes(error: LadderError, options: &Options, used: f64) -> QuickstartError {
    match error {
        LadderError::TooShort { needed, .. } => {
            let needed = (needed + used) / PLANNED_SHARE / 60.0;
            QuickstartError::TooFewMinutes {
                minutes: options.minutes,
                ratio: options.ratio,
                needed,
                // A fifth more: the next measurement may come out slower.
                advice: (needed * 1.2).ceil() as u64,
            }
        }
        other => QuickstartError::Ladder(other),
    }
}

/// Every run with weights and data of its own: errors of the runs are then independent.
fn seeded(mut ladder: Ladder, seed: u64) -> Ladder {
    let runs = ladder.small.iter_mut().chain([&mut ladder.target]);
    for (index, run) in runs.enumerate() {
        run.spec.seed = seed % (1 << 40) * SEEDS_A_JOB + index as u64;
    }
    ladder
}
