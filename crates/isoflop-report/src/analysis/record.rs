//! The same fits asked for another run, and a forecast to be sealed.

use super::{Analysis, AnalysisError, Evidence, Fits, Question, Target, forecast_with, in_use};
use crate::page::UnusedRow;
use isoflop_fit::{Dataset, Fit, ForecastError};
use isoflop_laws::{Flops, Params, Tokens};
use isoflop_plan::{
    Conventions, ForecastBody, ForecastPoint, Given, LawForecast, LawInUse, PlanAnswer,
    PlanRequest, SaidLoss, SealedRun, plan,
};
use std::collections::BTreeSet;

impl Analysis {
    /// The same fits, asked for another run: nothing is fitted again.
    ///
    /// # Errors
    /// [`AnalysisError`] if the law says nothing about it, or if it is held out of other runs.
    pub fn aimed_at(&self, target: Target) -> Result<Analysis, AnalysisError> {
        if let Target::HeldOut(_) = target {
            let why = "a run that is held out takes another fit";
            return Err(Analysis::missing("forecast", why));
        }
        let fits = Fits {
            fitted: self.fits.fitted.clone(),
            positions: self.fits.positions.clone(),
            held_out: None,
            forecaster: self.fits.forecaster.clone(),
            law: in_use(&self.fits.surface_fit)?,
            surface_fit: self.fits.surface_fit.clone(),
        };
        let question = Question {
            target,
            ..self.question.clone()
        };
        Analysis::aimed(self.evidence.clone(), question, fits)
    }

    /// What is put on record before a run of this size and data is made. Name and time are the
    /// caller's.
    ///
    /// # Errors
    /// [`ForecastError`] where no law has a value there.
    pub fn forecast_body(
        &self,
        name: String,
        sealed_at: jiff::Timestamp,
        params: Params,
        tokens: Tokens,
    ) -> Result<ForecastBody, ForecastError> {
        let level = self.question.options.level;
        let fit = self.fit_for(params, tokens);
        let (loss, lo, hi) = forecast_with(fit, params, tokens, level)?;
        let flops = Flops::six_nd(params, tokens);
        let point = ForecastPoint {
            params: Some(params),
            tokens: Some(tokens),
            flops,
            loss,
            lo: Some(lo),
            hi: Some(hi),
            extrapolation: Some(flops.get() / fit.largest_flops.get()),
        };
        let constants = fit.parameters.iter();
        Ok(ForecastBody {
            name,
            sealed_at,
            conventions: Conventions {
                param_count: fit.param_count,
                flop_count: fit.flop_count,
            },
            corpus_fingerprint: self.evidence.corpus_fingerprint.clone(),
            level,
            stated: LawForecast {
                law: fit.law.name().to_owned(),
                constants: constants.map(|p| (p.symbol.clone(), p.value)).collect(),
                forecasts: vec![point],
            },
            others: vec![],
            inputs: self.inputs(),
        })
    }

    /// A budget by the law over size and data, beside the rules of the schools.
    ///
    /// # Errors
    /// [`AnalysisError`] where the law has no optimum.
    pub fn plan(&self, flops: Flops) -> Result<PlanAnswer, AnalysisError> {
        let law = LawInUse::fitted(self.fits.surface_fit.clone())?;
        let (forecaster, surface) = (&self.fits.forecaster, &self.fits.surface_fit);
        let (forecaster, surface) = (forecaster.clone(), surface.clone());
        let level = self.question.options.level;
        let law = law.with_forecast(move |params, tokens| {
            let said = forecast_with(&forecaster, params, tokens, level)
                .or_else(|_| forecast_with(&surface, params, tokens, level));
            let (loss, lo, hi) = said.ok()?;
            Some(SaidLoss { loss, lo, hi })
        });
        let request = PlanRequest {
            given: Given::Flops(flops),
            unique_tokens: None,
            served_tokens: None,
            compare: true,
            vocabulary: 32_000,
            context: 4096,
            stop: false,
        };
        Ok(plan(&law, &request)?)
    }

    /// The fit that answers for a size and data, as in [`Analysis::forecast_at`].
    fn fit_for(&self, params: Params, tokens: Tokens) -> &Fit {
        let level = self.question.options.level;
        match forecast_with(&self.fits.forecaster, params, tokens, level) {
            Ok(_) => &self.fits.forecaster,
            Err(_) => &self.fits.surface_fit,
        }
    }

    fn inputs(&self) -> Vec<SealedRun> {
        let rows = self.fits.positions.iter().map(|&k| {
            let run = &self.evidence.dataset.observations[k];
            SealedRun {
                run: self.evidence.names[k].clone(),
                params: Some(run.params),
                tokens: Some(run.tokens),
                flops: run.flops,
                loss: run.loss,
                loss_std: run.loss_std,
            }
        });
        rows.collect()
    }
}

impl Evidence {
    /// The evidence without some of its observations, which are listed as not used.
    #[must_use]
    pub fn without(self, positions: &BTreeSet<usize>, reason: &str) -> Self {
        if positions.is_empty() {
            return self;
        }
        let rows = self.names.into_iter().zip(self.dataset.observations);
        let (out, kept): (Vec<_>, Vec<_>) = rows
            .enumerate()
            .partition(|(position, _)| positions.contains(position));
        let out = out.into_iter().map(|(_, (run, _))| UnusedRow {
            run,
            reason: reason.to_owned(),
        });
        let not_used = out.chain(self.not_used).collect();
        let (names, observations) = kept.into_iter().map(|(_, row)| row).unzip();
        Evidence {
            names,
            not_used,
            dataset: Dataset {
                observations,
                ..self.dataset
            },
            curves: self.curves,
            metrics: self.metrics,
            notes: self.notes,
            corpus_fingerprint: self.corpus_fingerprint,
        }
    }
}
