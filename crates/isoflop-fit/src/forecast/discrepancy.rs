//! How a law may be wrong: a smooth function of size and compute with a Gaussian-process prior
//! (Kennedy & O'Hagan 2001).
//!
//! Runs at other compute but the same place in their budget's valley err alike, whatever the
//! cause (long warm-up, small batches, embeddings not counted), and that place moves with
//! compute as N ∝ C^shift. So the process lives in ln N − shift · ln C, with a short length, and
//! ln C, with a long one; a part of it, of its own size, does not depend on C at all.
//! Extrapolation in C then carries the shape of the valley along and lets it drift. The two parts
//! have sizes of their own: how wrong a law is about the valley's shape, where runs far from the
//! best size have their say, is not how fast that shape changes.
//!
//! Both parts fade with compute, as C^−fade each. The shared one is the law's misfit of the valley,
//! in the part of the loss that compute can still lower, which falls about as C^−0.15. What drifts is
//! mostly what makes small runs irregular, and that fades sooner: tokens that a warm-up wastes and
//! parameters that are not counted are shares of D and N that fall as C^−0.5 and C^−0.3, of a part of
//! the loss that falls too. A process with one size everywhere takes the irregularity of the smallest
//! runs for that of the largest.
//!
//! Where a curve was measured on models of several families, each has a part of its own besides, which
//! changes along compute as slowly as the rest (Ruan et al. 2024, section 3, give each a line of its own).

use super::sample::{Over, Place, Sample};

/// Number of [`Traits`].
pub(crate) const TRAITS: usize = 9;

/// Unconstrained coordinates of [`Traits`].
pub(crate) type Coordinates = [f64; TRAITS];

/// What the process is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Traits {
    /// Length across the valley, in ln N.
    pub across: f64,
    /// Length along compute, in ln C.
    pub along: f64,
    /// Standard deviation of the discrepancy's part that all compute shares, of ln L, at the largest compute that was measured.
    pub size: f64,
    /// Standard deviation of its part that changes with compute, there.
    pub drift: f64,
    /// Standard deviation of noise of ln L.
    pub noise: f64,
    /// Exponent with which a valley's places move with compute; 0.5 keeps D / N.
    pub shift: f64,
    /// The standard deviation of the part that all compute shares goes as C^−fade.
    pub fade: f64,
    /// That of the part that changes with compute goes as C^−drift_fade.
    pub drift_fade: f64,
    /// Standard deviation of the part that a family has of its own.
    pub family: f64,
    /// ln of the largest compute that was measured.
    pub top: f64,
}

/// Standard deviations of the discrepancy's two parts at a place.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    shared: f64,
    drift: f64,
}

impl Sizes {
    fn variance(self) -> f64 {
        self.shared * self.shared + self.drift * self.drift
    }
}

/// What is believed of the traits before a measurement is seen: each coordinate is normal.
#[derive(Debug)]
pub(crate) struct Habits {
    /// Prior means of the coordinates.
    usual: Coordinates,
    /// Prior standard deviations; zero where a coordinate is held at what is usual.
    pub spread: Coordinates,
    /// Where a search starts: some more discrepancy than usual.
    pub start: Coordinates,
}

/// Lengths of a factor of 4.5 in N and 400 in C, 1 % of discrepancy, 0.4 % of noise, half a per
/// cent of drift, places that keep D / N (published exponents of the best size are 0.46 to 0.73), a
/// misfit of the valley that is halved by a factor of a thousand in compute, and irregularity that is
/// halved by one of seven.
const OF_RUNS: Habits = Habits {
    usual: [0.405, 1.792, -4.605, -5.521, 0.5, 0.1, -5.298, 0.35, NONE],
    spread: [0.6, 0.6, 1.5, 1.0, 0.15, 0.1, 1.0, 0.15, 0.0],
    start: [0.405, 1.792, -3.855, -5.521, 0.5, 0.1, -4.605, 0.35, NONE],
};

/// ln of a standard deviation of zero.
const NONE: f64 = f64::NEG_INFINITY;

/// A curve has no valley and no smaller runs whose irregularity would fade: all of its
/// discrepancy, about 1 %, changes along it.
const OF_CURVES: Habits = Habits {
    usual: [0.405, 1.792, NONE, -5.521, 0.5, 0.0, -4.605, 0.0, NONE],
    spread: [0.0, 0.6, 0.0, 1.0, 0.0, 0.0, 0.7, 0.0, 0.0],
    start: [0.405, 1.792, NONE, -5.521, 0.5, 0.0, -3.855, 0.0, NONE],
};

/// As [`OF_CURVES`], and families differ by a twentieth, give or take a factor of 4.5.
const OF_CURVES_OF_FAMILIES: Habits = Habits {
    usual: [0.405, 1.792, NONE, -5.521, 0.5, 0.0, -4.605, 0.0, -3.0],
    spread: [0.0, 0.6, 0.0, 1.0, 0.0, 0.0, 0.7, 0.0, 1.5],
    start: [0.405, 1.792, NONE, -5.521, 0.5, 0.0, -3.855, 0.0, -2.0],
};

impl Habits {
    /// Those of such measurements.
    pub(crate) fn of(sample: &Sample) -> &'static Self {
        match sample.over {
            Over::Runs => &OF_RUNS,
            Over::Curve if !sample.families().is_empty() => &OF_CURVES_OF_FAMILIES,
            Over::Curve => &OF_CURVES,
        }
    }

    /// The coordinates that are not held.
    pub(crate) fn open(&self) -> impl Iterator<Item = usize> + '_ {
        (0..TRAITS).filter(|&k| self.spread[k] > 0.0)
    }

    /// These coordinates, but for those that are held.
    pub(crate) fn holding(&self, mut coordinates: Coordinates) -> Coordinates {
        for (k, x) in coordinates.iter_mut().enumerate() {
            if self.spread[k] == 0.0 {
                *x = self.usual[k];
            }
        }
        coordinates
    }

    /// Minus the logarithm of the prior density, but for a constant.
    pub(crate) fn surprise(&self, coordinates: &Coordinates) -> f64 {
        let term = |k: usize| ((coordinates[k] - self.usual[k]) / self.spread[k]).powi(2);
        self.open().map(|k| 0.5 * term(k)).sum()
    }
}

/// Length along ln (D / U): repetition by a factor of seven.
const REPETITION: f64 = 2.0;

impl Traits {
    /// The traits at these coordinates for measurements up to ln C = `top`.
    pub(crate) fn at(coordinates: &Coordinates, top: f64) -> Self {
        let [
            across,
            along,
            size,
            noise,
            shift,
            fade,
            drift,
            drift_fade,
            family,
        ] = *coordinates;
        Self {
            across: across.exp(),
            along: along.exp(),
            size: size.exp(),
            drift: drift.exp(),
            noise: noise.exp(),
            shift,
            fade,
            drift_fade,
            family: family.exp(),
            top,
        }
    }

    /// Covariance of the discrepancies at two places.
    pub(crate) fn covariance(&self, a: &Place, b: &Place) -> f64 {
        self.covariance_of((a, self.sizes(a)), (b, self.sizes(b)))
    }

    fn covariance_of(&self, (a, at_a): (&Place, Sizes), (b, at_b): (&Place, Sizes)) -> f64 {
        let across = (a.n - b.n - self.shift * (a.c - b.c)) / self.across;
        let along = (a.c - b.c) / self.along;
        let repetition = (a.repeats - b.repeats) / REPETITION;
        let alike = (-0.5 * (across * across + repetition * repetition)).exp();
        let slowly = (-0.5 * along * along).exp();
        let drift = at_a.drift * at_b.drift * slowly;
        let own = if a.family.is_some() && a.family == b.family {
            self.family * self.family * slowly
        } else {
            0.0
        };
        (at_a.shared * at_b.shared + drift) * alike + own
    }

    /// Variance of the discrepancy at a place.
    pub(crate) fn variance(&self, at: &Place) -> f64 {
        self.sizes(at).variance() + self.family * self.family
    }

    fn sizes(&self, at: &Place) -> Sizes {
        let below = self.top - at.c;
        Sizes {
            shared: self.size * (self.fade * below).exp(),
            drift: self.drift * (self.drift_fade * below).exp(),
        }
    }

    /// Covariance of all measurements, discrepancy and noise together: rows of a square matrix,
    /// filled at and below the diagonal. `trust` divides the variance of each one's noise.
    pub(crate) fn matrix(&self, sample: &Sample, trust: &[f64]) -> Vec<f64> {
        let n = sample.rows.len();
        let mut matrix = vec![0.0; n * n];
        let sizes: Vec<Sizes> = sample.rows.iter().map(|row| self.sizes(&row.at)).collect();
        for (i, row) in sample.rows.iter().enumerate() {
            for (j, other) in sample.rows[..i].iter().enumerate() {
                matrix[i * n + j] = self.covariance_of((&row.at, sizes[i]), (&other.at, sizes[j]));
            }
            let noise = self.noise * self.noise * row.noise / trust[i];
            matrix[i * n + i] = self.variance(&row.at) + noise + 1e-10;
        }
        matrix
    }
}
