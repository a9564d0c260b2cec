//! Times fits for `bench/fit/speed.py`, one line for each: name, seconds, peak memory in MiB.
//!
//! `fit_speed one | bootstraps | ROWS`

#[path = "../../tests/measurements/mod.rs"]
mod measurements;

use isoflop_fit::{FitOptions, FittedLaw, Objective, Resampling, fit};
use measurements::{chinchilla_240, many};
use std::time::Instant;

fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    let (data, bootstraps, repeats) = match what.as_str() {
        "one" => (chinchilla_240(), 0, 50),
        "bootstraps" => (chinchilla_240(), 4000, 1),
        rows => (
            many(rows.parse().expect("one, bootstraps or a number of rows")),
            400,
            1,
        ),
    };
    let options = FitOptions {
        objective: Objective::default(),
        bootstraps,
        resampling: Resampling::Runs,
        ..FitOptions::of(FittedLaw::Chinchilla)
    };
    let start = Instant::now();
    let mut objective = 0.0;
    for _ in 0..repeats {
        let fit = fit(&data, &options).expect("the data determine the law");
        objective = fit.objective_value;
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(repeats);
    println!(
        "{what} {seconds:.6} {:.0} {objective:.9}",
        peak_memory_mib()
    );
}

/// Largest resident size of this process, as Linux counts it; zero elsewhere.
fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
    number.unwrap_or(0.0) / 1024.0
}
