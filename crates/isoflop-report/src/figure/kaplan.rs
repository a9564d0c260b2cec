//! Loss against compute, data and parameters, each on logarithmic axes: Kaplan et al. (2020),
//! "Scaling Laws for Neural Language Models", figure 1.

use super::axis::Axis;
use super::canvas::{Frame, Marker, Panel, PanelArea, Stroke, draw};
use super::style::{BLUE, GREY, VERMILION};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished};
use isoflop_fit::{Fit, FittedLaw};
use isoflop_laws::{Flops, Loss};
use plotters::chart::SeriesLabelPosition;

/// What a panel has on its horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// Training compute C, FLOPs.
    Compute,
    /// Tokens seen D.
    Tokens,
    /// Model size N.
    Params,
}

impl Variable {
    fn of(self, run: &RunPoint) -> f64 {
        match self {
            Variable::Compute => run.flops.get(),
            Variable::Tokens => run.tokens.get(),
            Variable::Params => run.params.get(),
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Variable::Compute => "C",
            Variable::Tokens => "D",
            Variable::Params => "N",
        }
    }

    fn axis_label(self) -> &'static str {
        match self {
            Variable::Compute => "Training compute C (FLOPs)",
            Variable::Tokens => "Training data D (tokens)",
            Variable::Params => "Model size N (parameters)",
        }
    }
}

/// `L(X) = E + (X₀ / X)^α`, with E = 0 where the law has no floor (Kaplan et al. 2020, eqs. 1.1
/// to 1.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLine {
    /// X₀, in the unit of the axis.
    pub scale: f64,
    /// α, positive.
    pub exponent: f64,
    /// Ends and level of an interval for α, such as `(0.047, 0.053, 0.9)`.
    pub exponent_interval: Option<(f64, f64, f64)>,
    /// E.
    pub floor: Option<Loss>,
}

impl PowerLine {
    /// The line of a fitted power law of one quantity without a floor; `None` for other laws.
    #[must_use]
    pub fn of_fit(fit: &Fit) -> Option<Self> {
        let unit = match fit.law {
            FittedLaw::KaplanC => Flops::PER_PF_DAY,
            FittedLaw::KaplanN | FittedLaw::KaplanD => 1.0,
            _ => return None,
        };
        let [scale, exponent] = fit.parameters.as_slice() else {
            return None;
        };
        let ends = exponent.lo.zip(exponent.hi);
        Some(Self {
            scale: scale.value * unit,
            exponent: exponent.value,
            exponent_interval: ends.map(|(lo, hi)| (lo, hi, fit.level)),
            floor: None,
        })
    }

    /// The loss at a value of the axis, nats per token.
    fn at(&self, x: f64) -> f64 {
        self.floor.map_or(0.0, Loss::get) + (self.scale / x).powf(self.exponent)
    }

    fn label(&self) -> String {
        match self.exponent_interval {
            Some((low, high, level)) => format!(
                "α = {:.3} ({:.0} %: {low:.3} to {high:.3})",
                self.exponent,
                level * 100.0
            ),
            None => format!("α = {:.3}", self.exponent),
        }
    }

    fn formula(&self, variable: Variable, unit: LossUnit) -> String {
        let symbol = variable.symbol();
        let floor = self
            .floor
            .map(|floor| format!("{:.3} + ", unit.convert(floor)));
        let floor = floor.unwrap_or_default();
        format!("L({symbol}) = {floor}({symbol}₀/{symbol})ᵅ")
    }
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanPanel {
    /// The horizontal axis.
    pub variable: Variable,
    /// Runs that the other two variables do not hold back: the line is fitted to these.
    pub fitted: Vec<RunPoint>,
    /// All other runs.
    pub others: Vec<RunPoint>,
    /// The line, where one was fitted.
    pub line: Option<PowerLine>,
}

/// Loss against each of C, D and N.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanFigure {
    /// Heading.
    pub title: String,
    /// Usually three: compute, data, parameters.
    pub panels: Vec<KaplanPanel>,
    /// The unit of the loss axis.
    pub unit: LossUnit,
    /// Which runs count as not held back, and the conventions of N and C.
    pub conventions: String,
}

const PANEL_WIDTH: f64 = 370.0;
const HEIGHT: f64 = 420.0;

impl KaplanFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a panel, or with a panel without a run.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        let is_empty = |panel: &KaplanPanel| panel.fitted.is_empty() && panel.others.is_empty();
        if self.panels.is_empty() || self.panels.iter().any(is_empty) {
            return Err(FigureError::TooFewPoints {
                figure: "kaplan",
                what: "runs in a panel",
                needed: 1,
            });
        }
        let frame = Frame {
            title: self.title.clone(),
            subtitle: String::new(),
            note: self.conventions.clone(),
        };
        let size = (PANEL_WIDTH * self.panels.len() as f64, HEIGHT);
        let description = self.description();
        let columns = vec![1.0; self.panels.len()];
        let drawing = draw(layout, size, &columns, &frame, &description, |k, area| {
            self.draw_panel(&self.panels[k], area)
        })?;
        Ok(finished("kaplan", frame, description, drawing, self.csv()?))
    }

    fn loss_axis(&self) -> Axis {
        let runs = self.panels.iter();
        let runs = runs.flat_map(|panel| panel.fitted.iter().chain(&panel.others));
        let losses = runs.map(|run| self.unit.convert(run.loss));
        let label = format!("Validation loss ({})", self.unit.name());
        // Room above the points for the legend.
        let losses: Vec<f64> = losses.collect();
        let highest = losses.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let lowest = losses.iter().copied().fold(f64::MAX, f64::min);
        let headroom = highest * (highest / lowest).powf(0.38);
        Axis::log(losses.into_iter().chain([headroom]), 0.05, &label)
    }

    fn draw_panel(&self, panel: &KaplanPanel, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let variable = panel.variable;
        let runs = panel.fitted.iter().chain(&panel.others);
        let x = Axis::log(
            runs.map(|run| variable.of(run)),
            0.08,
            variable.axis_label(),
        );
        let caption = match &panel.line {
            Some(line) => line.formula(variable, self.unit),
            None => format!("L({})", variable.symbol()),
        };
        let mut drawn = area.axes(Some(&caption), x, self.loss_axis())?;
        let unit = self.unit;
        let place = move |run| placed(run, variable, unit);
        if !panel.others.is_empty() {
            let label = format!("Held back by the others ({})", panel.others.len());
            let look = (Marker::Ring, 3.0, GREY);
            drawn.runs(panel.others.iter().map(place), look, self.unit, &label)?;
        }
        if !panel.fitted.is_empty() {
            let label = format!("Fitted runs ({})", panel.fitted.len());
            let look = (Marker::Disc, 3.8, BLUE);
            drawn.runs(panel.fitted.iter().map(place), look, self.unit, &label)?;
        }
        if let Some(line) = &panel.line {
            self.draw_line(&mut drawn, panel, line)?;
        }
        drawn.legend(SeriesLabelPosition::UpperRight)
    }

    fn draw_line(
        &self,
        drawn: &mut Panel<'_, '_>,
        panel: &KaplanPanel,
        line: &PowerLine,
    ) -> Result<(), FigureError> {
        let ((left, right), _) = drawn.ends();
        let runs = panel.fitted.iter().chain(&panel.others);
        // The line does not run into the legend above the points.
        let highest = runs
            .map(|run| self.unit.convert(run.loss))
            .fold(0.0, f64::max);
        let points: Vec<(f64, f64)> = (0..=100)
            .filter_map(|k| {
                let x = left * (right / left).powf(f64::from(k) / 100.0);
                let loss = Loss::new(line.at(x)).ok()?;
                Some((x, self.unit.convert(loss)))
            })
            .filter(|(_, loss)| *loss < highest * 1.02)
            .collect();
        drawn.line(&points, Stroke::Dashed, 1.6, VERMILION, &line.label())
    }

    fn description(&self) -> String {
        let mut text = "Validation loss on logarithmic axes.".to_owned();
        for panel in &self.panels {
            let count = panel.fitted.len() + panel.others.len();
            let name = panel.variable.axis_label();
            text += &format!(" Against {name}: {count} runs");
            text += &match &panel.line {
                Some(line) => format!(
                    ", {} of them fitted, with exponent {:.3}.",
                    panel.fitted.len(),
                    line.exponent
                ),
                None => ", no line fitted.".to_owned(),
            };
        }
        text
    }

    fn csv(&self) -> Result<String, FigureError> {
        let loss = format!("loss_{}", self.unit.column());
        let header = ["panel", "kind", "run", "params", "tokens", "flops", &loss];
        let mut rows = Vec::new();
        for panel in &self.panels {
            let fitted = panel.fitted.iter().map(|run| ("fitted", run));
            let others = panel.others.iter().map(|run| ("held_back", run));
            for (kind, run) in fitted.chain(others) {
                rows.push(vec![
                    panel.variable.symbol().to_owned(),
                    kind.to_owned(),
                    run.run.clone(),
                    run.params.get().to_string(),
                    run.tokens.get().to_string(),
                    run.flops.get().to_string(),
                    self.unit.convert(run.loss).to_string(),
                ]);
            }
        }
        csv_text(&header, &rows)
    }
}

/// A run's place in a panel.
fn placed(run: &RunPoint, variable: Variable, unit: LossUnit) -> (f64, f64, &RunPoint) {
    (variable.of(run), unit.convert(run.loss), run)
}
