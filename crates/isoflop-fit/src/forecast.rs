//! What a fit says about a run that it has not seen.

mod cholesky;
mod curve;
mod discrepancy;
mod ensemble;
mod frontier;
mod integrate;
mod joint;
mod mean_law;
mod place;
mod posterior;
mod process;
mod sample;
mod simplex;
mod state;

use crate::{Dataset, Fit, FitOptions, FittedLaw, ForecastError, LawChoice, Prior};
pub use curve::{CurveFit, CurveForecast, CurveOf, CurvePoint, fit_curve};
use ensemble::Ensemble;
use isoflop_laws::{Flops, LawError, Loss, Params, Quality, Tokens};
pub use joint::{JointForecast, JointPart};
use mean_law::{CHINCHILLA, Falls, POWER_C, Shape};
pub use posterior::PosteriorInterval;
pub use sample::Family;
use sample::{Measured, Over, Place, Sample};
use serde::{Deserialize, Serialize};
pub(crate) use simplex::{Patience, minimise};
use std::sync::OnceLock;

/// A run to forecast: its size and data, or its compute alone (then the best size and data that
/// the fit knows for it). N and C are counted as the fit counts them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ForecastAt {
    /// Model size N.
    pub params: Option<Params>,
    /// Tokens seen D.
    pub tokens: Option<Tokens>,
    /// Unique tokens U, where some are seen more than once.
    pub unique_tokens: Option<Tokens>,
    /// Quality of the text Q, where the law knows of it; 1 if it is not given.
    pub quality: Option<Quality>,
    /// Training compute C.
    pub flops: Option<Flops>,
}

/// The forecast of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Model size N; `None` for a law in compute alone.
    pub params: Option<Params>,
    /// Tokens seen D; `None` for a law in compute alone.
    pub tokens: Option<Tokens>,
    /// Training compute C.
    pub flops: Flops,
    /// Expected loss: the median of what the run may give.
    pub loss: Loss,
    /// Lower end of the interval of the measured loss of a new run.
    pub lo: Loss,
    /// Upper end of the interval of the measured loss of a new run.
    pub hi: Loss,
    /// C of the run ÷ largest C used in the fit.
    pub extrapolation: f64,
}

/// What forecasts need beside the law's parameters; made by [`crate::fit`]. Learning takes some
/// tenths of a second, so it waits for the first forecast; it depends on what is stored alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Forecaster {
    sample: Sample,
    /// The law that forecasts are centred on; several, averaged, if none was asked for.
    law: Option<FittedLaw>,
    prior: Prior,
    #[serde(skip)]
    learned: OnceLock<Option<Ensemble>>,
}

impl PartialEq for Forecaster {
    /// What was learned follows from the rest.
    fn eq(&self, other: &Self) -> bool {
        self.sample == other.sample && self.law == other.law && self.prior == other.prior
    }
}

impl Forecaster {
    /// `fitted` is the law that was fitted, which is one of several if the choice was free.
    pub(crate) fn new(data: &Dataset, options: &FitOptions, fitted: FittedLaw) -> Self {
        let law = match options.law {
            LawChoice::Named(law) => Some(law),
            LawChoice::Auto => None,
        };
        Self {
            sample: sample(data, fitted == FittedLaw::DataQuality),
            law,
            prior: options.prior,
            learned: OnceLock::new(),
        }
    }

    fn learned(&self) -> Option<&Ensemble> {
        let learn = || Ensemble::learn(shapes(self.law), &self.sample, self.prior);
        self.learned.get_or_init(learn).as_ref()
    }
}

/// The laws that forecasts are centred on. Laws of the best size alone say nothing of the loss,
/// so that all laws of the loss are averaged for them.
fn shapes(law: Option<FittedLaw>) -> &'static [Shape] {
    const fn powers(falls: &'static [Falls]) -> Shape {
        Shape::PowerSum {
            floor: false,
            falls,
        }
    }
    match law {
        None | Some(FittedLaw::Isoflop | FittedLaw::Envelope) => {
            &[CHINCHILLA, Shape::KaplanNd, POWER_C]
        }
        // Repetition is part of every law that has data in it.
        Some(FittedLaw::Chinchilla | FittedLaw::DataConstrained) => &[CHINCHILLA],
        Some(FittedLaw::RepetitionPenalty) => &[Shape::Penalised],
        // So is quality, where the measurements have it.
        Some(FittedLaw::DataQuality) => &[CHINCHILLA],
        Some(FittedLaw::Farseer) => &[Shape::Farseer],
        Some(FittedLaw::OverTraining) => &[Shape::SharedSum],
        Some(FittedLaw::KaplanNd) => &[Shape::KaplanNd],
        Some(FittedLaw::PowerC) => &[POWER_C],
        Some(FittedLaw::KaplanC) => const { &[powers(&[Falls::WithFlops])] },
        Some(FittedLaw::KaplanN) => const { &[powers(&[Falls::WithParams])] },
        Some(FittedLaw::KaplanD) => const { &[powers(&[Falls::WithTokens])] },
        // Steps are tokens at one batch size.
        Some(FittedLaw::KaplanNs) => const { &[powers(&[Falls::WithParams, Falls::WithTokens])] },
    }
}

/// The laws whose forms [`shapes`] are.
fn centred_on(law: Option<FittedLaw>) -> Vec<FittedLaw> {
    match law {
        None | Some(FittedLaw::Isoflop | FittedLaw::Envelope) => vec![
            FittedLaw::Chinchilla,
            FittedLaw::KaplanNd,
            FittedLaw::PowerC,
        ],
        Some(law) => vec![law],
    }
}

/// The dataset's losses in logarithms, by quality too if the text is not taken for alike.
fn sample(data: &Dataset, by_quality: bool) -> Sample {
    let relative = |run: &crate::Observation| run.loss_std.map(|std| std / run.loss.get());
    let variances: Option<Vec<f64>> = data
        .observations
        .iter()
        .map(|run| Some(relative(run).filter(|r| r.is_finite() && *r > 0.0)?.powi(2)))
        .collect();
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let average = variances.as_deref().map_or(1.0, mean);
    let measured = data.observations.iter().enumerate().map(|(index, run)| {
        let unique = run.unique_tokens.map_or(run.tokens.ln(), Tokens::ln);
        Measured {
            at: Place {
                n: run.params.ln(),
                d: run.tokens.ln(),
                c: run.flops.ln(),
                repeats: (run.tokens.ln() - unique).max(0.0),
                quality: run.quality.filter(|_| by_quality).map_or(0.0, Quality::ln),
                family: None,
            },
            y: run.loss.ln(),
            // Part of the noise is between runs and shows in no standard error.
            noise: variances
                .as_ref()
                .map_or(1.0, |all| (all[index] / average).clamp(0.3, 10.0)),
        }
    });
    Sample::thinned(measured.collect(), Over::Runs)
}

impl Fit {
    /// The forecast of a run, with the interval of its measured loss at `level`. The interval
    /// holds the uncertainty of the parameters, how wrong the law's form may be, the noise
    /// between runs, and how far off forecasts were when larger runs among those of the fit were
    /// forecast from smaller ones.
    ///
    /// The first forecast of a fit takes some tenths of a second, later ones microseconds.
    ///
    /// # Errors
    /// [`ForecastError`] if the run is not given as the law needs it, the level is no
    /// probability, or the law has no value there.
    pub fn forecast(&self, at: &ForecastAt, level: f64) -> Result<Forecast, ForecastError> {
        if !(0.5..=0.999).contains(&level) {
            return Err(ForecastError::Level(level));
        }
        let asked = self.asked(at)?;
        let no_value = || self.no_value(&asked.place);
        let ensemble = self.forecaster.learned().ok_or_else(no_value)?;
        let (mean, reach) = ensemble.interval(&asked.place, level);
        let loss = |ln: f64| Loss::new(ln.exp()).map_err(|_| no_value());
        let flops = Flops::new(asked.place.c.exp()).map_err(|_| no_value())?;
        Ok(Forecast {
            params: asked.params,
            tokens: asked.tokens,
            flops: at.flops.unwrap_or(flops),
            loss: loss(mean)?,
            lo: loss(mean - reach)?,
            hi: loss(mean + reach)?,
            extrapolation: at.flops.unwrap_or(flops).get() / self.largest_flops.get(),
        })
    }

    /// The same fit with the forecasts of `other`, a fit of the same runs: a law that gives the
    /// loss from size and data then chooses sizes, and what is said of their loss is what `other`
    /// says of it.
    #[must_use]
    pub fn with_forecasts_of(mut self, other: &Fit) -> Self {
        self.forecaster = other.forecaster.clone();
        self
    }

    /// The smallest compute among the runs that forecasts rest on; none if there are none.
    #[must_use]
    pub fn smallest_flops(&self) -> Option<Flops> {
        let computes = self.forecaster.sample.rows.iter().map(|row| row.at.c);
        Flops::new(computes.reduce(f64::min)?.exp()).ok()
    }

    /// How far, as a factor of compute, forecasts could be tested within the runs of this fit:
    /// beyond it an interval rests on the model of the law's error alone. One if nothing could
    /// be tested.
    #[must_use]
    pub fn tested_extrapolation(&self) -> f64 {
        let learned = self.forecaster.learned();
        learned.map_or(1.0, |ensemble| ensemble.tested().exp())
    }

    fn no_value(&self, place: &Place) -> ForecastError {
        ForecastError::Law(LawError::NoValue {
            law: self.law.name(),
            what: "nats per token",
            at: format!("C = {:.3e}", place.c.exp()),
            value: f64::NAN,
        })
    }
}
