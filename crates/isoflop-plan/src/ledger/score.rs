//! A forecast beside what came, and a team's record.

use crate::forecast::{Conventions, ForecastPoint};
use crate::sealed::SealedForecast;
use isoflop_laws::Loss;
use jiff::Timestamp;
use serde::Serialize;

/// A forecast beside what came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The forecast's name.
    pub name: String,
    /// The forecast's hash.
    pub forecast: String,
    /// The law that made it.
    pub law: String,
    /// What N and C count.
    pub conventions: Conventions,
    /// Runs that the forecast rests on.
    pub n_used: usize,
    /// What was said.
    pub said: ForecastPoint,
    /// Coverage that the interval claims.
    pub level: f64,
    /// What came; `None` while the result is awaited.
    pub actual: Option<Loss>,
    /// Forecast ÷ actual − 1.
    pub relative_error: Option<f64>,
    /// Whether the interval held the actual loss.
    pub inside: Option<bool>,
    /// When the forecast was sealed.
    pub sealed_at: Timestamp,
    /// When the outcome was recorded.
    pub scored_at: Option<Timestamp>,
}

/// How good the forecasts of a ledger were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackRecord {
    /// Points forecast.
    pub n_forecasts: usize,
    /// Points with an outcome.
    pub n_scored: usize,
    /// Share of scored intervals that held the actual loss; `None` before the first.
    pub coverage: Option<f64>,
    /// Mean coverage that those intervals claimed.
    pub claimed_coverage: Option<f64>,
    /// Median of |forecast ÷ actual − 1|.
    pub median_relative_error: Option<f64>,
    /// Largest of |forecast ÷ actual − 1|.
    pub max_relative_error: Option<f64>,
}

impl Score {
    pub(super) fn come(&mut self, actual: Loss, when: Timestamp) {
        self.actual = Some(actual);
        self.scored_at = Some(when);
        self.relative_error = Some(self.said.loss.get() / actual.get() - 1.0);
        self.inside = match (self.said.lo, self.said.hi) {
            (Some(lo), Some(hi)) => Some(lo <= actual && actual <= hi),
            _ => None,
        };
    }
}

impl TrackRecord {
    /// The record of these scores.
    pub(super) fn of(scores: &[Score]) -> Self {
        let scored: Vec<&Score> = scores.iter().filter(|s| s.actual.is_some()).collect();
        let judged: Vec<&&Score> = scored.iter().filter(|s| s.inside.is_some()).collect();
        let mut errors: Vec<f64> = scored
            .iter()
            .filter_map(|score| score.relative_error.map(f64::abs))
            .collect();
        errors.sort_by(f64::total_cmp);
        let share = |sum: f64, n: usize| (n > 0).then(|| sum / n as f64);
        let inside = judged.iter().filter(|s| s.inside == Some(true)).count();
        TrackRecord {
            n_forecasts: scores.len(),
            n_scored: scored.len(),
            coverage: share(inside as f64, judged.len()),
            claimed_coverage: share(judged.iter().map(|s| s.level).sum(), judged.len()),
            median_relative_error: median(&errors),
            max_relative_error: errors.last().copied(),
        }
    }
}

/// The points of a forecast, none scored yet.
pub(super) fn awaited(forecast: &SealedForecast) -> impl Iterator<Item = Score> + '_ {
    let body = forecast.body();
    body.stated.forecasts.iter().map(move |point| Score {
        name: body.name.clone(),
        forecast: forecast.hash().to_owned(),
        law: body.stated.law.clone(),
        conventions: body.conventions,
        n_used: body.inputs.len(),
        said: *point,
        level: body.level,
        actual: None,
        relative_error: None,
        inside: None,
        sealed_at: body.sealed_at,
        scored_at: None,
    })
}

/// Median of sorted numbers.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted.get(middle).copied()
    } else {
        Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
    }
}
