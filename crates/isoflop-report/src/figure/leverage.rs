//! Which runs the fit hangs on: leverage against residual (Cook 1977; Belsley, Kuh & Welsch 1980).

use super::axis::Axis;
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{BLUE, GREY, INK, VERMILION};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use plotters::chart::SeriesLabelPosition;
use plotters::style::text_anchor::HPos;

/// A run and how much the fit hangs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct WeighedRun {
    /// The run.
    pub run: RunPoint,
    /// Diagonal of the hat matrix, from 0 to 1.
    pub leverage: f64,
    /// Residual in its own standard deviations.
    pub residual: f64,
    /// Cook's distance.
    pub cook: f64,
}

/// Leverage of every run.
#[derive(Debug, Clone, PartialEq)]
pub struct LeverageFigure {
    /// Heading.
    pub title: String,
    /// The runs.
    pub runs: Vec<WeighedRun>,
    /// Parameters of the law.
    pub parameters: usize,
    /// The law and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 440.0);
/// Runs that are named in the picture.
const NAMED: usize = 5;
/// About the height and width of a label as shares of the panel, and the step in units of the
/// picture that parts two of them.
const LABEL_HEIGHT: f64 = 0.06;
const LABEL_WIDTH: f64 = 0.35;
const LABEL_STEP: f64 = 10.0;

impl LeverageFigure {
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
        need("leverage", "runs", 1, self.runs.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: format!(
                "Leverage: diagonal of the hat matrix of the law linearised in ln L; its mean is \
                 p / n. Named: largest Cook’s distance. {}",
                self.conventions
            ),
        };
        let description = format!("Residual against leverage of each run. {}", self.finding());
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            self.draw_panel(area)
        })?;
        Ok(finished(
            "leverage",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    /// Twice the mean leverage: the usual line beyond which a run is looked at.
    fn line(&self) -> f64 {
        2.0 * self.parameters as f64 / self.runs.len() as f64
    }

    fn by_influence(&self) -> Vec<&WeighedRun> {
        let mut runs: Vec<&WeighedRun> = self.runs.iter().collect();
        runs.sort_by(|a, b| b.cook.total_cmp(&a.cook));
        runs
    }

    fn finding(&self) -> String {
        let over = self
            .runs
            .iter()
            .filter(|run| run.leverage > self.line())
            .count();
        let most = self.by_influence();
        let most = most.first().map_or(String::new(), |run| {
            format!(
                " The most influential is {} (Cook’s distance {:.2}).",
                run.run.run, run.cook
            )
        });
        format!(
            "{over} of {} runs have more than twice the mean leverage.{most}",
            self.runs.len()
        )
    }

    fn draw_panel(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let x = self
            .runs
            .iter()
            .map(|run| run.leverage)
            .chain([0.0, self.line()]);
        let x = Axis::linear(x, 0.08, "Leverage");
        let y = self.runs.iter().map(|run| run.residual).chain([-3.0, 3.0]);
        let y: Vec<f64> = y.collect();
        // Room above for the legend.
        let highest = y.iter().copied().fold(0.0, f64::max) * 1.5;
        let y = y.into_iter().chain([highest]);
        let y = Axis::linear(y, 0.08, "Residual (its own standard deviations)");
        let mut panel = area.axes(None, x, y)?;
        let ((left, right), (bottom, top)) = panel.ends();
        panel.line(&[(left, 0.0), (right, 0.0)], Stroke::Solid, 1.1, GREY, "")?;
        let line = [(self.line(), bottom), (self.line(), top)];
        panel.line(&line, Stroke::Dotted, 1.2, GREY, "Twice the mean leverage")?;
        let unit = LossUnit::NatsPerToken;
        let (high, low): (Vec<_>, Vec<_>) =
            self.runs.iter().partition(|r| r.leverage > self.line());
        let place = |run: &&'_ WeighedRun| (run.leverage, run.residual);
        for (runs, marker, color, label) in [
            (&low, Marker::Disc, BLUE, "Runs"),
            (&high, Marker::Triangle, VERMILION, "More leverage"),
        ] {
            let places = runs
                .iter()
                .map(|run| (place(run).0, place(run).1, &run.run));
            if !runs.is_empty() {
                panel.runs(
                    places.collect::<Vec<_>>(),
                    (marker, 3.8, color),
                    unit,
                    label,
                )?;
            }
        }
        let mut named: Vec<&WeighedRun> = Vec::new();
        for run in self.by_influence().into_iter().take(NAMED) {
            let name: String = run.run.run.chars().take(24).collect();
            // Beside a run that is named already the label stands lower or higher than its marker.
            let beside = named.iter().find(|other| {
                (other.residual - run.residual).abs() < LABEL_HEIGHT * (top - bottom)
                    && (other.leverage - run.leverage).abs() < LABEL_WIDTH * (right - left)
            });
            let down = beside.map_or(0.0, |other| {
                if run.residual < other.residual {
                    LABEL_STEP
                } else {
                    -LABEL_STEP
                }
            });
            let (anchor, across) = if run.leverage > (left + right) / 2.0 {
                (HPos::Right, -8.0)
            } else {
                (HPos::Left, 8.0)
            };
            panel.text(
                (run.leverage, run.residual),
                (across, down),
                anchor,
                &name,
                INK,
            )?;
            named.push(run);
        }
        panel.legend(SeriesLabelPosition::UpperRight)
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = [
            "run",
            "params",
            "tokens",
            "flops",
            "leverage",
            "residual_sd",
            "cook_distance",
        ];
        let rows = self.runs.iter().map(|run| {
            let numbers = [
                run.run.params.get(),
                run.run.tokens.get(),
                run.run.flops.get(),
                run.leverage,
                run.residual,
                run.cook,
            ];
            let mut cells = vec![run.run.run.clone()];
            cells.extend(numbers.map(|number| number.to_string()));
            cells
        });
        csv_text(&header, &rows.collect::<Vec<_>>())
    }
}
