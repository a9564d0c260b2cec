//! The learning rate of every step of a run, which the laws of loss curves read.

/// Why numbers are not the learning rates of a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RatesError {
    /// There is no step after the peak.
    #[error("a loss curve needs the learning rates of at least two steps, and {0} were given")]
    TooFew(usize),
    /// A rate is negative, infinite or not a number, or the first one is zero.
    #[error(
        "the learning rate of step {step} is {value}: give finite numbers from zero up, the first above zero"
    )]
    OutOfRange {
        /// Steps after the peak.
        step: usize,
        /// The number as given.
        value: f64,
    },
    /// The area of the warm-up is negative or not a number.
    #[error("the learning rates of the warm-up sum to {0}: give a finite number from zero up")]
    WarmUp(f64),
}

/// The learning rates of a run from its peak on, and what the warm-up before it adds up to.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRates {
    warm_up: f64,
    rates: Vec<f64>,
}

impl LearningRates {
    /// The learning rates of a run: `rates[0]` at the end of the warm-up, then one for each step;
    /// `warm_up` is the sum of the learning rates of the warm-up's steps.
    ///
    /// # Errors
    /// [`RatesError`] for fewer than two rates, or for a number that can be no learning rate.
    pub fn new(warm_up: f64, rates: Vec<f64>) -> Result<Self, RatesError> {
        if !(warm_up.is_finite() && warm_up >= 0.0) {
            return Err(RatesError::WarmUp(warm_up));
        }
        if rates.len() < 2 {
            return Err(RatesError::TooFew(rates.len()));
        }
        for (step, &value) in rates.iter().enumerate() {
            let allowed = value.is_finite() && value >= 0.0 && (step > 0 || value > 0.0);
            if !allowed {
                return Err(RatesError::OutOfRange { step, value });
            }
        }
        Ok(Self { warm_up, rates })
    }

    /// Steps after the peak.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.rates.len() - 1
    }

    /// The sum of the learning rates of the warm-up's steps.
    #[must_use]
    pub fn warm_up(&self) -> f64 {
        self.warm_up
    }

    /// The rate at the peak, then that of each step until `step`, at most the run's last.
    #[must_use]
    pub fn until(&self, step: usize) -> &[f64] {
        &self.rates[..=step.min(self.steps())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_learning_rates_are_named() {
        for (warm_up, rates, named) in [
            (0.0, vec![1e-3], "at least two"),
            (0.0, vec![0.0, 1e-3], "step 0"),
            (0.0, vec![1e-3, -1e-3], "step 1"),
            (0.0, vec![1e-3, f64::NAN], "NaN"),
            (-1.0, vec![1e-3, 1e-3], "warm-up"),
        ] {
            let error = LearningRates::new(warm_up, rates).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let run = LearningRates::new(0.5, vec![1e-3, 5e-4, 0.0]).unwrap();
        assert_eq!((run.steps(), run.warm_up()), (2, 0.5));
        assert_eq!(run.until(1), [1e-3, 5e-4]);
        assert_eq!(run.until(9).len(), 3);
    }
}
