//! Residuals, leverage, the posterior of exponents, and the design of the next runs.

use super::allocations::interval;
use super::{Analysis, AnalysisError};
use crate::figure::{
    DesignFigure, ExponentDraws, FittedRun, LeverageFigure, NextRun, PosteriorFigure,
    PublishedValue, ResidualsFigure, WeighedRun,
};
use isoflop_fit::diagnose;
use isoflop_laws::{Constant, Flops, Uncertainty, published_fits};
use isoflop_plan::{DesignRequest, Surface as _, design_by_forecasts};

/// The most runs that a design proposes.
const MOST_RUNS: usize = 12;

impl Analysis {
    /// What the fit leaves over.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] where the law has no value at a run.
    pub fn residuals(&self) -> Result<ResidualsFigure, AnalysisError> {
        let held_out = self.fits.held_out.iter().map(|&k| (k, true));
        let all = self
            .fits
            .positions
            .iter()
            .map(|&k| (k, false))
            .chain(held_out);
        let runs = all.filter_map(|(k, held_out)| {
            let run = self.evidence.point(k);
            let fitted = self.fits.law.surface().loss(run.params, run.tokens)?;
            Some(FittedRun {
                run,
                fitted,
                held_out,
            })
        });
        Ok(ResidualsFigure {
            title: "What the fit leaves over".into(),
            runs: runs.collect(),
            conventions: self.law_note(),
        })
    }

    /// Which runs the fit hangs on.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] for a law without a loss.
    pub fn leverage(&self) -> Result<LeverageFigure, AnalysisError> {
        let found = diagnose(&self.fits.fitted, &self.fits.surface_fit, None)?;
        if found.residuals.is_empty() {
            return Err(Analysis::missing("leverage", "the law predicts no loss"));
        }
        let runs = found.residuals.iter().map(|residual| WeighedRun {
            run: self.evidence.point(self.fits.positions[residual.index]),
            leverage: residual.leverage,
            residual: residual.standardised,
            cook: residual.influence,
        });
        Ok(LeverageFigure {
            title: "Which runs the fit hangs on".into(),
            runs: runs.collect(),
            parameters: self.fits.surface_fit.parameters.len(),
            conventions: self.law_note(),
        })
    }

    /// The exponents beside published values.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] for a law without the exponents α and β, or without refits.
    pub fn posterior(&self) -> Result<PosteriorFigure, AnalysisError> {
        let position = |symbol: &str| {
            let all = self.fits.surface_fit.parameters.iter();
            all.map(|parameter| parameter.symbol.as_str())
                .position(|s| s == symbol)
        };
        let (Some(alpha), Some(beta)) = (position("alpha"), position("beta")) else {
            let why = format!(
                "law {} has no exponents alpha and beta",
                self.fits.surface_fit.law
            );
            return Err(Analysis::missing("posterior", why));
        };
        let size = |values: &[f64]| values[beta] / (values[alpha] + values[beta]);
        let exponents = vec![
            self.exponent("α", "exponent of size", |values| values[alpha]),
            self.exponent("β", "exponent of data", |values| values[beta]),
            self.exponent("a = β / (α + β)", "N_opt grows as Cᵃ", size),
        ];
        Ok(PosteriorFigure {
            title: "The exponents that these runs allow, beside published ones".into(),
            exponents,
            level: self.fits.surface_fit.level,
            conventions: format!(
                "Bars: {} refits to resampled runs. Published: points with their intervals, where \
                 there are any; their data and conventions differ. {}",
                self.fits.surface_fit.draws.len(),
                self.law_note()
            ),
        })
    }

    fn exponent(&self, symbol: &str, meaning: &str, of: impl Fn(&[f64]) -> f64) -> ExponentDraws {
        let fit = &self.fits.surface_fit;
        let estimate: Vec<f64> = fit
            .parameters
            .iter()
            .map(|parameter| parameter.value)
            .collect();
        let draws: Vec<f64> = fit.draws.iter().map(|draw| of(draw)).collect();
        let same_law = published_fits().filter(|(card, _)| card.name == fit.law.name());
        let published = same_law.map(|(_, published)| PublishedValue {
            name: published.name.to_owned(),
            value: of(&published.values()),
            interval: published_interval(published.constants, symbol),
        });
        ExponentDraws {
            symbol: symbol.to_owned(),
            meaning: meaning.to_owned(),
            estimate: of(&estimate),
            interval: interval(draws.clone(), fit.level),
            draws,
            published: published.collect(),
        }
    }

    /// The runs to make next for the target, by the forecasts that the page states.
    ///
    /// # Errors
    /// [`AnalysisError::Design`] where the target needs none.
    pub fn design(&self) -> Result<DesignFigure, AnalysisError> {
        let runs = self.run_points();
        // As much again as was spent, but never a large part of the target's own cost.
        let spent: f64 = runs.iter().map(|run| run.flops.get()).sum();
        let budget = Flops::new(spent.min(self.target.flops.get() / 5.0))?;
        let request = DesignRequest {
            target: self.target.flops,
            budget,
            max_run: None,
            max_runs: MOST_RUNS,
            target_size: Some((self.target.params, self.target.tokens)),
            // The fit counts its runs itself.
            existing: Vec::new(),
            noise: None,
            level: self.question.options.level,
        };
        let surface = self.fits.law.surface();
        let found = design_by_forecasts(&self.fits.forecaster, &surface, &request)
            .or_else(|_| design_by_forecasts(&self.fits.surface_fit, &surface, &request))?;
        let next = found.runs.iter().map(|run| NextRun {
            params: run.params,
            tokens: run.tokens,
            flops: run.flops,
        });
        Ok(DesignFigure {
            title: "The next runs, and what they do to the forecast".into(),
            next: next.collect(),
            target: NextRun {
                params: found.target.params,
                tokens: found.target.tokens,
                flops: found.target.flops,
            },
            cost: found.cost_flops,
            width: (found.interval_before, found.interval_after),
            level: found.level,
            conventions: format!(
                "Budget: as much as all runs so far, at most a fifth of the target. Intervals: of \
                 the measured loss of one new run, now as the forecast states it, then as its model \
                 expects it with the runs to make; noise between runs {:.2} %, learned from them; \
                 laws of the forecast: {}. {}",
                found.noise * 100.0,
                found.laws.join(", "),
                self.law_note()
            ),
            existing: runs,
        })
    }
}

/// A published interval of an exponent; none for what is computed from two.
fn published_interval(constants: &[Constant], symbol: &str) -> Option<(f64, f64)> {
    let name = match symbol {
        "α" => "alpha",
        "β" => "beta",
        _ => return None,
    };
    let constant = constants.iter().find(|constant| constant.symbol == name)?;
    match constant.uncertainty {
        Uncertainty::StandardError(error) => Some((
            constant.value - 1.645 * error,
            constant.value + 1.645 * error,
        )),
        Uncertainty::Interval { lo, hi, .. } => Some((lo, hi)),
        Uncertainty::NotPublished => None,
    }
}
