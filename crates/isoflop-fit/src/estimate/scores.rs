//! How each run pulls at an estimate: the slopes of its part of the objective.

use super::form::Form;
use super::robust::Huber;
use crate::rows::Row;

/// The law's parameters when the objective's slope is moved.
type Step = dyn Fn(&[f64]) -> Option<Vec<f64>> + Send + Sync;

/// Slopes of every run's part of the objective at the estimate, and what a pull does to it.
pub(crate) struct Scores {
    width: usize,
    slopes: Vec<f64>,
    step: Box<Step>,
}

impl Scores {
    /// Number of coordinates.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The slopes of each run's part of the objective.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &[f64]> {
        self.slopes.chunks_exact(self.width)
    }

    /// The law's parameters when the objective's slope is moved by `pull`.
    pub(crate) fn values_after(&self, pull: &[f64]) -> Option<Vec<f64>> {
        (self.step)(pull)
    }

    /// Of rows that are sorted by run.
    pub(crate) fn of<F, const K: usize>(
        form: F,
        rows: &[Row],
        huber: Huber,
        values: &[f64],
    ) -> Option<Self>
    where
        F: Form<K> + Send + 'static,
    {
        let at = form.coordinates(values);
        let mut slopes: Vec<f64> = Vec::new();
        let mut hessian = [[0.0; K]; K];
        let mut last = None;
        for row in rows {
            if last != Some(row.cluster) {
                slopes.extend([0.0; K]);
                last = Some(row.cluster);
            }
            let start = slopes.len() - K;
            let jet = form.jet(&at, &row.x);
            let (slope, bend) = huber.derivatives(row.ln_loss - jet.ln_loss);
            for i in 0..K {
                slopes[start + i] -= row.weight * slope * jet.gradient[i];
                for j in 0..=i {
                    hessian[i][j] += row.weight
                        * (bend * jet.gradient[i] * jet.gradient[j] - slope * jet.hessian[i][j]);
                }
            }
        }
        let bounds = form.bounds();
        let lower = cholesky(&hessian)?;
        let step = move |pull: &[f64]| {
            let moved = solve(&lower, pull);
            let next: [f64; K] =
                std::array::from_fn(|i| (at[i] - moved[i]).clamp(bounds[i].0, bounds[i].1));
            let values = form.values(&next);
            values.iter().all(|x| x.is_finite()).then_some(values)
        };
        Some(Self {
            width: K,
            slopes,
            step: Box::new(step),
        })
    }
}

fn cholesky<const K: usize>(matrix: &[[f64; K]; K]) -> Option<[[f64; K]; K]> {
    let mut lower = [[0.0; K]; K];
    for i in 0..K {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - done;
            if i != j {
                lower[i][j] = rest / lower[j][j];
            } else if rest > 0.0 {
                lower[i][i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(lower)
}

fn solve<const K: usize>(lower: &[[f64; K]; K], right: &[f64]) -> [f64; K] {
    let mut x = [0.0; K];
    for i in 0..K {
        let done: f64 = (0..i).map(|k| lower[i][k] * x[k]).sum();
        x[i] = (right[i] - done) / lower[i][i];
    }
    for i in (0..K).rev() {
        let done: f64 = (i + 1..K).map(|k| lower[k][i] * x[k]).sum();
        x[i] = (x[i] - done) / lower[i][i];
    }
    x
}
