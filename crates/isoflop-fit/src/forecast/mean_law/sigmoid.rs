//! M4 (Alabdulmohsin et al. 2022) as a mean law: a curve that starts at chance, falls as a power and
//! comes to rest at a floor.

use super::{Belief, MOST, MeanLaw, POWER_C, Place, Theta};
use isoflop_laws::laws::M4;

/// θ = (ln e_inf, ln level of the power at the centre, ln c, ln (e_0 − e_inf), ln a).
///
/// The first three are as of a power with a floor. Chance is about twice the median measurement
/// above the floor, give or take a factor of two; a = 1, where the curve is a logistic one, give or
/// take a factor of e.
pub(super) fn beliefs(median: f64) -> Vec<Belief> {
    let mut all = POWER_C.beliefs(median);
    all.push(Belief {
        mean: median + 0.7,
        sd: 0.8,
    });
    all.push(Belief { mean: 0.0, sd: 1.0 });
    all
}

/// The prior's means, and steeper curves, which reach the floor within the measurements.
pub(super) fn starts(usual: &Theta) -> Vec<Theta> {
    let steeper = |by: f64| {
        let mut theta = *usual;
        theta[2] += by;
        theta
    };
    [0.0, 1.0, 2.0].map(steeper).to_vec()
}

impl MeanLaw {
    /// ln L and its derivatives by θ; it does not depend on D alone.
    ///
    /// With s = (L − e_inf) / span and span = e_0 − e_inf the law is
    /// ln s − a ln (1 − s) = θ_1 − c (ln C − centre) − ln span.
    pub(super) fn sigmoid(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let x = place.c - self.centre.c;
        let (floor, exponent) = (theta[0].exp(), theta[2].exp());
        let (span, a) = (theta[3].exp(), theta[4].exp());
        let ln_odds = M4::ln_odds(a, theta[1] - exponent * x - theta[3]);
        let s = 1.0 / (1.0 + (-ln_odds).exp());
        let rest = 1.0 / (1.0 + ln_odds.exp());
        let loss = floor + span * s;
        // By the right side of the equation: 1 / s + a / (1 − s), upside down.
        let by_target = span * s * rest / (rest + a * s);
        let ln_rest = -(ln_odds.max(0.0) + (-ln_odds.abs()).exp().ln_1p());
        let mut by = [0.0; MOST];
        by[..5].copy_from_slice(&[
            floor / loss,
            by_target / loss,
            -by_target * exponent * x / loss,
            (span * s - by_target) / loss,
            by_target * a * ln_rest / loss,
        ]);
        (loss.ln(), by, 0.0)
    }
}
