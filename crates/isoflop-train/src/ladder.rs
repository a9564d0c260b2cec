//! Which small runs to make, and which large one to forecast, within a budget of seconds.
//!
//! The small runs lie at a few budgets of compute, several sizes at each (Hoffmann et al. 2022,
//! approach 2), so that one ladder serves L(C), L(N, D) and the valley at a fixed budget. Their
//! largest budget is the target's divided by the leap asked for.

use crate::recipe::Recipe;
use crate::shape::ModelShape;
use crate::trainer::TrainSpec;
use isoflop_laws::{Flops, QuantityError, Tokens};
use serde::{Deserialize, Serialize};

/// How fast this machine trains and evaluates a shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Seconds for a token of training.
    pub train: f64,
    /// Seconds for a token of validation.
    pub evaluate: f64,
}

/// What a ladder may use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Seconds for all training and validation.
    pub seconds: f64,
    /// Compute of the target over that of the largest small run.
    pub ratio: f64,
    /// Tokens of the training text; more are seen by repetition.
    pub unique_tokens: u64,
    /// Tokens of the fixed validation set.
    pub validation_tokens: u64,
}

/// One planned run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// Name, such as `small-03` or `target`.
    pub name: String,
    /// What is trained.
    pub spec: TrainSpec,
    /// Seconds expected, validation included.
    pub seconds: f64,
    /// Whether it repeats another run with other weights: the ladder can do without it.
    pub repeat: bool,
}

impl PlannedRun {
    /// C, counted from the architecture.
    ///
    /// # Errors
    /// [`QuantityError`] for a run without tokens.
    pub fn flops(&self) -> Result<Flops, QuantityError> {
        self.spec
            .shape
            .counted_flops(Tokens::new(self.spec.tokens() as f64)?)
    }
}

/// The small runs from cheap to dear, and the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Runs that the laws are fitted to.
    pub small: Vec<PlannedRun>,
    /// The run whose loss is forecast before it starts.
    pub target: PlannedRun,
}

impl Ladder {
    /// Seconds expected for everything.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.small.iter().map(|run| run.seconds).sum::<f64>() + self.target.seconds
    }

    /// Distinct sizes of the small runs.
    fn sizes(&self) -> usize {
        let mut widths: Vec<_> = self.small.iter().map(|run| run.spec.shape.width).collect();
        widths.sort_unstable();
        widths.dedup();
        widths.len()
    }
}

/// Why no ladder can be planned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LadderError {
    /// The time does not suffice even for the smallest ladder.
    #[error(
        "{seconds:.0} s are too few for a ladder with a leap of {ratio}: this machine needs about {needed:.0} s"
    )]
    TooShort {
        /// Seconds there are.
        seconds: f64,
        /// The leap asked for.
        ratio: f64,
        /// Seconds that the smallest ladder needs.
        needed: f64,
    },
    /// A run without parameters or tokens.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
}

/// Tokens a parameter around which the runs of a budget lie: where the valleys of models of this
/// size are on text (`isoflop experiment tokens-per-parameter`: 11, 8 to 18). The 20 of Hoffmann et
/// al. 2022 are of budgets a billion times as large; a target there lies off the optimum and beyond
/// what its small runs, which have few tokens a parameter, can say.
const CENTRAL_RATIO: f64 = 10.0;

/// Compute of a level of small runs, as a share of the largest level's, and the sizes tried there.
type Level = (f64, usize);

/// Compute of each level of small runs, as a share of the largest, and the sizes tried there.
/// Four sizes make a valley with a run to spare. The cheaper levels have fewer: their largest
/// models would be cut off after too few tokens to say much. All levels below the first two cost
/// less than those do, and they reach down a factor of eight; forecasts from sixteen such runs
/// scatter half as much as from eleven (`docs/recipe.md`).
const LEVELS: [Level; 7] = [
    (1.0, 4),
    (0.71, 4),
    (0.5, 4),
    (0.35, 3),
    (0.25, 3),
    (0.18, 2),
    (0.125, 2),
];

/// Fewer of them, for less time.
const FIVE_LEVELS: [Level; 5] = [(1.0, 4), (0.71, 4), (0.5, 4), (0.25, 3), (0.125, 2)];

/// Every other of them, for little time.
const FEW_LEVELS: [Level; 4] = [(1.0, 4), (0.5, 4), (0.25, 3), (0.125, 2)];

/// The levels of a ladder, and how many sizes it has at least: the exponent of N is drawn through
/// them. The cheapest level and the largest size bound the whole ladder from below, so a machine
/// too slow for the first gives up runs, then the cheapest level and a size, before the job is
/// refused.
const EXTENTS: [(&[Level], usize); 4] = [
    (&LEVELS, 4),
    (&FIVE_LEVELS, 4),
    (&FEW_LEVELS, 4),
    (FEW_LEVELS.split_at(3).0, 3),
];

/// Runs of the least ladder: a law of five parameters and its noise take as many.
const FEWEST_RUNS: usize = 8;

/// Tokens a parameter of the smallest shape in the smallest ladder: about what the fewest steps
/// give it.
const LEAST_RATIO: f64 = 3.5;

/// Fewer steps than this are mostly warm-up.
const MIN_STEPS: u64 = 200;

/// Tokens a parameter outside which a run says little of the optimum.
const RATIOS: std::ops::RangeInclusive<f64> = 2.0..=400.0;

/// Plans the largest ladder that fits `budget`; `speed` is asked for each shape at most once.
///
/// # Errors
/// [`LadderError::TooShort`] when not even the smallest ladder fits.
pub fn plan(
    recipe: &Recipe,
    budget: Budget,
    mut speed: impl FnMut(&ModelShape) -> Speed,
) -> Result<Ladder, LadderError> {
    let mut known: Vec<(ModelShape, Speed)> = Vec::new();
    let mut speed = |shape: &ModelShape| match known.iter().find(|(known, _)| known == shape) {
        Some((_, speed)) => *speed,
        None => {
            let measured = speed(shape);
            known.push((*shape, measured));
            measured
        }
    };
    let mut needed = f64::INFINITY;
    for (levels, sizes) in EXTENTS {
        let mut smallest = smallest_target(recipe, levels, budget.ratio)?;
        let mut ladder = build(recipe, budget, levels, smallest, &mut speed)?;
        while ladder.sizes() < sizes || ladder.small.len() < FEWEST_RUNS {
            smallest *= 1.02;
            ladder = build(recipe, budget, levels, smallest, &mut speed)?;
        }
        if ladder.seconds() <= budget.seconds {
            return grow(recipe, budget, levels, smallest, ladder, &mut speed);
        }
        needed = needed.min(ladder.seconds());
    }
    Err(LadderError::TooShort {
        seconds: budget.seconds,
        ratio: budget.ratio,
        needed,
    })
}

/// The largest ladder that fits `budget`, from the `smallest` target's compute, whose ladder fits.
fn grow(
    recipe: &Recipe,
    budget: Budget,
    levels: &[Level],
    smallest: f64,
    mut best: Ladder,
    speed: &mut impl FnMut(&ModelShape) -> Speed,
) -> Result<Ladder, LadderError> {
    // Grow the target's compute until the time is used: doubling, then bisection in the logarithm.
    // Each shape is measured only when the search first comes to it.
    let (mut low, mut high) = (smallest.ln(), smallest.ln());
    loop {
        high += std::f64::consts::LN_2;
        let ladder = build(recipe, budget, levels, high.exp(), speed)?;
        if ladder.seconds() > budget.seconds {
            break;
        }
        (low, best) = (high, ladder);
    }
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        let ladder = build(recipe, budget, levels, middle.exp(), speed)?;
        if ladder.seconds() > budget.seconds {
            high = middle;
        } else {
            (low, best) = (middle, ladder);
        }
    }
    Ok(best)
}

/// The target's compute for which the cheapest level has a short run of the smallest shape.
fn smallest_target(recipe: &Recipe, levels: &[Level], ratio: f64) -> Result<f64, LadderError> {
    let shape = recipe.shape(0);
    let cheapest = levels
        .iter()
        .fold(1.0_f64, |least, (share, _)| least.min(*share));
    let tokens = (MIN_STEPS as usize * recipe.batch_tokens()) as f64;
    let tokens = tokens.max(LEAST_RATIO * shape.params()?.get());
    Ok(shape.counted_flops(Tokens::new(tokens)?)?.get() / cheapest * ratio)
}

fn build(
    recipe: &Recipe,
    budget: Budget,
    levels: &[Level],
    target_flops: f64,
    speed: &mut impl FnMut(&ModelShape) -> Speed,
) -> Result<Ladder, LadderError> {
    let mut small = Vec::new();
    let top = target_flops / budget.ratio;
    for (share, sizes) in levels.iter().rev() {
        for (shape, steps) in level(recipe, top * share, *sizes)? {
            small.push(planned(recipe, budget, shape, steps, 0, speed));
        }
    }
    // A second seed of the run nearest the optimum of the top level shows the noise between runs.
    let (shape, steps) = central(recipe, top)?;
    small.push(planned(recipe, budget, shape, (steps - 1).max(1), 1, speed));
    for (i, run) in small.iter_mut().enumerate() {
        run.name = format!("small-{:02}", i + 1);
    }
    let (shape, steps) = central(recipe, target_flops)?;
    let mut target = planned(recipe, budget, shape, steps, 0, speed);
    "target".clone_into(&mut target.name);
    Ok(Ladder { small, target })
}

fn planned(
    recipe: &Recipe,
    budget: Budget,
    shape: ModelShape,
    steps: u64,
    seed: u64,
    speed: &mut impl FnMut(&ModelShape) -> Speed,
) -> PlannedRun {
    let rate = speed(&shape);
    let spec = recipe.spec(shape, steps, seed);
    let seconds =
        spec.tokens() as f64 * rate.train + budget.validation_tokens as f64 * rate.evaluate;
    PlannedRun {
        name: String::new(),
        spec,
        seconds,
        repeat: seed > 0,
    }
}

/// The `sizes` shapes nearest the central ratio at `flops`, with their steps, small to large.
fn level(recipe: &Recipe, flops: f64, sizes: usize) -> Result<Vec<(ModelShape, u64)>, LadderError> {
    let mut candidates = Vec::new();
    for shape in recipe.family() {
        // Rounded down, as the target's are rounded up: the leap is never less than asked for.
        let steps = (recipe.steps_for(&shape, flops)? - 1).max(1);
        let ratio = tokens_a_parameter(recipe, &shape, steps)?;
        let distance = (ratio / CENTRAL_RATIO).ln().abs();
        if (steps >= MIN_STEPS && RATIOS.contains(&ratio)) || distance < 0.5 {
            candidates.push((distance, shape, steps));
        }
        if ratio < *RATIOS.start() / 2.0 {
            break;
        }
    }
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    candidates.truncate(sizes);
    candidates.sort_by_key(|(_, shape, _)| shape.width);
    Ok(candidates
        .into_iter()
        .map(|(_, shape, steps)| (shape, steps))
        .collect())
}

/// The shape nearest the central ratio at `flops`.
fn central(recipe: &Recipe, flops: f64) -> Result<(ModelShape, u64), LadderError> {
    let mut best = (f64::INFINITY, recipe.shape(0), 1);
    for shape in recipe.family() {
        let steps = recipe.steps_for(&shape, flops)?;
        let ratio = tokens_a_parameter(recipe, &shape, steps)?;
        let distance = (ratio / CENTRAL_RATIO).ln().abs();
        if distance < best.0 {
            best = (distance, shape, steps);
        }
        if ratio < CENTRAL_RATIO / 10.0 {
            break;
        }
    }
    Ok((best.1, best.2))
}

fn tokens_a_parameter(recipe: &Recipe, shape: &ModelShape, steps: u64) -> Result<f64, LadderError> {
    Ok((steps as usize * recipe.batch_tokens()) as f64 / shape.params()?.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUDGET: Budget = Budget {
        seconds: 270.0,
        ratio: 10.0,
        unique_tokens: 20_000_000,
        validation_tokens: 500_000,
    };

    /// A machine that does 250 GFLOP/s in training at every size.
    fn speed(shape: &ModelShape) -> Speed {
        let flops = shape
            .counted_flops(Tokens::new(1.0).unwrap())
            .unwrap()
            .get();
        Speed {
            train: flops / 250e9,
            evaluate: flops / 750e9,
        }
    }

    #[test]
    fn five_minutes_give_the_ladder_that_is_promised() {
        let ladder = plan(&Recipe::default(), BUDGET, speed).unwrap();
        let used = ladder.seconds();
        assert!((0.97..=1.0).contains(&(used / 270.0)), "{used} s");
        assert!(ladder.small.len() >= 8);
        assert!(ladder.sizes() >= 4);
        let flops = |run: &PlannedRun| run.flops().unwrap().get();
        let largest = ladder.small.iter().map(flops).fold(0.0, f64::max);
        let leap = flops(&ladder.target) / largest;
        assert!((10.0..10.6).contains(&leap), "{leap}");
    }

    #[test]
    fn every_run_ends_its_own_schedule() {
        let ladder = plan(&Recipe::default(), BUDGET, speed).unwrap();
        for run in ladder.small.iter().chain([&ladder.target]) {
            let tokens = run.spec.schedule.steps as usize * run.spec.batch_tokens();
            assert_eq!(run.spec.tokens() as usize, tokens);
            assert!(run.spec.schedule.warmup < run.spec.schedule.steps / 2);
        }
    }

    #[test]
    fn too_little_time_is_said_with_what_is_needed() {
        let error = plan(
            &Recipe::default(),
            Budget {
                seconds: 2.0,
                ..BUDGET
            },
            speed,
        )
        .unwrap_err();
        let LadderError::TooShort { needed, .. } = error else {
            panic!("{error}")
        };
        let enough = Budget {
            seconds: needed * 1.01,
            ..BUDGET
        };
        assert!(plan(&Recipe::default(), enough, speed).is_ok());
    }

    #[test]
    fn a_slow_machine_gives_up_a_level_and_a_size_before_it_is_refused() {
        let slow = |gflops: f64| {
            move |shape: &ModelShape| {
                let flops = shape.counted_flops(Tokens::new(1.0).unwrap()).unwrap();
                Speed {
                    train: flops.get() / (gflops * 1e9),
                    evaluate: flops.get() / (gflops * 3e9),
                }
            }
        };
        let extent = |gflops| {
            let ladder = plan(&Recipe::default(), BUDGET, slow(gflops)).unwrap();
            let budgets = ladder
                .small
                .iter()
                .map(|run| run.flops().unwrap().get().log2().round() as i32);
            let (least, most) = (budgets.clone().min().unwrap(), budgets.max().unwrap());
            (most - least + 1, ladder.sizes() >= 4)
        };
        assert_eq!(extent(250.0), (4, true));
        assert_eq!(extent(60.0), (4, true));
        // Five minutes on two cores of a busy cloud machine.
        assert_eq!(extent(45.0).0, 3);
        assert_eq!(extent(41.0), (3, false));
        assert!(plan(&Recipe::default(), BUDGET, slow(10.0)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn any_machine_and_budget_give_at_least_eight_runs_of_three_sizes(
            seconds in 60.0f64..4000.0, ratio in 10.0f64..60.0, gflops in 15.0f64..2000.0
        ) {
            let machine = |shape: &ModelShape| {
                let flops = shape.counted_flops(Tokens::new(1.0).unwrap()).unwrap().get();
                Speed { train: flops / (gflops * 1e9), evaluate: flops / (gflops * 3e9) }
            };
            let budget = Budget { seconds, ratio, ..BUDGET };
            if let Ok(ladder) = plan(&Recipe::default(), budget, machine) {
                prop_assert!(ladder.seconds() <= seconds);
                prop_assert!(ladder.small.len() >= 8);
                prop_assert!(ladder.sizes() >= 3);
                let largest = ladder
                    .small
                    .iter()
                    .map(|run| run.flops().unwrap().get())
                    .fold(0.0, f64::max);
                prop_assert!(ladder.target.flops().unwrap().get() / largest >= ratio * 0.999);
            }
        }
    }
}
