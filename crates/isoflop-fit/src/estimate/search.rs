//! From starts to the optimum of an objective.

use super::Estimate;
use super::form::Form;
use super::newton::{Accuracy, minimise, objective};
use super::robust::Huber;
use super::varpro;
use crate::Objective;
use crate::rows::Row;

/// How much the threshold shrinks from one stage to the next.
const SHRINK: f64 = 0.2;
/// The free scale of a likelihood changes by less than this once it is found.
const SCALE_TOLERANCE: f64 = 1e-7;
/// Times that law and scale are solved for in turn: they hardly depend on each other.
const MOST_SCALES: usize = 6;

/// One objective over one law's coordinates.
pub(crate) struct Search<'a, F, const K: usize> {
    form: &'a F,
    rows: &'a [Row],
    objective: Objective,
}

/// A place and what the objective is there.
struct Found<const K: usize> {
    at: [f64; K],
    value: f64,
}

impl<'a, F: Form<K>, const K: usize> Search<'a, F, K> {
    pub(crate) fn new(form: &'a F, rows: &'a [Row], objective: Objective) -> Self {
        Self {
            form,
            rows,
            objective,
        }
    }

    /// The best of what is reached from the valleys of a grid over all exponents.
    pub(crate) fn globally(&self) -> Option<Estimate> {
        let starts = varpro::starts(self.form, self.rows, self.grid_huber());
        let found = starts.into_iter().map(|start| self.descend(start));
        let best = found.min_by(|a, b| a.value.total_cmp(&b.value))?;
        self.finish(best)
    }

    /// The best of what is reached from there and from these parameters.
    pub(crate) fn best_of(&self, guesses: &[Vec<f64>]) -> Option<Estimate> {
        let starts = guesses.iter().map(|values| self.form.coordinates(values));
        let starts = starts.filter(|start| start.iter().all(|x| x.is_finite()));
        let from_guesses = starts.filter_map(|start| self.finish(self.descend(start)));
        let found = from_guesses.chain(self.globally());
        found.min_by(|a, b| a.objective.total_cmp(&b.objective))
    }

    /// What is reached from parameters that are nearly right.
    pub(crate) fn near(&self, values: &[f64]) -> Option<Estimate> {
        let start = self.form.coordinates(values);
        if start.iter().all(|x| x.is_finite()) {
            let found = self.descend(start);
            if found.value.is_finite() {
                return self.finish(found);
            }
        }
        self.globally()
    }

    fn grid_huber(&self) -> Huber {
        match self.objective {
            Objective::Huber { delta } => Huber { delta },
            // A scale that is still unknown: absolute values, but for the smallest residuals.
            Objective::HuberLikelihood { .. } => Huber { delta: 1e-3 },
            Objective::LeastSquares | Objective::Adaptive => Huber::SQUARES,
        }
    }

    fn descend(&self, start: [f64; K]) -> Found<K> {
        match self.objective {
            // What adapts is settled before rows are searched; until then it is squares.
            Objective::LeastSquares | Objective::Adaptive => {
                let (at, value) = self.minimise(f64::INFINITY, start, Accuracy::Full);
                let value = 2.0 * value;
                Found { at, value }
            }
            Objective::Huber { delta } => {
                let (at, value) = self.shrink_to(delta, start);
                Found { at, value }
            }
            Objective::HuberLikelihood { delta } => self.with_free_scale(delta, start),
        }
    }

    fn minimise(&self, delta: f64, start: [f64; K], accuracy: Accuracy) -> ([f64; K], f64) {
        minimise(self.form, self.rows, Huber { delta }, start, accuracy)
    }

    /// The Huber sum is nearly a sum of absolute values, whose slope jumps at every row: it is
    /// approached through larger thresholds, where it is smooth.
    fn shrink_to(&self, delta: f64, start: [f64; K]) -> ([f64; K], f64) {
        let mut at = start;
        let mut threshold = 2.0 * self.typical_residual(&at);
        while threshold > delta / SHRINK.sqrt() {
            at = self.minimise(threshold, at, Accuracy::Rough).0;
            threshold *= SHRINK;
        }
        self.minimise(delta, at, Accuracy::Full)
    }

    /// Minimises Σ w Huber(r / s) + Σ w · ln s over the law and s in turn.
    fn with_free_scale(&self, delta: f64, start: [f64; K]) -> Found<K> {
        let weight: f64 = self.rows.iter().map(|row| row.weight).sum();
        let mut scale = self.likeliest_scale(delta, &start);
        let (mut at, _) = self.shrink_to(delta * scale, start);
        for _ in 0..MOST_SCALES {
            let next = self.likeliest_scale(delta, &at);
            let settled = (next / scale - 1.0).abs() < SCALE_TOLERANCE;
            scale = next;
            if settled {
                break;
            }
            at = self.minimise(delta * scale, at, Accuracy::Full).0;
        }
        let huber = Huber {
            delta: delta * scale,
        };
        let sum = objective(self.form, self.rows, huber, &at) / (scale * scale);
        Found {
            at,
            value: sum + weight * scale.ln(),
        }
    }

    /// s with Σ w r ψ(r / s) / s = Σ w, by fixed-point steps.
    fn likeliest_scale(&self, delta: f64, at: &[f64; K]) -> f64 {
        let residuals: Vec<(f64, f64)> = self.residuals(at).collect();
        let weight: f64 = residuals.iter().map(|(w, _)| w).sum();
        let mean_size = residuals.iter().map(|(w, r)| w * r.abs()).sum::<f64>() / weight;
        // Beyond the threshold the density is Laplace's, whose scale is the mean size.
        let mut scale = (delta * mean_size).max(1e-14);
        for _ in 0..200 {
            let huber = Huber { delta };
            let moment = |(w, r): &(f64, f64)| w * r * huber.derivatives(r / scale).0;
            let next = (residuals.iter().map(moment).sum::<f64>() / weight).max(1e-14);
            let settled = (next / scale - 1.0).abs() < 1e-13;
            scale = next;
            if settled {
                break;
            }
        }
        scale
    }

    fn residuals<'s>(&'s self, at: &'s [f64; K]) -> impl Iterator<Item = (f64, f64)> + 's {
        let one = |row: &Row| (row.weight, row.ln_loss - self.form.ln_loss(at, &row.x));
        self.rows.iter().map(one)
    }

    fn typical_residual(&self, at: &[f64; K]) -> f64 {
        let mut sizes: Vec<f64> = self.residuals(at).map(|(_, r)| r.abs()).collect();
        let middle = sizes.len() / 2;
        *sizes.select_nth_unstable_by(middle, f64::total_cmp).1
    }

    fn finish(&self, found: Found<K>) -> Option<Estimate> {
        let values = self.form.values(&found.at);
        if !found.value.is_finite() || values.iter().any(|x| !x.is_finite()) {
            return None;
        }
        Some(Estimate {
            values,
            objective: found.value,
            residual_scale: 1.4826 * self.typical_residual(&found.at),
            at_bound: self.at_bound(&found.at),
        })
    }

    /// Parameters at the edge, in the card's order.
    fn at_bound(&self, at: &[f64; K]) -> Vec<usize> {
        let bounds = self.form.bounds();
        let stuck = |i: &usize| {
            let (lo, hi) = bounds[*i];
            at[*i] <= lo || at[*i] >= hi * (1.0 - 1e-9)
        };
        self.form.card_order((0..K).filter(stuck).collect())
    }
}
