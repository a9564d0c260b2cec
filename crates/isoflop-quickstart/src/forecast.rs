//! Step 5: the laws are fitted to the small runs, and the forecast of the target is sealed before
//! the target starts.

use crate::error::QuickstartError;
use crate::folder::JobFolder;
use crate::plan::Plan;
use isoflop_fit::{
    Dataset, Fit, FitError, FitOptions, FittedLaw, Forecast, ForecastAt, LawChoice, fit,
    name_observations,
};
use isoflop_laws::{Flops, ParamCount, Params, Tokens};
use isoflop_plan::{
    Conventions, ForecastBody, ForecastPoint, LawForecast, SealedForecast, SealedRun,
};
use isoflop_runs::{Run, Selection, SelectionOptions, Status, select};
use isoflop_train::PlannedRun;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Coverage that the intervals claim.
pub(crate) const LEVEL: f64 = 0.9;

/// The name under which the forecast is stated.
const AUTO: &str = "auto";

/// The largest factor between the tokens per parameter of a run and of the target, for the run
/// to be on the target's line of L(C) in any case: beyond it the loss is that of another
/// allocation, and only the run of a budget that comes nearest stands for it.
const SAME_ALLOCATION: f64 = 1.5;

/// The laws as fitted to the small runs.
pub(crate) struct Fits {
    /// The small runs that came to an end, and those that did not.
    pub runs: Vec<Run>,
    /// Which of them the fits use.
    pub selection: Selection,
    /// What the forecast is stated by, as `isoflop predict` does for anybody's runs: the laws of
    /// the loss averaged, with the error of their form that backtests within the runs reveal.
    pub stated: Fit,
    /// L(N, D) with its floor E (Hoffmann et al. 2022).
    pub surface: Fit,
    /// L(N, D) without a floor, whose terms meet under one power (Kaplan et al. 2020, equation
    /// 1.5), or why it can't be fitted.
    pub kaplan: Result<Fit, FitError>,
    /// L(C) along the target's tokens per parameter, or why it can't be fitted.
    pub compute: Result<Fit, FitError>,
}

/// Fits the laws to the small runs. The same runs and seed give the same fits.
pub(crate) fn fit_small(runs: Vec<Run>, plan: &Plan) -> Result<Fits, QuickstartError> {
    let options = SelectionOptions {
        param_count: Some(ParamCount::Total),
    };
    let selection = select(&runs, options);
    let named = |options: &FitOptions| -> Result<Fit, FitError> {
        let data = &selection.dataset;
        let mut fitted = fit(data, options)?;
        let run = |position: usize| runs[selection.used[position]].run.clone();
        name_observations(&mut fitted, data, None, run);
        Ok(fitted)
    };
    let surface = named(&options_for(FittedLaw::Chinchilla, plan))?;
    let automatic = FitOptions {
        law: LawChoice::Auto,
        ..options_for(FittedLaw::Chinchilla, plan)
    };
    let stated = named(&automatic)?;
    let kaplan = named(&options_for(FittedLaw::KaplanNd, plan));
    let line = on_the_line(&selection.dataset, &plan.ladder.target)?;
    let compute = fit(&line, &options_for(FittedLaw::PowerC, plan));
    Ok(Fits {
        runs,
        selection,
        stated,
        surface,
        kaplan,
        compute,
    })
}

pub(crate) fn options_for(law: FittedLaw, plan: &Plan) -> FitOptions {
    FitOptions {
        level: LEVEL,
        seed: plan.seed,
        ..FitOptions::of(law)
    }
}

/// The runs with about as many tokens per parameter as the target.
fn on_the_line(data: &Dataset, target: &PlannedRun) -> Result<Dataset, QuickstartError> {
    let (params, tokens, _) = sizes(target)?;
    let runs = data.observations.iter();
    let runs: Vec<_> = runs
        .map(|run| (run.params, run.tokens, run.flops))
        .collect();
    let chosen = near_the_line(&runs, tokens.get() / params.get());
    Ok(Dataset {
        observations: chosen
            .into_iter()
            .map(|index| data.observations[index].clone())
            .collect(),
        ..data.clone()
    })
}

/// Of runs, those with `wanted` tokens per parameter to a factor of [`SAME_ALLOCATION`], and at
/// least the nearest of each budget.
fn near_the_line(runs: &[(Params, Tokens, Flops)], wanted: f64) -> Vec<usize> {
    let off = |(params, tokens, _): &(Params, Tokens, Flops)| {
        (tokens.get() / params.get() / wanted).ln().abs()
    };
    let same_budget = |a: Flops, b: Flops| (a.get() / b.get()).ln().abs() < 0.05;
    let is_nearest = |run: &(Params, Tokens, Flops)| {
        let budget = runs.iter().filter(|other| same_budget(other.2, run.2));
        budget.map(off).fold(f64::INFINITY, f64::min) >= off(run)
    };
    let stands = |run: &(Params, Tokens, Flops)| off(run) < SAME_ALLOCATION.ln() || is_nearest(run);
    (0..runs.len())
        .filter(|index| stands(&runs[*index]))
        .collect()
}

pub(crate) fn sizes(run: &PlannedRun) -> Result<(Params, Tokens, Flops), QuickstartError> {
    let tokens = Tokens::new(run.spec.tokens() as f64)?;
    Ok((run.spec.shape.params()?, tokens, run.flops()?))
}

/// The forecast that an earlier start sealed, checked to the byte; `None` if there is none.
pub(crate) fn sealed_before(folder: &JobFolder) -> Result<Option<SealedForecast>, QuickstartError> {
    let path = folder.forecast();
    let Some(text) = JobFolder::read(&path)? else {
        return Ok(None);
    };
    match SealedForecast::from_json(&text) {
        Ok(sealed) => Ok(Some(sealed)),
        Err(source) => Err(QuickstartError::Seal { path, source }),
    }
}

/// Seals the forecast of the target, which has not started.
///
/// # Errors
/// [`QuickstartError::ForecastTooLate`] if it has.
pub(crate) fn seal(
    fits: &Fits,
    plan: &Plan,
    folder: &JobFolder,
    target: Option<&Run>,
) -> Result<SealedForecast, QuickstartError> {
    let path = folder.forecast();
    let has_begun = target.is_some_and(|run| run.status != Status::Planned);
    if has_begun || folder.checkpoint(&plan.ladder.target.name).exists() {
        return Err(QuickstartError::ForecastTooLate { path });
    }
    // A law that does not reach the target is no reason to stop: it is there for the record.
    let others = [
        Some(&fits.surface),
        fits.kaplan.as_ref().ok(),
        fits.compute.as_ref().ok(),
    ];
    let others = others.into_iter().flatten();
    let others = others.filter_map(|fit| said(fit.law.to_string(), fit, plan).ok());
    let body = ForecastBody {
        name: plan.ladder.target.name.clone(),
        sealed_at: Timestamp::now(),
        conventions: conventions(fits),
        corpus_fingerprint: Some(plan.facts.fingerprint.to_string()),
        level: LEVEL,
        stated: said(AUTO.to_owned(), &fits.stated, plan)?,
        others: others.collect(),
        inputs: inputs(fits),
    };
    let sealed = SealedForecast::seal(body).map_err(|source| QuickstartError::Seal {
        path: path.clone(),
        source,
    })?;
    folder.write(&path, sealed.to_json().as_bytes())?;
    Ok(sealed)
}

pub(crate) fn conventions(fits: &Fits) -> Conventions {
    Conventions {
        param_count: fits.selection.dataset.param_count,
        flop_count: fits.selection.dataset.flop_count,
    }
}

/// What a fit says about the target, under the name `law`.
fn said(law: String, fit: &Fit, plan: &Plan) -> Result<LawForecast, QuickstartError> {
    let said = fit.forecast(&target_of(plan)?, LEVEL)?;
    Ok(LawForecast {
        law,
        constants: constants(fit),
        forecasts: vec![point(&said, fit, plan)?],
    })
}

fn target_of(plan: &Plan) -> Result<ForecastAt, QuickstartError> {
    let (params, tokens, _) = sizes(&plan.ladder.target)?;
    Ok(ForecastAt {
        params: Some(params),
        tokens: Some(tokens),
        ..ForecastAt::default()
    })
}

fn constants(fit: &Fit) -> BTreeMap<String, f64> {
    let parameters = fit.parameters.iter();
    parameters.map(|p| (p.symbol.clone(), p.value)).collect()
}

fn point(said: &Forecast, fit: &Fit, plan: &Plan) -> Result<ForecastPoint, QuickstartError> {
    let (params, tokens, flops) = sizes(&plan.ladder.target)?;
    Ok(ForecastPoint {
        params: Some(params),
        tokens: Some(tokens),
        // Counted from the architecture, as that of the small runs.
        flops,
        loss: said.loss,
        lo: Some(said.lo),
        hi: Some(said.hi),
        extrapolation: Some(flops.get() / fit.largest_flops.get()),
    })
}

fn inputs(fits: &Fits) -> Vec<SealedRun> {
    let used = fits.selection.used.iter();
    let observed = used.zip(&fits.selection.dataset.observations);
    let sealed = observed.map(|(index, observation)| SealedRun {
        run: fits.runs[*index].run.clone(),
        params: Some(observation.params),
        tokens: Some(observation.tokens),
        flops: observation.flops,
        loss: observation.loss,
        loss_std: observation.loss_std,
    });
    sealed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_train::{Budget, ModelShape, Recipe, Speed};

    #[test]
    fn ladders_of_five_minutes_have_enough_runs_on_the_line_of_the_target() {
        for gflops in [80.0, 100.0, 140.0, 200.0, 400.0] {
            let speed = |shape: &ModelShape| {
                let token = Tokens::new(1.0).unwrap();
                let flops = shape.counted_flops(token).unwrap().get();
                Speed {
                    train: flops / (gflops * 1e9),
                    evaluate: flops / (gflops * 3e9),
                }
            };
            let budget = Budget {
                seconds: 270.0,
                ratio: 10.0,
                unique_tokens: 30_000_000,
                validation_tokens: 786_432,
            };
            let ladder = isoflop_train::plan(&Recipe::default(), budget, speed).unwrap();
            let (params, tokens, _) = sizes(&ladder.target).unwrap();
            let runs: Vec<_> = ladder.small.iter().map(|run| sizes(run).unwrap()).collect();
            let count = near_the_line(&runs, tokens.get() / params.get()).len();
            // L(C) has three parameters and needs a run more.
            assert!(count >= 4, "{count} at {gflops} GFLOP/s");
        }
    }
}
