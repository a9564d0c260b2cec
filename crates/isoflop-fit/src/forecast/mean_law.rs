//! The laws that forecasts are centred on, in coordinates in which a weak prior can be stated:
//! levels at the middle of the measurements and logarithms of exponents.

mod broken;
mod farseer;
mod logistic;
mod natural;
mod penalised;
mod sigmoid;

use super::sample::{Place, Sample};
use crate::Prior;

/// Most parameters of a mean law.
pub(crate) const MOST: usize = 11;

/// Parameters of a mean law, or derivatives by them; entries past [`MeanLaw::len`] are zero.
pub(crate) type Theta = [f64; MOST];

/// A quantity that a term falls with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::enum_variant_names)] // They read as sentences: a term falls with size.
pub(crate) enum Falls {
    WithParams,
    WithTokens,
    WithFlops,
}

/// The form of a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// ln of a sum of powers, each of one quantity, with or without an irreducible loss.
    PowerSum {
        floor: bool,
        falls: &'static [Falls],
    },
    /// ln of a floor, a power of N and one of D with the same exponent (Gadre et al. 2024).
    SharedSum,
    /// ln of (N-term^(1/aD) + D-term^(1/aD))^aD (Kaplan et al. 2020, eq. 1.5).
    KaplanNd,
    /// ln of a floor and a power of C whose exponent changes once, smoothly (Caballero et al. 2022,
    /// eq. 1, with one break).
    Broken,
    /// The same where the power may rise before it falls (Wei et al. 2022: scaling may be U-shaped).
    Turning,
    /// ln of a sigmoid of C between chance and a floor (Alabdulmohsin et al. 2022, eq. 3: M4).
    Sigmoid,
    /// ln −ln of a share that rises from chance to one as a logistic curve of ln C (Ruan et al. 2024).
    Logistic,
    /// The law of Hoffmann et al. with a penalty for repeated tokens (Lovelace et al. 2026).
    Penalised,
    /// Farseer, whose exponent of data depends on size (Li et al. 2025, eq. 3).
    Farseer,
}

/// L = E + A / N^alpha + B / D^beta.
pub(crate) const CHINCHILLA: Shape = Shape::PowerSum {
    floor: true,
    falls: &[Falls::WithParams, Falls::WithTokens],
};
/// L = a C^b + c.
pub(crate) const POWER_C: Shape = Shape::PowerSum {
    floor: true,
    falls: &[Falls::WithFlops],
};

/// A normal prior of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Belief {
    mean: f64,
    sd: f64,
}

/// How much vaguer beliefs are when the prior is switched off: wide enough to say nothing,
/// finite so that what the runs leave open stays a number.
const OFF: f64 = 8.0;

/// Exponents of published laws: 0.34 and 0.28 (Hoffmann 2022), 0.35 and 0.37 (Besiroglu 2024),
/// 0.35 (Muennighoff 2023) of N and D with a floor; 0.076, 0.095 and 0.057 (Kaplan 2020) of N, D
/// and C without one; about 0.15 of C with one, which is what the first group gives at the best
/// size. Standard deviations in ln: a factor of 1.5 with a floor, 1.65 without.
const fn exponent(falls: Falls, floor: bool) -> (f64, f64) {
    match (falls, floor) {
        (Falls::WithParams, true) => (0.35, 0.4),
        (Falls::WithTokens, true) => (0.37, 0.4),
        (Falls::WithFlops, true) => (0.15, 0.5),
        (Falls::WithParams, false) => (0.08, 0.5),
        (Falls::WithTokens, false) => (0.10, 0.5),
        (Falls::WithFlops, false) => (0.055, 0.5),
    }
}

/// R*_D of Muennighoff et al. 2023: repeated tokens are worth e^-1 less after 15.4 epochs.
const REPETITION: Belief = Belief {
    mean: 2.734,
    sd: 0.7,
};

/// Power of the quality of text: about 0.4 where it is quoted (Subramanyam et al. 2025), and as
/// the grades of a user may have it, such as the share of tokens left as they were.
const QUALITY: Belief = Belief { mean: 0.5, sd: 2.0 };

/// A law with its prior, centred on the measurements.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MeanLaw {
    shape: Shape,
    centre: Place,
    repeats: bool,
    is_graded: bool,
    beliefs: Vec<Belief>,
}

impl MeanLaw {
    /// `shape` for these measurements.
    pub(crate) fn centred(shape: Shape, sample: &Sample, prior: Prior) -> Self {
        // The penalty says itself what repetition does.
        let repeats = sample.repeats()
            && shape.falls().contains(&Falls::WithTokens)
            && shape != Shape::Penalised;
        let is_graded = sample.is_graded() && shape.falls().contains(&Falls::WithTokens);
        let mut centre = sample.centre();
        if repeats {
            let effective = |at: &Place| effective_tokens(at, REPETITION.mean).0;
            let sum: f64 = sample.rows.iter().map(|row| effective(&row.at)).sum();
            centre.d = sum / sample.rows.len().max(1) as f64;
        }
        let mut beliefs = shape.beliefs(sample.median());
        if repeats {
            beliefs.push(REPETITION);
        }
        if is_graded {
            beliefs.push(QUALITY);
        }
        if prior == Prior::Off {
            let published = beliefs.iter_mut().take(shape.published());
            published.for_each(|belief| belief.sd *= OFF);
        }
        Self {
            shape,
            centre,
            repeats,
            is_graded,
            beliefs,
        }
    }

    /// Number of parameters.
    pub(crate) fn len(&self) -> usize {
        self.beliefs.len()
    }

    /// The prior's means.
    pub(crate) fn start(&self) -> Theta {
        std::array::from_fn(|k| self.beliefs.get(k).map_or(0.0, |belief| belief.mean))
    }

    /// Places to look for the best parameters from: the prior's means, and for a law that breaks,
    /// breaks of either kind along the measurements.
    pub(crate) fn starts(&self, sample: &Sample) -> Vec<Theta> {
        let usual = self.start();
        match self.shape {
            Shape::Farseer => farseer::starts(&usual),
            Shape::Sigmoid => sigmoid::starts(&usual),
            Shape::Broken | Shape::Turning => {
                let all = sample.rows.iter().map(|row| row.at.c - self.centre.c);
                broken::starts(&usual, all)
            }
            _ => vec![usual],
        }
    }

    /// Distance from the prior's mean in standard deviations, and those.
    pub(crate) fn surprise(&self, theta: &Theta, k: usize) -> (f64, f64) {
        let belief = self.beliefs[k];
        ((theta[k] - belief.mean) / belief.sd, belief.sd)
    }

    /// Parameters as far from the prior's means as `normal`, in standard deviations.
    pub(crate) fn believed(&self, normal: &Theta) -> Theta {
        let one = |k: usize| {
            let belief = self.beliefs.get(k);
            belief.map_or(0.0, |belief| belief.mean + belief.sd * normal[k])
        };
        std::array::from_fn(one)
    }

    /// ln of the loss and its derivatives by the parameters.
    pub(crate) fn at(&self, theta: &Theta, place: &Place) -> (f64, Theta) {
        let mut place = *place;
        // Repetition comes before quality, and both after the law's own parameters.
        let of_quality = self.len().saturating_sub(1);
        let of_repetition = of_quality - usize::from(self.is_graded);
        let ln_unique = place.d - place.repeats;
        let mut by_repetition = 0.0;
        if self.repeats {
            (place.d, by_repetition) = effective_tokens(&place, theta[of_repetition]);
        }
        if self.is_graded {
            place.d += theta[of_quality] * place.quality;
        }
        let (value, mut by, by_d) = match self.shape {
            Shape::PowerSum { floor, falls } => self.power_sum(theta, &place, floor, falls),
            Shape::SharedSum => self.shared_sum(theta, &place),
            Shape::KaplanNd => self.kaplan_nd(theta, &place),
            Shape::Broken => self.broken(theta, &place),
            Shape::Turning => self.turning(theta, &place),
            Shape::Sigmoid => self.sigmoid(theta, &place),
            Shape::Logistic => self.logistic(theta, &place),
            Shape::Penalised => self.penalised(theta, &place, ln_unique),
            Shape::Farseer => self.farseer(theta, &place),
        };
        if self.repeats {
            by[of_repetition] = by_d * by_repetition;
        }
        if self.is_graded {
            by[of_quality] = by_d * place.quality;
        }
        (value, by)
    }

    /// θ = (ln E)?, then for each term its ln level at the centre and ln exponent.
    fn power_sum(
        &self,
        theta: &Theta,
        place: &Place,
        floor: bool,
        falls: &[Falls],
    ) -> (f64, Theta, f64) {
        let first = usize::from(floor);
        let mut terms = [f64::NEG_INFINITY; 4];
        if floor {
            terms[0] = theta[0];
        }
        for (t, fall) in falls.iter().enumerate() {
            let k = first + 2 * t;
            terms[first + t] = theta[k] - theta[k + 1].exp() * fall.distance(place, &self.centre);
        }
        let terms = &terms[..first + falls.len()];
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
        let value = largest + sum.ln();
        let share = |t: usize| (terms[t] - value).exp();
        let mut by = [0.0; MOST];
        let mut by_d = 0.0;
        if floor {
            by[0] = share(0);
        }
        for (t, fall) in falls.iter().enumerate() {
            let k = first + 2 * t;
            let exponent = theta[k + 1].exp();
            by[k] = share(first + t);
            by[k + 1] = -by[k] * exponent * fall.distance(place, &self.centre);
            if *fall == Falls::WithTokens {
                by_d = -by[k] * exponent;
            }
        }
        (value, by, by_d)
    }

    /// θ = (ln E, ln levels of the N-term and the D-term at the centre, ln of their exponent).
    fn shared_sum(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let [floor, of_size, of_data, exponent, ..] = *theta;
        let mut apart = [0.0; MOST];
        apart[..5].copy_from_slice(&[floor, of_size, exponent, of_data, exponent]);
        let falls = &[Falls::WithParams, Falls::WithTokens];
        let (value, by, by_d) = self.power_sum(&apart, place, true, falls);
        let mut shared = [0.0; MOST];
        shared[..4].copy_from_slice(&[by[0], by[1], by[3], by[2] + by[4]]);
        (value, shared, by_d)
    }

    /// θ = (ln levels of the N-term and the D-term at the centre, ln aN, ln aD).
    fn kaplan_nd(&self, theta: &Theta, place: &Place) -> (f64, Theta, f64) {
        let (by_n, by_d) = (theta[2].exp(), theta[3].exp());
        let (dn, dd) = (place.n - self.centre.n, place.d - self.centre.d);
        let u = (theta[0] - by_n * dn) / by_d;
        let v = (theta[1] - by_d * dd) / by_d;
        let largest = u.max(v);
        let ln_sum = largest + ((u - largest).exp() + (v - largest).exp()).ln();
        let (share_u, share_v) = ((u - ln_sum).exp(), (v - ln_sum).exp());
        let mut by = [0.0; MOST];
        by[0] = share_u;
        by[1] = share_v;
        by[2] = -share_u * by_n * dn;
        by[3] = by_d * (ln_sum - share_u * u - share_v * v) - share_v * by_d * dd;
        (by_d * ln_sum, by, -share_v * by_d)
    }
}

impl Shape {
    /// How many of the parameters, from the first, have priors from published laws.
    fn published(self) -> usize {
        match self {
            Shape::Broken | Shape::Sigmoid => 3,
            Shape::Turning => 2,
            Shape::Logistic => 0,
            Shape::Penalised => penalised::PUBLISHED,
            Shape::Farseer => farseer::PUBLISHED,
            _ => MOST,
        }
    }

    fn falls(self) -> &'static [Falls] {
        match self {
            Shape::PowerSum { falls, .. } => falls,
            Shape::SharedSum | Shape::KaplanNd | Shape::Penalised | Shape::Farseer => {
                &[Falls::WithParams, Falls::WithTokens]
            }
            Shape::Broken | Shape::Turning | Shape::Sigmoid | Shape::Logistic => {
                &[Falls::WithFlops]
            }
        }
    }

    /// Levels are stated relative to the median measurement: the floor at about half of it, the
    /// terms at about a third, give or take a factor of two and of four.
    fn beliefs(self, median: f64) -> Vec<Belief> {
        let belief = |mean: f64, sd: f64| Belief { mean, sd };
        match self {
            Shape::PowerSum { floor, falls } => {
                let mut all = Vec::with_capacity(MOST);
                let level = match (floor, falls.len()) {
                    (true, 1) => belief(median - 0.8, 1.0),
                    (true, _) => belief(median - 1.2, 1.5),
                    (false, 1) => belief(median, 0.5),
                    (false, _) => belief(median - 0.7, 0.7),
                };
                if floor {
                    all.push(belief(median - 0.6, 0.7));
                }
                for fall in falls {
                    let (mean, sd) = exponent(*fall, floor);
                    all.push(level);
                    all.push(belief(mean.ln(), sd));
                }
                all
            }
            Shape::Broken => broken::beliefs(median),
            Shape::Turning => broken::turning_beliefs(median),
            Shape::Sigmoid => sigmoid::beliefs(median),
            Shape::Logistic => logistic::beliefs(median),
            Shape::Penalised => penalised::beliefs(median),
            Shape::Farseer => farseer::beliefs(median),
            Shape::SharedSum => {
                let mut all = CHINCHILLA.beliefs(median);
                all.remove(2);
                all
            }
            Shape::KaplanNd => vec![
                belief(median - 0.1, 0.7),
                belief(median - 0.3, 1.0),
                belief(exponent(Falls::WithParams, false).0.ln(), 0.5),
                belief(exponent(Falls::WithTokens, false).0.ln(), 0.5),
            ],
        }
    }
}

impl Falls {
    fn distance(self, place: &Place, centre: &Place) -> f64 {
        match self {
            Falls::WithParams => place.n - centre.n,
            Falls::WithTokens => place.d - centre.d,
            Falls::WithFlops => place.c - centre.c,
        }
    }
}

/// ln of U + U R (1 − e^−((D/U − 1) / R)) and its derivative by ln R (Muennighoff et al. 2023,
/// eq. 5).
fn effective_tokens(at: &Place, ln_r: f64) -> (f64, f64) {
    let r = ln_r.clamp(-20.0, 20.0).exp();
    let again = at.repeats.max(0.0).exp_m1();
    let worth = -r * (-again / r).exp_m1();
    let by_ln_r = worth - again * (-again / r).exp();
    let unique = at.d - at.repeats.max(0.0);
    (unique + worth.ln_1p(), by_ln_r / (1.0 + worth))
}

#[cfg(test)]
mod tests;
