//! How much a fit hangs on each run.

use crate::estimate::{leverages, ln_losses};
use crate::rows::rows;
use crate::{Dataset, Fit};

/// What one run does to a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Influence {
    /// Share of the run's own loss in its prediction, 0 to 1: the diagonal of the hat matrix of
    /// the law linearised in ln L (Hoaglin and Welsch 1978).
    pub leverage: f64,
    /// Residual of ln L in its own standard deviations.
    pub residual: f64,
    /// Cook's distance: how far the fit moves without the run (Cook 1977).
    pub cook: f64,
}

/// No run is held to have determined more of its own prediction than this.
const MOST_LEVERAGE: f64 = 0.999;

impl Fit {
    /// What each observation does to the fit, in their order, by least squares near its values.
    /// `data` must be what was fitted; `None` for laws that predict no loss.
    #[must_use]
    pub fn influences(&self, data: &Dataset) -> Option<Vec<Influence>> {
        let rows = rows(data, None);
        let values: Vec<f64> = self.parameters.iter().map(|p| p.value).collect();
        let fitted = ln_losses(&rows, self.law, &values)?;
        let leverages = leverages(&rows, self.law, &values)?;
        let residuals = rows.iter().zip(&fitted);
        let residuals: Vec<f64> = residuals
            .map(|(row, fitted)| (row.ln_loss - fitted) * row.weight.sqrt())
            .collect();
        let count = values.len() as f64;
        let degrees = (residuals.len() as f64 - count).max(1.0);
        let variance = residuals.iter().map(|r| r * r).sum::<f64>() / degrees;
        let one = |(residual, leverage): (&f64, &f64)| {
            let leverage = leverage.clamp(0.0, MOST_LEVERAGE);
            let residual = residual / (variance * (1.0 - leverage)).sqrt().max(f64::MIN_POSITIVE);
            Influence {
                leverage,
                residual,
                cook: residual * residual * leverage / (count * (1.0 - leverage)),
            }
        };
        Some(residuals.iter().zip(&leverages).map(one).collect())
    }
}
