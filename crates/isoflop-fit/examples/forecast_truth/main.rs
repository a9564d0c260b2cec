//! How forecasts of simulated ladders do when the law that is fitted is not the truth: coverage,
//! width and error by the form of the truth and by extrapolation.
//!
//! `cargo run --release -p isoflop-fit --example forecast_truth > bench/forecast/simulated.md`
//! (`-- 4` for 4 ladders of each kind instead of 40).

mod truth;

use isoflop_fit::{FitOptions, ForecastAt, fit};
use rayon::prelude::*;
use std::collections::BTreeMap;
use truth::{Kind, LADDERS, Ladder, NOISES, RATIOS, SURFACES, Surface};

const LEVEL: f64 = 0.9;

/// One forecast beside what came, in shares of the loss.
#[derive(Clone, Copy)]
struct Said {
    kind: Kind,
    surface: &'static str,
    ladder: &'static str,
    noise: f64,
    ratio: f64,
    error: f64,
    width: f64,
    held: bool,
    /// Standard normal that the interval takes the error for.
    standardised: f64,
}

fn main() {
    let count = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let count: u64 = count.unwrap_or(40);
    let mut jobs = Vec::new();
    for (place, surface) in (0u64..).zip(&SURFACES) {
        for ladder in &LADDERS {
            for noise in NOISES {
                // Every surface has noise of its own.
                let seeds = (0..count).map(|ladder| 10_000 * place + ladder);
                jobs.extend(seeds.map(|seed| (surface, ladder, noise, seed)));
            }
        }
    }
    let said: Vec<Said> = jobs
        .into_par_iter()
        .flat_map(|(surface, ladder, noise, seed)| ask(surface, ladder, noise, seed))
        .collect();
    print!("{}", heading(count));
    println!("\n## By the form of the truth and the number of runs\n");
    let kind = |one: &Said| {
        (
            one.kind.words(),
            one.ladder.to_owned(),
            one.noise.to_string(),
        )
    };
    table(&said, ["truth", "runs", "noise"], kind);
    println!("\n## By extrapolation, ladders of 45 runs\n");
    let full: Vec<Said> = said
        .iter()
        .filter(|one| one.ladder == LADDERS[0].name)
        .copied()
        .collect();
    let by_ratio = |one: &Said| {
        (
            one.kind.words(),
            format!("{:>3}", one.ratio),
            one.noise.to_string(),
        )
    };
    table(&full, ["truth", "times the largest", "noise"], by_ratio);
    println!("\n## Each surface, ladders of 45 runs\n");
    let each = |one: &Said| {
        let far = if one.ratio > 20.0 {
            "30 and 80"
        } else {
            "3 and 10"
        };
        (
            one.surface.to_owned(),
            far.to_owned(),
            one.noise.to_string(),
        )
    };
    table(&full, ["truth", "times the largest", "noise"], each);
}

fn heading(count: u64) -> String {
    format!(
        "# Forecasts of simulated ladders\n\n\
         {count} ladders of each surface, kind and noise; five budgets from 1e18 to 1e20 FLOPs with nine \
         sizes from 1/8 to 8 times the best one (45 runs), or four with three from 1/3 to 3 times (12 \
         runs); fitted by `auto`, forecast at the best size for 3, 10, 30 and 80 times the largest \
         budget. Errors are of a new run, its noise included. Ratio: root mean square of the errors \
         over the standard deviations that the 90 % intervals state; under one they are too wide. Made \
         by `cargo run --release -p isoflop-fit --example forecast_truth > \
         bench/forecast/simulated.md`.\n\n\
         Irregular: truths in which small runs err (a warm-up that wastes a number of tokens, embeddings \
         that N does not count).\n"
    )
}

/// The forecasts of one ladder.
fn ask(surface: &Surface, ladder: &'static Ladder, noise: f64, seed: u64) -> Vec<Said> {
    let runs = truth::draw(surface, ladder, noise, seed);
    let options = FitOptions {
        level: LEVEL,
        bootstraps: 0,
        ..FitOptions::default()
    };
    let fit = fit(&runs, &options).expect("twelve runs determine a law");
    let one = |(k, &ratio): (usize, &f64)| {
        let target = truth::target(surface, ratio, noise, seed, k);
        let at = ForecastAt {
            params: Some(target.params),
            tokens: Some(target.tokens),
            ..ForecastAt::default()
        };
        let said = fit
            .forecast(&at, LEVEL)
            .expect("every law has a loss there");
        let (lo, hi) = (said.lo.get(), said.hi.get());
        let error = (target.loss.get() / said.loss.get()).ln();
        let half = 0.5 * (hi / lo).ln();
        Said {
            kind: surface.kind,
            surface: surface.name,
            ladder: ladder.name,
            noise,
            ratio,
            error,
            width: (hi - lo) / said.loss.get(),
            held: (lo..=hi).contains(&target.loss.get()),
            standardised: error / (half / 1.645),
        }
    };
    RATIOS.iter().enumerate().map(one).collect()
}

type Key = (String, String, String);

fn table(said: &[Said], names: [&str; 3], key: impl Fn(&Said) -> Key) {
    let mut groups: BTreeMap<Key, Vec<Said>> = BTreeMap::new();
    for one in said {
        groups.entry(key(one)).or_default().push(*one);
    }
    println!(
        "| {} | {} | {} | forecasts | held | mean width | median error | ratio |\n|---|---|---|---:|---:|---:|---:|---:|",
        names[0], names[1], names[2]
    );
    for ((first, second, third), all) in groups {
        let count = all.len() as f64;
        let share = |of: &dyn Fn(&Said) -> f64| all.iter().map(of).sum::<f64>() / count;
        let mut errors: Vec<f64> = all.iter().map(|one| one.error.abs()).collect();
        errors.sort_by(f64::total_cmp);
        println!(
            "| {first} | {second} | {third} | {} | {:.0} % | {:.1} % | {:.2} % | {:.2} |",
            all.len(),
            100.0 * share(&|one| f64::from(u8::from(one.held))),
            100.0 * share(&|one| one.width),
            100.0 * errors[errors.len() / 2],
            share(&|one| one.standardised.powi(2)).sqrt(),
        );
    }
}
