//! A share that rises from chance to one as a logistic curve of ln C (Ruan et al. 2024, eq. 2 and 7), as a
//! mean law of −ln of the share.

use super::{Belief, MOST, MeanLaw, Place, Theta};

/// θ = (logit of chance, logit of what is above chance at the centre, ln of its slope by ln C).
///
/// Chance is an eighth, between a hundredth and two thirds; from a tenth to nine tenths a benchmark goes
/// over seven decades of compute, give or take a factor of two.
pub(super) fn beliefs(median: f64) -> Vec<Belief> {
    // ln (p / (1 − p)) of the median share p = e^−exp(median).
    let usual = -median.exp().exp_m1().max(1e-6).ln();
    vec![
        Belief {
            mean: -2.0,
            sd: 1.5,
        },
        Belief {
            mean: usual,
            sd: 1.5,
        },
        Belief {
            mean: 0.27f64.ln(),
            sd: 0.7,
        },
    ]
}

impl MeanLaw {
    /// ln −ln p and its derivatives by θ; it does not depend on D alone.
    pub(super) fn logistic(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let x = place.c - self.centre.c;
        let slope = theta[2].exp();
        let (chance, no_chance) = logistic(theta[0]);
        let (risen, rest) = logistic(theta[1] + slope * x);
        let share = chance + no_chance * risen;
        // ln of the share through what is missing from it, which is exact near one.
        let loss = -(-no_chance * rest).ln_1p();
        let by_share = -1.0 / (share * loss);
        let by_logit = no_chance * risen * rest * by_share;
        let mut by = [0.0; MOST];
        by[..3].copy_from_slice(&[
            rest * chance * no_chance * by_share,
            by_logit,
            by_logit * slope * x,
        ]);
        (loss.ln(), by, 0.0)
    }
}

/// 1 / (1 + e^−u), and what it lacks to one.
fn logistic(u: f64) -> (f64, f64) {
    (1.0 / (1.0 + (-u).exp()), 1.0 / (1.0 + u.exp()))
}
