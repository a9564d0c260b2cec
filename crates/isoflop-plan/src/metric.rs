//! A metric of a run that is not made yet, such as an accuracy: from its compute by the capability
//! law of the GPT-4 technical report, or from its loss in two steps.

mod answer;

use crate::forecast::ForecastPoint;
pub use answer::MetricAnswer;
use isoflop_fit::{
    CurveFit, CurveOf, CurvePoint, Family, FitError, Forecast, ForecastError, ShareFit, SharePoint,
    fit_curve, fit_share,
};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// How a metric follows from scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricLaw {
    /// accuracy = a / (1 + e^(−k (L − L0))) + b of the forecast loss L (Bhagia et al. 2024).
    TwoStep,
    /// −ln p = alpha C^(−k) (GPT-4 technical report 2023, section 3.2).
    Capability,
}

impl MetricLaw {
    /// Every law of a metric.
    pub const ALL: [Self; 2] = [Self::TwoStep, Self::Capability];

    /// The law's name in the catalogue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoStep => "two-step",
            Self::Capability => "capability",
        }
    }
}

impl fmt::Display for MetricLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name is no law of a metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no law of a metric: expected two-step or capability")]
pub struct UnknownMetricLaw(pub String);

impl FromStr for MetricLaw {
    type Err = UnknownMetricLaw;

    fn from_str(text: &str) -> Result<Self, UnknownMetricLaw> {
        let found = Self::ALL.into_iter().find(|law| law.name() == text);
        found.ok_or_else(|| UnknownMetricLaw(text.to_owned()))
    }
}

/// What a run reached.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRun {
    /// The run's name, for what is said of it.
    pub run: String,
    /// Its compute C.
    pub flops: Flops,
    /// Its loss, if it is known.
    pub loss: Option<Loss>,
    /// The metric, a share from 0 to 1.
    pub value: f64,
    /// The family that its model is of, if it is known.
    pub family: Option<String>,
}

/// Why a metric cannot be forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// A value is no share.
    #[error(
        "metric `{metric}` of run {run} is {value}: expected a share from 0 to 1; divide a percentage by 100"
    )]
    NotAShare {
        /// The metric.
        metric: String,
        /// The run.
        run: String,
        /// Its value.
        value: f64,
    },
    /// The law cannot be fitted.
    #[error("metric `{metric}`: {source}")]
    Fit {
        /// The metric.
        metric: String,
        /// Why.
        source: FitError,
    },
    /// The fit does not answer.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// The second step lacks the first.
    #[error("law `two-step` needs the loss of the run to forecast, with its interval")]
    NoLoss,
    /// The law needs the compute of the run.
    #[error("law `capability` needs the compute of the run")]
    NoCompute,
}

/// A metric fitted to runs.
#[derive(Debug, Clone)]
pub struct MetricFit {
    /// Its name.
    pub metric: String,
    /// The law.
    pub law: MetricLaw,
    /// Runs that it was fitted to.
    pub n_used: usize,
    /// What must be known when using it, one sentence each.
    pub warnings: Vec<String>,
    largest_flops: Flops,
    /// The families that have a part of their own, by name.
    families: BTreeMap<String, Family>,
    fitted: Fitted,
}

#[derive(Debug, Clone)]
enum Fitted {
    OfLoss(Box<ShareFit>),
    OfCompute(Box<CurveFit>),
}

/// The forecast of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricForecast {
    /// Model size N, where it was given.
    pub params: Option<Params>,
    /// Training tokens D, where they were given.
    pub tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Flops,
    /// The family whose own part was counted in; none where the runs are of one, or it is not among them.
    #[serde(default)]
    pub family: Option<String>,
    /// Median of what may be measured.
    pub value: f64,
    /// Lower end of the interval of a new measurement.
    pub lo: f64,
    /// Upper end of the interval of a new measurement.
    pub hi: f64,
    /// C of the run ÷ largest C of a run with this metric.
    pub extrapolation: f64,
}

/// Fits a metric to runs: in two steps where enough of them have a loss, unless a law is asked
/// for.
///
/// # Errors
/// [`MetricError`] for a value that is no share, or too few runs.
pub fn fit_metric(
    metric: &str,
    runs: &[MetricRun],
    law: Option<MetricLaw>,
    seed: u64,
) -> Result<MetricFit, MetricError> {
    if let Some(wrong) = runs.iter().find(|run| !(0.0..=1.0).contains(&run.value)) {
        return Err(MetricError::NotAShare {
            metric: metric.to_owned(),
            run: wrong.run.clone(),
            value: wrong.value,
        });
    }
    let of_loss: Vec<SharePoint> = runs
        .iter()
        .filter_map(|run| {
            Some(SharePoint {
                loss: run.loss?,
                share: run.value,
            })
        })
        .collect();
    let law = law.unwrap_or(if 2 * of_loss.len() > runs.len() {
        MetricLaw::TwoStep
    } else {
        MetricLaw::Capability
    });
    let failed = |source| MetricError::Fit {
        metric: metric.to_owned(),
        source,
    };
    let (mut warnings, mut families) = (Vec::new(), BTreeMap::new());
    let (fitted, used): (Fitted, Vec<&MetricRun>) = match law {
        MetricLaw::TwoStep => {
            let fit = fit_share(&of_loss, seed).map_err(failed)?;
            warnings.extend(unseen_end(metric, &fit, &of_loss));
            let used: Vec<&MetricRun> = runs.iter().filter(|run| run.loss.is_some()).collect();
            warnings.extend(of_several_families(numbered(&used).len()));
            (Fitted::OfLoss(Box::new(fit)), used)
        }
        MetricLaw::Capability => {
            let between = |run: &&MetricRun| run.value > 0.0 && run.value < 1.0;
            let used: Vec<&MetricRun> = runs.iter().filter(between).collect();
            if used.len() < runs.len() {
                warnings.push(format!(
                    "{} of {} runs have a {metric} of 0 or 1, which has no logarithm to fit: they are left out",
                    runs.len() - used.len(),
                    runs.len()
                ));
            }
            families = numbered(&used);
            let point = |run: &&MetricRun| CurvePoint {
                x: run.flops.get(),
                value: run.value,
                family: number(&families, run.family.as_deref()),
            };
            let points: Vec<CurvePoint> = used.iter().map(point).collect();
            let fit = fit_curve(&points, CurveOf::PassRate).map_err(failed)?;
            let known = fit.families();
            families.retain(|_, family| known.contains(family));
            (Fitted::OfCompute(Box::new(fit)), used)
        }
    };
    let largest = used.iter().map(|run| run.flops);
    let largest = largest.max_by(|a, b| a.get().total_cmp(&b.get()));
    let none = || {
        failed(FitError::TooFewRuns {
            law: law.name(),
            needed: 4,
            found: 0,
            simpler: "capability",
        })
    };
    Ok(MetricFit {
        metric: metric.to_owned(),
        law,
        n_used: used.len(),
        warnings,
        largest_flops: largest.ok_or_else(none)?,
        families,
        fitted,
    })
}

/// A number for each family of the runs.
fn numbered(runs: &[&MetricRun]) -> BTreeMap<String, Family> {
    let names: BTreeSet<&String> = runs.iter().filter_map(|run| run.family.as_ref()).collect();
    let numbered = (0..).map(Family).zip(names);
    numbered
        .map(|(family, name)| (name.clone(), family))
        .collect()
}

fn number(families: &BTreeMap<String, Family>, name: Option<&str>) -> Option<Family> {
    families.get(name?).copied()
}

/// A warning where losses of several families stand side by side.
fn of_several_families(count: usize) -> Option<String> {
    (count > 1).then(|| {
        format!(
            "the runs are of {count} families: their losses compare only if they are of one text and tokenizer; law `capability` gives each a curve of its own instead"
        )
    })
}

/// A warning where the runs end before half of the rise: the far end is then a guess.
fn unseen_end(metric: &str, fit: &ShareFit, points: &[SharePoint]) -> Option<String> {
    let best = points.iter().map(|point| point.loss.get());
    let best = best.fold(f64::MAX, f64::min);
    let falls = fit.law.k < 0.0;
    (falls && fit.law.l0 < best).then(|| {
        format!(
            "no run is past the middle of the rise of {metric} (a loss of {:.3}): how far it goes on rising is unknown, which the interval shows",
            fit.law.l0
        )
    })
}

impl MetricFit {
    /// The families that are told apart, by name.
    #[must_use]
    pub fn families(&self) -> impl ExactSizeIterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }

    /// The metric of a run: by its compute and family, or by the loss that was forecast for it with an
    /// interval at `level`.
    ///
    /// # Errors
    /// [`MetricError`] where the law needs a loss and has none, or the level is no probability.
    pub fn forecast(
        &self,
        point: &ForecastPoint,
        family: Option<&str>,
        level: f64,
    ) -> Result<MetricForecast, MetricError> {
        let of = number(&self.families, family);
        let (value, lo, hi) = match &self.fitted {
            Fitted::OfCompute(fit) => {
                let said = fit.forecast(point.flops.get(), of, level)?;
                (said.value, said.lo, said.hi)
            }
            Fitted::OfLoss(fit) => {
                let (lo, hi) = point.lo.zip(point.hi).ok_or(MetricError::NoLoss)?;
                let loss = Forecast {
                    params: point.params,
                    tokens: point.tokens,
                    flops: point.flops,
                    loss: point.loss,
                    lo,
                    hi,
                    extrapolation: point.extrapolation.unwrap_or(f64::NAN),
                };
                let said = fit.forecast(&loss, level, level)?;
                (said.share, said.lo, said.hi)
            }
        };
        Ok(MetricForecast {
            params: point.params,
            tokens: point.tokens,
            flops: point.flops,
            family: family.filter(|_| of.is_some()).map(str::to_owned),
            value,
            lo,
            hi,
            extrapolation: point.flops.get() / self.largest_flops.get(),
        })
    }

    /// The metric of a run of this compute and family, by the capability law.
    ///
    /// # Errors
    /// [`MetricError`] for another law, or a level that is no probability.
    pub fn forecast_by_compute(
        &self,
        flops: Flops,
        family: Option<&str>,
        level: f64,
    ) -> Result<MetricForecast, MetricError> {
        let Fitted::OfCompute(fit) = &self.fitted else {
            return Err(MetricError::NoLoss);
        };
        let of = number(&self.families, family);
        let said = fit.forecast(flops.get(), of, level)?;
        Ok(MetricForecast {
            params: None,
            tokens: None,
            flops,
            family: family.filter(|_| of.is_some()).map(str::to_owned),
            value: said.value,
            lo: said.lo,
            hi: said.hi,
            extrapolation: flops.get() / self.largest_flops.get(),
        })
    }
}

#[cfg(test)]
mod tests;
