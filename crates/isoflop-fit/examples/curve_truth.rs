//! How forecasts of simulated curves do: coverage, width and error by the form of the truth and by
//! extrapolation.
//!
//! `cargo run --release -p isoflop-fit --example curve_truth > bench/forecast/simulated_curves.md`
//! (`-- 20` for 20 curves of each form instead of 200).

use isoflop_fit::{CurveOf, CurvePoint, fit_curve};
use isoflop_laws::laws::M4;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

const LEVEL: f64 = 0.9;
/// Points of a curve, each at twice the x of the one before.
const POINTS: i32 = 11;
/// x of what is forecast ÷ the largest x that was measured.
const RATIOS: [f64; 3] = [2.0, 4.0, 16.0];
/// Standard deviations of ln of a measurement.
const NOISES: [f64; 2] = [0.005, 0.02];

/// A form that measurements may follow, in ln (x / largest x that is measured).
#[derive(Debug, Clone, Copy)]
enum Form {
    Power,
    PowerWithFloor,
    BreaksSteeper,
    BreaksFlatter,
    Sigmoid,
}

const FORMS: [(Form, &str); 5] = [
    (Form::Power, "a power"),
    (Form::PowerWithFloor, "a power with a floor"),
    (Form::BreaksSteeper, "a power that breaks to a steeper one"),
    (Form::BreaksFlatter, "a power that breaks to a flatter one"),
    (Form::Sigmoid, "a sigmoid from chance to a floor"),
];

/// A drawn curve: ln of what is expected at ln x.
struct Truth {
    form: Form,
    exponent: f64,
    /// Floor ÷ the power at the largest x.
    floor: f64,
    /// ln x of the break.
    bend: f64,
    /// Chance ÷ the power at the largest x, and its exponent.
    chance: f64,
    a: f64,
}

impl Truth {
    fn draw(form: Form, random: &mut ChaCha8Rng) -> Self {
        let mut between = |lo: f64, hi: f64| lo + (hi - lo) * random.random::<f64>();
        Self {
            form,
            exponent: between(0.1, 0.5),
            floor: between(0.3, 3.0),
            bend: between(-5.5, -1.5),
            chance: between(1.1f64.ln(), 30f64.ln()).exp(),
            a: between(0.3f64.ln(), 5f64.ln()).exp(),
        }
    }

    fn ln_value(&self, x: f64) -> f64 {
        let power = -self.exponent * x;
        // ln of (1 + e^u)^w: a break over a factor of e to both sides.
        let beyond = |change: f64| -change * (x - self.bend).exp().ln_1p();
        match self.form {
            Form::Power => power,
            Form::PowerWithFloor => (power.exp() + self.floor).ln(),
            Form::BreaksSteeper => (power + beyond(0.6 * self.exponent)).exp().ln(),
            Form::BreaksFlatter => power + beyond(-0.6 * self.exponent),
            Form::Sigmoid => {
                let span = 1.0 + self.chance;
                let ln_odds = M4::ln_odds(self.a, power * 2.0 - span.ln());
                (self.floor + span / (1.0 + (-ln_odds).exp())).ln()
            }
        }
    }
}

/// One forecast beside what came.
struct Said {
    error: f64,
    width: f64,
    held: bool,
    standardised: f64,
}

/// The forecast of one drawn curve at `ratio` times its largest x.
fn ask(form: Form, ratio: f64, noise: f64, seed: u64) -> Said {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let truth = Truth::draw(form, &mut random);
    let mut measure = |ln_x: f64| {
        let normal: f64 = random.sample(StandardNormal);
        (truth.ln_value(ln_x) + noise * normal).exp()
    };
    let points: Vec<CurvePoint> = (0..POINTS)
        .map(|k| {
            let ln_x = f64::from(k + 1 - POINTS) * 2f64.ln();
            CurvePoint {
                x: 1e9 * ln_x.exp(),
                value: measure(ln_x),
                family: None,
            }
        })
        .collect();
    let came = measure(ratio.ln());
    let fitted = fit_curve(&points, CurveOf::Loss).expect("eleven points are a curve");
    let said = fitted
        .forecast(1e9 * ratio, None, LEVEL)
        .expect("every law has a value there");
    let error = (came / said.value).ln();
    let half = 0.5 * (said.hi / said.lo).ln();
    Said {
        error,
        width: (said.hi - said.lo) / said.value,
        held: (said.lo..=said.hi).contains(&came),
        standardised: error / (half / 1.645),
    }
}

fn main() {
    let count = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let count: u64 = count.unwrap_or(200);
    print!("{}", heading(count));
    for (place, (form, words)) in (0u64..).zip(FORMS) {
        for noise in NOISES {
            for ratio in RATIOS {
                let seeds = (0..count).into_par_iter().map(|k| 10_000 * place + k);
                let said: Vec<Said> = seeds.map(|seed| ask(form, ratio, noise, seed)).collect();
                println!("{}", line(words, noise, ratio, &said));
            }
        }
    }
}

fn heading(count: u64) -> String {
    format!(
        "# Forecasts of simulated curves\n\n\
         {count} curves of each form, with exponents, floors, breaks and chance of their own; eleven points, \
         each at twice the x of the one before; forecast at 2, 4 and 16 times the largest x. Errors are \
         of a new measurement, its noise included. Ratio: root mean square of the errors over the \
         standard deviations that the 90 % intervals state. Made by `cargo run --release -p isoflop-fit \
         --example curve_truth > bench/forecast/simulated_curves.md`.\n\n\
         | truth | noise | times the largest | held | mean width | median error | ratio |\n\
         |---|---|---:|---:|---:|---:|---:|\n"
    )
}

fn line(words: &str, noise: f64, ratio: f64, said: &[Said]) -> String {
    let count = said.len() as f64;
    let share = |of: &dyn Fn(&Said) -> f64| said.iter().map(of).sum::<f64>() / count;
    let mut errors: Vec<f64> = said.iter().map(|one| one.error.abs()).collect();
    errors.sort_by(f64::total_cmp);
    format!(
        "| {words} | {noise} | {ratio} | {:.0} % | {:.1} % | {:.2} % | {:.2} |",
        100.0 * share(&|one| f64::from(u8::from(one.held))),
        100.0 * share(&|one| one.width),
        100.0 * errors[errors.len() / 2],
        share(&|one| one.standardised.powi(2)).sqrt(),
    )
}
