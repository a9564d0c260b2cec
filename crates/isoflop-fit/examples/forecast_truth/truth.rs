//! Surfaces of several forms, and the ladders and targets drawn from them.

use isoflop_fit::{Dataset, Observation};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviations of ln L between runs of one kind.
pub const NOISES: [f64; 2] = [0.003, 0.01];
/// Compute of the targets over the largest of the ladder.
pub const RATIOS: [f64; 4] = [3.0, 10.0, 30.0, 80.0];
/// The largest budget of a ladder.
const LARGEST: f64 = 1e20;

/// Whether the form that is fitted can hold the truth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// L = E + A / N^alpha + B / D^beta.
    Own,
    /// Another law.
    Other,
    /// A law of which small runs fall short.
    Irregular,
}

impl Kind {
    pub fn words(self) -> String {
        match self {
            Kind::Own => "the law's own form",
            Kind::Other => "another form",
            Kind::Irregular => "irregular small runs",
        }
        .to_owned()
    }
}

/// A loss of N and D that is taken to be true.
pub struct Surface {
    pub name: &'static str,
    pub kind: Kind,
    pub loss: fn(f64, f64) -> f64,
}

const fn surface(name: &'static str, kind: Kind, loss: fn(f64, f64) -> f64) -> Surface {
    Surface { name, kind, loss }
}

fn chinchilla(law: &Chinchilla, n: f64, d: f64) -> f64 {
    law.e + law.a * n.powf(-law.alpha) + law.b * d.powf(-law.beta)
}

fn hoffmann(n: f64, d: f64) -> f64 {
    chinchilla(&Chinchilla::HOFFMANN_2022, n, d)
}

fn besiroglu(n: f64, d: f64) -> f64 {
    chinchilla(&Chinchilla::BESIROGLU_2024, n, d)
}

/// Farseer's form (Li et al. 2025), the exponent of data falling with size.
fn farseer(n: f64, d: f64) -> f64 {
    let exponent = (-0.12 * n.powf(0.12) + 0.42).exp();
    (-0.02 * n.powf(0.17) + 0.9).exp() + (60.0 * n.powf(-0.09) - 3.0 - exponent * d.ln()).exp()
}

/// The term of data breaks at 3e9 tokens, from an exponent of 0.30 to one of 0.45 (BNSL, Caballero
/// et al. 2022, with one break).
fn breaks_down(n: f64, d: f64) -> f64 {
    1.7 + 400.0 * n.powf(-0.34) + broken(d, 0.30, 0.15)
}

/// The same from 0.42 to 0.30.
fn breaks_up(n: f64, d: f64) -> f64 {
    1.7 + 400.0 * n.powf(-0.34) + broken(d, 0.42, -0.12)
}

fn broken(d: f64, exponent: f64, change: f64) -> f64 {
    let (at, width) = (3e9, 0.7);
    let nats = 0.7 * (d / at).powf(-exponent);
    nats * (1.0 + (d / at).powf(1.0 / width)).powf(-change * width)
}

/// The exponent of data falls by a tenth for each factor of ten in size.
fn bending(n: f64, d: f64) -> f64 {
    let exponent = 0.34 * (n / 3e8).powf(-0.046);
    1.75 + 420.0 * n.powf(-0.34) + 0.75 * (d / 5e9).powf(-exponent)
}

/// Size and data that make up for each other (Kaplan et al. 2020, eq. 1.5), with a floor.
fn kaplan_with_floor(n: f64, d: f64) -> f64 {
    let (of_size, of_data) = (0.17, 0.2);
    1.2 + ((2.4e9 / n).powf(of_size / of_data) + 3e10 / d).powf(of_data)
}

/// A warm-up of 100M tokens that is wasted.
fn warm_up(n: f64, d: f64) -> f64 {
    besiroglu(n, (d - 1e8).max(0.2 * d))
}

/// N without the embeddings of a width that grows as its cube root (Pearce & Song 2024).
fn without_embeddings(n: f64, d: f64) -> f64 {
    besiroglu(n + 4.75e4 * n.cbrt(), d)
}

pub const SURFACES: [Surface; 9] = [
    surface("Hoffmann", Kind::Own, hoffmann),
    surface("Besiroglu", Kind::Own, besiroglu),
    surface("Farseer", Kind::Other, farseer),
    surface("break, steeper", Kind::Other, breaks_down),
    surface("break, flatter", Kind::Other, breaks_up),
    surface("exponent of data falls with size", Kind::Other, bending),
    surface("Kaplan's with a floor", Kind::Other, kaplan_with_floor),
    surface("warm-up wasted", Kind::Irregular, warm_up),
    surface(
        "embeddings not counted",
        Kind::Irregular,
        without_embeddings,
    ),
];

/// Budgets and sizes of a ladder.
pub struct Ladder {
    pub name: &'static str,
    budgets: i32,
    sizes: i32,
    /// Largest size over the best one.
    widest: f64,
}

pub const LADDERS: [Ladder; 2] = [
    Ladder {
        name: "45",
        budgets: 5,
        sizes: 9,
        widest: 8.0,
    },
    Ladder {
        name: "12",
        budgets: 4,
        sizes: 3,
        widest: 3.0,
    },
];

/// The best size for a budget, by golden section on ln N.
fn best(surface: &Surface, flops: f64) -> f64 {
    let loss = |ln_n: f64| {
        let n = ln_n.exp();
        (surface.loss)(n, flops / (6.0 * n))
    };
    let (mut lo, mut hi) = (14f64, 0.5 * (flops / 6.0).ln() + 4.0);
    let part = 0.5 * (5f64.sqrt() - 1.0);
    while hi - lo > 1e-6 {
        let (a, b) = (hi - part * (hi - lo), lo + part * (hi - lo));
        if loss(a) < loss(b) {
            hi = b;
        } else {
            lo = a;
        }
    }
    f64::midpoint(lo, hi).exp()
}

fn run(surface: &Surface, n: f64, flops: f64, noise: f64, cluster: usize) -> Observation {
    let d = flops / (6.0 * n);
    Observation {
        params: Params::new(n).expect("a size is positive"),
        tokens: Tokens::new(d).expect("data are positive"),
        unique_tokens: None,
        quality: None,
        flops: Flops::new(flops).expect("a budget is positive"),
        loss: Loss::new((surface.loss)(n, d) * noise.exp()).expect("a loss is positive"),
        loss_std: None,
        cluster,
    }
}

fn random(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(20_261_127 + seed);
    random.set_stream(stream);
    random
}

/// The runs of a ladder.
pub fn draw(surface: &Surface, ladder: &Ladder, noise: f64, seed: u64) -> Dataset {
    let mut random = random(seed, 0);
    let mut observations = Vec::new();
    for budget in 0..ladder.budgets {
        let flops = LARGEST * 0.01f64.powf(f64::from(budget) / f64::from(ladder.budgets - 1));
        let middle = best(surface, flops);
        for place in 0..ladder.sizes {
            let off = 2.0 * f64::from(place) / f64::from(ladder.sizes - 1) - 1.0;
            let error: f64 = StandardNormal.sample(&mut random);
            let n = middle * ladder.widest.powf(off);
            observations.push(run(surface, n, flops, noise * error, observations.len()));
        }
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

/// A run at the best size for `ratio` times the largest budget, with noise of its own.
pub fn target(surface: &Surface, ratio: f64, noise: f64, seed: u64, k: usize) -> Observation {
    let error: f64 = StandardNormal.sample(&mut random(seed, 1 + k as u64));
    let flops = ratio * LARGEST;
    run(surface, best(surface, flops), flops, noise * error, 0)
}
