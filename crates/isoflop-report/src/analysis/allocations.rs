//! Best size and data: valleys, optima, schools.

use super::{Analysis, AnalysisError, log_steps};
use crate::figure::{
    AllocationLine, AllocationPoint, IsoflopFigure, OptimumFigure, Parabola, SchoolsFigure, Valley,
};
use isoflop_fit::{Fit, FitOptions, FittedLaw, fit, valleys};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_plan::{ALLOCATION_RULES, Given, LawSurface, optimum};

/// Points of a line over budgets.
const POINTS: usize = 41;
/// Rules that stand for the two schools, and their names for readers.
const SCHOOLS: &[(&str, &str)] = &[
    ("openai", "OpenAI (Kaplan 2020)"),
    ("20-tokens", "DeepMind (20 tokens a parameter)"),
];

impl Analysis {
    /// Valleys of the loss at fixed budgets.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] where no three sizes share a budget.
    pub fn isoflop(&self) -> Result<IsoflopFigure, AnalysisError> {
        let found = valleys(&self.fits.fitted);
        if found.is_empty() {
            let why = "no budget has three sizes or more: train several sizes at equal compute";
            return Err(Analysis::missing("isoflop", why));
        }
        let shown: usize = found.iter().map(|valley| valley.members.len()).sum();
        let valleys = found.iter().map(|valley| {
            let runs = valley.members.iter();
            let runs = runs
                .map(|&k| self.evidence.point(self.fits.positions[k]))
                .collect();
            let parabola = valley.parabola.and_then(|parabola| {
                Some(Parabola {
                    params: Params::new(parabola.ln_params.exp()).ok()?,
                    loss: Loss::new(parabola.lowest).ok()?,
                    curvature: parabola.curvature,
                })
            });
            Valley {
                flops: valley.flops,
                runs,
                parabola,
            }
        });
        Ok(IsoflopFigure {
            title: "At each compute budget one model size is best".into(),
            valleys: valleys.collect(),
            unit: self.question.unit,
            conventions: format!(
                "Parabolas in ln N by least squares at each of {} budgets; {shown} of {} rows \
                 have two other sizes at their budget. {}.",
                found.len(),
                self.fits.fitted.observations.len(),
                self.conventions()
            ),
        })
    }

    /// N_opt(C) and D_opt(C): by the valleys where there are two, else by the fitted surface.
    ///
    /// # Errors
    /// [`AnalysisError`] where the law has no optimum.
    pub fn optimum(&self) -> Result<OptimumFigure, AnalysisError> {
        let options = FitOptions {
            law: isoflop_fit::LawChoice::Named(FittedLaw::Isoflop),
            steps: None,
            ..self.question.options.clone()
        };
        let budgets = self.budgets();
        let minima = self.minima();
        let level = self.question.options.level;
        let (line, exponent, how) = match fit(&self.fits.fitted, &options) {
            Ok(by_valleys) if minima.len() > 2 => {
                let line = valley_line(&by_valleys, &budgets, level);
                let a = &by_valleys.parameters[1];
                (
                    line,
                    (a.value, a.lo.zip(a.hi)),
                    "a power law through the minima",
                )
            }
            _ => (
                self.surface_line(&budgets)?,
                self.surface_exponent()?,
                "the fitted surface",
            ),
        };
        let at_target = line.iter().find(|point| point.flops == self.target.flops);
        Ok(OptimumFigure {
            title: "Best model size and training data by compute".into(),
            minima,
            minima_label: "Minima of the valleys".into(),
            target: at_target.copied(),
            line: AllocationLine {
                name: "Your runs".into(),
                points: line,
            },
            exponent,
            level,
            largest: Some(self.fits.forecaster.largest_flops),
            conventions: format!(
                "Line: {how}; band: {:.0} % of refits to resampled runs. {}.",
                level * 100.0,
                self.conventions()
            ),
        })
    }

    /// OpenAI's rule, DeepMind's rule and these runs.
    ///
    /// # Errors
    /// [`AnalysisError`] where the law has no optimum.
    pub fn schools(&self) -> Result<SchoolsFigure, AnalysisError> {
        let budgets = self.budgets();
        let own = self.surface_line(&budgets)?;
        let schools = SCHOOLS.iter().filter_map(|(rule, name)| {
            let rule = ALLOCATION_RULES.iter().find(|known| known.name == *rule)?;
            let points = budgets.iter().filter_map(|&flops| {
                let share = rule.share(Given::Flops(flops)).ok()?;
                Some(AllocationPoint {
                    flops,
                    params: share.params,
                    params_interval: None,
                    tokens: share.tokens,
                })
            });
            Some(AllocationLine {
                name: (*name).to_owned(),
                points: points.collect(),
            })
        });
        Ok(SchoolsFigure {
            title: "How to share a budget between size and data".into(),
            target: own
                .iter()
                .find(|point| point.flops == self.target.flops)
                .copied(),
            own: AllocationLine {
                name: "Your runs".into(),
                points: own,
            },
            schools: schools.collect(),
            largest: Some(self.fits.forecaster.largest_flops),
            conventions: format!(
                "OpenAI: N without embeddings, ten times the compute for ×5.5 N and ×1.8 D, \
                 anchored at 1.3B and 1 PF-day. DeepMind: all parameters. {}",
                self.law_note()
            ),
        })
    }

    /// Minima of the valleys.
    fn minima(&self) -> Vec<AllocationPoint> {
        let found = valleys(&self.fits.fitted);
        let minima = found.iter().filter_map(|valley| {
            let params = Params::new(valley.parabola?.ln_params.exp()).ok()?;
            Some(AllocationPoint {
                flops: valley.flops,
                params,
                params_interval: None,
                tokens: Tokens::new(valley.flops.get() / 6.0 / params.get()).ok()?,
            })
        });
        minima.collect()
    }

    /// Budgets from the smallest run to a little beyond the target, which is one of them.
    pub(super) fn budgets(&self) -> Vec<Flops> {
        let (low, high) = super::ends(
            self.fits
                .fitted
                .observations
                .iter()
                .map(|run| run.flops.get()),
        );
        let high = self.target.flops.get().max(high) * 1.5;
        let even = log_steps(low, high, POINTS);
        let mut budgets: Vec<f64> = even.chain([self.target.flops.get()]).collect();
        budgets.sort_by(f64::total_cmp);
        budgets
            .into_iter()
            .filter_map(|flops| Flops::new(flops).ok())
            .collect()
    }

    /// The optimum of the fitted surface at each budget, with that of the refits.
    pub(super) fn surface_line(
        &self,
        budgets: &[Flops],
    ) -> Result<Vec<AllocationPoint>, AnalysisError> {
        let level = self.question.options.level;
        let point = |&flops: &Flops| {
            let best = optimum(&self.fits.law.surface(), flops)?;
            let refits = self.fits.law.plausible_surfaces().take(MOST_REFITS);
            let sizes =
                refits.filter_map(|surface| Some(optimum(&surface, flops).ok()?.params.get()));
            let interval = interval(sizes.collect(), level);
            Ok(AllocationPoint {
                flops,
                params: best.params,
                params_interval: interval.and_then(|(low, high)| {
                    Some((Params::new(low).ok()?, Params::new(high).ok()?))
                }),
                tokens: best.tokens,
            })
        };
        budgets.iter().map(point).collect()
    }

    /// Exponent of N_opt in C at the target, and its interval over the refits.
    fn surface_exponent(&self) -> Result<(f64, Option<(f64, f64)>), AnalysisError> {
        let later = Flops::new(self.target.flops.get() * 10.0)?;
        let growth = |surface: &LawSurface<'_>| {
            let here = optimum(surface, self.target.flops).ok()?;
            let there = optimum(surface, later).ok()?;
            Some((there.params.get() / here.params.get()).log10())
        };
        let missing = || Analysis::missing("optimum", "the law has no best size at the target");
        let exponent = growth(&self.fits.law.surface()).ok_or_else(missing)?;
        let refits = self.fits.law.plausible_surfaces().take(MOST_REFITS);
        let drawn = refits.filter_map(|surface| growth(&surface)).collect();
        Ok((exponent, interval(drawn, self.question.options.level)))
    }
}

/// Refits that bands are drawn from: more would not be seen.
const MOST_REFITS: usize = 100;

/// The line of law `isoflop` with the quantiles of its refits.
fn valley_line(fit: &Fit, budgets: &[Flops], level: f64) -> Vec<AllocationPoint> {
    let size = |values: &[f64], flops: Flops| values[0] * (values[1] * flops.ln()).exp();
    let values: Vec<f64> = fit
        .parameters
        .iter()
        .map(|parameter| parameter.value)
        .collect();
    let point = |&flops: &Flops| {
        let params = Params::new(size(&values, flops)).ok()?;
        let drawn = fit.draws.iter().map(|draw| size(draw, flops)).collect();
        let ends = interval(drawn, level);
        Some(AllocationPoint {
            flops,
            params,
            params_interval: ends
                .and_then(|(low, high)| Some((Params::new(low).ok()?, Params::new(high).ok()?))),
            tokens: Tokens::new(flops.get() / 6.0 / params.get()).ok()?,
        })
    };
    budgets.iter().filter_map(point).collect()
}

/// The central interval of some draws; `None` for fewer than twenty.
pub(super) fn interval(mut draws: Vec<f64>, level: f64) -> Option<(f64, f64)> {
    draws.retain(|draw| draw.is_finite());
    if draws.len() < 20 {
        return None;
    }
    draws.sort_by(f64::total_cmp);
    let last = (draws.len() - 1) as f64;
    let at = |share: f64| draws[(share * last).round() as usize];
    Some((at((1.0 - level) / 2.0), at((1.0 + level) / 2.0)))
}
