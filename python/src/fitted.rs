//! A fit, and what is asked of it.

use crate::answer::{self, conventions, text};
use crate::design::{DesignArguments, designed};
use crate::errors::{misuse, misuse_with_hint, no, of_fit, of_forecast, of_law_in_use};
use crate::interrupt::interruptible;
use crate::ledger;
use crate::published::{diagnosis, planned};
use crate::request::{PlanArguments, Point, Size, forecast_at};
use crate::runs::{Runs, fingerprint, inputs, select, steps};
use isoflop_fit::{
    Dataset, FitOptions, FittedLaw, Forecast, ForecastAt, ForecastError, LawChoice, Prior,
};
use isoflop_laws::{Flops, Params, Tokens};
use isoflop_plan::{
    ForecastPoint, LawInUse, SavedFit, SavedFitError, Split, Surface, backtest as run_backtest,
    pooled,
};
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// A law fitted to runs.
#[pyclass(frozen, module = "isoflop._native")]
pub struct Fit {
    saved: Arc<SavedFit>,
    /// What it says, in the fields of the command line.
    answer: Value,
    /// What it was fitted to; a fit that was read from a text does not know.
    origin: Option<Arc<Origin>>,
    /// The fit that chooses sizes, where this one cannot.
    surface: OnceLock<Arc<SavedFit>>,
}

struct Origin {
    dataset: Dataset,
    options: FitOptions,
}

/// Keyword arguments of `fit`.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct FitArguments {
    law: String,
    objective: String,
    level: f64,
    seed: u64,
    bootstraps: usize,
    prior: bool,
    count: Option<String>,
    against: Vec<String>,
}

impl FitArguments {
    fn options(&self) -> PyResult<FitOptions> {
        Ok(FitOptions {
            law: self.law.parse().map_err(of_fit)?,
            objective: self.objective.parse().map_err(misuse)?,
            level: self.level,
            seed: self.seed,
            bootstraps: self.bootstraps,
            prior: if self.prior {
                Prior::Published
            } else {
                Prior::Off
            },
            ..FitOptions::default()
        })
    }
}

/// Fits a law to runs.
#[pyfunction]
pub fn fit(py: Python<'_>, runs: &Runs, arguments: FitArguments) -> PyResult<Fit> {
    let mut options = arguments.options()?;
    let imported = runs.imported();
    let selection = select(&imported, arguments.count.as_deref())?;
    options.steps = steps(&imported, &selection);
    let origin = Arc::new(Origin {
        dataset: selection.dataset.clone(),
        options,
    });
    let work = Arc::clone(&origin);
    // The answer too: it looks for the best size of every refit.
    let (saved, answer) = interruptible(py, move || -> PyResult<_> {
        let mut fit = isoflop_fit::fit(&work.dataset, &work.options).map_err(of_fit)?;
        let steps = work.options.steps.as_deref();
        let name = |position| answer::run_at(&imported, &selection, position);
        isoflop_fit::name_observations(&mut fit, &work.dataset, steps, name);
        let against = &arguments.against;
        let answer = answer::of_fit(&fit, &imported, &selection, &work.options, against)?;
        let runs = inputs(&imported, &selection.used, &selection.dataset);
        let corpus = fingerprint(&imported, &selection.used);
        Ok((SavedFit::new(&imported.source, fit, runs, corpus), answer))
    })??;
    Ok(Fit {
        saved: Arc::new(saved),
        answer,
        origin: Some(origin),
        surface: OnceLock::new(),
    })
}

#[pymethods]
impl Fit {
    /// The fit in the fields of `isoflop fit --json`.
    fn answer(&self) -> String {
        self.answer.to_string()
    }

    /// The text that every command of isoflop reads instead of runs.
    #[pyo3(name = "saved")]
    fn saved_text(&self) -> PyResult<String> {
        self.saved.to_json().map_err(misuse)
    }

    /// Reads what `saved` gives; `answer` is what the fit said when it was made.
    #[staticmethod]
    #[pyo3(signature = (text, answer=None))]
    fn from_saved(text: &str, answer: Option<&str>) -> PyResult<Fit> {
        let saved = SavedFit::from_json(text)
            .map_err(|error| misuse_with_hint(format!("the text {error}"), SavedFitError::HINT))?;
        let saved = saved.ok_or_else(|| misuse("the text is no saved fit"))?;
        let known = || answer::of_saved(&saved.fit, &saved.source);
        let answer = answer
            .map(serde_json::from_str)
            .transpose()
            .map_err(misuse)?;
        Ok(Fit {
            answer: answer.unwrap_or_else(known),
            saved: Arc::new(saved),
            origin: None,
            surface: OnceLock::new(),
        })
    }

    /// The law's loss without discrepancy or noise at each (N, D); NaN where it has none.
    fn law_losses(&self, params: Vec<f64>, tokens: Vec<f64>) -> PyResult<Vec<f64>> {
        let law = LawInUse::fitted(self.saved.fit.clone()).map_err(of_law_in_use)?;
        let surface = law.surface();
        let loss = |n: f64, d: f64| {
            let (n, d) = (Params::new(n).ok()?, Tokens::new(d).ok()?);
            Some(Surface::loss(&surface, n, d)?.get())
        };
        let pairs = params.into_iter().zip(tokens);
        Ok(pairs.map(|(n, d)| loss(n, d).unwrap_or(f64::NAN)).collect())
    }

    /// The law's parameters under the prior and the runs together. JSON.
    fn posterior(&self, py: Python<'_>, level: f64, seed: u64) -> PyResult<String> {
        let saved = Arc::clone(&self.saved);
        let found = interruptible(py, move || saved.fit.posterior(level, seed))?;
        text(&json!({
            "law": self.saved.fit.law.name(), "level": level, "seed": seed,
            "posterior": found.map_err(of_fit)?,
        }))
    }

    /// Forecasts of runs that are not made yet. JSON.
    fn predict(&self, py: Python<'_>, points: Vec<Point>, level: f64) -> PyResult<String> {
        let forecasts = self.forecasts(py, points, level)?;
        let fit = &self.saved.fit;
        text(&json!({
            "law": fit.law.name(), "level": level, "forecasts": forecasts,
            "conventions": conventions(fit), "n_used": fit.n_used,
            "source": self.saved.source, "metric": null, "warnings": fit.warnings,
        }))
    }

    /// Size and data for a budget, or a budget for size or data. JSON.
    fn plan(&self, py: Python<'_>, arguments: PlanArguments) -> PyResult<String> {
        let law = self.law_in_use(py)?;
        let request = arguments.request()?;
        interruptible(py, move || planned(&law, request))?
    }

    /// Whether a model was the right size. JSON.
    #[pyo3(signature = (params, tokens, model))]
    fn diagnose(
        &self,
        py: Python<'_>,
        params: Option<Size>,
        tokens: Option<Size>,
        model: Option<&str>,
    ) -> PyResult<String> {
        diagnosis(&self.law_in_use(py)?, params, tokens, model)
    }

    /// The runs that narrow the forecast of a target most. JSON.
    fn design(&self, py: Python<'_>, arguments: DesignArguments) -> PyResult<String> {
        let law = self.law_in_use(py)?;
        interruptible(py, move || designed(law, arguments))?
    }

    /// Puts forecasts on record in a ledger. JSON.
    fn seal(
        &self,
        py: Python<'_>,
        name: String,
        points: Vec<Point>,
        level: f64,
        ledger: &str,
    ) -> PyResult<String> {
        let forecasts = self.forecasts(py, points, level)?;
        ledger::seal(ledger, name, &self.saved, level, forecasts)
    }

    /// The name of the law that chooses sizes, which is another one where this cannot.
    fn law_of_sizes(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.law_in_use(py)?.name)
    }
}

impl Fit {
    /// The fit as it is kept.
    pub fn saved(&self) -> &SavedFit {
        &self.saved
    }

    /// Forecasts of runs that are not made yet, with intervals at `level`.
    pub fn forecasts(
        &self,
        py: Python<'_>,
        points: Vec<Point>,
        level: f64,
    ) -> PyResult<Vec<ForecastPoint>> {
        let points: Vec<ForecastAt> = points.iter().map(forecast_at).collect::<PyResult<_>>()?;
        let saved = Arc::clone(&self.saved);
        let said = interruptible(py, move || -> Result<Vec<_>, ForecastError> {
            let forecast = |at| saved.fit.forecast(at, level).map(point);
            points.iter().map(forecast).collect()
        })?;
        said.map_err(of_forecast)
    }

    /// The law that plans, diagnoses and designs. Where the choice was free and the best forecast
    /// is by a law in compute alone, which chooses no size, Hoffmann's third approach is fitted.
    fn law_in_use(&self, py: Python<'_>) -> PyResult<LawInUse> {
        let has_surface = self
            .saved
            .fit
            .law()
            .is_ok_and(|law| law.surface().is_some());
        let origin = self
            .origin
            .as_ref()
            .filter(|o| o.options.law == LawChoice::Auto);
        let Some(origin) = origin.filter(|_| !has_surface) else {
            return LawInUse::fitted(self.saved.fit.clone()).map_err(of_law_in_use);
        };
        let saved = match self.surface.get() {
            Some(saved) => Arc::clone(saved),
            None => {
                let origin = Arc::clone(origin);
                let found = interruptible(py, move || {
                    let options = FitOptions {
                        law: LawChoice::Named(FittedLaw::Chinchilla),
                        ..origin.options.clone()
                    };
                    isoflop_fit::fit(&origin.dataset, &options)
                })?;
                // Intervals stay those of `predict`.
                let fit = found.map_err(of_fit)?.with_forecasts_of(&self.saved.fit);
                let runs = self.saved.runs.clone();
                let saved = Arc::new(SavedFit::new(&self.saved.source, fit, runs, None));
                Arc::clone(self.surface.get_or_init(|| saved))
            }
        };
        LawInUse::fitted(saved.fit.clone()).map_err(of_law_in_use)
    }
}

fn point(said: Forecast) -> ForecastPoint {
    ForecastPoint {
        params: said.params,
        tokens: said.tokens,
        flops: said.flops,
        loss: said.loss,
        lo: Some(said.lo),
        hi: Some(said.hi),
        extrapolation: Some(said.extrapolation),
    }
}

/// Keyword arguments of `backtest`.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct BacktestArguments {
    law: String,
    level: f64,
    seed: u64,
    count: Option<String>,
    fit_below: Option<Size>,
    split: Option<String>,
    cuts: usize,
}

/// Fits the smaller runs and forecasts the larger ones. JSON.
#[pyfunction]
pub fn backtest(py: Python<'_>, runs: &Runs, arguments: BacktestArguments) -> PyResult<String> {
    let imported = runs.imported();
    let selection = select(&imported, arguments.count.as_deref())?;
    let (splits, split) = splits(&imported, &selection, &arguments)?;
    let level = arguments.level;
    let options = FitOptions {
        law: arguments.law.parse().map_err(of_fit)?,
        level,
        seed: arguments.seed,
        // Intervals of forecasts do not rest on refits.
        bootstraps: 0,
        ..FitOptions::default()
    };
    let dataset = selection.dataset.clone();
    let found = interruptible(py, move || {
        run_backtest(&dataset, &splits, &arguments.law, level, |smaller| {
            let fit = isoflop_fit::fit(smaller, &options).map_err(|error| error.to_string())?;
            Ok((fit, level))
        })
    })?;
    let found = found.map_err(no)?;
    let all = pooled(&[&found]).ok_or_else(|| no("no run could be forecast"))?;
    let runs = found.points.iter();
    let runs: Vec<_> = runs
        .map(|p| answer::run_at(&imported, &selection, p.run))
        .collect();
    let mut answer = json!({
        "conventions": {
            "param_count": selection.dataset.param_count,
            "flop_count": selection.dataset.flop_count,
        },
        "source": imported.source, "split": split, "runs": runs,
        "n_dropped": selection.dropped.len(),
    });
    if let (Value::Object(answer), Ok(Value::Object(all))) =
        (&mut answer, serde_json::to_value(&all))
    {
        answer.extend(all);
    }
    text(&answer)
}

fn splits(
    imported: &isoflop_runs::Imported,
    selection: &isoflop_runs::Selection,
    arguments: &BacktestArguments,
) -> PyResult<(Vec<Split>, String)> {
    let dataset = &selection.dataset;
    match (&arguments.fit_below, &arguments.split) {
        (Some(_), Some(_)) => Err(misuse("give one of fit_below and split")),
        (Some(largest), None) => {
            let largest: Flops = largest.read()?;
            let words = format!("runs up to {largest} FLOPs against the others");
            Ok((vec![Split::below(dataset, largest)], words))
        }
        (None, Some(name)) => {
            let column = imported.column(name);
            let says = |word: &str| {
                let rows = selection.used.iter().enumerate();
                let said = rows.filter(|(_, row)| {
                    let run = &imported.rows[**row].run;
                    let text = match &column {
                        Some(column) => column.text(run),
                        None => run.text(name),
                    };
                    text.is_some_and(|text| text.eq_ignore_ascii_case(word))
                });
                said.map(|(position, _)| position).collect::<Vec<_>>()
            };
            let (fit, test) = (says("fit"), says("test"));
            if fit.is_empty() && test.is_empty() {
                let sentence = "says neither `fit` nor `test` in any row";
                return Err(misuse(format!("column `{name}` {sentence}")));
            }
            let words = format!("`fit` against `test` in column {name}");
            Ok((vec![Split { fit, test }], words))
        }
        (None, None) => {
            // A law of five parameters needs a few more runs than that.
            let fewest = 8.min(dataset.observations.len() / 2);
            let splits = Split::forward_chain(dataset, arguments.cuts, fewest);
            Ok((splits, "forward chaining over compute".to_owned()))
        }
    }
}
