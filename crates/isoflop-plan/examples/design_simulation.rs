//! Does a designed ladder forecast as well as the usual isoFLOP grid at a fraction of its compute?
//!
//! For each of several true surfaces: the usual grid (5 budgets from 1e18 to 1e20 FLOPs, 9 sizes
//! from an eighth to eight times the best one, centred by the truth itself) and ladders that
//! `design` makes from published laws alone, for a fifth, a tenth and a twentieth of the grid's
//! compute, no run larger than the grid's largest. Both are measured with the same noise and
//! forecast the best model of the target by the same fit. Prints a table in Markdown.
//!
//! cargo run --release -p isoflop-plan --example design_simulation [SEEDS] > bench/design/results.md

use isoflop_fit::{Dataset, FitOptions, ForecastAt, Observation, fit};
use isoflop_laws::{FlopCount, Flops, Law, Loss, ParamCount, Params, Tokens};
use isoflop_plan::{
    DesignRequest, IsoflopGrid, LawInUse, Surface, SurfacePoint, design, measure, optimum,
};
use std::error::Error;

type Answer<T> = Result<T, Box<dyn Error>>;
type Points = Vec<(Params, Tokens)>;

const TARGET: f64 = 1e22;
const NOISE: f64 = 0.003;
const FRACTIONS: [f64; 3] = [0.2, 0.1, 0.05];

/// A true surface: E + A / N^alpha + B / D^beta, times 1 + bend · ln(N / 1e9) · ln(D / 2e10) for
/// a truth that no additive law has.
struct Truth {
    name: &'static str,
    e: f64,
    a: f64,
    b: f64,
    alpha: f64,
    beta: f64,
    bend: f64,
}

const TRUTHS: [Truth; 6] = [
    truth(
        "Besiroglu et al. 2024",
        [1.8172, 482.01, 2085.43, 0.3478, 0.3658],
        0.0,
    ),
    truth(
        "Hoffmann et al. 2022",
        [1.69337368, 406.401018, 410.722827, 0.33917084, 0.2849083],
        0.0,
    ),
    truth(
        "Muennighoff et al. 2023",
        [1.869, 521.0, 1488.0, 0.3527, 0.3527],
        0.0,
    ),
    truth("size falls fast", [1.75, 4000.0, 900.0, 0.46, 0.33], 0.0),
    truth("data fall fast", [1.75, 250.0, 20000.0, 0.31, 0.47], 0.0),
    truth(
        "N and D interact",
        [1.8172, 482.01, 2085.43, 0.3478, 0.3658],
        0.0004,
    ),
];

const fn truth(name: &'static str, c: [f64; 5], bend: f64) -> Truth {
    Truth {
        name,
        e: c[0],
        a: c[1],
        b: c[2],
        alpha: c[3],
        beta: c[4],
        bend,
    }
}

impl Surface for Truth {
    fn loss(&self, params: Params, tokens: Tokens) -> Option<Loss> {
        let (n, d) = (params.get(), tokens.get());
        let plain = self.e + self.a / n.powf(self.alpha) + self.b / d.powf(self.beta);
        let bend = 1.0 + self.bend * (n / 1e9).ln() * (d / 2e10).ln();
        Loss::new(plain * bend).ok()
    }
}

/// Errors of the forecasts of one kind of ladder.
struct Outcome {
    runs: usize,
    cost: f64,
    /// Root mean square of ln(said / truth).
    rms: f64,
    /// Mean width of the interval ÷ loss.
    width: f64,
    /// Share of intervals that held the truth.
    held: f64,
}

fn main() -> Answer<()> {
    let seeds: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(20), |text| text.parse())?;
    println!("# Designed ladders against the usual isoFLOP grid\n");
    println!(
        "Forecasts of the best model of {TARGET:.0e} FLOPs, {seeds} ladders a line, noise {} % of the loss.",
        NOISE * 100.0
    );
    println!("`cost` is the ladder's compute ÷ that of the grid; `error` the root mean square of");
    println!(
        "ln(forecast ÷ truth); `width` the mean width of the 90 % interval ÷ the loss; `held` the"
    );
    println!(
        "share of intervals that held the truth. The grid is centred by the true optimum, which"
    );
    println!("nobody knows beforehand; designs know published laws alone.\n");
    println!("| true surface | ladder | runs | cost | error | width | held |");
    println!("|---|---|---|---|---|---|---|");
    for truth in &TRUTHS {
        let target = optimum(truth, Flops::new(TARGET)?)?;
        let grid = IsoflopGrid::spaced(Flops::new(1e18)?, Flops::new(1e20)?, 5, 9, 8.0)?;
        let grid = grid.points(truth)?;
        let cost = cost(&grid);
        line(
            truth,
            "isoFLOP grid",
            &outcome(truth, &grid, &target, seeds)?,
            cost,
        );
        for fraction in FRACTIONS {
            let designed = designed(fraction * cost)?;
            let found = outcome(truth, &designed, &target, seeds)?;
            line(
                truth,
                &format!("designed, 1/{:.0}", 1.0 / fraction),
                &found,
                cost,
            );
        }
    }
    Ok(())
}

fn line(truth: &Truth, ladder: &str, found: &Outcome, grid_cost: f64) {
    println!(
        "| {} | {ladder} | {} | {:.3} | {:.2} % | {:.2} % | {:.0} % |",
        truth.name,
        found.runs,
        found.cost / grid_cost,
        found.rms * 100.0,
        found.width * 100.0,
        found.held * 100.0
    );
}

fn cost(points: &Points) -> f64 {
    points.iter().map(|&(n, d)| Flops::six_nd(n, d).get()).sum()
}

/// The ladder that `isoflop design` makes from nothing.
fn designed(budget: f64) -> Answer<Points> {
    let laws = ["besiroglu-2024", "hoffmann-2022"].map(LawInUse::published);
    let laws: Vec<LawInUse> = laws.into_iter().collect::<Result<_, _>>()?;
    let in_play: Vec<&dyn Law> = laws.iter().map(LawInUse::law).collect();
    let request = DesignRequest {
        target: Flops::new(TARGET)?,
        budget: Flops::new(budget)?,
        max_run: Some(Flops::new(1e20)?),
        max_runs: 45,
        existing: vec![],
        noise: NOISE,
        level: 0.9,
    };
    let design = design(&in_play, &request)?;
    Ok(design
        .runs
        .iter()
        .map(|run| (run.params, run.tokens))
        .collect())
}

fn outcome(truth: &Truth, points: &Points, target: &SurfacePoint, seeds: u64) -> Answer<Outcome> {
    let (mut squares, mut width, mut held) = (0.0, 0.0, 0.0);
    for seed in 0..seeds {
        let said = forecast(measure(truth, points, NOISE, seed), target)?;
        let came = target.loss.get();
        squares += (said.loss.get() / came).ln().powi(2);
        width += (said.hi.get() - said.lo.get()) / came;
        held += f64::from(u8::from(said.lo.get() <= came && came <= said.hi.get()));
    }
    let count = seeds as f64;
    Ok(Outcome {
        runs: points.len(),
        cost: cost(points),
        rms: (squares / count).sqrt(),
        width: width / count,
        held: held / count,
    })
}

fn forecast(runs: Vec<Observation>, target: &SurfacePoint) -> Answer<isoflop_fit::Forecast> {
    let dataset = Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations: runs,
    };
    let options = FitOptions {
        bootstraps: 0,
        ..FitOptions::default()
    };
    let at = ForecastAt {
        params: Some(target.params),
        tokens: Some(target.tokens),
        ..ForecastAt::default()
    };
    Ok(fit(&dataset, &options)?.forecast(&at, 0.9)?)
}
