//! Does a designed ladder forecast as well as the usual isoFLOP grid at a fraction of its compute?
//!
//! For each of several true surfaces: the usual grid (5 budgets from 1e18 to 1e20 FLOPs, 9 sizes
//! from an eighth to eight times the best one, centred by the truth itself) and ladders that
//! `design` makes from published laws alone, for a fifth, a tenth and a twentieth of the grid's
//! compute, with no more runs than the grid and none larger than its largest. All are measured
//! with the same noise and forecast the best model of the target by the same fit, law `auto`.
//! Prints a table in Markdown; `bench/design/run` keeps it.

use isoflop_fit::{Dataset, FitOptions, Forecast, ForecastAt, Observation, fit};
use isoflop_laws::{FlopCount, Flops, Law, Loss, ParamCount, Params, Tokens};
use isoflop_plan::{
    Design, DesignRequest, IsoflopGrid, LawInUse, Surface, SurfacePoint, design, measure, optimum,
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
#[derive(Default)]
struct Outcome {
    forecasts: f64,
    /// Sum of ln(said / truth)².
    squares: f64,
    /// Sum of the widths of the intervals ÷ loss.
    widths: f64,
    /// Intervals that held the truth.
    held: f64,
}

impl Outcome {
    fn rms(&self) -> f64 {
        (self.squares / self.forecasts).sqrt()
    }

    fn add(&mut self, other: &Outcome) {
        self.forecasts += other.forecasts;
        self.squares += other.squares;
        self.widths += other.widths;
        self.held += other.held;
    }
}

fn main() -> Answer<()> {
    let seeds = std::env::args().nth(1);
    let seeds: u64 = seeds.map_or(Ok(40), |text| text.parse())?;
    heading(seeds);
    let mut pooled: [Outcome; FRACTIONS.len() + 1] = Default::default();
    let mut as_good = 0;
    for (index, truth) in TRUTHS.iter().enumerate() {
        // Noise of its own for every surface and ladder.
        let seed = |ladder: usize| 1_000_000 + 10_000 * (index * 10 + ladder) as u64;
        let target = optimum(truth, Flops::new(TARGET)?)?;
        let grid = IsoflopGrid::spaced(Flops::new(1e18)?, Flops::new(1e20)?, 5, 9, 8.0)?;
        let grid = grid.points(truth)?;
        let whole = cost(&grid);
        let usual = outcome(truth, &grid, &target, seed(0)..seed(0) + seeds)?;
        line(truth.name, "isoFLOP grid", &grid, whole, &usual, None);
        pooled[0].add(&usual);
        for (place, fraction) in FRACTIONS.iter().enumerate() {
            let design = designed(fraction * whole, grid.len())?;
            let runs: Points = design.runs.iter().map(|r| (r.params, r.tokens)).collect();
            let first = seed(place + 1);
            let found = outcome(truth, &runs, &target, first..first + seeds)?;
            let name = format!("designed, 1/{:.0}", 1.0 / fraction);
            let announced = Some(design.interval_after);
            line(truth.name, &name, &runs, whole, &found, announced);
            as_good += usize::from(place == 0 && found.rms() <= usual.rms());
            pooled[place + 1].add(&found);
        }
    }
    conclude(&pooled, as_good);
    Ok(())
}

fn heading(seeds: u64) {
    println!("# Designed ladders against the usual isoFLOP grid\n");
    println!(
        "Made by `bench/design/run`. Forecasts of the best model of {TARGET:.0e} FLOPs, 100 times the largest"
    );
    println!(
        "run; {seeds} ladders a line, each with noise of its own, {} % of the loss. `cost` is the",
        NOISE * 100.0
    );
    println!(
        "ladder's compute ÷ that of the grid; `error` the root mean square of ln(forecast ÷ truth);"
    );
    println!(
        "`width` the mean width of the 90 % interval ÷ the loss, `announced` the one that the design"
    );
    println!(
        "promised; `held` the share of intervals that held the truth. The grid is centred by the true"
    );
    println!("optimum, which nobody knows beforehand; designs know two published laws alone.\n");
    println!("| true surface | ladder | runs | cost | error | width | announced | held |");
    println!("|---|---|---|---|---|---|---|---|");
}

fn line(
    truth: &str,
    ladder: &str,
    runs: &Points,
    whole: f64,
    found: &Outcome,
    announced: Option<f64>,
) {
    let announced = announced.map_or("-".to_owned(), |width| format!("{:.1} %", width * 100.0));
    println!(
        "| {truth} | {ladder} | {} | {:.3} | {:.2} % | {:.1} % | {announced} | {:.0} % |",
        runs.len(),
        cost(runs) / whole,
        found.rms() * 100.0,
        found.widths / found.forecasts * 100.0,
        found.held / found.forecasts * 100.0
    );
}

fn conclude(pooled: &[Outcome], as_good: usize) {
    println!("\n| all surfaces | error | width | held |\n|---|---|---|---|");
    let names = [
        "isoFLOP grid",
        "designed, 1/5",
        "designed, 1/10",
        "designed, 1/20",
    ];
    for (name, all) in names.iter().zip(pooled) {
        println!(
            "| {name} | {:.2} % | {:.1} % | {:.0} % |",
            all.rms() * 100.0,
            all.widths / all.forecasts * 100.0,
            all.held / all.forecasts * 100.0
        );
    }
    println!(
        "\nWith a fifth of the compute the designed ladder's error is {:.2} times the grid's over all surfaces,",
        pooled[1].rms() / pooled[0].rms()
    );
    println!("and no larger on {as_good} of {}.", TRUTHS.len());
}

fn cost(points: &Points) -> f64 {
    points.iter().map(|&(n, d)| Flops::six_nd(n, d).get()).sum()
}

/// The ladder that `isoflop design` makes from nothing.
fn designed(budget: f64, max_runs: usize) -> Answer<Design> {
    let laws = ["besiroglu-2024", "hoffmann-2022"].map(LawInUse::published);
    let laws: Vec<LawInUse> = laws.into_iter().collect::<Result<_, _>>()?;
    let in_play: Vec<&dyn Law> = laws.iter().map(LawInUse::law).collect();
    let request = DesignRequest {
        target: Flops::new(TARGET)?,
        budget: Flops::new(budget)?,
        max_run: Some(Flops::new(1e20)?),
        max_runs,
        target_size: None,
        existing: vec![],
        noise: Some(NOISE),
        level: 0.9,
    };
    Ok(design(&in_play, &request)?)
}

fn outcome(
    truth: &Truth,
    points: &Points,
    target: &SurfacePoint,
    seeds: std::ops::Range<u64>,
) -> Answer<Outcome> {
    let mut found = Outcome::default();
    for seed in seeds {
        let said = forecast(measure(truth, points, NOISE, seed), target)?;
        let came = target.loss.get();
        found.add(&Outcome {
            forecasts: 1.0,
            squares: (said.loss.get() / came).ln().powi(2),
            widths: (said.hi.get() - said.lo.get()) / came,
            held: f64::from(u8::from(said.lo.get() <= came && came <= said.hi.get())),
        });
    }
    Ok(found)
}

fn forecast(runs: Vec<Observation>, target: &SurfacePoint) -> Answer<Forecast> {
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
