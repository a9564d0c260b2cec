//! From runs to figures and the report: asks the crates to the left for every number.
//!
//! - [`evidence`] what is known: runs, learning curves, metrics, what was left out
//! - [`forecasts`] the forecast of the target, and past forecasts
//! - [`capability`] the forecast of a metric
//! - [`allocations`] best size and data: valleys, optima, schools
//! - [`surfaces`] the fitted surface: contours, sample efficiency, stopping
//! - [`panels`] Kaplan's three power laws and learning curves
//! - [`diagnostics`] residuals, leverage, posterior, design
//! - [`record`] the same fits asked for another run, and a forecast to be sealed
//! - [`report`] the whole page

mod allocations;
mod capability;
mod diagnostics;
mod evidence;
mod figure_name;
mod forecasts;
mod panels;
mod record;
mod report;
mod surfaces;

pub use evidence::{Evidence, Scores};
pub use figure_name::{FIGURE_NAMES, FigureName, UnknownFigure};
pub use report::ReportText;

use crate::figure::{Figure, FigureError, Layout, LossUnit, Prediction, RunPoint};
use isoflop_fit::{
    Dataset, Fit, FitError, FitOptions, FittedLaw, ForecastAt, ForecastError, LawChoice, fit,
};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_plan::{
    BacktestError, Conventions, DesignError, LawInUse, LawInUseError, MetricError, PlanError,
    Surface as _, SurfaceError, SurfacePoint, optimum,
};

/// Why an analysis or one of its figures cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// The runs determine no law.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The law says nothing about the target.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// The law has no optimum.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// The law gives no loss from size and data.
    #[error(transparent)]
    Law(#[from] LawInUseError),
    /// There is no design.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The metric cannot be forecast.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// There is no backtest.
    #[error(transparent)]
    Backtest(#[from] BacktestError),
    /// The picture cannot be drawn.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// The runs hold nothing that such a figure shows.
    #[error("the figure `{figure}` cannot be drawn from these runs: {why}")]
    NotInRuns {
        /// The figure's name.
        figure: &'static str,
        /// What is missing, and what to do.
        why: String,
    },
    /// A number left the range of a quantity.
    #[error(transparent)]
    Quantity(#[from] isoflop_laws::QuantityError),
}

/// The run that is forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Ten times the compute of the largest run, at the best size.
    TenTimes,
    /// This budget, at the best size.
    Budget(Flops),
    /// This size and data.
    Run(Params, Tokens),
    /// The run of the most compute, forecast from the runs up to this compute only.
    HeldOut(Flops),
}

/// What is asked of an analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The run to forecast.
    pub target: Target,
    /// Law, level of intervals, seed and resampling.
    pub options: FitOptions,
    /// The unit in which losses are shown.
    pub unit: LossUnit,
}

/// Runs, the laws fitted to them, and the answer for the target.
#[derive(Debug)]
pub struct Analysis {
    evidence: Evidence,
    question: Question,
    fits: Fits,
    target: SurfacePoint,
    prediction: Prediction,
}

/// The runs that were fitted, and the laws that came out.
#[derive(Debug)]
struct Fits {
    /// What was fitted: without the runs that are held out.
    fitted: Dataset,
    /// Positions in the evidence of the fitted observations.
    positions: Vec<usize>,
    /// Position of the run that is forecast, where it exists.
    held_out: Option<usize>,
    /// The law that forecasts.
    forecaster: Fit,
    /// The law over size and data: the forecaster itself, where it is one.
    law: LawInUse,
    surface_fit: Fit,
}

impl Analysis {
    /// Fits the laws and forecasts the target.
    ///
    /// # Errors
    /// [`AnalysisError`] if the runs determine no law, or it says nothing about the target.
    pub fn new(evidence: Evidence, question: Question) -> Result<Self, AnalysisError> {
        let (positions, held_out) = split(&evidence.dataset, question.target)?;
        let fitted = subset(&evidence.dataset, &positions);
        let options = FitOptions {
            steps: None,
            ..question.options.clone()
        };
        let forecaster = fit(&fitted, &options)?;
        let surface_fit = surface_fit(&fitted, &forecaster, &options)?;
        let law = in_use(&surface_fit)?;
        let fits = Fits {
            fitted,
            positions,
            held_out,
            forecaster,
            law,
            surface_fit,
        };
        Analysis::aimed(evidence, question, fits)
    }

    fn aimed(evidence: Evidence, question: Question, fits: Fits) -> Result<Self, AnalysisError> {
        let target = target_point(&fits, &evidence.dataset, &question)?;
        let level = question.options.level;
        let prediction = predict(&fits.forecaster, &fits.surface_fit, &target, level)?;
        Ok(Analysis {
            evidence,
            question,
            fits,
            target,
            prediction,
        })
    }

    /// One figure.
    ///
    /// # Errors
    /// [`AnalysisError`] if the runs hold nothing that it shows.
    pub fn figure(&self, name: FigureName, layout: &Layout) -> Result<Figure, AnalysisError> {
        Ok(match name {
            FigureName::Forecast => self.forecast().render_in(layout)?,
            FigureName::Capability => self
                .evidence
                .capability(None, &self.question.options)?
                .render_in(layout)?,
            FigureName::Kaplan => self.kaplan()?.render_in(layout)?,
            FigureName::Envelope => self
                .evidence
                .envelope(self.question.unit)?
                .render_in(layout)?,
            FigureName::Isoflop => self.isoflop()?.render_in(layout)?,
            FigureName::Optimum => self.optimum()?.render_in(layout)?,
            FigureName::Contours => self.contours()?.render_in(layout)?,
            FigureName::Schools => self.schools()?.render_in(layout)?,
            FigureName::SampleEfficiency => self.sample_efficiency()?.render_in(layout)?,
            FigureName::Stopping => self.stopping()?.render_in(layout)?,
            FigureName::Residuals => self.residuals()?.render_in(layout)?,
            FigureName::Leverage => self.leverage()?.render_in(layout)?,
            FigureName::Posterior => self.posterior()?.render_in(layout)?,
            FigureName::Backtest => self.backtest()?.render_in(layout)?,
            FigureName::Design => self.design()?.render_in(layout)?,
        })
    }

    /// The forecast of the target.
    #[must_use]
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The fit behind the forecast.
    #[must_use]
    pub fn fit(&self) -> &Fit {
        &self.fits.forecaster
    }

    /// The law over size and data.
    #[must_use]
    pub fn law(&self) -> &LawInUse {
        &self.fits.law
    }

    /// Loss and interval of any run, N and D given.
    ///
    /// # Errors
    /// [`ForecastError`] where the law has no value.
    pub fn forecast_at(
        &self,
        params: Params,
        tokens: Tokens,
    ) -> Result<(Loss, Loss, Loss), ForecastError> {
        let level = self.question.options.level;
        forecast_with(&self.fits.forecaster, params, tokens, level)
            .or_else(|_| forecast_with(&self.fits.surface_fit, params, tokens, level))
    }

    /// The fitted runs, in their order.
    fn run_points(&self) -> Vec<RunPoint> {
        self.fits
            .positions
            .iter()
            .map(|&k| self.evidence.point(k))
            .collect()
    }

    /// What it rests on.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Target compute over that of the largest fitted run.
    #[must_use]
    pub fn extrapolation(&self) -> f64 {
        self.target.flops.get() / self.fits.forecaster.largest_flops.get()
    }

    fn conventions(&self) -> String {
        format!(
            "N: {}; {}; loss on held-out data in nats per token",
            self.fits.fitted.param_count, self.fits.fitted.flop_count
        )
    }

    /// The law over size and data with the conventions, for the small print.
    fn law_note(&self) -> String {
        format!(
            "Law: {}, fitted to {} of {} rows. {}.",
            greek(self.fits.law.law().card().formula),
            self.fits.surface_fit.n_used,
            self.evidence.dataset.observations.len() + self.evidence.not_used.len(),
            self.conventions()
        )
    }

    fn missing(figure: &'static str, why: impl Into<String>) -> AnalysisError {
        AnalysisError::NotInRuns {
            figure,
            why: why.into(),
        }
    }
}

/// Positions of the runs to fit, and of the run that is held out to be forecast.
fn split(data: &Dataset, target: Target) -> Result<(Vec<usize>, Option<usize>), AnalysisError> {
    let flops = |k: &usize| data.observations[*k].flops;
    let all = 0..data.observations.len();
    let Target::HeldOut(largest) = target else {
        return Ok((all.collect(), None));
    };
    let (fitted, held): (Vec<usize>, Vec<usize>) = all.partition(|k| flops(k) <= largest);
    // Of several runs of the most compute, the best one is what people would have trained.
    let top = held.iter().map(|k| flops(k).get()).fold(0.0, f64::max);
    let of_top = held.into_iter().filter(|k| flops(k).get() > top / 1.1);
    let loss = |k: &usize| data.observations[*k].loss.get();
    let best = of_top.min_by(|a, b| loss(a).total_cmp(&loss(b)));
    let missing = || AnalysisError::NotInRuns {
        figure: "forecast",
        why: format!("no run has more than {largest} FLOPs, so none is held out"),
    };
    Ok((fitted, Some(best.ok_or_else(missing)?)))
}

fn subset(data: &Dataset, positions: &[usize]) -> Dataset {
    Dataset {
        observations: positions
            .iter()
            .map(|&k| data.observations[k].clone())
            .collect(),
        ..data.clone()
    }
}

/// The forecaster, or Hoffmann's third approach where that gives no loss from size and data.
fn surface_fit(data: &Dataset, forecaster: &Fit, options: &FitOptions) -> Result<Fit, FitError> {
    if forecaster.law().is_ok_and(|law| law.surface().is_some()) {
        return Ok(forecaster.clone());
    }
    let chinchilla = LawChoice::Named(FittedLaw::Chinchilla);
    fit(
        data,
        &FitOptions {
            law: chinchilla,
            ..options.clone()
        },
    )
}

/// The law as decisions use it.
fn in_use(fit: &Fit) -> Result<LawInUse, LawInUseError> {
    let conventions = Conventions {
        param_count: fit.param_count,
        flop_count: fit.flop_count,
    };
    let law = LawInUse::new(fit.law.name(), conventions, fit.law()?)?;
    Ok(law.with_plausible(fit.plausible()))
}

fn target_point(
    fits: &Fits,
    data: &Dataset,
    question: &Question,
) -> Result<SurfacePoint, AnalysisError> {
    let (law, held_out) = (&fits.law, fits.held_out);
    let (params, tokens) = match (question.target, held_out) {
        (_, Some(held)) => {
            let run = &data.observations[held];
            (run.params, run.tokens)
        }
        (Target::Run(params, tokens), _) => (params, tokens),
        (Target::Budget(flops), _) => return Ok(optimum(&law.surface(), flops)?),
        _ => {
            let flops = Flops::new(10.0 * fits.forecaster.largest_flops.get())?;
            return Ok(optimum(&law.surface(), flops)?);
        }
    };
    let flops = match held_out {
        Some(held) => data.observations[held].flops,
        None => Flops::six_nd(params, tokens),
    };
    let loss = law
        .surface()
        .loss(params, tokens)
        .ok_or(SurfaceError::NoOptimum(flops))?;
    Ok(SurfacePoint {
        params,
        tokens,
        flops,
        loss,
    })
}

fn predict(
    forecaster: &Fit,
    surface_fit: &Fit,
    target: &SurfacePoint,
    level: f64,
) -> Result<Prediction, ForecastError> {
    let (loss, low, high) = forecast_with(forecaster, target.params, target.tokens, level)
        .or_else(|_| forecast_with(surface_fit, target.params, target.tokens, level))?;
    Ok(Prediction {
        params: target.params,
        tokens: target.tokens,
        flops: target.flops,
        loss,
        low,
        high,
        level,
    })
}

fn forecast_with(
    fit: &Fit,
    params: Params,
    tokens: Tokens,
    level: f64,
) -> Result<(Loss, Loss, Loss), ForecastError> {
    let at = ForecastAt {
        params: Some(params),
        tokens: Some(tokens),
        ..ForecastAt::default()
    };
    let said = fit.forecast(&at, level)?;
    Ok((said.loss, said.lo, said.hi))
}

/// So many numbers from `low` to `high`, evenly in logarithms.
pub(crate) fn log_steps(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> {
    let last = count.saturating_sub(1).max(1) as f64;
    (0..count).map(move |k| low * (high / low).powf(k as f64 / last))
}

/// Smallest and largest of positive numbers.
pub(crate) fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let start = (f64::MAX, f64::MIN_POSITIVE);
    values
        .into_iter()
        .fold(start, |(low, high), x| (low.min(x), high.max(x)))
}

/// A formula of the catalogue in the letters that people read.
fn greek(formula: &str) -> String {
    formula.replace("alpha", "α").replace("beta", "β")
}
