//! How forecasts of shares do where models are of several families: coverage, width and error, with the
//! families named and with all models taken for alike.
//!
//! `cargo run --release -p isoflop-fit --example share_truth > bench/forecast/simulated_shares.md`
//! (`-- 20` for 20 benchmarks instead of 200).

use isoflop_fit::{CurveFit, CurveOf, CurvePoint, Family, fit_curve};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

const LEVEL: f64 = 0.9;
const FAMILIES: u32 = 8;
/// Compute of the model that is forecast ÷ that of its family's largest.
const RATIOS: [f64; 2] = [4.0, 30.0];

/// A benchmark: the share that a model answers rises from chance as a logistic curve of ln C, for each
/// family from a level of its own and at a rate that differs a little.
struct Benchmark {
    chance: f64,
    slope: f64,
    /// What each family is ahead of the first, as a logit, and its slope ÷ the average one; the last is
    /// of a family that is not measured.
    families: Vec<(f64, f64)>,
    noise: f64,
}

impl Benchmark {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        let mut between = |lo: f64, hi: f64| lo + (hi - lo) * random.random::<f64>();
        let (chance, slope, noise) = (between(0.0, 0.5), between(0.15, 0.4), between(0.03, 0.15));
        let apart = between(0.2, 1.0);
        let mut normal = || random.sample::<f64, _>(StandardNormal);
        let family = |_| (apart * normal(), (0.1 * normal()).exp());
        Self {
            chance,
            slope,
            families: (0..=FAMILIES).map(family).collect(),
            noise,
        }
    }

    /// The share at ln (C ÷ 1e22) FLOPs, measured.
    fn measure(&self, ln_c: f64, family: u32, random: &mut ChaCha8Rng) -> f64 {
        let (ahead, rate) = self.families[family as usize];
        let off: f64 = self.noise * random.sample::<f64, _>(StandardNormal);
        let logit = self.slope * rate * ln_c + ahead + off;
        self.chance + (1.0 - self.chance) / (1.0 + (-logit).exp())
    }
}

/// One forecast beside what came, in points of a hundred.
struct Said {
    error: f64,
    width: f64,
    held: bool,
}

fn said(fit: &CurveFit, x: f64, family: Option<Family>, came: f64) -> Said {
    let said = fit.forecast(x, family, LEVEL);
    let said = said.expect("every law has a value there");
    Said {
        error: 100.0 * (said.value - came).abs(),
        width: 100.0 * (said.hi - said.lo),
        held: (said.lo..=said.hi).contains(&came),
    }
}

/// Forecasts of one benchmark for each ratio: of a known family by its name, of a new one, and of the
/// same two with all models taken for alike.
fn ask(seed: u64) -> Vec<[Said; 4]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let truth = Benchmark::draw(&mut random);
    let mut points = Vec::new();
    let mut tops = Vec::new();
    for family in 0..FAMILIES {
        let sizes = 2 + random.random_range(0..4);
        let smallest = -5.0 + 5.0 * random.random::<f64>();
        for k in 0..sizes {
            let ln_c = smallest + f64::from(k) * 3f64.ln();
            points.push(CurvePoint {
                x: 1e22 * ln_c.exp(),
                value: truth.measure(ln_c, family, &mut random),
                family: Some(Family(family)),
            });
        }
        tops.push(smallest + f64::from(sizes - 1) * 3f64.ln());
    }
    let fit = |points: &[CurvePoint]| {
        fit_curve(points, CurveOf::PassRate).expect("sixteen measurements are a curve")
    };
    let alike = points.iter().map(|point| CurvePoint {
        family: None,
        ..*point
    });
    let alike = fit(&alike.collect::<Vec<_>>());
    let named = fit(&points);
    let known = random.random_range(0..FAMILIES);
    let ratios = RATIOS.iter().map(|ratio| {
        let ln_c = tops[known as usize] + ratio.ln();
        let x = 1e22 * ln_c.exp();
        let came = truth.measure(ln_c, known, &mut random);
        let of_new = truth.measure(ln_c, FAMILIES, &mut random);
        [
            said(&named, x, Some(Family(known)), came),
            said(&alike, x, None, came),
            said(&named, x, None, of_new),
            said(&alike, x, None, of_new),
        ]
    });
    ratios.collect()
}

fn main() {
    let count = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let count: u64 = count.unwrap_or(200);
    print!("{}", heading(count));
    let all: Vec<Vec<[Said; 4]>> = (0..count).into_par_iter().map(ask).collect();
    let ways = [
        ("of a family that was measured", "families named"),
        ("of a family that was measured", "all taken for alike"),
        ("of a new family", "families named"),
        ("of a new family", "all taken for alike"),
    ];
    for (place, ratio) in RATIOS.iter().enumerate() {
        for (way, (of, how)) in ways.iter().enumerate() {
            let said: Vec<&Said> = all.iter().map(|one| &one[place][way]).collect();
            println!("| {of} | {how} | {ratio} | {} |", cells(&said));
        }
    }
}

fn heading(count: u64) -> String {
    format!(
        "# Forecasts of simulated benchmarks\n\n\
         {count} benchmarks. On each the share that a model answers rises from chance (0 to 50 %) as a logistic \
         curve of ln C; {FAMILIES} families of two to five models have levels of their own (standard \
         deviation 0.2 to 1 as a logit) and slopes that differ by a tenth. Errors and widths are in points of \
         a hundred, of a new model, noise included. Made by `cargo run --release -p isoflop-fit --example \
         share_truth > bench/forecast/simulated_shares.md`.\n\n\
         | forecast | models | times the family's largest | held | mean width | median error |\n\
         |---|---|---:|---:|---:|---:|\n"
    )
}

fn cells(said: &[&Said]) -> String {
    let count = said.len() as f64;
    let mut errors: Vec<f64> = said.iter().map(|one| one.error).collect();
    errors.sort_by(f64::total_cmp);
    format!(
        "{:.0} % | {:.1} | {:.1}",
        100.0 * said.iter().filter(|one| one.held).count() as f64 / count,
        said.iter().map(|one| one.width).sum::<f64>() / count,
        errors[errors.len() / 2],
    )
}
