//! What runs and published laws together say of a law's parameters.

use super::mean_law::{MOST, MeanLaw, Theta};
use super::process::Process;
use super::shapes;
use crate::quantiles::{central, quantile};
use crate::{Fit, FitError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// Draws from which intervals are read: their ends are exact to some per cent of their width.
const DRAWS: usize = 4_000;

/// A parameter as runs and prior together have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PosteriorInterval {
    /// The parameter's symbol in the law's formula.
    pub symbol: String,
    /// The median, in the parameter's own unit.
    pub value: f64,
    /// Lower end of the central interval.
    pub lo: f64,
    /// Upper end of the central interval.
    pub hi: f64,
    /// Lower end of what the prior alone allows.
    pub prior_lo: f64,
    /// Upper end of what the prior alone allows.
    pub prior_hi: f64,
}

impl Fit {
    /// Intervals of the law's parameters at `level` under the weak prior of
    /// [`Prior`](crate::Prior) and the runs together: the ones that forecasts stand on. The law's
    /// form may be wrong by a smooth discrepancy, as for forecasts (Kennedy & O'Hagan 2001), so that
    /// they are wider than a bootstrap's where runs are many, and still have two ends where the
    /// runs alone set no limit. Normal in the logarithms of levels and exponents about the most
    /// plausible values (Laplace's approximation) for each of some discrepancies that may be true; the
    /// same runs and `seed` give the same numbers.
    ///
    /// A parameter of which forecasts know nothing (R_N* of `data-constrained`) is left out.
    ///
    /// # Errors
    /// [`FitError`] if the level is none, or the law's parameters have no prior (`isoflop`,
    /// `envelope`, `farseer`, `kaplan-ns`).
    pub fn posterior(&self, level: f64, seed: u64) -> Result<Vec<PosteriorInterval>, FitError> {
        if !(0.5..=0.999).contains(&level) {
            return Err(FitError::Option {
                option: "level",
                value: level,
                expected: "between 0.5 and 0.999",
            });
        }
        let none = || FitError::NoPosterior {
            law: self.law.name(),
        };
        let sample = &self.forecaster.sample;
        let shape = shapes(Some(self.law)).first().ok_or_else(none)?;
        let law = MeanLaw::centred(*shape, sample, self.forecaster.prior);
        let natural = |theta: Theta| law.natural(self.law, &theta);
        natural(law.start()).ok_or_else(none)?;
        let learned = Process::learn(&law, sample, None).ok_or_else(none)?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut after, mut before) = (Vec::new(), Vec::new());
        for _ in 0..DRAWS {
            let normal: Theta =
                std::array::from_fn::<_, MOST, _>(|_| random.sample(StandardNormal));
            after.extend(natural(learned.plausible(random.random(), &normal)));
            before.extend(natural(law.believed(&normal)));
        }
        let column = |draws: &[Vec<f64>], k: usize| {
            let mut sorted: Vec<f64> = draws.iter().map(|draw| draw[k]).collect();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let known = after.first().map_or(0, Vec::len);
        let named = self.law.card().parameters.iter().take(known).enumerate();
        let intervals = named.map(|(k, parameter)| {
            let sorted = column(&after, k);
            let (lo, hi) = central(&sorted, level);
            let (prior_lo, prior_hi) = central(&column(&before, k), level);
            PosteriorInterval {
                symbol: parameter.symbol.to_owned(),
                value: quantile(&sorted, 0.5),
                lo,
                hi,
                prior_lo,
                prior_hi,
            }
        });
        Ok(intervals.collect())
    }
}
