//! Which runs to make next, to know the loss of the target best for the compute there is.
//!
//! A Bayesian c-optimal design (Chaloner & Verdinelli 1995, section 2.2): among affordable runs
//! choose those after which the variance of ln L at the target is smallest, existing runs
//! counted. Robust in two ways: several laws are kept in play, and every law is held to be a
//! little wrong ([`crate::belief`]), so that runs near the target count for more than the law
//! alone would say. Where a law was fitted to runs, the model behind its forecasts stands in for
//! both ([`design_by_forecasts`]), so that a design and a forecast of its target agree.

mod in_play;
mod ladder;

pub use in_play::{DesignAnswer, LAWS_IN_PLAY, design_in_play};

use crate::belief::{Belief, Doubt, Point};
use crate::surface::{Surface, SurfaceError, SurfacePoint, optimum};
use isoflop_fit::{Fit, ForecastAt, ForecastError};
use isoflop_laws::{Flops, Law, Loss, Params, QuantityError, Tokens};
use ladder::{best_ladder, mean_variance};
use serde::Serialize;
use std::fmt;

/// Why there is no design.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// No law to design by.
    #[error("a design needs at least one law that gives the loss from size and data")]
    NoLaw,
    /// The laws have no best target.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// A size left the range of numbers.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// The target is not beyond the runs.
    #[error(
        "the budget of {budget} FLOPs would pay for the target of {target} FLOPs itself: give a smaller budget, or just train it"
    )]
    TargetAffordable {
        /// FLOPs to spend.
        budget: Flops,
        /// FLOPs of the target.
        target: Flops,
    },
    /// The fit has no forecast of the target or of a run that could be made.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// A published law could not be read.
    #[error(transparent)]
    InPlay(#[from] crate::LawInUseError),
    /// The noise is no standard deviation.
    #[error("the noise is {0}: expected zero or more, such as 0.003")]
    Noise(f64),
    /// No law has a value at the runs.
    #[error("no law has a finite loss at the runs and the target: check their sizes and tokens")]
    NoValue,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignRequest {
    /// Compute of the run to forecast.
    pub target: Flops,
    /// Compute to spend on new runs, in all.
    pub budget: Flops,
    /// Most that one run may cost; the whole budget if `None`.
    pub max_run: Option<Flops>,
    /// Most runs to make.
    pub max_runs: usize,
    /// Size and data of the target; the best ones for its compute if `None`.
    pub target_size: Option<(Params, Tokens)>,
    /// Size and data of runs that are made or under way, beside those that a fit knows already.
    pub existing: Vec<(Params, Tokens)>,
    /// Run-to-run noise, standard deviation of ln L. If `None`, that of the forecasts' model for
    /// a fit, and [`USUAL_NOISE`] for published laws.
    pub noise: Option<f64>,
    /// Coverage of the intervals, such as 0.9.
    pub level: f64,
}

/// A run to make.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlannedRun {
    /// Model size N.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// 6ND.
    pub flops: Flops,
}

/// The runs to make, and what they should do to the forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Design {
    /// The runs, the cheapest first.
    pub runs: Vec<PlannedRun>,
    /// What they cost together.
    pub cost_flops: Flops,
    /// The target: the best model of its compute by the first law, unless its size was given. Its
    /// loss is the law's, or what the forecasts of a fit expect.
    pub target: SurfacePoint,
    /// Width of the interval of the target's measured loss ÷ that loss, by the runs that exist
    /// alone; for a fit, as [`Fit::forecast`] says.
    pub interval_before: f64,
    /// The same with the new runs, as it is expected to be.
    pub interval_after: f64,
    /// Coverage of the intervals.
    pub level: f64,
    /// Compute of the target ÷ compute of the largest run, new ones included.
    pub extrapolation: f64,
    /// The laws kept in play: the published ones, or those that a fit's forecasts average.
    pub laws: Vec<String>,
    /// Noise between runs that was counted with: standard deviation of ln L.
    pub noise: f64,
    /// Where that noise is from.
    pub noise_from: NoiseFrom,
}

/// Where the noise between runs is from that a design counts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseFrom {
    /// It was given.
    Given,
    /// What the forecasts' model learned from the runs.
    Runs,
    /// [`USUAL_NOISE`].
    Usual,
}

impl fmt::Display for NoiseFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "as given",
            Self::Runs => "as the runs have it",
            Self::Usual => "the usual one",
        })
    }
}

/// Noise between runs where nobody knows: standard deviation of ln L, as between seeds of small
/// models.
pub const USUAL_NOISE: f64 = 0.003;

/// How wrong a law may be, as standard deviation of ln L, and how much of that may change with
/// compute besides: what the forecasts of `isoflop-fit` hold before they have seen a run.
const DISCREPANCY: f64 = 0.01;
/// See [`DISCREPANCY`].
const DRIFT: f64 = 0.005;
/// Distances in ln N and in ln C over which that changes: factors of 4.5 and 400, as held there.
const ACROSS: f64 = 1.5;
/// See [`ACROSS`].
const ALONG: f64 = 6.0;
/// Existing runs beyond this many, the smallest by compute first, are not counted: the work
/// grows with the cube of their number, and their share of the information is small.
const MOST_EXISTING: usize = 300;
/// Parts of what a forecast holds for possible that a ladder must do under, from the laws and
/// discrepancies that leave the target best known to those that leave it least known. By their
/// average alone the least known would decide: simulated ladders designed so forecast worse.
const PARTS: usize = 5;

/// Designs runs by published laws, keeping `laws` in play; the first one chooses the target's
/// size.
///
/// # Errors
/// [`DesignError`] if no law can serve, or the target needs no forecast.
pub fn design(laws: &[&dyn Law], request: &DesignRequest) -> Result<Design, DesignError> {
    let first = laws.first().ok_or(DesignError::NoLaw)?;
    let surface = crate::law_in_use::surface_of(*first);
    let scene = Scene::of(&surface, request, 0.0)?;
    let (noise, noise_from) = match request.noise {
        Some(noise) => (noise, NoiseFrom::Given),
        None => (USUAL_NOISE, NoiseFrom::Usual),
    };
    let doubt = Doubt {
        noise,
        discrepancy: DISCREPANCY,
        drift: DRIFT,
        across: ACROSS,
        along: ALONG,
    };
    // Laws without a value somewhere are left out.
    let believed = laws
        .iter()
        .filter_map(|law| Belief::by(*law, &scene.points, doubt));
    let believed: Vec<Belief> = believed.collect();
    let (quantile, goal) = (normal_quantile(request.level), scene.goal());
    let reach = |measured: &[usize]| {
        let mut beliefs = believed.clone();
        for belief in &mut beliefs {
            measured.iter().for_each(|&point| belief.measure(point));
        }
        Some(quantile * mean_variance(&beliefs, goal).sqrt())
    };
    scene.designed(Basis {
        beliefs: believed.clone(),
        reach: &reach,
        largest: 0.0,
        laws: laws.iter().map(|law| law.card().name.to_owned()).collect(),
        noise,
        noise_from,
    })
}

/// Designs the next runs by the forecasts of a fit, which count its runs already: the interval
/// before is the one that they say for the target, and the interval after what their model
/// expects once the new runs are among its own. `surface` chooses sizes.
///
/// No published law is kept in play beside them: the forecasts average several forms and hold
/// how wrong those may be, and the prior of their parameters is what published fits span.
///
/// # Errors
/// [`DesignError`] if the target needs no forecast, or there is none of it.
pub fn design_by_forecasts(
    fit: &Fit,
    surface: &impl Surface,
    request: &DesignRequest,
) -> Result<Design, DesignError> {
    // A run smaller than all so far is where none of them has been: what it would say of large ones rests
    // on the model alone, which makes much of it since it costs nothing.
    let least = fit.smallest_flops().map_or(0.0, Flops::get);
    let mut scene = Scene::of(surface, request, least)?;
    let places: Vec<ForecastAt> = scene
        .points
        .iter()
        .map(|&(params, tokens)| ForecastAt {
            params: Some(params),
            tokens: Some(tokens),
            ..ForecastAt::default()
        })
        .collect();
    let mut forecast = fit.joint(&places, request.level)?;
    let noise_from = match request.noise {
        Some(noise) => {
            forecast = forecast.with_noise(noise);
            NoiseFrom::Given
        }
        None => NoiseFrom::Runs,
    };
    let goal = scene.goal();
    // Of the laws averaged, as the interval is.
    let ln_loss = forecast.means().get(goal).ok_or(DesignError::NoValue)?;
    scene.target.loss = Loss::new(ln_loss.exp())?;
    let parts = forecast.parts(goal, PARTS).into_iter();
    scene.designed(Basis {
        beliefs: parts.map(|part| Belief::of(part, places.len())).collect(),
        reach: &|measured| forecast.expected_reach(goal, measured),
        largest: fit.largest_flops.get(),
        laws: forecast.laws().iter().map(ToString::to_string).collect(),
        noise: forecast.noise(),
        noise_from,
    })
}

/// What could be done: the target, the runs that could be made, and those that are.
struct Scene<'a> {
    request: &'a DesignRequest,
    target: SurfacePoint,
    candidates: Vec<PlannedRun>,
    /// The candidates, the target, and what exists.
    points: Vec<Point>,
}

/// What is believed of a scene's points before those that exist are measured, and by what.
struct Basis<'a> {
    /// Each as plausible as the others: a ladder must do under all of them.
    beliefs: Vec<Belief>,
    /// Half the width of the interval of ln L at the target, once some points are measured.
    reach: &'a dyn Fn(&[usize]) -> Option<f64>,
    /// Largest compute that the beliefs know of.
    largest: f64,
    laws: Vec<String>,
    noise: f64,
    noise_from: NoiseFrom,
}

/// Runs that could be made: budgets down to a ten-thousandth of the largest run, but not below `least`
/// FLOPs, and sizes on both sides of the best.
fn candidates(
    surface: &impl Surface,
    request: &DesignRequest,
    least: f64,
) -> Result<Vec<PlannedRun>, DesignError> {
    const LEVELS: i32 = 13;
    const SIZES: [f64; 7] = [0.17, 0.3, 0.55, 1.0, 1.8, 3.3, 6.0];
    let largest = request.max_run.unwrap_or(request.budget);
    let largest = if largest > request.budget {
        request.budget
    } else {
        largest
    };
    let mut found = Vec::new();
    for level in 0..LEVELS {
        let flops = Flops::new(largest.get() * 10f64.powf(-f64::from(level) / 3.0))?;
        if level > 0 && flops.get() < least {
            break;
        }
        let best = optimum(surface, flops)?;
        for factor in SIZES {
            found.push(PlannedRun {
                params: Params::new(best.params.get() * factor)?,
                tokens: Tokens::new(best.tokens.get() / factor)?,
                flops,
            });
        }
    }
    Ok(found)
}

impl<'a> Scene<'a> {
    /// The scene of a request; runs that could be made cost at least `least` FLOPs, if the budget allows.
    fn of(
        surface: &impl Surface,
        request: &'a DesignRequest,
        least: f64,
    ) -> Result<Self, DesignError> {
        if request.budget >= request.target {
            return Err(DesignError::TargetAffordable {
                budget: request.budget,
                target: request.target,
            });
        }
        if let Some(noise) = request.noise.filter(|n| !(n.is_finite() && *n >= 0.0)) {
            return Err(DesignError::Noise(noise));
        }
        let target = match request.target_size {
            None => optimum(surface, request.target)?,
            Some((params, tokens)) => SurfacePoint {
                params,
                tokens,
                flops: request.target,
                loss: surface.loss(params, tokens).ok_or(DesignError::NoValue)?,
            },
        };
        let candidates = candidates(surface, request, least)?;
        let mut existing = request.existing.clone();
        let cost = |point: &Point| Flops::six_nd(point.0, point.1).get();
        existing.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
        existing.truncate(MOST_EXISTING);
        let mut points: Vec<Point> = candidates.iter().map(|c| (c.params, c.tokens)).collect();
        points.push((target.params, target.tokens));
        points.extend(&existing);
        Ok(Self {
            request,
            target,
            candidates,
            points,
        })
    }

    /// The target's place among the points.
    fn goal(&self) -> usize {
        self.candidates.len()
    }

    /// The best runs by what is believed, and what they do.
    fn designed(&self, basis: Basis<'_>) -> Result<Design, DesignError> {
        let goal = self.goal();
        let existing: Vec<usize> = (goal + 1..self.points.len()).collect();
        let mut beliefs = basis.beliefs;
        if beliefs.is_empty() {
            return Err(DesignError::NoValue);
        }
        for belief in &mut beliefs {
            existing.iter().for_each(|&point| belief.measure(point));
            belief.keep_first(goal + 1);
        }
        let chosen = best_ladder(&beliefs, &self.candidates, self.request);
        let width = |measured: &[usize]| {
            let reach = (basis.reach)(measured).ok_or(DesignError::NoValue)?;
            Ok::<f64, DesignError>(2.0 * reach.sinh())
        };
        let all = [&existing[..], &chosen].concat();
        let mut runs: Vec<PlannedRun> = chosen.iter().map(|&run| self.candidates[run]).collect();
        runs.sort_by(|a, b| {
            let by_flops = a.flops.get().total_cmp(&b.flops.get());
            by_flops.then(a.params.get().total_cmp(&b.params.get()))
        });
        let made = self.request.existing.iter();
        let made = made.map(|&(n, d)| Flops::six_nd(n, d));
        let largest = runs.iter().map(|run| run.flops).chain(made);
        let largest = largest.map(Flops::get).fold(basis.largest, f64::max);
        Ok(Design {
            cost_flops: Flops::new(runs.iter().map(|run| run.flops.get()).sum())?,
            runs,
            target: self.target,
            interval_before: width(&existing)?,
            interval_after: width(&all)?,
            level: self.request.level,
            extrapolation: self.request.target.get() / largest,
            laws: basis.laws,
            noise: basis.noise,
            noise_from: basis.noise_from,
        })
    }
}

/// Half width, in standard deviations, of the central interval of a Gaussian with this coverage
/// (Abramowitz & Stegun 1964, 26.2.23; absolute error below 4.5e-4).
fn normal_quantile(level: f64) -> f64 {
    let tail = ((1.0 - level) / 2.0).clamp(1e-12, 0.5);
    let t = (-2.0 * tail.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - top / bottom
}

/// The interval around a loss that has this width ÷ loss, as far to both sides in ln L.
#[must_use]
pub fn interval_of_width(loss: Loss, width: f64) -> Option<(Loss, Loss)> {
    let reach = (width / 2.0).asinh();
    let lo = Loss::new(loss.get() * (-reach).exp()).ok()?;
    let hi = Loss::new(loss.get() * reach.exp()).ok()?;
    Some((lo, hi))
}

#[cfg(test)]
mod tests;
