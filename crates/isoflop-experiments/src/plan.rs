//! The largest set of runs that fits the time, stored, so that an experiment that is resumed has
//! the same runs however fast the machine then is.

use crate::design::{Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::experiments;
use crate::options::Options;
use isoflop_quickstart::{CorpusFacts, JobFolder, LoadedCorpus};
use isoflop_train::{Device, ModelShape, Recipe, Speed, TrainError, measure_speed_on};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Raised when the meaning of the file changes.
const FORMAT: u32 = 1;

/// Share of the time that is planned for: speed is measured for a moment.
const PLANNED_SHARE: f64 = 0.92;

/// Seconds for fits and figures.
const OVERHEAD_SECS: f64 = 6.0;

/// The longest runs planned, as a multiple of the shortest that make sense.
const LARGEST_SCALE: f64 = 1e5;

/// Everything that decides the runs of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    format: u32,
    program: String,
    folder: String,
    /// The options that it was made for.
    asked: String,
    scale_asked: Option<f64>,
    /// What the corpus turned out to be.
    pub facts: CorpusFacts,
    /// How runs are trained; its vocabulary is the one asked for.
    pub recipe: Recipe,
    /// Length of the runs as a multiple of the shortest that make sense.
    pub scale: f64,
    /// Threads that the time was planned for.
    pub workers: usize,
    /// The runs.
    pub runs: Vec<PlannedRun>,
}

impl Plan {
    /// Measures this machine and plans; `begun` is when the experiment began.
    ///
    /// # Errors
    /// [`ExperimentError::TooFewMinutes`] with how many it takes.
    pub fn make(
        options: &Options,
        corpus: &LoadedCorpus,
        begun: Instant,
    ) -> Result<Self, ExperimentError> {
        let bench = Bench {
            recipe: Recipe {
                vocabulary: corpus.facts.vocabulary,
                ..options.recipe
            },
            seed: options.seed,
        };
        let mut speeds = Speeds {
            recipe: bench.recipe,
            device: options.device,
            workers: options.at_once(),
            known: Vec::new(),
        };
        let mut timed = |scale: f64| -> Result<(Vec<PlannedRun>, f64), ExperimentError> {
            let mut runs = experiments::runs(options.name, &bench, scale);
            let seconds = speeds.time(&mut runs)?;
            Ok((runs, seconds))
        };
        let used = begun.elapsed().as_secs_f64() + OVERHEAD_SECS;
        let seconds = options.minutes * 60.0 * PLANNED_SHARE - used;
        let (scale, runs) = match options.scale {
            Some(scale) => (scale, timed(scale)?.0),
            None => {
                let (runs, needed) = timed(1.0)?;
                if needed > seconds {
                    let needed = (needed + used) / PLANNED_SHARE / 60.0;
                    return Err(ExperimentError::TooFewMinutes {
                        name: options.name,
                        minutes: options.minutes,
                        needed,
                        // A fifth more: the next measurement may come out slower.
                        advice: (needed * 1.2).ceil() as u64,
                    });
                }
                largest(runs, seconds, &mut timed)?
            }
        };
        Ok(Self {
            format: FORMAT,
            program: program(),
            folder: options.name.folder().to_owned(),
            asked: options.asked(),
            scale_asked: options.scale,
            facts: corpus.facts.clone(),
            recipe: options.recipe,
            scale,
            workers: options.at_once(),
            runs,
        })
    }

    /// The plan of an earlier start; `None` if there is none.
    ///
    /// # Errors
    /// [`ExperimentError::OtherOptions`] if it was made for other options.
    pub fn load(folder: &JobFolder, options: &Options) -> Result<Option<Self>, ExperimentError> {
        let path = folder.plan();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ExperimentError::unreadable(path, error)),
        };
        let plan: Plan = serde_json::from_str(&text)
            .map_err(|error| ExperimentError::unreadable(path.clone(), error))?;
        if plan.format != FORMAT {
            let reason = format!("it has format {}", plan.format);
            return Err(ExperimentError::unreadable(path, reason));
        }
        let asked = options.asked();
        if plan.asked == asked && plan.scale_asked == options.scale {
            return Ok(Some(plan));
        }
        Err(ExperimentError::OtherOptions {
            path: folder.path().to_owned(),
            there: plan.asked,
            asked,
        })
    }

    /// Stores it.
    ///
    /// # Errors
    /// A folder that can't be written to.
    pub fn store(&self, folder: &JobFolder) -> Result<(), ExperimentError> {
        let path = folder.plan();
        // Strings, numbers and lists only: there is nothing that serde_json refuses.
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        isoflop_runs::write_atomically(&path, text.as_bytes())
            .map_err(|source| ExperimentError::unwritable(path, source))
    }

    /// Seconds expected for all runs.
    pub fn seconds(&self) -> f64 {
        makespan(&self.runs, self.workers)
    }
}

/// Program and version.
pub(crate) fn program() -> String {
    format!("isoflop {}", env!("CARGO_PKG_VERSION"))
}

/// Doubling, then bisection in the logarithm, from the runs of scale 1, which fit.
fn largest(
    mut best: Vec<PlannedRun>,
    seconds: f64,
    timed: &mut impl FnMut(f64) -> Result<(Vec<PlannedRun>, f64), ExperimentError>,
) -> Result<(f64, Vec<PlannedRun>), ExperimentError> {
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    loop {
        high += std::f64::consts::LN_2;
        let (runs, needed) = timed(high.exp())?;
        if needed > seconds || high > LARGEST_SCALE.ln() {
            break;
        }
        (low, best) = (high, runs);
    }
    for _ in 0..7 {
        let middle = f64::midpoint(low, high);
        let (runs, needed) = timed(middle.exp())?;
        match needed > seconds {
            true => high = middle,
            false => (low, best) = (middle, runs),
        }
    }
    Ok((low.exp(), best))
}

/// What all runs take on so many threads, the longest first.
fn makespan(runs: &[PlannedRun], workers: usize) -> f64 {
    let sum: f64 = runs.iter().map(|run| run.seconds).sum();
    let longest = runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
    (sum / workers.max(1) as f64).max(longest)
}

/// Speeds of one thread while the others work too.
struct Speeds {
    recipe: Recipe,
    device: Device,
    workers: usize,
    known: Vec<((ModelShape, usize), Speed)>,
}

impl Speeds {
    /// Fills in what each run takes, and gives what all take together.
    fn time(&mut self, runs: &mut [PlannedRun]) -> Result<f64, TrainError> {
        for run in runs.iter_mut() {
            let speed = self.of(run.pace())?;
            run.seconds =
                run.tokens() as f64 * speed.train + run.measured_tokens() as f64 * speed.evaluate;
        }
        Ok(makespan(runs, self.workers))
    }

    fn of(&mut self, pace: (ModelShape, usize)) -> Result<Speed, TrainError> {
        if let Some((_, speed)) = self.known.iter().find(|(known, _)| *known == pace) {
            return Ok(*speed);
        }
        let recipe = Recipe {
            batch: pace.1,
            ..self.recipe
        };
        let device = self.device;
        let one = || match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            Ok(pool) => pool.install(|| measure_speed_on(device, &recipe, &pace.0)),
            Err(_) => measure_speed_on(device, &recipe, &pace.0),
        };
        let measured: Vec<Option<Result<Speed, TrainError>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.workers).map(|_| scope.spawn(one)).collect();
            let joined = threads.into_iter().map(|thread| thread.join().ok());
            joined.collect()
        });
        let speeds: Result<Vec<Speed>, TrainError> = measured.into_iter().flatten().collect();
        let speeds = speeds?;
        let mean =
            |of: fn(&Speed) -> f64| speeds.iter().map(of).sum::<f64>() / speeds.len().max(1) as f64;
        let speed = Speed {
            train: mean(|speed| speed.train),
            evaluate: mean(|speed| speed.evaluate),
        };
        self.known.push((pace, speed));
        Ok(speed)
    }
}
