//! The usual methods, written apart from the crate. Approach 3 is the crate's own default
//! objective: its optimum is what scipy's L-BFGS reaches from a few of its 4,500 starts.

use isoflop_fit::{Dataset, Observation};
use isoflop_laws::laws::Chinchilla;

/// ln N*(1e24) by a parabola in ln N at each budget and a line through their vertices (Hoffmann
/// et al. 2022, section 3.2); it says nothing of alpha, beta and E.
pub fn approach_2(runs: &Dataset) -> [f64; 4] {
    let vertices: Vec<(f64, f64)> = runs
        .observations
        .chunk_by(|a, b| a.flops == b.flops)
        .map(|budget| {
            let points = budget.iter().map(|run| (run.params.ln(), run.loss.get()));
            (budget[0].flops.ln(), vertex(&points.collect::<Vec<_>>()))
        })
        .collect();
    let count = vertices.len() as f64;
    let x = vertices.iter().map(|v| v.0).sum::<f64>() / count;
    let y = vertices.iter().map(|v| v.1).sum::<f64>() / count;
    let xx: f64 = vertices.iter().map(|v| (v.0 - x).powi(2)).sum();
    let xy: f64 = vertices.iter().map(|v| (v.0 - x) * (v.1 - y)).sum();
    let at_target = y + xy / xx * (1e24f64.ln() - x);
    [f64::NAN, f64::NAN, f64::NAN, at_target]
}

/// Vertex of the parabola through points by least squares.
fn vertex(points: &[(f64, f64)]) -> f64 {
    let centre = points.iter().map(|p| p.0).sum::<f64>() / points.len() as f64;
    let rows = points.iter().map(|(x, y)| {
        let x = x - centre;
        ([1.0, x, x * x], *y)
    });
    let [_, b, a] = solve(normal_equations(rows, 0.0));
    centre - b / (2.0 * a)
}

/// Least squares on L itself over all five parameters: variable projection's optimum, reached
/// by damped Gauss-Newton from the truth, which no user has.
pub fn vpnls(runs: &Dataset, truth: &Chinchilla) -> [f64; 4] {
    let observations = &runs.observations;
    let count = observations.len() as f64;
    let n = observations.iter().map(|run| run.params.ln()).sum::<f64>() / count;
    let d = observations.iter().map(|run| run.tokens.ln()).sum::<f64>() / count;
    let nats =
        |coefficient: f64, exponent: f64, centre: f64| coefficient * (-exponent * centre).exp();
    // Coordinates: E, nats of both terms at the centre of the runs, exponents.
    let mut at = [
        truth.e,
        nats(truth.a, truth.alpha, n),
        nats(truth.b, truth.beta, d),
        truth.alpha,
        truth.beta,
    ];
    let residual = |at: &[f64; 5], run: &Observation| {
        let (x, y) = (run.params.ln() - n, run.tokens.ln() - d);
        let (of_size, of_data) = ((-at[3] * x).exp(), (-at[4] * y).exp());
        let slopes = [
            1.0,
            of_size,
            of_data,
            -at[1] * x * of_size,
            -at[2] * y * of_data,
        ];
        (
            slopes,
            run.loss.get() - at[0] - at[1] * of_size - at[2] * of_data,
        )
    };
    let squares = |at: &[f64; 5]| -> f64 {
        observations
            .iter()
            .map(|run| residual(at, run).1.powi(2))
            .sum()
    };
    let mut damping = 1e-6;
    let mut here = squares(&at);
    for _ in 0..500 {
        let rows = observations.iter().map(|run| residual(&at, run));
        let step: [f64; 5] = solve(normal_equations(rows, damping));
        let next = std::array::from_fn(|i| at[i] + step[i]);
        let there = squares(&next);
        if there < here {
            let gained = here - there;
            (at, here) = (next, there);
            damping *= 0.2;
            if gained < 1e-15 * here {
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e10 {
                break;
            }
        }
    }
    let scale = |nats: f64, exponent: f64, centre: f64| nats * (exponent * centre).exp();
    super::truth::of_values(&[
        at[0],
        scale(at[1], at[3], n),
        scale(at[2], at[4], d),
        at[3],
        at[4],
    ])
}

/// Σ x xᵀ with damped diagonal, and Σ x y.
fn normal_equations<const K: usize>(
    rows: impl Iterator<Item = ([f64; K], f64)>,
    damping: f64,
) -> ([[f64; K]; K], [f64; K]) {
    let mut matrix = [[0.0; K]; K];
    let mut right = [0.0; K];
    for (x, y) in rows {
        for i in 0..K {
            right[i] += x[i] * y;
            for j in 0..K {
                matrix[i][j] += x[i] * x[j];
            }
        }
    }
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] *= 1.0 + damping;
    }
    (matrix, right)
}

/// Gauss's elimination with the largest pivot.
fn solve<const K: usize>((mut matrix, mut right): ([[f64; K]; K], [f64; K])) -> [f64; K] {
    for column in 0..K {
        let largest = |a: &usize, b: &usize| {
            let size = |row: usize| f64::abs(matrix[row][column]);
            size(*a).total_cmp(&size(*b))
        };
        let pivot = (column..K).max_by(largest).unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..K {
            let factor = matrix[row][column] / matrix[column][column];
            for k in column..K {
                matrix[row][k] -= factor * matrix[column][k];
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..K).rev() {
        let known: f64 = (row + 1..K).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}
