//! The fitted surface: contours, sample efficiency, stopping.

use super::{Analysis, AnalysisError, ends, log_steps};
use crate::figure::{
    Contour, ContoursFigure, SampleEfficiencyFigure, SizeCurve, Slice, StoppedModel, StoppingFigure,
};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_plan::{Surface, SurfaceError, cheapest_for, optimum, tokens_to_reach};

/// Lines of equal loss.
const LEVELS: usize = 9;
/// Cuts at fixed compute.
const SLICES: usize = 6;
/// Sizes whose curves are shown.
const SIZES: usize = 6;
/// Tokens that stand for unlimited data.
const UNLIMITED: f64 = 1e18;

impl Analysis {
    /// Lines of equal loss over compute and size, and cuts at fixed compute.
    ///
    /// # Errors
    /// [`AnalysisError::Surface`] where the law has no optimum.
    pub fn contours(&self) -> Result<ContoursFigure, AnalysisError> {
        let runs = self.run_points();
        let surface = self.fits.law.surface();
        let sizes = runs
            .iter()
            .map(|run| run.params.get())
            .chain([self.target.params.get()]);
        let (small, large) = ends(sizes);
        let compute = runs
            .iter()
            .map(|run| run.flops.get())
            .chain([self.target.flops.get()]);
        let (cheap, dear) = ends(compute);
        let losses = self.level_losses(cheap, dear)?;
        let contour = |loss: Loss| {
            let points = log_steps(small / 4.0, large * 4.0, 160).filter_map(|params| {
                let params = Params::new(params).ok()?;
                let tokens = tokens_to_reach(&surface, params, loss)?;
                Some((Flops::six_nd(params, tokens), params))
            });
            Contour {
                loss,
                points: points.collect(),
            }
        };
        let frontier = self.budgets().into_iter().filter_map(|flops| {
            let best = optimum(&surface, flops).ok()?;
            Some((flops, best.params))
        });
        let slices = log_steps(cheap, dear, SLICES).filter_map(|flops| slice(&surface, flops));
        Ok(ContoursFigure {
            title: "The fitted loss over compute and model size".into(),
            contours: losses.into_iter().map(contour).collect(),
            frontier: frontier.collect(),
            slices: slices.collect(),
            target: Some((self.target.flops, self.target.params)),
            unit: self.question.unit,
            conventions: self.law_note(),
            runs,
        })
    }

    /// Losses from that of the worst run to that of the target, evenly in the logarithm.
    fn level_losses(&self, cheap: f64, dear: f64) -> Result<Vec<Loss>, AnalysisError> {
        let surface = self.fits.law.surface();
        let worst = self
            .fits
            .fitted
            .observations
            .iter()
            .map(|run| run.loss.get());
        let worst = worst.fold(f64::MIN_POSITIVE, f64::max);
        let least = optimum(&surface, Flops::new(dear)?)?.loss.get();
        let most = optimum(&surface, Flops::new(cheap)?)?.loss.get();
        let levels = log_steps(worst.min(most * 1.25), least, LEVELS);
        Ok(levels.map(Loss::new).collect::<Result<_, _>>()?)
    }

    /// Loss against tokens for several sizes, and the tokens that each needs for one loss.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] for runs of one size.
    pub fn sample_efficiency(&self) -> Result<SampleEfficiencyFigure, AnalysisError> {
        let runs = self.run_points();
        let (small, large) = ends(runs.iter().map(|run| run.params.get()));
        if large < small * 1.5 {
            let why = "all runs have about one size";
            return Err(Analysis::missing("sample-efficiency", why));
        }
        let surface = self.fits.law.surface();
        let (few, many) = ends(runs.iter().map(|run| run.tokens.get()));
        // What the smallest size reaches with the most data: every larger size reaches it sooner.
        let common = surface.loss(Params::new(small)?, Tokens::new(many)?);
        let common = common.ok_or(SurfaceError::NoOptimum(self.target.flops))?;
        let curve = |params: f64| {
            let params = Params::new(params).ok()?;
            let points = log_steps(few, many, 80).filter_map(|tokens| {
                let tokens = Tokens::new(tokens).ok()?;
                Some((tokens, surface.loss(params, tokens)?))
            });
            Some(SizeCurve {
                params,
                points: points.collect(),
                reaches: tokens_to_reach(&surface, params, common),
            })
        };
        Ok(SampleEfficiencyFigure {
            title: "Larger models need fewer tokens for the same loss".into(),
            curves: log_steps(small, large, SIZES).filter_map(curve).collect(),
            common_loss: common,
            unit: self.question.unit,
            conventions: format!(
                "Lines: the fitted law for {SIZES} sizes over the data of the runs; points: runs, \
                 in the colour of the next size. {}",
                self.law_note()
            ),
            runs,
        })
    }

    /// Compute that sizes around the best need for the target's loss, and where each stops.
    ///
    /// # Errors
    /// [`AnalysisError::Surface`] where no budget reaches the loss.
    pub fn stopping(&self) -> Result<StoppingFigure, AnalysisError> {
        let surface = self.fits.law.surface();
        let loss = self.target.loss;
        let best = cheapest_for(&surface, loss)?;
        let out_of_reach = || SurfaceError::OutOfReach(loss);
        let model = |params: Params| {
            let tokens = tokens_to_reach(&surface, params, loss)?;
            Some(StoppedModel {
                params,
                tokens,
                flops: Flops::six_nd(params, tokens),
                converged: surface.loss(params, Tokens::new(UNLIMITED).ok()?)?,
            })
        };
        let sizes = log_steps(best.params.get() / 6.0, best.params.get() * 12.0, 81);
        let models = sizes.filter_map(|params| model(Params::new(params).ok()?));
        // Sizes that can hardly reach the loss at all would squeeze the rest of the picture.
        let models = models.filter(|model| model.flops.get() < 20.0 * best.flops.get());
        Ok(StoppingFigure {
            title: "Train large models and stop well before convergence".into(),
            models: models.collect(),
            best: model(best.params).ok_or_else(out_of_reach)?,
            loss,
            conventions: format!(
                "Converged: the law with {UNLIMITED:.0e} tokens. Each length has a schedule of its \
                 own, as the runs had. {}",
                self.law_note()
            ),
        })
    }
}

/// The loss by size around the best one at a budget.
fn slice(surface: &impl Surface, flops: f64) -> Option<Slice> {
    let flops = Flops::new(flops).ok()?;
    let best = optimum(surface, flops).ok()?;
    let sizes = log_steps(best.params.get() / 12.0, best.params.get() * 12.0, 81);
    let points = sizes.filter_map(|params| {
        let params = Params::new(params).ok()?;
        let tokens = Tokens::new(flops.get() / 6.0 / params.get()).ok()?;
        Some((params, surface.loss(params, tokens)?))
    });
    Some(Slice {
        flops,
        points: points.collect(),
    })
}
