//! The forecast of the target, of a capability, and past forecasts.

use super::{Analysis, AnalysisError, Evidence, Scores, forecast_with, log_steps};
use crate::figure::{
    BacktestFigure, CapabilityFigure, ForecastFigure, PastForecast, Score, ScorePrediction,
};
use isoflop_fit::{Dataset, Fit, FitOptions, FittedLaw, ForecastAt, Observation, fit};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use isoflop_plan::{Forecaster, Split, backtest};

/// Refits of each fit of a backtest: its intervals need fewer than those that are reported.
const BACKTEST_REFITS: usize = 100;
/// Compute of a run ÷ compute of those that it is forecast from, at least.
const NEXT_SIZE: f64 = 1.5;
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

impl Evidence {
    /// A metric against compute, normalised to the run of the most compute: forecast from the
    /// others by −ln p = α C⁻ᵏ (GPT-4 technical report, section 3.2). The named metric, or the
    /// first that is a share.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] without a metric that is a share between 0 and 1.
    pub fn capability(
        &self,
        metric: Option<&str>,
        options: &FitOptions,
    ) -> Result<CapabilityFigure, AnalysisError> {
        let missing = |why: &str| Analysis::missing("capability", why);
        let shares = self.shares(metric).ok_or_else(|| {
            missing("no column metric_NAME has a share between 0 and 1 for five runs or more")
        })?;
        let (metric, mut scores) = (shares.metric, shares.values);
        let target = scores.pop().ok_or_else(|| missing("there are no runs"))?;
        scores.retain(|score| score.1.get() < target.1.get() / NEXT_SIZE);
        let fit = fit_shares(&scores, options)?;
        let level = options.level;
        let (value, low, high) = share_at(&fit, target.1, level)?;
        let from = scores
            .iter()
            .map(|score| score.1.get())
            .fold(f64::MAX, f64::min);
        let curve = log_steps(from, target.1.get(), 60).filter_map(|flops| {
            let flops = Flops::new(flops).ok()?;
            Some((flops, share_at(&fit, flops, level).ok()?.0))
        });
        Ok(CapabilityFigure {
            title: format!(
                "{metric} of {}, predicted from {} smaller runs",
                target.0,
                scores.len()
            ),
            curve: curve.collect(),
            prediction: ScorePrediction {
                flops: target.1,
                value,
                low,
                high,
                level,
            },
            actual: Some(target.2),
            law: "−ln p = α·C⁻ᵏ, corrected by the runs".into(),
            conventions: format!(
                "The line follows the runs where the law misses them. Fitted: runs of at most 1/{NEXT_SIZE} of the target’s compute. One law for all of \
                 them, whatever their family and data."
            ),
            scores: scores
                .into_iter()
                .map(|(run, flops, value)| Score { run, flops, value })
                .collect(),
            metric,
        })
    }

    /// The runs of a metric whose values are shares, by compute.
    fn shares(&self, metric: Option<&str>) -> Option<Scores> {
        let asked = |scores: &&Scores| metric.is_none_or(|name| scores.metric == name);
        self.metrics.iter().filter(asked).find_map(|scores| {
            let shares = scores.values.iter().filter(|v| v.2 > 0.0 && v.2 < 1.0);
            let mut shares: Vec<_> = shares.cloned().collect();
            shares.sort_by(|a, b| a.1.get().total_cmp(&b.1.get()));
            (shares.len() > 4).then(|| Scores {
                metric: scores.metric.clone(),
                values: shares,
            })
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

/// −ln p falls as a power of compute: the form of L(C) = (Cc / C)^a.
fn fit_shares(scores: &[(String, Flops, f64)], options: &FitOptions) -> Result<Fit, AnalysisError> {
    let observations = scores.iter().enumerate().map(|(k, (_, flops, value))| {
        Ok(Observation {
            params: Params::new(1.0)?,
            tokens: Tokens::new(flops.get() / 6.0)?,
            unique_tokens: None,
            quality: None,
            flops: *flops,
            loss: Loss::new(-value.ln())?,
            loss_std: None,
            cluster: k,
        })
    });
    let data = Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations: observations.collect::<Result<_, AnalysisError>>()?,
    };
    let options = FitOptions {
        level: options.level,
        seed: options.seed,
        ..FitOptions::of(FittedLaw::KaplanC)
    };
    Ok(fit(&data, &options)?)
}

/// The share at a budget, with the ends of its interval.
fn share_at(fit: &Fit, flops: Flops, level: f64) -> Result<(f64, f64, f64), AnalysisError> {
    let at = ForecastAt {
        flops: Some(flops),
        ..ForecastAt::default()
    };
    let said = fit.forecast(&at, level)?;
    let share = |negative_log: Loss| (-negative_log.get()).exp();
    Ok((share(said.loss), share(said.hi), share(said.lo)))
}
