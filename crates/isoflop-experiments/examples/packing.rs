//! Are tiny runs faster packed, one a core, or one after the other on all cores?
//!
//! `cargo run --release -p isoflop-experiments --example packing`

use isoflop_train::{Recipe, measure_speed};

fn main() {
    let recipe = Recipe::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("width  tokens/s on {cores} cores: threaded, packed");
    for index in [0, 1, 3, 6] {
        let shape = recipe.shape(index);
        let (mut threaded, mut packed) = (Vec::new(), Vec::new());
        // Interleaved, so that both meet the same neighbours.
        for _ in 0..5 {
            threaded.push(rate(1, cores, &recipe, &shape));
            packed.push(rate(cores, 1, &recipe, &shape));
        }
        println!(
            "{:>5}  {:.0} {:.0}",
            shape.width,
            median(threaded),
            median(packed)
        );
    }
}

/// Tokens a second of `runs` at once, each on `threads` threads.
fn rate(runs: usize, threads: usize, recipe: &Recipe, shape: &isoflop_train::ModelShape) -> f64 {
    let one = || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let speed = pool
            .expect("threads")
            .install(|| measure_speed(recipe, shape));
        1.0 / speed.expect("a shape of the family").train
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..runs).map(|_| scope.spawn(one)).collect();
        all.into_iter()
            .map(|run| run.join().expect("no panic"))
            .sum()
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
