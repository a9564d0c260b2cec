//! The surfaces, the ladders drawn from them, and what is asked of a fit.

use isoflop_fit::{Dataset, Observation};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{FlopCount, Flops, Loss, LossSurface, ParamCount, Params, Tokens};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A loss surface that is taken to be true.
pub struct Surface {
    pub name: &'static str,
    pub law: Chinchilla,
}

/// Published surfaces, a symmetric one, and exponents in the ratio of three to one both ways.
pub const SURFACES: [Surface; 5] = [
    Surface {
        name: "Hoffmann",
        law: Chinchilla::HOFFMANN_2022,
    },
    Surface {
        name: "Besiroglu",
        law: Chinchilla::BESIROGLU_2024,
    },
    Surface {
        name: "symmetric",
        law: surface(0.31, 0.31),
    },
    Surface {
        name: "size steep",
        law: surface(0.465, 0.155),
    },
    Surface {
        name: "data steep",
        law: surface(0.155, 0.465),
    },
];

const fn surface(alpha: f64, beta: f64) -> Chinchilla {
    Chinchilla {
        e: 1.69,
        a: 400.0,
        b: 400.0,
        alpha,
        beta,
    }
}

/// What is asked of a fit, in the order of [`quantities`].
pub const QUANTITIES: [&str; 4] = ["alpha", "beta", "E", "ln N*(1e24)"];

pub fn quantities(law: &Chinchilla) -> [f64; 4] {
    of_values(&[law.e, law.a, law.b, law.alpha, law.beta])
}

/// The same from values in the order of the law's card; NaN where it has no best size.
pub fn of_values(values: &[f64]) -> [f64; 4] {
    let target = Flops::new(1e24).expect("1e24 is positive");
    let best = Chinchilla::from_values(values).and_then(|law| law.optimum(target));
    let best = best.map_or(f64::NAN, |best| best.params.ln());
    [values[3], values[4], values[0], best]
}

/// Five budgets from 1e18 to 1e21 FLOPs, nine sizes from 1/8 to 8 times the best one.
pub fn ladder(surface: &Surface, noise: f64, seed: u64) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(20_240_601);
    random.set_stream(seed);
    let mut observations = Vec::new();
    for budget in 0..5 {
        let flops = 1e18 * 1000f64.powf(f64::from(budget) / 4.0);
        let flops = Flops::new(flops).expect("a budget is positive");
        let best = surface
            .law
            .optimum(flops)
            .expect("the surface has a valley");
        for place in -4..=4 {
            let factor = 8f64.powf(f64::from(place) / 4.0);
            let params = Params::new(best.params.get() * factor).expect("a size is positive");
            let tokens = Tokens::new(best.tokens.get() / factor).expect("data are positive");
            let error: f64 = StandardNormal.sample(&mut random);
            let truth = surface
                .law
                .loss(params, tokens)
                .expect("the surface is positive");
            observations.push(Observation {
                params,
                tokens,
                unique_tokens: None,
                quality: None,
                flops,
                loss: Loss::new(truth.get() * (noise * error).exp()).expect("a loss is positive"),
                loss_std: None,
                cluster: observations.len(),
            });
        }
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}
