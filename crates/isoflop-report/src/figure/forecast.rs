//! Loss against compute normalised to the target: GPT-4 Technical Report (OpenAI 2023), figure 1.

use super::axis::{Axis, scientific, signed};
use super::canvas::{Frame, Marker, Panel, PanelArea, Stroke, draw};
use super::style::{BLUE, GREEN, GREY, INK, VERMILION};
use super::target::Target;
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use plotters::chart::SeriesLabelPosition;
use plotters::style::text_anchor::HPos;

/// What was predicted for the target before it was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Size of the target.
    pub params: Params,
    /// Tokens of the target.
    pub tokens: Tokens,
    /// Compute of the target: 1 on the figure's axis.
    pub flops: Flops,
    /// Predicted loss.
    pub loss: Loss,
    /// Lower end of the interval.
    pub low: Loss,
    /// Upper end of the interval.
    pub high: Loss,
    /// Level of the interval, such as 0.9.
    pub level: f64,
}

impl Prediction {
    /// Whether a loss lies in the interval.
    #[must_use]
    pub fn contains(&self, loss: Loss) -> bool {
        self.low <= loss && loss <= self.high
    }

    /// (predicted − actual) / actual.
    #[must_use]
    pub fn relative_error(&self, actual: Loss) -> f64 {
        self.loss.get() / actual.get() - 1.0
    }
}

/// The forecast of one large run from small ones.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastFigure {
    /// Heading, such as `Loss of the 12M model, predicted from runs 10× smaller`.
    pub title: String,
    /// The runs that were fitted.
    pub runs: Vec<RunPoint>,
    /// The fitted law through the small runs up to the target, by compute.
    pub curve: Vec<(Flops, Loss)>,
    /// The prediction.
    pub prediction: Prediction,
    /// The target's loss, once it is trained.
    pub actual: Option<Loss>,
    /// The entropy of the source, where it is known exactly.
    pub known_entropy: Option<Loss>,
    /// The unit of the loss axis.
    pub unit: LossUnit,
    /// The law, such as `L(C) = a·Cᵇ + c`.
    pub law: String,
    /// The conventions, such as `N: total parameters; C = 6ND`.
    pub conventions: String,
}

const SIZE: (f64, f64) = (900.0, 480.0);
/// Widths of the whole and of the enlarged target.
const COLUMNS: [f64; 2] = [660.0, 240.0];

impl ForecastFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a run.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("forecast", "runs", 1, self.runs.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.note(),
        };
        let description = self.description();
        let drawing = draw(
            layout,
            SIZE,
            &COLUMNS,
            &frame,
            &description,
            |k, area| match k {
                0 => self.draw_whole(area),
                _ => self.draw_enlarged(area),
            },
        )?;
        Ok(finished(
            "forecast",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    /// Target compute over that of the largest fitted run.
    fn extrapolation(&self) -> f64 {
        let largest = self.runs.iter().map(|run| run.flops.get());
        self.prediction.flops.get() / largest.fold(f64::MIN_POSITIVE, f64::max)
    }

    fn normalised(&self, flops: Flops) -> f64 {
        flops.get() / self.prediction.flops.get()
    }

    fn axes(&self) -> (Axis, Axis) {
        let unit = self.unit;
        let runs = self.runs.iter();
        let x = runs.clone().map(|run| self.normalised(run.flops));
        let x = x.chain([1.0]);
        let target = &self.prediction;
        let losses = runs.map(|run| run.loss);
        let losses = losses.chain([target.loss, target.low, target.high]);
        let losses = losses.chain(self.actual).chain(self.known_entropy);
        (
            Axis::log(
                x,
                0.07,
                "Training compute, relative to the target (log scale)",
            ),
            Axis::linear(
                losses.map(|loss| unit.convert(loss)),
                0.08,
                &format!("Validation loss ({})", unit.name()),
            ),
        )
    }

    fn draw_whole(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let (x, y) = self.axes();
        let mut panel = area.axes(Some("Small runs and the target"), x, y)?;
        self.draw_entropy(&mut panel)?;
        self.draw_fit(&mut panel)?;
        self.draw_target(&mut panel)?;
        // The loss falls: the lower left is free, unless the entropy runs through it.
        panel.legend(match self.known_entropy {
            None => SeriesLabelPosition::LowerLeft,
            Some(_) => SeriesLabelPosition::UpperRight,
        })
    }

    fn draw_entropy(&self, panel: &mut Panel<'_, '_>) -> Result<(), FigureError> {
        let Some(entropy) = self.known_entropy else {
            return Ok(());
        };
        let level = self.unit.convert(entropy);
        let ((left, right), _) = panel.ends();
        let label = format!("Known entropy of the source: {level:.3}");
        panel.line(
            &[(left, level), (right, level)],
            Stroke::Dotted,
            1.4,
            INK,
            &label,
        )
    }

    fn draw_fit(&self, panel: &mut Panel<'_, '_>) -> Result<(), FigureError> {
        let curve = self.curve.iter();
        let curve: Vec<(f64, f64)> = curve
            .map(|(flops, loss)| (self.normalised(*flops), self.unit.convert(*loss)))
            .collect();
        panel.line(
            &curve,
            Stroke::Dashed,
            1.6,
            GREY,
            &format!("Fit: {}", self.law),
        )?;
        let place = |run| {
            let at: &RunPoint = run;
            (self.normalised(at.flops), self.unit.convert(at.loss), run)
        };
        let label = format!("Small runs, fitted ({})", self.runs.len());
        let look = (Marker::Disc, 4.2, BLUE);
        panel.runs(self.runs.iter().map(place), look, self.unit, &label)
    }

    fn draw_target(&self, panel: &mut Panel<'_, '_>) -> Result<(), FigureError> {
        let show = |loss: Loss| self.unit.convert(loss);
        let target = Target {
            value: show(self.prediction.loss),
            interval: (show(self.prediction.low), show(self.prediction.high)),
            level: self.prediction.level,
            actual: self.actual.map(show),
            actual_label: "Actual, not in the fit",
        };
        target.draw(panel)
    }

    /// Prediction and actual side by side on a scale of their own: on the whole figure's scale
    /// an interval of a percent is thinner than a marker.
    fn draw_enlarged(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let target = &self.prediction;
        let show = |loss: Loss| self.unit.convert(loss);
        let losses = [target.loss, target.low, target.high];
        let losses = losses.into_iter().chain(self.actual).map(show);
        let y = Axis::linear(
            losses,
            0.15,
            &format!("Validation loss ({})", self.unit.name()),
        );
        let x = Axis::unlabelled("Relative compute = 1");
        let mut panel = area.axes(Some("The target, enlarged"), x, y)?;
        let (predicted, ends) = (show(target.loss), (show(target.low), show(target.high)));
        panel.interval(0.2, ends, VERMILION)?;
        panel.points(&[(0.2, predicted)], Marker::Diamond, 5.0, VERMILION, "")?;
        let beside = (10.0, 0.0);
        let mut label = |place, loss| {
            panel.text(
                (place, loss),
                beside,
                HPos::Left,
                &format!("{loss:.3}"),
                INK,
            )
        };
        label(0.2, predicted)?;
        let Some(actual) = self.actual.map(show) else {
            return Ok(());
        };
        label(0.62, actual)?;
        panel.points(&[(0.62, actual)], Marker::Ring, 5.0, GREEN, "")
    }

    /// The answer in one line, a hit or a miss in the same words.
    fn finding(&self) -> String {
        let target = &self.prediction;
        let show = |loss: Loss| self.unit.convert(loss);
        let predicted = format!(
            "Predicted {:.3} ({:.0} % interval {:.3} to {:.3})",
            show(target.loss),
            target.level * 100.0,
            show(target.low),
            show(target.high)
        );
        match self.actual {
            None => format!("{predicted}; the target is not trained yet."),
            Some(actual) => {
                let side = if target.contains(actual) {
                    "inside"
                } else {
                    "outside"
                };
                format!(
                    "{predicted}; actual {:.3}: error {} %, {side} the interval.",
                    show(actual),
                    signed(target.relative_error(actual) * 100.0)
                )
            }
        }
    }

    fn note(&self) -> String {
        let target = &self.prediction;
        format!(
            "Target: N = {}, D = {}, C = {} FLOPs, {:.1} times the largest fitted run. {}.",
            target.params,
            target.tokens,
            scientific(target.flops.get()),
            self.extrapolation(),
            self.conventions.trim_end_matches('.')
        )
    }

    fn description(&self) -> String {
        format!(
            "Validation loss against training compute, normalised so that the target is 1. {} \
             small runs and the fitted law {} extrapolated {:.1} times. {}",
            self.runs.len(),
            self.law,
            self.extrapolation(),
            self.finding()
        )
    }

    fn csv(&self) -> Result<String, FigureError> {
        let loss = format!("loss_{}", self.unit.column());
        let header = [
            "kind",
            "run",
            "params",
            "tokens",
            "flops",
            "relative_compute",
            &loss,
            "low",
            "high",
        ];
        let row = |kind: &str, run: &str, sizes: [String; 2], flops: Flops, losses: [String; 3]| {
            let [params, tokens] = sizes;
            let [loss, low, high] = losses;
            let relative = self.normalised(flops).to_string();
            let flops = flops.get().to_string();
            vec![
                kind.into(),
                run.into(),
                params,
                tokens,
                flops,
                relative,
                loss,
                low,
                high,
            ]
        };
        let show = |loss: Loss| self.unit.convert(loss).to_string();
        let none = String::new;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for run in &self.runs {
            let sizes = [run.params.get().to_string(), run.tokens.get().to_string()];
            let losses = [show(run.loss), none(), none()];
            rows.push(row("run", &run.run, sizes, run.flops, losses));
        }
        for (flops, loss) in &self.curve {
            let losses = [show(*loss), none(), none()];
            rows.push(row("fit", "", [none(), none()], *flops, losses));
        }
        let target = &self.prediction;
        let sizes = || {
            [
                target.params.get().to_string(),
                target.tokens.get().to_string(),
            ]
        };
        let losses = [show(target.loss), show(target.low), show(target.high)];
        rows.push(row("prediction", "", sizes(), target.flops, losses));
        if let Some(actual) = self.actual {
            let losses = [show(actual), none(), none()];
            rows.push(row("actual", "", sizes(), target.flops, losses));
        }
        if let Some(entropy) = self.known_entropy {
            let losses = [show(entropy), none(), none()];
            rows.push(row(
                "known_entropy",
                "",
                [none(), none()],
                target.flops,
                losses,
            ));
        }
        csv_text(&header, &rows)
    }
}
