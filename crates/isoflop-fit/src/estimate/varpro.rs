//! Variable projection (Golub and Pereyra 1973): for given exponents the law is linear in its
//! other parameters, which are then solved for exactly; only the exponents are searched, on a
//! grid that covers every published law. So no start is guessed.

use super::form::{Form, Linear};
use super::robust::Huber;
use crate::rows::Row;

/// Most rows that the grid looks at; the refinement sees all.
const GRID_ROWS: usize = 240;
/// Most places from which the search is refined.
const STARTS: usize = 3;
/// Reweighted solutions at each grid point: enough to tell valleys apart.
const REWEIGHTINGS: usize = 2;

/// Coordinates at the lowest valleys of the grid, the lowest first.
pub(crate) fn starts<const K: usize>(
    form: &impl Form<K>,
    rows: &[Row],
    huber: Huber,
) -> Vec<[f64; K]> {
    let rows = spread(rows);
    let [first, second] = form.exponent_grids();
    let mut scratch = Vec::with_capacity(rows.len());
    let mut solved = Vec::with_capacity(first.len() * second.len());
    for &one in &first {
        for &two in &second {
            solved.push(project(form, [one, two], &rows, huber, &mut scratch));
        }
    }
    let valleys = valleys(&solved, first.len(), second.len());
    let at = |index: usize| {
        let exponents = [first[index / second.len()], second[index % second.len()]];
        form.assemble(exponents, solved[index].1)
    };
    valleys.into_iter().take(STARTS).map(at).collect()
}

/// Evenly chosen rows, at most [`GRID_ROWS`].
fn spread(rows: &[Row]) -> Vec<Row> {
    if rows.len() <= GRID_ROWS {
        return rows.to_vec();
    }
    let at = |i: usize| rows[i * rows.len() / GRID_ROWS];
    (0..GRID_ROWS).map(at).collect()
}

/// Grid points below all their neighbours, the lowest first.
fn valleys(solved: &[(f64, [f64; 3])], rows: usize, columns: usize) -> Vec<usize> {
    let value = |i: usize, j: usize| solved[i * columns + j].0;
    let lowest_around = |i: usize, j: usize| {
        let near = |k: usize, count: usize| k.saturating_sub(1)..(k + 2).min(count);
        let around = near(i, rows).flat_map(|a| near(j, columns).map(move |b| (a, b)));
        around
            .map(|(a, b)| value(a, b))
            .fold(f64::INFINITY, f64::min)
    };
    let mut found: Vec<usize> = (0..rows * columns)
        .filter(|&k| solved[k].0.is_finite())
        .filter(|&k| solved[k].0 <= lowest_around(k / columns, k % columns))
        .collect();
    found.sort_by(|&a, &b| solved[a].0.total_cmp(&solved[b].0));
    found
}

/// The best coefficients for these exponents and the objective there.
fn project<const K: usize>(
    form: &impl Form<K>,
    exponents: [f64; 2],
    rows: &[Row],
    huber: Huber,
    scratch: &mut Vec<Linear>,
) -> (f64, [f64; 3]) {
    scratch.clear();
    scratch.extend(
        rows.iter()
            .map(|row| form.linear(exponents, &row.x, row.ln_loss)),
    );
    let count = form.coefficients();
    let residual = |line: &Linear, c: &[f64; 3]| -line.gain * dot(&line.factors, c).ln();
    let mut coefficients = [0.0; 3];
    for pass in 0..=REWEIGHTINGS {
        let mut normal = Normal::default();
        for (row, line) in rows.iter().zip(scratch.iter()) {
            let robust = match pass {
                0 => 1.0,
                _ => huber.weight(residual(line, &coefficients)),
            };
            normal.add(line, row.weight * robust * line.gain * line.gain);
        }
        match normal.solve(count) {
            Some(solution) => coefficients = solution,
            None => return (f64::INFINITY, coefficients),
        }
    }
    let each = rows.iter().zip(scratch.iter());
    let value = each.map(|(row, line)| row.weight * huber.value(residual(line, &coefficients)));
    let total: f64 = value.sum();
    let total = if total.is_finite() {
        total
    } else {
        f64::INFINITY
    };
    (total, coefficients)
}

#[inline]
fn dot(factors: &[f64; 3], c: &[f64; 3]) -> f64 {
    factors[0] * c[0] + factors[1] * c[1] + factors[2] * c[2]
}

/// Normal equations of at most three coefficients.
#[derive(Default)]
struct Normal {
    matrix: [[f64; 3]; 3],
    right: [f64; 3],
}

impl Normal {
    #[inline]
    fn add(&mut self, line: &Linear, weight: f64) {
        for i in 0..3 {
            let scaled = weight * line.factors[i];
            self.right[i] += scaled;
            for j in 0..=i {
                self.matrix[i][j] += scaled * line.factors[j];
            }
        }
    }

    /// The best coefficients of which none is negative (all subsets are tried: there are seven).
    fn solve(&self, count: usize) -> Option<[f64; 3]> {
        let mut best: Option<(f64, [f64; 3])> = None;
        for subset in (1..1usize << count).rev() {
            let Some(solution) = self.solve_subset(subset) else {
                continue;
            };
            if solution.iter().any(|&c| c < 0.0) {
                continue;
            }
            // At a solution of the normal equations the sum of squares is const − right · c.
            let gain = dot(&self.right, &solution);
            if best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, solution));
            }
            // With all of them in and none negative, nothing can be better.
            if subset == (1 << count) - 1 {
                break;
            }
        }
        best.map(|(_, solution)| solution)
    }

    fn solve_subset(&self, subset: usize) -> Option<[f64; 3]> {
        let mut lower = [[0.0; 3]; 3];
        let kept = |i: usize| subset >> i & 1 == 1;
        let mut forward = [0.0; 3];
        for i in (0..3).filter(|&i| kept(i)) {
            for j in (0..=i).filter(|&j| kept(j)) {
                let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                let rest = self.matrix[i][j] - done;
                if i == j {
                    // Factors that are almost multiples of each other determine nothing.
                    if rest <= 1e-13 * self.matrix[i][i] {
                        return None;
                    }
                    lower[i][i] = rest.sqrt();
                } else {
                    lower[i][j] = rest / lower[j][j];
                }
            }
            let done: f64 = (0..i).map(|k| lower[i][k] * forward[k]).sum();
            forward[i] = (self.right[i] - done) / lower[i][i];
        }
        let mut solution = [0.0; 3];
        for i in (0..3).rev().filter(|&i| kept(i)) {
            let done: f64 = (i + 1..3).map(|k| lower[k][i] * solution[k]).sum();
            solution[i] = (forward[i] - done) / lower[i][i];
        }
        Some(solution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coefficient_that_would_be_negative_is_left_out() {
        let line = |a: f64, b: f64| Linear {
            factors: [a, b, 0.0],
            gain: 1.0,
        };
        let mut normal = Normal::default();
        for (a, b) in [(1.0, 0.1), (0.8, 0.5), (0.5, 1.5)] {
            normal.add(&line(a, b), 1.0);
        }
        let both = normal.solve(2).unwrap();
        assert!(both[0] > 0.0 && both[1] > 0.0);
        let mut normal = Normal::default();
        for (a, b) in [(1.0, 1.0), (1.0, 2.0), (0.9, 3.0)] {
            normal.add(&line(a, b), 1.0);
        }
        let one = normal.solve(2).unwrap();
        assert!(one[0] > 0.0 && one[1] >= 0.0);
    }
}
