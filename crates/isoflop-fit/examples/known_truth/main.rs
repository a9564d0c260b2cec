//! Bias, error and coverage of fits to ladders whose truth is known, against the usual methods.
//!
//! `cargo run --release -p isoflop-fit --example known_truth > bench/fit/known_truth.md`
//! (`-- 100` for 100 ladders of each kind instead of 1,000).

mod peers;
mod summary;
mod truth;

use isoflop_fit::{Fit, FitOptions, FittedLaw, Objective, fit};
use rayon::prelude::*;
use summary::{Line, Method, print_table};
use truth::{QUANTITIES, SURFACES, Surface, ladder, quantities};

/// Standard deviations of ln L between runs of one kind.
const NOISES: [f64; 2] = [0.003, 0.01];
const LEVEL: f64 = 0.9;

fn main() {
    let ladders = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let ladders: u64 = ladders.unwrap_or(1000);
    println!("{}", summary::heading(ladders, LEVEL));
    let mut lines = Vec::new();
    for surface in SURFACES {
        for noise in NOISES {
            lines.extend(measure(&surface, noise, ladders));
            eprintln!("{} with noise {noise}: done", surface.name);
        }
    }
    print_table(&lines);
}

/// What each method says of one ladder: its estimates and, for ours, intervals.
struct Said {
    estimates: [[f64; 4]; Method::COUNT],
    intervals: [Option<[(f64, f64); 4]>; Method::COUNT],
}

fn measure(surface: &Surface, noise: f64, ladders: u64) -> Vec<Line> {
    let said: Vec<Said> = (0..ladders)
        .into_par_iter()
        .map(|seed| ask(surface, noise, seed))
        .collect();
    let truth = quantities(&surface.law);
    let line = |quantity: usize| {
        let mut line = Line::new(surface.name, noise, QUANTITIES[quantity]);
        for method in Method::ALL {
            for said in &said {
                let estimate = said.estimates[method as usize][quantity];
                let interval = said.intervals[method as usize].map(|i| i[quantity]);
                line.add(method, estimate, interval, truth[quantity]);
            }
        }
        line
    };
    (0..QUANTITIES.len()).map(line).collect()
}

fn ask(surface: &Surface, noise: f64, seed: u64) -> Said {
    let runs = ladder(surface, noise, seed);
    let of = |objective| {
        let options = FitOptions {
            objective,
            level: LEVEL,
            seed,
            ..FitOptions::of(FittedLaw::Chinchilla)
        };
        fit(&runs, &options).expect("a ladder of 45 runs determines five parameters")
    };
    let adaptive = of(Objective::Adaptive);
    let huber = of(Objective::default());
    let mut said = Said {
        estimates: [[f64::NAN; 4]; Method::COUNT],
        intervals: [None; Method::COUNT],
    };
    said.estimates[Method::Approach2 as usize] = peers::approach_2(&runs);
    said.estimates[Method::Vpnls as usize] = peers::vpnls(&runs, &surface.law);
    for (method, fit) in [(Method::Adaptive, adaptive), (Method::Approach3, huber)] {
        said.estimates[method as usize] = estimates(&fit);
        said.intervals[method as usize] = Some(intervals(&fit));
    }
    said
}

fn estimates(fit: &Fit) -> [f64; 4] {
    let values: Vec<f64> = fit.parameters.iter().map(|p| p.value).collect();
    truth::of_values(&values)
}

/// Intervals of the parameters as reported, and of N* from its values over the refits.
fn intervals(fit: &Fit) -> [(f64, f64); 4] {
    let parameter = |symbol: &str| {
        let found = fit.parameters.iter().find(|p| p.symbol == symbol);
        let found = found.expect("the law has this parameter");
        (found.lo.unwrap_or(f64::NAN), found.hi.unwrap_or(f64::NAN))
    };
    let mut best: Vec<f64> = fit.draws.iter().map(|d| truth::of_values(d)[3]).collect();
    best.retain(|x| x.is_finite());
    best.sort_by(f64::total_cmp);
    // A further draw is below the k-th of n with probability k / (n + 1).
    let end = |p: f64| {
        let place = (p * (best.len() + 1) as f64 - 1.0).clamp(0.0, (best.len() - 1) as f64);
        let below = best[place as usize];
        let above = best[(place.ceil()) as usize];
        below + (above - below) * place.fract()
    };
    let best = (end(0.5 - LEVEL / 2.0), end(0.5 + LEVEL / 2.0));
    [parameter("alpha"), parameter("beta"), parameter("E"), best]
}
