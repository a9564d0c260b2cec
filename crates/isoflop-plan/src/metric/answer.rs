//! Forecasts of a metric for every run asked about.

use super::{MetricError, MetricFit, MetricForecast, MetricLaw};
use crate::forecast::ForecastPoint;
use isoflop_fit::ForecastAt;
use isoflop_laws::Flops;
use serde::Serialize;

/// Forecasts of a metric, and what they rest on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricAnswer {
    /// The metric's name.
    pub name: String,
    /// The law of the metric.
    pub law: MetricLaw,
    /// Runs that the law was fitted to.
    pub n_used: usize,
    /// One forecast for each run asked about, in the order asked.
    pub forecasts: Vec<MetricForecast>,
    /// What must be known when using them, one sentence each.
    pub warnings: Vec<String>,
}

impl MetricFit {
    /// The metric of runs whose losses were forecast with intervals at `level`.
    ///
    /// # Errors
    /// [`MetricError`] where the law needs a loss and has none, or the level is no probability.
    pub fn answer(
        &self,
        losses: &[ForecastPoint],
        level: f64,
    ) -> Result<MetricAnswer, MetricError> {
        let said = losses.iter().map(|point| self.forecast(point, level));
        Ok(self.stated(said.collect::<Result<_, _>>()?))
    }

    /// The metric of runs of which there is no loss to go by: by their compute, as given or 6ND.
    ///
    /// # Errors
    /// [`MetricError`] where a run's compute is not known, the law needs a loss, or the level is no
    /// probability.
    pub fn answer_by_compute(
        &self,
        asked: &[ForecastAt],
        level: f64,
    ) -> Result<MetricAnswer, MetricError> {
        let said = asked.iter().map(|at| {
            let six_nd = || Some(Flops::six_nd(at.params?, at.tokens?));
            let flops = at.flops.or_else(six_nd).ok_or(MetricError::NoCompute)?;
            Ok(MetricForecast {
                params: at.params,
                tokens: at.tokens,
                ..self.forecast_by_compute(flops, level)?
            })
        });
        Ok(self.stated(said.collect::<Result<_, MetricError>>()?))
    }

    fn stated(&self, forecasts: Vec<MetricForecast>) -> MetricAnswer {
        MetricAnswer {
            name: self.metric.clone(),
            law: self.law,
            n_used: self.n_used,
            forecasts,
            warnings: self.warnings.clone(),
        }
    }
}
