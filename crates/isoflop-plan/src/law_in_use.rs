//! A law that decisions rest on: published, or fitted to somebody's runs.

use crate::forecast::{Conventions, ForecastPoint};
use crate::surface::{Surface, SurfacePoint};
use isoflop_fit::{Fit, ForecastAt};
use isoflop_laws::{
    Allocation, Entry, FlopCount, Flops, Law, LawError, Loss, ParamCount, Params, Tokens,
    UnknownLaw, find,
};
use std::fmt;
use std::sync::Arc;

/// Why a law cannot be decided by.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LawInUseError {
    /// No such law.
    #[error(transparent)]
    Unknown(#[from] UnknownLaw),
    /// The constants are not the law's.
    #[error(transparent)]
    Law(#[from] LawError),
    /// A form without constants.
    #[error(
        "law `{0}` has no published constants: give runs to fit it to, or name a published fit"
    )]
    NoConstants(String),
    /// A law of one quantity.
    #[error(
        "law `{name}` ({title}) does not give the loss from size and data: name one that does, such as besiroglu-2024"
    )]
    NotASurface {
        /// The law's name.
        name: String,
        /// What it is.
        title: &'static str,
    },
}

/// What is said of a run that is not made yet: its loss, and the interval of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaidLoss {
    /// Expected loss.
    pub loss: Loss,
    /// Lower end of the interval.
    pub lo: Loss,
    /// Upper end of the interval.
    pub hi: Loss,
}

/// Loss and interval of a run that is not made yet.
type Sayer = dyn Fn(Params, Tokens) -> Option<SaidLoss> + Send + Sync;

/// A law with what must be said whenever it answers: its conventions, the number of runs behind
/// it, how far they reach, and how sure it is.
pub struct LawInUse {
    /// Name, such as `besiroglu-2024` or `chinchilla`.
    pub name: String,
    /// What N and C count.
    pub conventions: Conventions,
    /// Runs that the fit used; `None` for a published law that does not say.
    pub n_used: Option<usize>,
    /// Largest compute among them.
    pub largest_flops: Option<Flops>,
    /// Coverage that intervals claim.
    pub level: f64,
    /// What must be known when using it, one sentence each.
    pub warnings: Vec<String>,
    law: Box<dyn Law>,
    plausible: Vec<Box<dyn Law>>,
    sayer: Option<Box<Sayer>>,
    /// The fit to runs that it is.
    fit: Option<Arc<Fit>>,
}

impl fmt::Debug for LawInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LawInUse")
            .field("name", &self.name)
            .field("n_used", &self.n_used)
            .field("plausible", &self.plausible.len())
            .finish_non_exhaustive()
    }
}

impl LawInUse {
    /// A law without intervals, fitted to nothing that is known.
    ///
    /// # Errors
    /// [`LawInUseError::NotASurface`] unless the law gives the loss from size and data, or the
    /// best of both for a budget.
    pub fn new(
        name: impl Into<String>,
        conventions: Conventions,
        law: Box<dyn Law>,
    ) -> Result<Self, LawInUseError> {
        let name = name.into();
        if law.surface().is_none() && law.best_allocation().is_none() {
            let title = law.card().title;
            return Err(LawInUseError::NotASurface { name, title });
        }
        Ok(Self {
            name,
            conventions,
            n_used: None,
            largest_flops: None,
            level: 0.9,
            warnings: Vec::new(),
            law,
            plausible: Vec::new(),
            sayer: None,
            fit: None,
        })
    }

    /// A published law by its name in the catalogue.
    ///
    /// # Errors
    /// [`LawInUseError`] if there is none, or it does not give the loss from size and data.
    pub fn published(name: &str) -> Result<Self, LawInUseError> {
        let in_use = Self::published_to_plan_by(name)?;
        if in_use.gives_loss() {
            return Ok(in_use);
        }
        Err(LawInUseError::NotASurface {
            title: in_use.law.card().title,
            name: in_use.name,
        })
    }

    /// A published law that at least shares a budget between size and data, whether or not it
    /// gives the loss.
    ///
    /// # Errors
    /// [`LawInUseError`] if there is none, or it says nothing of size and data.
    pub fn published_to_plan_by(name: &str) -> Result<Self, LawInUseError> {
        let entry = find(name)?;
        let law = entry
            .law()
            .ok_or_else(|| LawInUseError::NoConstants(entry.name().to_owned()))??;
        let counts = entry.counts();
        let conventions = Conventions {
            param_count: counts.and_then(|c| c.params).unwrap_or(ParamCount::Total),
            flop_count: counts.and_then(|c| c.flops).unwrap_or(FlopCount::SixNd),
        };
        let name = entry.fit().map_or(entry.name(), |fit| fit.name);
        let mut in_use = Self::new(name, conventions, law)?;
        in_use.describe(&entry);
        Ok(in_use)
    }

    /// A law fitted to runs, with the spread of its refits and the intervals of its forecasts.
    ///
    /// # Errors
    /// [`LawInUseError`] if the fitted law does not give the loss from size and data.
    pub fn fitted(fit: Fit) -> Result<Self, LawInUseError> {
        let conventions = Conventions {
            param_count: fit.param_count,
            flop_count: fit.flop_count,
        };
        let mut in_use = Self::new(fit.law.name(), conventions, fit.law()?)?;
        in_use.n_used = Some(fit.n_used);
        in_use.largest_flops = Some(fit.largest_flops);
        in_use.level = fit.level;
        in_use.warnings.clone_from(&fit.warnings);
        in_use.plausible = fit.plausible();
        let fit = Arc::new(fit);
        in_use.fit = Some(Arc::clone(&fit));
        Ok(in_use.with_forecast(move |params, tokens| {
            let at = ForecastAt {
                params: Some(params),
                tokens: Some(tokens),
                ..ForecastAt::default()
            };
            let said = fit.forecast(&at, fit.level).ok()?;
            Some(SaidLoss {
                loss: said.loss,
                lo: said.lo,
                hi: said.hi,
            })
        }))
    }

    fn describe(&mut self, entry: &Entry) {
        let Some(fit) = entry.fit() else { return };
        let largest = fit.fitted_on.flops.map(|range| range.hi);
        self.largest_flops = largest.and_then(|flops| Flops::new(flops).ok());
        if !fit.note.is_empty() {
            self.warnings.push(fit.note.to_owned());
        }
    }

    /// Adds equally likely laws, such as refits of resampled runs: the spread of their optima is
    /// the interval of the optimum.
    #[must_use]
    pub fn with_plausible(mut self, laws: Vec<Box<dyn Law>>) -> Self {
        self.plausible = laws;
        self
    }

    /// Adds the forecast of a new run's loss, which may know more than the law: how wrong it was
    /// within the runs, for one.
    #[must_use]
    pub fn with_forecast(
        mut self,
        said: impl Fn(Params, Tokens) -> Option<SaidLoss> + Send + Sync + 'static,
    ) -> Self {
        self.sayer = Some(Box::new(said));
        self
    }

    /// The law itself: its card and constants.
    #[must_use]
    pub fn law(&self) -> &dyn Law {
        self.law.as_ref()
    }

    /// The fit to runs that it is; `None` for a published law.
    #[must_use]
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.as_deref()
    }

    /// Whether a loss can be said at a size and data, by the law itself or by a forecast.
    #[must_use]
    pub fn gives_loss(&self) -> bool {
        self.law.surface().is_some() || self.sayer.is_some()
    }

    /// Whether the law states the best size alone, and nothing of the loss.
    #[must_use]
    pub fn states_best_only(&self) -> bool {
        self.law.surface().is_none()
    }

    /// The size and data that a law of the best size alone states for a budget.
    #[must_use]
    pub fn stated_best(&self, flops: Flops) -> Option<Allocation> {
        stated_best(self.law.as_ref(), flops)
    }

    /// The law's loss surface; that of the forecasts for a law of the best size alone.
    #[must_use]
    pub fn surface(&self) -> LawSurface<'_> {
        self.surface_by(self.law.as_ref())
    }

    /// Surfaces that the data allow as well; empty for published laws.
    pub fn plausible_surfaces(&self) -> impl Iterator<Item = LawSurface<'_>> + '_ {
        let laws = self.plausible.iter();
        laws.map(|law| self.surface_by(law.as_ref()))
    }

    fn surface_by<'a>(&'a self, law: &'a dyn Law) -> LawSurface<'a> {
        LawSurface {
            law,
            sayer: self.sayer.as_deref(),
        }
    }

    /// Compute ÷ largest compute behind the law.
    #[must_use]
    pub fn extrapolation(&self, flops: Flops) -> Option<f64> {
        self.largest_flops
            .map(|largest| flops.get() / largest.get())
    }

    /// Loss and interval at a point; `None` for a law without intervals.
    #[must_use]
    pub fn said(&self, params: Params, tokens: Tokens) -> Option<SaidLoss> {
        self.sayer.as_ref()?(params, tokens)
    }

    /// The point with what is known of the law, and without an interval.
    #[must_use]
    pub fn forecast_by_law_alone(&self, point: &SurfacePoint) -> ForecastPoint {
        ForecastPoint {
            params: Some(point.params),
            tokens: Some(point.tokens),
            flops: point.flops,
            loss: point.loss,
            lo: None,
            hi: None,
            extrapolation: self.extrapolation(point.flops),
        }
    }

    /// The forecast at a point of the surface.
    #[must_use]
    pub fn forecast(&self, point: &SurfacePoint) -> ForecastPoint {
        let said = self.said(point.params, point.tokens);
        ForecastPoint {
            params: Some(point.params),
            tokens: Some(point.tokens),
            flops: point.flops,
            loss: said.map_or(point.loss, |said| said.loss),
            lo: said.map(|said| said.lo),
            hi: said.map(|said| said.hi),
            extrapolation: self.extrapolation(point.flops),
        }
    }
}

/// A law as a surface to search on.
#[derive(Clone, Copy)]
pub struct LawSurface<'a> {
    law: &'a dyn Law,
    /// What gives the loss where the law does not.
    sayer: Option<&'a Sayer>,
}

impl fmt::Debug for LawSurface<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LawSurface").field(&self.law).finish()
    }
}

impl Surface for LawSurface<'_> {
    fn loss(&self, params: Params, tokens: Tokens) -> Option<Loss> {
        match self.law.surface() {
            Some(law) => law.loss(params, tokens).ok(),
            None => self.sayer?(params, tokens).map(|said| said.loss),
        }
    }

    fn stated_best(&self, flops: Flops) -> Option<Params> {
        stated_best(self.law, flops).map(|best| best.params)
    }
}

/// The best size of a law that gives no loss to look for it on.
fn stated_best(law: &dyn Law, flops: Flops) -> Option<Allocation> {
    if law.surface().is_some() {
        return None;
    }
    law.best_allocation()?.best(flops).ok()
}

/// A law of the catalogue as a surface to search on.
pub(crate) fn surface_of(law: &dyn Law) -> LawSurface<'_> {
    LawSurface { law, sayer: None }
}
