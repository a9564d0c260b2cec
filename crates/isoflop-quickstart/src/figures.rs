//! The figures of the report, from the runs, the fits and the sealed forecast.

use crate::error::QuickstartError;
use crate::forecast::{Fits, LEVEL, options_for, sizes};
use crate::outcome::Outcome;
use crate::plan::Plan;
use isoflop_fit::{Dataset, Fit, FittedLaw, ForecastAt, Observation, fit, valleys};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_report::{
    Figure, FigureError, FittedRun, ForecastFigure, IsoflopFigure, KaplanFigure, KaplanPanel,
    LossUnit, Parabola, PowerLine, Prediction, ResidualsFigure, RunPoint, Valley, Variable,
};
use isoflop_runs::Run;

/// What the figures show.
pub(crate) struct Shown<'a> {
    pub plan: &'a Plan,
    pub fits: &'a Fits,
    pub outcome: &'a Outcome,
}

/// The stated law in a caption.
const LAW: &str = "Laws averaged, with their discrepancy";

impl Shown<'_> {
    /// All figures in the order in which the report shows them.
    pub(crate) fn all(&self) -> Result<Vec<Figure>, QuickstartError> {
        let mut figures = vec![self.forecast()?];
        figures.extend(optional(self.kaplan()?.render())?);
        figures.extend(optional(self.isoflop()?.render())?);
        figures.push(self.residuals()?.render()?);
        Ok(figures)
    }

    /// Bits per byte for text; nats per token where the text is not known.
    pub(crate) fn unit(&self) -> LossUnit {
        match self.plan.facts.bytes_per_token {
            Some(bytes_per_token) => LossUnit::BitsPerByte { bytes_per_token },
            None => LossUnit::NatsPerToken,
        }
    }

    pub(crate) fn prediction(&self) -> Prediction {
        let (outcome, said) = (self.outcome, &self.outcome.comparison);
        Prediction {
            params: outcome.params,
            tokens: outcome.tokens,
            flops: outcome.flops,
            loss: said.predicted,
            low: said.lo,
            high: said.hi,
            level: said.level,
        }
    }

    pub(crate) fn title(&self) -> String {
        let (outcome, text) = (self.outcome, &self.plan.facts);
        let held_out = match text.bytes_per_token {
            Some(_) => " on held-out text",
            None => "",
        };
        format!(
            "Loss of a {}-parameter model{held_out}, predicted from {} runs of at most 1/{:.0} its compute",
            outcome.params, outcome.n_used, outcome.extrapolation
        )
    }

    fn conventions(&self) -> String {
        let counted = self.outcome.conventions;
        format!("N: {}; {}.", counted.param_count, counted.flop_count)
    }

    fn forecast(&self) -> Result<Figure, QuickstartError> {
        let figure = ForecastFigure {
            title: self.title(),
            runs: self.used()?,
            curve: self.curve()?,
            prediction: self.prediction(),
            actual: Some(self.outcome.comparison.actual),
            known_entropy: self.outcome.floor.map(|floor| floor.known),
            unit: self.unit(),
            law: "laws averaged, at the target's D/N".to_owned(),
            conventions: format!(
                "{} Loss on a fixed validation set that shares no {} with the training text.",
                self.conventions(),
                self.split_by()
            ),
        };
        Ok(figure.render()?)
    }

    pub(crate) fn split_by(&self) -> &'static str {
        use isoflop_corpus::SplitBy;
        match self.plan.facts.summary.as_ref().map(|s| s.split_by) {
            Some(SplitBy::Crate) => "crate",
            Some(SplitBy::Subfolder) => "folder",
            Some(SplitBy::File) => "file",
            Some(SplitBy::Piece) => "piece of text",
            None => "token",
        }
    }

    /// The small runs in the fit.
    pub(crate) fn used(&self) -> Result<Vec<RunPoint>, QuickstartError> {
        let used = self.fits.selection.used.iter();
        used.map(|index| point(&self.fits.runs[*index])).collect()
    }

    /// The fitted law along the shapes of the family, with the target's tokens per parameter.
    fn curve(&self) -> Result<Vec<(Flops, Loss)>, QuickstartError> {
        let (target, tokens, _) = sizes(&self.plan.ladder.target)?;
        let ratio = tokens.get() / target.get();
        let recipe = isoflop_train::Recipe {
            vocabulary: self.plan.facts.vocabulary,
            ..self.plan.recipe
        };
        let mut curve = Vec::new();
        for shape in recipe.family() {
            let params = shape.params()?;
            if params.get() > target.get() * 1.001 {
                break;
            }
            let tokens = Tokens::new(ratio * params.get())?;
            let loss = fitted(&self.fits.stated, params, tokens)?;
            curve.push((shape.counted_flops(tokens)?, loss));
        }
        Ok(curve)
    }

    fn kaplan(&self) -> Result<KaplanFigure, QuickstartError> {
        let data = &self.fits.selection.dataset;
        let budgets = groups(data, |run| run.flops.ln());
        let sizes = groups(data, |run| run.params.ln());
        let mut panels = Vec::new();
        for (variable, law) in [
            (Variable::Compute, FittedLaw::KaplanC),
            (Variable::Tokens, FittedLaw::KaplanD),
            (Variable::Params, FittedLaw::KaplanN),
        ] {
            let among = match variable {
                Variable::Compute | Variable::Tokens => &budgets,
                Variable::Params => &sizes,
            };
            let chosen = among.iter();
            let chosen = chosen.filter_map(|runs| unbottlenecked(data, variable, runs));
            panels.push(self.panel(variable, law, &chosen.collect::<Vec<_>>())?);
        }
        Ok(KaplanFigure {
            title: "Loss falls with compute, data and parameters".to_owned(),
            panels,
            unit: self.unit(),
            conventions: format!(
                "Line: the best run of each budget (C), the largest model of each budget (D), the \
                 longest run of each size (N). {}",
                self.conventions()
            ),
        })
    }

    fn panel(
        &self,
        variable: Variable,
        law: FittedLaw,
        chosen: &[usize],
    ) -> Result<KaplanPanel, QuickstartError> {
        let data = &self.fits.selection.dataset;
        let some = Dataset {
            observations: chosen
                .iter()
                .map(|index| data.observations[*index].clone())
                .collect(),
            ..data.clone()
        };
        // Too few budgets for a line leave a panel without one.
        let line = fit(&some, &options_for(law, self.plan)).ok();
        let (mut fitted, mut others) = (Vec::new(), Vec::new());
        for (index, run) in self.used()?.into_iter().enumerate() {
            match chosen.contains(&index) {
                true => fitted.push(run),
                false => others.push(run),
            }
        }
        Ok(KaplanPanel {
            variable,
            fitted,
            others,
            line: line.as_ref().and_then(PowerLine::of_fit),
        })
    }

    fn isoflop(&self) -> Result<IsoflopFigure, QuickstartError> {
        let points = self.used()?;
        let shown = valleys(&self.fits.selection.dataset).into_iter();
        let shown = shown.map(|valley| Valley {
            flops: valley.flops,
            runs: valley
                .members
                .iter()
                .map(|index| points[*index].clone())
                .collect(),
            parabola: valley.parabola.and_then(|parabola| {
                Some(Parabola {
                    params: Params::new(parabola.ln_params.exp()).ok()?,
                    loss: Loss::new(parabola.lowest).ok()?,
                    curvature: parabola.curvature,
                })
            }),
        });
        Ok(IsoflopFigure {
            title: "At each compute budget one model size is best".to_owned(),
            valleys: shown.filter(|valley| valley.runs.len() > 1).collect(),
            unit: self.unit(),
            conventions: self.conventions(),
        })
    }

    fn residuals(&self) -> Result<ResidualsFigure, QuickstartError> {
        let mut runs = Vec::new();
        for run in self.used()? {
            let fitted = fitted(&self.fits.stated, run.params, run.tokens)?;
            runs.push(FittedRun {
                run,
                fitted,
                held_out: false,
            });
        }
        runs.push(FittedRun {
            run: RunPoint {
                run: self.plan.ladder.target.name.clone(),
                params: self.outcome.params,
                tokens: self.outcome.tokens,
                flops: self.outcome.flops,
                loss: self.outcome.comparison.actual,
            },
            fitted: fitted(&self.fits.stated, self.outcome.params, self.outcome.tokens)?,
            held_out: true,
        });
        Ok(ResidualsFigure {
            title: "What the fit leaves over".to_owned(),
            runs,
            conventions: format!("{LAW}. {}", self.conventions()),
        })
    }
}

/// A ladder too small for a figure has a report without it.
fn optional(figure: Result<Figure, FigureError>) -> Result<Option<Figure>, FigureError> {
    match figure {
        Err(FigureError::TooFewPoints { .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// Runs that agree in what `key` gives to a twentieth, in the order of that.
fn groups(data: &Dataset, key: impl Fn(&Observation) -> f64) -> Vec<Vec<usize>> {
    let key = |index: usize| key(&data.observations[index]);
    let mut order: Vec<usize> = (0..data.observations.len()).collect();
    order.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
    let same = |a: &usize, b: &usize| key(*b) - key(*a) < 0.05;
    order.chunk_by(same).map(<[usize]>::to_vec).collect()
}

/// Of the runs of one budget or size, the one that the other two quantities hold back least.
fn unbottlenecked(data: &Dataset, variable: Variable, runs: &[usize]) -> Option<usize> {
    let key = |index: &usize| {
        let run = &data.observations[*index];
        match variable {
            Variable::Compute => run.loss.get(),
            Variable::Tokens => -run.params.get(),
            Variable::Params => -run.tokens.get(),
        }
    };
    runs.iter()
        .copied()
        .min_by(|a, b| key(a).total_cmp(&key(b)))
}

/// The loss that the stated law gives for a run.
pub(crate) fn fitted(law: &Fit, params: Params, tokens: Tokens) -> Result<Loss, QuickstartError> {
    let at = ForecastAt {
        params: Some(params),
        tokens: Some(tokens),
        ..ForecastAt::default()
    };
    Ok(law.forecast(&at, LEVEL)?.loss)
}

/// A finished run as a point of a figure.
fn point(run: &Run) -> Result<RunPoint, QuickstartError> {
    let missing = || QuickstartError::TargetLost(format!("run `{}` has no sizes", run.run));
    Ok(RunPoint {
        run: run.run.clone(),
        params: run.params.ok_or_else(missing)?,
        tokens: run.tokens.ok_or_else(missing)?,
        flops: run.flops.ok_or_else(missing)?,
        loss: run.loss.ok_or_else(missing)?,
    })
}
