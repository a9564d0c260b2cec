//! Kaplan's three power laws, and learning curves with their envelope.

use super::{Analysis, AnalysisError, Evidence, subset};
use crate::analysis::evidence::envelope;
use crate::figure::{
    EnvelopeFigure, KaplanFigure, KaplanPanel, LossUnit, PowerLine, RunPoint, Variable,
};
use isoflop_fit::{FitOptions, FittedLaw, LawChoice, Observation, fit};

/// Budgets at which the envelope is read.
const ENVELOPE_POINTS: usize = 200;

impl Analysis {
    /// Loss against each of C, D and N, with the runs that the others hold back least.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] for too few runs.
    pub fn kaplan(&self) -> Result<KaplanFigure, AnalysisError> {
        let count = self.fits.fitted.observations.len();
        if count < 6 {
            let why = format!("there are {count} runs, and three power laws need at least six");
            return Err(Analysis::missing("kaplan", why));
        }
        let panels = [
            (
                Variable::Compute,
                FittedLaw::KaplanC,
                self.frontier(|run| run.flops.get()),
            ),
            (
                Variable::Tokens,
                FittedLaw::KaplanD,
                self.frontier(|run| run.tokens.get()),
            ),
            (
                Variable::Params,
                FittedLaw::KaplanN,
                self.frontier(|run| run.params.get()),
            ),
        ];
        let panels = panels.map(|(variable, law, fitted)| self.kaplan_panel(variable, law, fitted));
        Ok(KaplanFigure {
            title: "Loss against compute, data and parameters".into(),
            panels: panels.into(),
            unit: self.question.unit,
            conventions: format!(
                "Fitted in each panel: runs that no run with as little of its variable beats, so \
                 that the other two hold them back least. No floor E, as in Kaplan et al. (2020). \
                 {}.",
                self.conventions()
            ),
        })
    }

    fn kaplan_panel(&self, variable: Variable, law: FittedLaw, fitted: Vec<usize>) -> KaplanPanel {
        let options = FitOptions {
            law: LawChoice::Named(law),
            steps: None,
            ..self.question.options.clone()
        };
        // Runs that do not determine a line are shown without one.
        let line = fit(&subset(&self.fits.fitted, &fitted), &options).ok();
        let line = line.as_ref().and_then(PowerLine::of_fit);
        let point = |&k: &usize| self.evidence.point(self.fits.positions[k]);
        let others: Vec<RunPoint> = (0..self.fits.positions.len())
            .filter(|k| !fitted.contains(k))
            .map(|k| point(&k))
            .collect();
        KaplanPanel {
            variable,
            fitted: fitted.iter().map(point).collect(),
            others,
            line,
        }
    }

    /// Runs that no run with as little of a quantity beats.
    fn frontier(&self, of: impl Fn(&Observation) -> f64) -> Vec<usize> {
        let runs = &self.fits.fitted.observations;
        let mut order: Vec<usize> = (0..runs.len()).collect();
        order.sort_by(|&a, &b| {
            let by_quantity = of(&runs[a]).total_cmp(&of(&runs[b]));
            by_quantity.then(runs[a].loss.get().total_cmp(&runs[b].loss.get()))
        });
        let mut least = f64::INFINITY;
        order.retain(|&k| {
            let better = runs[k].loss.get() < least;
            least = least.min(runs[k].loss.get());
            better
        });
        order
    }
}

impl Evidence {
    /// Learning curves and their envelope.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] without curves.
    pub fn envelope(&self, unit: LossUnit) -> Result<EnvelopeFigure, AnalysisError> {
        let (curves, origin) = self.learning_curves();
        if curves.len() < 2 {
            let why = "there are no learning curves: give a store with checkpoints, or a file with \
                       several rows of one run or size";
            return Err(Analysis::missing("envelope", why));
        }
        let data = &self.dataset;
        Ok(EnvelopeFigure {
            title: "Learning curves and the least loss at each compute".into(),
            envelope: envelope(&curves, ENVELOPE_POINTS),
            curves,
            unit,
            conventions: format!(
                "{}N: {}; {}; loss on held-out data in nats per token.",
                origin.note(),
                data.param_count,
                data.flop_count
            ),
        })
    }
}
