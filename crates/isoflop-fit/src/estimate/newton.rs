//! Newton's method with exact derivatives, damped (Levenberg and Marquardt) and kept within
//! bounds, for the few coordinates of a law.

use super::form::Form;
use super::robust::Huber;
use crate::rows::Row;
use rayon::prelude::*;

/// Rows that one thread sums before partial sums are added in their order, so that the sum does
/// not depend on the number of threads.
const CHUNK: usize = 8192;
const MOST_STEPS: usize = 120;

/// How exactly a minimum is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accuracy {
    /// To a ten-millionth of the objective: on the way to another objective.
    Rough,
    /// To rounding.
    Full,
}

impl Accuracy {
    /// A step that gains a smaller share of the objective is the last.
    fn least_gain(self) -> f64 {
        match self {
            Accuracy::Rough => 1e-7,
            Accuracy::Full => 1e-14,
        }
    }
}

/// The objective and its derivatives at one place.
#[derive(Debug, Clone, Copy)]
struct Local<const K: usize> {
    value: f64,
    gradient: [f64; K],
    hessian: [[f64; K]; K],
    /// Diagonal of the Gauss-Newton matrix of squares: the scale of each coordinate.
    scale: [f64; K],
}

impl<const K: usize> Local<K> {
    const ZERO: Self = Self {
        value: 0.0,
        gradient: [0.0; K],
        hessian: [[0.0; K]; K],
        scale: [0.0; K],
    };

    fn add(mut self, other: &Self) -> Self {
        self.value += other.value;
        for i in 0..K {
            self.gradient[i] += other.gradient[i];
            self.scale[i] += other.scale[i];
            for j in 0..=i {
                self.hessian[i][j] += other.hessian[i][j];
            }
        }
        self
    }
}

/// Sum over rows of weight × Huber(ln L − ln L̂).
pub(crate) fn objective<const K: usize>(
    form: &impl Form<K>,
    rows: &[Row],
    huber: Huber,
    at: &[f64; K],
) -> f64 {
    let part = |rows: &[Row]| -> f64 {
        let one = |row: &Row| row.weight * huber.value(row.ln_loss - form.ln_loss(at, &row.x));
        rows.iter().map(one).sum()
    };
    let total = if rows.len() <= CHUNK {
        part(rows)
    } else {
        let parts: Vec<f64> = rows.par_chunks(CHUNK).map(part).collect();
        parts.iter().sum()
    };
    // A law that is nowhere defined is no candidate.
    if total.is_nan() { f64::INFINITY } else { total }
}

fn local<const K: usize>(
    form: &impl Form<K>,
    rows: &[Row],
    huber: Huber,
    at: &[f64; K],
) -> Local<K> {
    let part = |rows: &[Row]| {
        let mut sum = Local::ZERO;
        for row in rows {
            let jet = form.jet(at, &row.x);
            let residual = row.ln_loss - jet.ln_loss;
            let (slope, bend) = huber.derivatives(residual);
            let (slope, bend) = (row.weight * slope, row.weight * bend);
            sum.value += row.weight * huber.value(residual);
            for i in 0..K {
                let g = jet.gradient[i];
                sum.gradient[i] -= slope * g;
                sum.scale[i] += row.weight * g * g;
                for j in 0..=i {
                    sum.hessian[i][j] += bend * g * jet.gradient[j] - slope * jet.hessian[i][j];
                }
            }
        }
        sum
    };
    if rows.len() <= CHUNK {
        return part(rows);
    }
    let parts: Vec<Local<K>> = rows.par_chunks(CHUNK).map(part).collect();
    parts.iter().fold(Local::ZERO, Local::add)
}

/// The lowest place reached from `start`, and the objective there.
pub(crate) fn minimise<const K: usize>(
    form: &impl Form<K>,
    rows: &[Row],
    huber: Huber,
    start: [f64; K],
    accuracy: Accuracy,
) -> ([f64; K], f64) {
    let bounds = form.bounds();
    let mut at = start;
    for (x, (lo, hi)) in at.iter_mut().zip(bounds) {
        *x = x.clamp(lo, hi);
    }
    let mut here = local(form, rows, huber, &at);
    if !here.value.is_finite() {
        return (at, f64::INFINITY);
    }
    let mut damping = 1e-3;
    for _ in 0..MOST_STEPS {
        let free = free(&at, &here, &bounds);
        let Some(step) = damped_step(&here, &free, damping) else {
            damping = f64::max(damping * 8.0, 1e-8);
            if damping > 1e12 {
                break;
            }
            continue;
        };
        let next: [f64; K] =
            std::array::from_fn(|i| (at[i] + step[i]).clamp(bounds[i].0, bounds[i].1));
        let there = local(form, rows, huber, &next);
        let moved: f64 = (0..K)
            .map(|i| (next[i] - at[i]).powi(2) * here.scale[i])
            .sum();
        let small = moved <= 1e-22 * rows.len() as f64;
        if there.value <= here.value {
            let expected = predicted_decrease(&here, &step);
            let ratio = (here.value - there.value) / expected.max(f64::MIN_POSITIVE);
            damping *= if ratio > 0.75 {
                0.1
            } else if ratio > 0.25 {
                1.0
            } else {
                3.0
            };
            damping = damping.max(1e-14);
            let gained = here.value - there.value;
            at = next;
            here = there;
            if small || gained <= accuracy.least_gain() * here.value {
                break;
            }
        } else {
            if small {
                break;
            }
            damping = f64::max(damping * 6.0, 1e-10);
            if damping > 1e14 {
                break;
            }
        }
    }
    (at, here.value)
}

/// Coordinates that are not held at a bound by their slope.
fn free<const K: usize>(at: &[f64; K], here: &Local<K>, bounds: &[(f64, f64); K]) -> [bool; K] {
    std::array::from_fn(|i| {
        let (lo, hi) = bounds[i];
        !(at[i] <= lo && here.gradient[i] > 0.0 || at[i] >= hi && here.gradient[i] < 0.0)
    })
}

fn predicted_decrease<const K: usize>(here: &Local<K>, step: &[f64; K]) -> f64 {
    let mut linear = 0.0;
    let mut square = 0.0;
    for i in 0..K {
        linear += here.gradient[i] * step[i];
        square += here.hessian[i][i] * step[i] * step[i];
        for j in 0..i {
            square += 2.0 * here.hessian[i][j] * step[i] * step[j];
        }
    }
    -(linear + 0.5 * square)
}

/// Solution of (H + damping · scale) step = −gradient over the free coordinates; `None` unless
/// the matrix is positive definite.
fn damped_step<const K: usize>(
    here: &Local<K>,
    free: &[bool; K],
    damping: f64,
) -> Option<[f64; K]> {
    let mut lower = [[0.0; K]; K];
    let mut forward = [0.0; K];
    for i in (0..K).filter(|&i| free[i]) {
        let floor = here.scale[i].max(1e-300);
        for j in (0..=i).filter(|&j| free[j]) {
            let mut rest = here.hessian[i][j];
            if i == j {
                rest += damping * floor;
            }
            for k in 0..j {
                rest -= lower[i][k] * lower[j][k];
            }
            if i == j {
                if rest <= 1e-15 * floor {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
        let mut rest = -here.gradient[i];
        for k in 0..i {
            rest -= lower[i][k] * forward[k];
        }
        forward[i] = rest / lower[i][i];
    }
    let mut step = [0.0; K];
    for i in (0..K).rev().filter(|&i| free[i]) {
        let mut rest = forward[i];
        for k in i + 1..K {
            rest -= lower[k][i] * step[k];
        }
        step[i] = rest / lower[i][i];
    }
    step.iter().all(|x| x.is_finite()).then_some(step)
}
