//! Planned runs: what is trained, on which text, and what is measured on the way.

use crate::text::Reading;
use isoflop_laws::Tokens;
use isoflop_train::{Architecture, Decay, ModelShape, Recipe, Schedule, TrainSpec};
use serde::{Deserialize, Serialize};

/// A run of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedRun {
    /// Its name among the runs.
    pub name: String,
    /// What is trained; of a run with branches, the longest of them.
    pub spec: TrainSpec,
    /// What it reads.
    pub reading: Reading,
    /// Which of several sets of runs it belongs to, such as `long warm-up`.
    pub set: String,
    /// Steps after which the validation loss is measured, besides the last.
    pub measured_at: Vec<u64>,
    /// Shorter schedules that are annealed from this run (warm-up, stable, decay).
    pub branches: Vec<Schedule>,
    /// Windows of the validation set that are read at each measurement.
    pub windows: usize,
    /// Seconds expected on one thread, measurements included.
    pub seconds: f64,
}

/// Windows of the validation set unless a run says otherwise: of more than a thousand documents.
pub(crate) const WINDOWS: usize = 2048;

/// Windows where a run is measured many times on its way.
pub(crate) const FEW_WINDOWS: usize = 256;

impl PlannedRun {
    /// Steps that are trained in all: of the run and of what branches off.
    pub fn steps(&self) -> u64 {
        let branches = self.branches.iter();
        let branches = branches.map(|branch| branch.steps - branch.annealing_begins());
        self.spec.schedule.steps + branches.sum::<u64>()
    }

    /// Tokens that are trained on in all.
    pub fn tokens(&self) -> u64 {
        self.steps() * self.spec.batch_tokens() as u64
    }

    /// Tokens that are only read, for measurements.
    pub fn measured_tokens(&self) -> u64 {
        let times = 1 + self.measured_at.len() + self.branches.len();
        (times * self.windows * self.spec.shape.context) as u64
    }

    /// The run's own shape and batch: what its speed depends on.
    pub fn pace(&self) -> (ModelShape, usize) {
        (self.spec.shape, self.spec.batch)
    }
}

/// What every experiment plans with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench {
    /// How runs are trained.
    pub recipe: Recipe,
    /// The seed asked for.
    pub seed: u64,
}

/// Elements of a head: with eight even the narrowest models have heads in parallel.
const HEAD_WIDTH: usize = 8;

/// Depth of the family, as of quickstart's: models of another depth are on another law.
const LAYERS: usize = 2;

/// Widths of the family.
pub(crate) const WIDTHS: [usize; 14] = [8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 256];

/// Seeds of two experiments of one seed never meet: none has more runs than this.
const SEEDS_A_JOB: u64 = 1000;

/// Fewer steps than this are mostly warm-up.
const SMALLEST_STEPS: u64 = 40;

impl Bench {
    /// The family's model of a width that is a multiple of eight.
    pub fn shape(&self, width: usize) -> ModelShape {
        ModelShape {
            layers: LAYERS,
            width,
            heads: width / HEAD_WIDTH,
            vocabulary: self.recipe.vocabulary,
            context: self.recipe.context,
            architecture: Architecture::PLAIN,
        }
    }

    /// Steps of a run over about `tokens`.
    pub fn steps(&self, tokens: f64) -> u64 {
        let steps = (tokens / self.recipe.batch_tokens() as f64).round();
        (steps as u64).max(SMALLEST_STEPS)
    }

    /// A run by quickstart's recipe over about `tokens`; the `index`-th of its experiment.
    pub fn run(&self, index: u64, width: usize, tokens: f64) -> PlannedRun {
        let seed = self.seed % (1 << 40) * SEEDS_A_JOB + index;
        let spec = self
            .recipe
            .spec(self.shape(width), self.steps(tokens), seed);
        PlannedRun {
            name: format!("w{width}-d{:02}", index),
            spec,
            reading: Reading::Text,
            set: String::new(),
            measured_at: Vec::new(),
            branches: Vec::new(),
            windows: WINDOWS,
            seconds: 0.0,
        }
    }

    /// FLOPs of a token of training, counted from the architecture.
    pub fn flops_a_token(&self, width: usize) -> f64 {
        let one = Tokens::new(1.0).and_then(|one| self.shape(width).counted_flops(one));
        one.map_or(f64::INFINITY, isoflop_laws::Flops::get)
    }

    /// N of a width, embeddings included.
    pub fn params(&self, width: usize) -> f64 {
        let params = self.shape(width).params();
        params.map_or(f64::INFINITY, isoflop_laws::Params::get)
    }
}

/// The sizes and lengths that `kaplan-panels`, `sample-efficiency` and `early-stopping` share: each
/// size with each length, every run with a schedule of its own (Hoffmann et al. 2022 on why).
///
/// Longer runs come with larger models: a line through the largest one's runs is a law of the data
/// only as long as its size does not limit them.
pub(crate) fn grid(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    const LENGTHS: i32 = 6;
    /// The longest over the shortest run.
    const SPAN: f64 = 16.0;
    let shortest = scale * (bench.recipe.batch_tokens() as u64 * SMALLEST_STEPS) as f64;
    let mut runs = Vec::new();
    for width in grid_widths(bench, shortest * SPAN) {
        for length in 0..LENGTHS {
            let share = f64::from(length) / f64::from(LENGTHS - 1);
            runs.push(bench.run(runs.len() as u64, width, shortest * SPAN.powf(share)));
        }
    }
    runs
}

/// Widths of the grid, small to large, for runs of up to `longest` tokens.
fn grid_widths(bench: &Bench, longest: f64) -> Vec<usize> {
    const SIZES: i32 = 5;
    /// Tokens a parameter of the largest run.
    const DENSEST: f64 = 5.0;
    /// Of a grid of the shortest runs; so far apart that five multiples of eight lie between.
    const NARROWEST_LAST: usize = 48;
    const WIDEST: usize = 512;
    let enough = |width: &usize| bench.params(*width) >= longest / DENSEST;
    let last = (NARROWEST_LAST..WIDEST).step_by(HEAD_WIDTH).find(enough);
    let (first, last) = (HEAD_WIDTH, last.unwrap_or(WIDEST));
    let ratio = last as f64 / first as f64;
    let mut widths: Vec<usize> = Vec::new();
    for size in 0..SIZES {
        let width = first as f64 * ratio.powf(f64::from(size) / f64::from(SIZES - 1));
        let heads = (width / HEAD_WIDTH as f64).round() as usize;
        let above = widths.last().map_or(0, |before| before + HEAD_WIDTH);
        widths.push((heads * HEAD_WIDTH).max(above));
    }
    widths
}

/// Runs around the best size at each of several budgets, as multiples of the largest, `flops`.
pub(crate) fn valleys(bench: &Bench, flops: f64, budgets: &[(f64, usize)]) -> Vec<PlannedRun> {
    /// Tokens a parameter around which sizes are tried (Hoffmann et al. 2022).
    const CENTRE: f64 = 20.0;
    let mut runs: Vec<PlannedRun> = Vec::new();
    for (share, count) in budgets {
        let budget = flops * share;
        let off = |width: &usize| {
            let tokens = budget / bench.flops_a_token(*width);
            (tokens / bench.params(*width) / CENTRE).ln().abs()
        };
        let mut widths = WIDTHS.to_vec();
        widths.sort_by(|a, b| off(a).total_cmp(&off(b)));
        widths.truncate(*count);
        widths.sort_unstable();
        for width in widths {
            let tokens = budget / bench.flops_a_token(width);
            runs.push(bench.run(runs.len() as u64, width, tokens));
        }
    }
    runs
}

/// The run as the trunk of branches: at its peak for `flat` steps, then with a rate that suits ever
/// longer runs, until its last `annealed` share; with a branch of each length that is annealed over
/// the same share of itself.
pub(crate) fn with_branches(
    run: PlannedRun,
    lengths: &[u64],
    flat: u64,
    annealed: f32,
) -> PlannedRun {
    let stable = Schedule {
        decay: Decay::InverseRoot { flat, annealed },
        ..run.spec.schedule
    };
    let branch = |steps: &u64| Schedule {
        steps: *steps,
        ..stable
    };
    PlannedRun {
        spec: TrainSpec {
            schedule: stable,
            ..run.spec
        },
        branches: lengths.iter().map(branch).collect(),
        ..run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_runs_come_with_models_that_they_do_not_outgrow() {
        let recipe = Recipe::default();
        let bench = Bench { recipe, seed: 0 };
        for scale in [1.0, 3.0, 10.0, 40.0] {
            let runs = grid(&bench, scale);
            assert_eq!(runs.len(), 30);
            let mut widths: Vec<usize> = runs.iter().map(|run| run.spec.shape.width).collect();
            widths.dedup();
            assert_eq!(widths.len(), 5, "{widths:?}");
            assert!(widths.is_sorted(), "{widths:?}");
            let last = runs.last().unwrap();
            let ratio = last.tokens() as f64 / bench.params(last.spec.shape.width);
            assert!(
                (2.5..5.1).contains(&ratio),
                "{scale}: {ratio} of {widths:?}"
            );
        }
    }

    #[test]
    fn widths_spread_evenly_over_the_range_that_time_allows() {
        let recipe = Recipe::default();
        let bench = Bench { recipe, seed: 0 };
        assert_eq!(grid_widths(&bench, 1.0), [8, 16, 24, 32, 48]);
        assert_eq!(grid_widths(&bench, 1e12), [8, 24, 64, 184, 512]);
    }
}
