//! The optimum of the plain Huber sum on Hoffmann's runs, against a dense grid of exponents whose
//! inner problem is solved here by other means than the crate's.

mod measurements;

use isoflop_fit::{FitOptions, FittedLaw, Objective, fit};
use measurements::chinchilla_240;

const DELTA: f64 = 1e-3;

/// ln of size and data about their means, and the loss.
struct Run {
    x: [f64; 2],
    loss: f64,
}

fn runs() -> Vec<Run> {
    let observations = chinchilla_240().observations;
    let count = observations.len() as f64;
    let n = observations.iter().map(|run| run.params.ln()).sum::<f64>() / count;
    let d = observations.iter().map(|run| run.tokens.ln()).sum::<f64>() / count;
    let run = |run: &isoflop_fit::Observation| Run {
        x: [run.params.ln() - n, run.tokens.ln() - d],
        loss: run.loss.get(),
    };
    observations.iter().map(run).collect()
}

fn huber(residual: f64) -> f64 {
    let size = residual.abs();
    if size <= DELTA {
        0.5 * size * size
    } else {
        DELTA * (size - 0.5 * DELTA)
    }
}

fn predicted(factors: &[f64; 3], c: &[f64; 3]) -> f64 {
    factors.iter().zip(c).map(|(f, c)| f * c).sum()
}

fn value(runs: &[Run], factors: &[[f64; 3]], c: &[f64; 3]) -> f64 {
    let residual =
        |(run, factors): (&Run, &[f64; 3])| (run.loss / predicted(factors, c).max(1e-9)).ln();
    runs.iter().zip(factors).map(residual).map(huber).sum()
}

/// Solves a symmetric 3 × 3 system over the kept unknowns by elimination; the others are zero.
fn solve(matrix: &[[f64; 3]; 3], right: &[f64; 3], kept: &[usize]) -> Option<[f64; 3]> {
    let mut m: Vec<Vec<f64>> = kept
        .iter()
        .map(|&i| {
            kept.iter()
                .map(|&j| matrix[i][j])
                .chain([right[i]])
                .collect()
        })
        .collect();
    let size = kept.len();
    for i in 0..size {
        if m[i][i].abs() <= 1e-12 * matrix[kept[i]][kept[i]] {
            return None;
        }
        for k in i + 1..size {
            let factor = m[k][i] / m[i][i];
            for j in i..=size {
                m[k][j] -= factor * m[i][j];
            }
        }
    }
    let mut solution = [0.0; 3];
    for i in (0..size).rev() {
        let done: f64 = (i + 1..size).map(|j| m[i][j] * solution[kept[j]]).sum();
        solution[kept[i]] = (m[i][size] - done) / m[i][i];
    }
    Some(solution)
}

/// The non-negative coefficients that a reweighted Gauss-Newton step leads to.
fn step(runs: &[Run], factors: &[[f64; 3]], c: &[f64; 3]) -> Option<[f64; 3]> {
    let (mut matrix, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
    for (run, factors) in runs.iter().zip(factors) {
        let now = predicted(factors, c);
        let residual = (run.loss / now).ln();
        let weight = (DELTA / residual.abs()).min(1.0);
        let slopes = factors.map(|f| f / now);
        for i in 0..3 {
            right[i] += weight * slopes[i] * (residual + 1.0);
            for j in 0..3 {
                matrix[i][j] += weight * slopes[i] * slopes[j];
            }
        }
    }
    let subsets: [&[usize]; 7] = [&[0, 1, 2], &[0, 1], &[0, 2], &[1, 2], &[0], &[1], &[2]];
    let solved = subsets
        .iter()
        .filter_map(|kept| solve(&matrix, &right, kept));
    let feasible = solved.filter(|c| c.iter().all(|&c| c >= 0.0));
    // At a solution over a subset, the sum of squares is a constant less `gain`.
    let gain = |c: &[f64; 3]| -> f64 { c.iter().zip(&right).map(|(c, r)| c * r).sum() };
    feasible.max_by(|one, other| gain(one).total_cmp(&gain(other)))
}

/// The smallest Huber sum that these exponents allow.
fn inside(runs: &[Run], exponents: [f64; 2], most: usize) -> f64 {
    let factor = |run: &Run| {
        let power = |t: usize| (-exponents[t] * run.x[t]).exp();
        [1.0, power(0), power(1)]
    };
    let factors: Vec<[f64; 3]> = runs.iter().map(factor).collect();
    let mut c = [1.8, 0.5, 0.5];
    let mut least = value(runs, &factors, &c);
    for _ in 0..most {
        let Some(next) = step(runs, &factors, &c) else {
            break;
        };
        // Halved until it helps, so that no step leads uphill.
        let halved = (0..8).map(|k| {
            let share = 0.5f64.powi(k);
            std::array::from_fn(|i| c[i] + share * (next[i] - c[i]))
        });
        let better = halved
            .map(|c| (c, value(runs, &factors, &c)))
            .find(|(_, value)| *value < least);
        let Some((at, value)) = better else { break };
        let settled = least - value < 1e-9 * least;
        (c, least) = (at, value);
        if settled {
            break;
        }
    }
    least
}

fn spaced(lo: f64, hi: f64, points: usize) -> impl Iterator<Item = f64> + Clone {
    (0..points).map(move |i| lo * (hi / lo).powf(i as f64 / (points - 1) as f64))
}

#[test]
fn no_exponents_of_a_dense_grid_allow_less_than_the_optimum_found() {
    let options = FitOptions {
        objective: Objective::Huber { delta: DELTA },
        bootstraps: 0,
        ..FitOptions::of(FittedLaw::Chinchilla)
    };
    let fit = fit(&chinchilla_240(), &options).unwrap();
    let found = [fit.parameters[3].value, fit.parameters[4].value];
    let (runs, optimum) = (runs(), fit.objective_value);

    // The solver used here reaches the optimum where the exponents are the optimum's.
    let own = inside(&runs, found, 500);
    assert!(
        (own / optimum - 1.0).abs() < 1e-6,
        "{own} against {optimum}"
    );

    let lowest = |grids: [Vec<f64>; 2], most: usize| {
        let pairs = grids[0]
            .iter()
            .flat_map(|&a| grids[1].iter().map(move |&b| [a, b]));
        pairs
            .map(|exponents| (inside(&runs, exponents, most), exponents))
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .unwrap()
    };
    // All that could be: 4.5 % from one exponent to the next.
    let everywhere: Vec<f64> = spaced(0.02, 1.6, 100).collect();
    let (least, at) = lowest([everywhere.clone(), everywhere], 12);
    assert!(least >= optimum, "{least} at {at:?} is below {optimum}");
    assert!(
        least < 1.1 * optimum,
        "{least} at {at:?} is far above {optimum}"
    );
    // A tenth to either side of it: 0.5 % from one exponent to the next.
    let near = found.map(|exponent| spaced(0.9 * exponent, 1.1 * exponent, 41).collect());
    let (least, at) = lowest(near, 40);
    assert!(least >= optimum, "{least} at {at:?} is below {optimum}");
    assert!(
        least < 1.01 * optimum,
        "{least} at {at:?} is far above {optimum}"
    );
}
