//! What is believed of the loss at a set of points before and after measuring some of them.
//!
//! A law says ln L(x) up to its uncertain constants, and is itself a little wrong. Both are a
//! Gaussian: the covariance of ln L between two points is J S Jᵀ, from the law's exact gradient
//! J and the spread S of its constants, plus a smooth discrepancy (Kennedy & O'Hagan 2001,
//! section 4), for which near points say more than far ones. Measuring a point conditions the
//! Gaussian; what it would do to the forecast is known before the run is made.
//!
//! Where there are runs, the forecasts fitted to them say all of this themselves
//! ([`Fit::joint`](isoflop_fit::Fit::joint)); a published law is believed by the rule above.

use isoflop_fit::JointPart;
use isoflop_laws::{Law, Params, Tokens};

/// Where a run is or could be.
pub(crate) type Point = (Params, Tokens);

/// How much is not known, in units of ln L or of a constant's own size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Doubt {
    /// Run-to-run noise, standard deviation of ln L.
    pub noise: f64,
    /// How wrong the law may be at a point whatever the compute, standard deviation of ln L.
    pub discrepancy: f64,
    /// How wrong it may be besides, in a way that changes with compute.
    pub drift: f64,
    /// Distance in ln N, at one compute, over which that wrongness changes.
    pub across: f64,
    /// Distance in ln C over which it changes.
    pub along: f64,
}

/// Covariance of ln L between points, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Belief {
    covariance: Vec<f64>,
    size: usize,
    noise_variance: f64,
}

/// Standard deviation that a constant is given before any run: of ln of a scale, or as a share
/// of an exponent or of E. Published fits of additive laws differ by about this much: E 1.69 to
/// 1.87, alpha 0.34 to 0.35, beta 0.28 to 0.37, ln A 6.0 to 6.3, ln B 6.0 to 7.6.
fn prior_spread(symbol: &str) -> f64 {
    match symbol {
        "E" => 0.15,
        "alpha" | "beta" => 0.2,
        _ => 1.0,
    }
}

impl Belief {
    /// Belief about `points` by one law. `None` if the law has no value or gradient at one.
    pub(crate) fn by(law: &dyn Law, points: &[Point], doubt: Doubt) -> Option<Self> {
        let slopes: Vec<Vec<f64>> = points
            .iter()
            .map(|&point| scaled_gradient(law, point))
            .collect::<Option<_>>()?;
        let size = points.len();
        let mut covariance = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..size {
                let shared: f64 = slopes[i].iter().zip(&slopes[j]).map(|(a, b)| a * b).sum();
                covariance[i * size + j] = shared + wrongness(points[i], points[j], doubt);
            }
        }
        Some(Self {
            covariance,
            size,
            noise_variance: doubt.noise * doubt.noise,
        })
    }

    /// Belief about the places of a forecast, if this share of it is true.
    pub(crate) fn of(part: JointPart, places: usize) -> Self {
        Self {
            covariance: part.covariance,
            size: places,
            noise_variance: part.noise_variance,
        }
    }

    /// Forgets all points but the first `count`; what was measured elsewhere stays known.
    pub(crate) fn keep_first(&mut self, count: usize) {
        let rows = self.covariance.chunks_exact(self.size).take(count);
        self.covariance = rows.flat_map(|row| row[..count].iter().copied()).collect();
        self.size = count;
    }

    /// Variance of ln L at a point.
    fn variance(&self, point: usize) -> f64 {
        self.covariance[point * self.size + point]
    }

    /// Variance of ln L of a run that is made at a point: its noise counted in.
    pub(crate) fn run_variance(&self, point: usize) -> f64 {
        self.variance(point) + self.noise_variance
    }

    /// [`run_variance`](Self::run_variance) of `target` after `point` is measured once.
    pub(crate) fn run_variance_after(&self, point: usize, target: usize) -> f64 {
        self.variance_after(point, target) + self.noise_variance
    }

    /// Variance at `target` after `point` is measured once.
    fn variance_after(&self, point: usize, target: usize) -> f64 {
        let shared = self.covariance[point * self.size + target];
        match self.run_variance(point) {
            measured if measured > 0.0 => self.variance(target) - shared * shared / measured,
            _ => self.variance(target),
        }
    }

    /// Measures `point` once.
    pub(crate) fn measure(&mut self, point: usize) {
        let column: Vec<f64> = (0..self.size)
            .map(|row| self.covariance[row * self.size + point])
            .collect();
        let measured = self.run_variance(point);
        if measured <= 0.0 {
            // Known already, without noise.
            return;
        }
        let scale = 1.0 / measured;
        for (row, &left) in self.covariance.chunks_exact_mut(self.size).zip(&column) {
            for (cell, &right) in row.iter_mut().zip(&column) {
                *cell -= scale * left * right;
            }
        }
    }
}

/// d ln L / d parameter, times the spread that the parameter has.
fn scaled_gradient(law: &dyn Law, (params, tokens): Point) -> Option<Vec<f64>> {
    let gradient = law.surface()?.gradient(params, tokens).ok()?;
    let loss = gradient.loss.get();
    let constants = law.values();
    let parameters = law.card().parameters;
    let slopes = gradient.by_parameter.iter().zip(&constants).zip(parameters);
    Some(
        slopes
            .map(|((slope, value), parameter)| {
                slope / loss * value.abs() * prior_spread(parameter.symbol)
            })
            .collect(),
    )
}

/// Covariance of the law's errors at two points: alike at the same place of their budget's valley,
/// whatever the cause, a part of it the same at all compute, as the forecasts of `isoflop-fit` hold it.
fn wrongness(a: Point, b: Point, doubt: Doubt) -> f64 {
    let (n, d) = (a.0.ln() - b.0.ln(), a.1.ln() - b.1.ln());
    // ln N at fixed D / N moves with half of ln C.
    let across = (n - 0.5 * (n + d)) / doubt.across;
    let along = (n + d) / doubt.along;
    let drift = doubt.drift * doubt.drift * (-0.5 * along * along).exp();
    (doubt.discrepancy * doubt.discrepancy + drift) * (-0.5 * across * across).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::find;

    const DOUBT: Doubt = Doubt {
        noise: 0.003,
        discrepancy: 0.0035,
        drift: 0.0035,
        across: 1.5,
        along: 6.0,
    };

    fn point(n: f64, d: f64) -> Point {
        (Params::new(n).unwrap(), Tokens::new(d).unwrap())
    }

    fn belief(doubt: Doubt) -> Belief {
        let law = find("besiroglu-2024").unwrap().law().unwrap().unwrap();
        let points = [
            point(1e8, 2e9),
            point(1e9, 2e10),
            point(3e8, 6e10),
            point(7e10, 1.4e12),
        ];
        Belief::by(law.as_ref(), &points, doubt).unwrap()
    }

    #[test]
    fn a_measurement_leaves_what_was_announced() {
        let mut belief = belief(DOUBT);
        for point in [0, 1, 2, 1] {
            let announced = belief.variance_after(point, 3);
            belief.measure(point);
            assert!((belief.variance(3) / announced - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn more_runs_never_widen_the_forecast_and_order_does_not_matter() {
        let (mut forwards, mut backwards) = (belief(DOUBT), belief(DOUBT));
        let mut last = forwards.variance(3);
        for point in [0, 1, 2] {
            forwards.measure(point);
            assert!(forwards.variance(3) <= last);
            last = forwards.variance(3);
        }
        for point in [2, 1, 0] {
            backwards.measure(point);
        }
        assert!((forwards.variance(3) / backwards.variance(3) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn repeating_one_run_averages_its_noise_but_not_the_laws_wrongness() {
        let mut wrong = belief(DOUBT);
        for _ in 0..10_000 {
            wrong.measure(0);
        }
        assert!(wrong.variance(0).sqrt() < 1e-4);
        assert!(wrong.variance(3).sqrt() > DOUBT.discrepancy / 2.0);
    }
}
