//! The law of Hoffmann et al. with the penalty of Lovelace et al. 2026 for repeated data.

use super::{Belief, CHINCHILLA, Falls, MeanLaw, Place, Theta};

/// Repetitions at which the penalty's level is stated, for a model with one parameter a unique token.
const TEN: f64 = 10.0;
/// Repetitions that are rounding: tokens seen once have no penalty.
const ONCE: f64 = 1e-9;

/// θ = that of the law without penalty, then (ln P 10^delta, ln delta, ln kappa).
///
/// No constants of the penalty are known here: at ten repetitions it is about a twentieth of the
/// loss, give or take a factor of seven, and grows a little slower than repetitions and size do.
pub(super) fn beliefs(median: f64) -> Vec<Belief> {
    let belief = |mean: f64, sd: f64| Belief { mean, sd };
    let mut all = CHINCHILLA.beliefs(median);
    all.extend([
        belief(median - 3.0, 2.0),
        belief(-0.5, 0.5),
        belief(-0.2, 0.5),
    ]);
    all
}

/// Parameters whose beliefs are those of published laws.
pub(super) const PUBLISHED: usize = 5;

impl MeanLaw {
    /// ln L, its derivatives by θ and by ln D, where `ln_unique` of the tokens are new however good
    /// their text is.
    pub(super) fn penalised(
        &self,
        theta: &Theta,
        place: &Place,
        ln_unique: f64,
    ) -> (f64, Theta, f64) {
        let falls = &[Falls::WithParams, Falls::WithTokens];
        let (plain, mut by, by_d) = self.power_sum(theta, place, true, falls);
        let again = place.repeats.exp_m1();
        if again <= ONCE {
            return (plain, by, by_d);
        }
        let ln_r = (again / TEN).ln();
        let ln_ratio = place.n - ln_unique;
        let (delta, kappa) = (theta[6].exp(), theta[7].exp());
        let penalty = theta[5] + delta * ln_r + kappa * ln_ratio;
        let largest = plain.max(penalty);
        let value = largest + ((plain - largest).exp() + (penalty - largest).exp()).ln();
        let (rest, share) = ((plain - value).exp(), (penalty - value).exp());
        by = by.map(|slope| slope * rest);
        by[5] = share;
        by[6] = share * delta * ln_r;
        by[7] = share * kappa * ln_ratio;
        (value, by, by_d * rest)
    }

    /// P, delta and kappa by their card.
    pub(super) fn penalty(theta: &Theta) -> [f64; 3] {
        let (delta, kappa) = (theta[6].exp(), theta[7].exp());
        [(theta[5] - delta * TEN.ln()).exp(), delta, kappa]
    }
}
