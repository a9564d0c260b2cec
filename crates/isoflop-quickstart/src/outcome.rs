//! Steps 6 and 7: what was predicted beside what came.

use crate::forecast::Fits;
use crate::plan::Plan;
use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_plan::{Conventions, ForecastPoint, SealedForecast};
use isoflop_runs::Run;
use serde::Serialize;
use std::path::PathBuf;

/// A forecast beside the measured loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Predicted loss, nats per token.
    pub predicted: Loss,
    /// Lower end of the interval.
    pub lo: Loss,
    /// Upper end of the interval.
    pub hi: Loss,
    /// Coverage that the interval claims.
    pub level: f64,
    /// Measured loss.
    pub actual: Loss,
    /// Standard error of the measured loss.
    pub actual_std: Option<f64>,
    /// Predicted ÷ actual − 1.
    pub relative_error: f64,
    /// Whether the interval holds the measured loss.
    pub inside: bool,
}

impl Comparison {
    pub(crate) fn new(point: &ForecastPoint, level: f64, target: &Run) -> Option<Self> {
        let actual = target.loss?;
        // A forecast without an interval claims its number alone.
        let (lo, hi) = (
            point.lo.unwrap_or(point.loss),
            point.hi.unwrap_or(point.loss),
        );
        Some(Self {
            predicted: point.loss,
            lo,
            hi,
            level,
            actual,
            actual_std: target.loss_std,
            relative_error: point.loss.get() / actual.get() - 1.0,
            inside: lo <= actual && actual <= hi,
        })
    }
}

/// The entropy rate of a synthetic source beside the fitted floor of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FloorCheck {
    /// Computed from the source, nats per token.
    pub known: Loss,
    /// Fitted E, nats per token.
    pub fitted: Option<f64>,
    /// Lower end of its interval.
    pub lo: Option<f64>,
    /// Upper end of its interval.
    pub hi: Option<f64>,
}

/// What a quickstart found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The law of the forecast.
    pub law: String,
    /// What N and C count.
    pub conventions: Conventions,
    /// Runs that the forecast rests on.
    pub n_used: usize,
    /// The target's size.
    pub params: Params,
    /// The target's tokens.
    pub tokens: Tokens,
    /// The target's compute.
    pub flops: Flops,
    /// C of the target ÷ largest C of a small run.
    pub extrapolation: f64,
    /// The comparison.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What the other laws said, in the same way.
    pub others: Vec<OtherLaw>,
    /// For a synthetic source.
    pub floor: Option<FloorCheck>,
    /// Hash of the sealed forecast.
    pub seal: String,
    /// Hash of the corpus.
    pub corpus_fingerprint: String,
    /// The report.
    pub report: PathBuf,
    /// The runs.
    pub runs: PathBuf,
    /// Seconds that this start took.
    pub seconds: f64,
}

/// What another law said about the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherLaw {
    /// The law.
    pub law: String,
    /// The comparison.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// What the sealed forecast said about the other laws, beside what came.
pub(crate) fn others(forecast: &SealedForecast, target: &Run) -> Vec<OtherLaw> {
    let body = forecast.body();
    let others = body.others.iter().filter_map(|other| {
        let point = other.forecasts.first()?;
        Some(OtherLaw {
            law: other.law.clone(),
            comparison: Comparison::new(point, body.level, target)?,
        })
    });
    others.collect()
}

/// The known and the fitted floor, for a synthetic source.
pub(crate) fn floor(plan: &Plan, fits: &Fits) -> Option<FloorCheck> {
    let known = plan.facts.synthetic.as_ref()?.entropy_rate;
    let fitted = fits.surface.parameters.iter().find(|p| p.symbol == "E");
    Some(FloorCheck {
        known,
        fitted: fitted.map(|e| e.value),
        lo: fitted.and_then(|e| e.lo),
        hi: fitted.and_then(|e| e.hi),
    })
}
