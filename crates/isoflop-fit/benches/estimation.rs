//! How long fits take: `cargo bench -p isoflop-fit`.

#[path = "../tests/measurements/mod.rs"]
mod measurements;

use divan::Bencher;
use isoflop_fit::{Dataset, FitOptions, FittedLaw, LawChoice, Objective, Resampling, fit};
use measurements::{chinchilla_240, many};

fn main() {
    divan::main();
}

fn options(objective: Objective, bootstraps: usize) -> FitOptions {
    FitOptions {
        objective,
        bootstraps,
        resampling: Resampling::Runs,
        ..FitOptions::of(FittedLaw::Chinchilla)
    }
}

fn run(bencher: Bencher, data: &Dataset, options: &FitOptions) {
    bencher.bench(|| fit(divan::black_box(data), options));
}

#[divan::bench]
fn huber_240_runs(bencher: Bencher) {
    run(
        bencher,
        &chinchilla_240(),
        &options(Objective::default(), 0),
    );
}

#[divan::bench]
fn huber_likelihood_240_runs(bencher: Bencher) {
    let objective = Objective::HuberLikelihood { delta: 1e-3 };
    run(bencher, &chinchilla_240(), &options(objective, 0));
}

#[divan::bench(sample_count = 5)]
fn huber_240_runs_4000_bootstraps(bencher: Bencher) {
    run(
        bencher,
        &chinchilla_240(),
        &options(Objective::default(), 4000),
    );
}

#[divan::bench]
fn law_chosen_240_runs(bencher: Bencher) {
    let options = FitOptions {
        law: LawChoice::Auto,
        ..options(Objective::default(), 0)
    };
    run(bencher, &chinchilla_240(), &options);
}

#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000], sample_count = 3)]
fn huber_many_checkpoints(bencher: Bencher, rows: usize) {
    run(bencher, &many(rows), &options(Objective::default(), 400));
}
