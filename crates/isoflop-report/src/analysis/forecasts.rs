//! The forecast of the target, and past forecasts.

use super::{Analysis, AnalysisError, forecast_with, log_steps};
use crate::figure::{BacktestFigure, ForecastFigure, PastForecast};
use isoflop_fit::{Fit, FitOptions, Observation, fit};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_plan::{Forecaster, Split, backtest};

/// Refits of each fit of a backtest: its intervals need fewer than those that are reported.
const BACKTEST_REFITS: usize = 100;
/// Splits of a backtest, and the fewest runs that it fits.
const SPLITS: (usize, usize) = (4, 8);

impl Analysis {
    /// Loss against compute, normalised to the target.
    #[must_use]
    pub fn forecast(&self) -> ForecastFigure {
        let what = match self.fits.held_out {
            Some(held) => format!("run {}", self.evidence.names[held]),
            None => format!("a model of {} parameters", self.target.params),
        };
        let runs = self.run_points();
        ForecastFigure {
            title: format!("Loss of {what}, predicted from {} smaller runs", runs.len()),
            curve: self.curve_to_target(),
            prediction: self.prediction.clone(),
            actual: self
                .fits
                .held_out
                .map(|held| self.evidence.point(held).loss),
            known_entropy: None,
            unit: self.question.unit,
            law: format!(
                "{}, corrected by the runs, at D/N = {:.0}",
                self.fits.forecaster.law,
                self.target.tokens.get() / self.target.params.get()
            ),
            conventions: self.law_note(),
            runs,
        }
    }

    /// The forecast by compute for models of the target's tokens per parameter, which ends in the
    /// target itself.
    fn curve_to_target(&self) -> Vec<(Flops, Loss)> {
        let smallest = self
            .fits
            .fitted
            .observations
            .iter()
            .map(|run| run.flops.get());
        let smallest = smallest.fold(f64::MAX, f64::min);
        let (n, d, c) = (self.target.params, self.target.tokens, self.target.flops);
        let point = |flops: f64| {
            let scale = (flops / c.get()).sqrt();
            let params = Params::new(n.get() * scale).ok()?;
            let tokens = Tokens::new(d.get() * scale).ok()?;
            let (loss, _, _) = self.forecast_at(params, tokens).ok()?;
            Some((Flops::new(flops).ok()?, loss))
        };
        log_steps(smallest, c.get(), 60).filter_map(point).collect()
    }

    /// Forecasts of runs that exist, from smaller ones only.
    ///
    /// # Errors
    /// [`AnalysisError::Backtest`] where no split can be fitted.
    pub fn backtest(&self) -> Result<BacktestFigure, AnalysisError> {
        let data = &self.fits.fitted;
        let splits = Split::forward_chain(data, SPLITS.0, SPLITS.1);
        let options = FitOptions {
            law: isoflop_fit::LawChoice::Named(self.fits.forecaster.law),
            bootstraps: BACKTEST_REFITS,
            ..self.question.options.clone()
        };
        let level = options.level;
        let law = self.fits.forecaster.law.name();
        let found = backtest(data, &splits, law, level, |part| {
            let fitted = fit(part, &options).map_err(|error| error.to_string())?;
            Ok(Asked { fit: fitted, level })
        })?;
        let forecasts = found.points.iter().map(|point| {
            let said = point.said.get();
            let interval = point.lo.zip(point.hi);
            PastForecast {
                run: self.evidence.names[self.fits.positions[point.run]].clone(),
                extrapolation: point.extrapolation,
                relative_error: point.relative_error,
                interval: interval.map(|(lo, hi)| (lo.get() / said - 1.0, hi.get() / said - 1.0)),
                held: interval.map(|(lo, hi)| lo <= point.came && point.came <= hi),
            }
        });
        Ok(BacktestFigure {
            title: "How wrong such forecasts were on these runs".into(),
            forecasts: forecasts.collect(),
            median_error: found.relative_error.median,
            coverage: found.coverage.map(|share| (share, level)),
            conventions: format!(
                "Law {law} fitted to the smaller runs of {} cuts by compute, {} to {} of them, \
                 and asked for all larger ones. {}.",
                found.n_splits,
                splits.first().map_or(0, |split| split.fit.len()),
                found.n_fit,
                self.conventions()
            ),
        })
    }
}

/// A fit that is asked for runs that it has not seen.
struct Asked {
    fit: Fit,
    level: f64,
}

impl Forecaster for Asked {
    fn forecast(&self, run: &Observation) -> Option<(Loss, Option<(Loss, Loss)>)> {
        let found = forecast_with(&self.fit, run.params, run.tokens, self.level);
        let (loss, low, high) = found.ok()?;
        Some((loss, Some((low, high))))
    }
}
