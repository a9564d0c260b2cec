//! Farseer (Li et al. 2025) as a mean law: three curves of ln N, each by its value and slope at the
//! middle size and the power that bends it.

use super::Falls;
use super::{Belief, MOST, MeanLaw, Place, Theta, exponent};
use crate::bent::bend;

/// θ = (ln nats of infinite data, ln nats of finite data, ln exponent of data, all at the centre;
/// slopes by ln N of infinite data, of finite data and of ln of the exponent; their powers).
///
/// No constants of the law are known here: levels and the exponent are as of the law of Hoffmann
/// et al., whose loss of infinite data falls by about six per cent where size grows e-fold. The
/// other slopes are some hundredths of either sign (an exponent of data that changes by a third
/// over a factor of a thousand), and curves bend by some tenths.
pub(super) fn beliefs(median: f64) -> Vec<Belief> {
    let belief = |mean: f64, sd: f64| Belief { mean, sd };
    let (of_data, spread) = exponent(Falls::WithTokens, true);
    vec![
        belief(median - 0.3, 0.5),
        belief(median - 1.2, 1.5),
        belief(of_data.ln(), spread),
        belief(-0.06, 0.06),
        belief(0.0, 0.1),
        belief(0.0, 0.05),
        belief(-0.2, 0.3),
        belief(0.0, 0.3),
        belief(0.0, 0.3),
    ]
}

/// Parameters whose beliefs are those of published laws.
pub(super) const PUBLISHED: usize = 3;

/// The prior's means, and exponents of data that grow and fall with size.
pub(super) fn starts(usual: &Theta) -> Vec<Theta> {
    let tilted = |slope: f64| {
        let mut theta = *usual;
        theta[5] = slope;
        theta
    };
    [0.0, -0.04, 0.04].map(tilted).to_vec()
}

impl MeanLaw {
    /// ln L, its derivatives by θ and by ln D.
    pub(super) fn farseer(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let (n, d) = (place.n - self.centre.n, place.d - self.centre.d);
        let [floor, data, steep] = [0, 1, 2].map(|k| bend(theta[6 + k], n));
        let exponent = (theta[2] + theta[5] * steep[0]).exp();
        let infinite = theta[0] + theta[3] * floor[0];
        let finite = theta[1] + theta[4] * data[0] - exponent * d;
        let largest = infinite.max(finite);
        let value = largest + ((infinite - largest).exp() + (finite - largest).exp()).ln();
        let (rest, share) = ((infinite - value).exp(), (finite - value).exp());
        let by_exponent = -share * exponent * d;
        let mut by = [0.0; MOST];
        by[..9].copy_from_slice(&[
            rest,
            share,
            by_exponent,
            rest * floor[0],
            share * data[0],
            by_exponent * steep[0],
            rest * theta[3] * floor[1],
            share * theta[4] * data[1],
            by_exponent * theta[5] * steep[1],
        ]);
        (value, by, -share * exponent)
    }
}
