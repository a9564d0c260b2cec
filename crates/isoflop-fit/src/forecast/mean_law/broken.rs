//! A power of C with a floor whose exponent changes once, smoothly (Caballero et al. 2022), as a mean
//! law.

use super::{Belief, MOST, MeanLaw, POWER_C, Place, Theta};

/// The exponent changes by some tenths, somewhere among the measurements or about them (three quarters
/// of them within a factor of 100 of the middle), over a factor of about three.
pub(super) fn beliefs(median: f64) -> Vec<Belief> {
    let belief = |mean: f64, sd: f64| Belief { mean, sd };
    let mut all = POWER_C.beliefs(median);
    all.extend([belief(0.0, 0.6), belief(0.0, 4.0), belief(0.0, 1.0)]);
    all
}

/// The same for a power that may rise before it falls: its first exponent has either sign.
pub(super) fn turning_beliefs(median: f64) -> Vec<Belief> {
    let mut all = beliefs(median);
    all[2] = Belief {
        mean: 0.1,
        sd: 0.15,
    };
    all
}

/// The prior's means, and breaks of either kind along measurements at these ln C from the centre.
pub(super) fn starts(usual: &Theta, all: impl Iterator<Item = f64> + Clone) -> Vec<Theta> {
    let (lo, hi) = (
        all.clone().fold(f64::MAX, f64::min),
        all.fold(f64::MIN, f64::max),
    );
    let mut starts = vec![*usual];
    for share in [0.25, 0.5, 0.75] {
        for bend in [-0.1, 0.2] {
            let mut theta = *usual;
            (theta[3], theta[4]) = (bend, lo + share * (hi - lo));
            starts.push(theta);
        }
    }
    starts
}

impl MeanLaw {
    /// θ = (ln E, ln level at the centre, ln exponent, its change, ln C of the break from the
    /// centre, ln of the break's width in ln C).
    pub(super) fn broken(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let x = place.c - self.centre.c;
        let (value, mut by) = broken(theta, theta[2].exp(), x);
        by[2] *= theta[2].exp();
        (value, by, 0.0)
    }

    /// The same, θ_2 being the exponent itself.
    pub(super) fn turning(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let (value, by) = broken(theta, theta[2], place.c - self.centre.c);
        (value, by, 0.0)
    }
}

/// ln L at ln C = `x` from the centre, and its derivatives by θ, that by the first exponent in place of θ_2.
fn broken(theta: &Theta, exponent: f64, x: f64) -> (f64, Theta) {
    let width = theta[5].exp();
    let from_break = (x - theta[4]) / width;
    // ln (1 + e^u) without overflow.
    let soft = from_break.max(0.0) + (-from_break.abs()).exp().ln_1p();
    let beyond = 1.0 / (1.0 + (-from_break).exp());
    let power = theta[1] - exponent * x - theta[3] * width * soft;
    let largest = power.max(theta[0]);
    let value = largest + ((power - largest).exp() + (theta[0] - largest).exp()).ln();
    let share = (power - value).exp();
    let mut by = [0.0; MOST];
    by[..6].copy_from_slice(&[
        (theta[0] - value).exp(),
        share,
        -share * x,
        -share * width * soft,
        share * theta[3] * beyond,
        -share * theta[3] * width * (soft - from_break * beyond),
    ]);
    (value, by)
}
