//! Loss against tokens seen for models of several sizes: larger models need fewer tokens for the
//! same loss (Kaplan et al. 2020, figure 2, left).

use super::axis::Axis;
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::envelope::Sizes;
use super::style::{INK, VERMILION, ordered};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use isoflop_laws::{Loss, Params, Tokens};
use plotters::chart::SeriesLabelPosition;

/// The loss of one size by tokens, by the fitted law.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeCurve {
    /// Model size N.
    pub params: Params,
    /// By tokens.
    pub points: Vec<(Tokens, Loss)>,
    /// Tokens at which this size reaches the common loss, where it does.
    pub reaches: Option<Tokens>,
}

/// How many tokens each size needs.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleEfficiencyFigure {
    /// Heading.
    pub title: String,
    /// One curve a size, from small to large.
    pub curves: Vec<SizeCurve>,
    /// The runs.
    pub runs: Vec<RunPoint>,
    /// The loss at which sizes are compared.
    pub common_loss: Loss,
    /// The unit of losses.
    pub unit: LossUnit,
    /// The law and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 480.0);

impl SampleEfficiencyFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without curves.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("sample-efficiency", "sizes", 1, self.curves.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Validation loss against tokens seen, one curve for each of {} model sizes. {}",
            self.curves.len(),
            self.finding()
        );
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            self.draw_panel(area)
        })?;
        Ok(finished(
            "sample-efficiency",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn finding(&self) -> String {
        let reached = self
            .curves
            .iter()
            .filter_map(|curve| Some((curve.params, curve.reaches?)));
        let reached: Vec<(Params, Tokens)> = reached.collect();
        let loss = self.unit.convert(self.common_loss);
        match (reached.first(), reached.last()) {
            (Some(small), Some(large)) if reached.len() > 1 => format!(
                "For a loss of {loss:.3}, N = {} needs {} tokens and N = {} needs {}: {} times \
                 fewer.",
                small.0,
                small.1,
                large.0,
                large.1,
                three_digits(small.1.get() / large.1.get())
            ),
            _ => format!("Only one size reaches a loss of {loss:.3}."),
        }
    }

    fn draw_panel(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let tokens = points().map(|(tokens, _)| tokens.get());
        let tokens = tokens.chain(self.runs.iter().map(|run| run.tokens.get()));
        let x = Axis::log(tokens, 0.03, "Tokens seen D (log scale)");
        let losses = points().map(|(_, loss)| *loss);
        let losses = losses.chain(self.runs.iter().map(|run| run.loss));
        let y = Axis::log(
            losses.map(|loss| self.unit.convert(loss)),
            0.05,
            &format!("Validation loss ({}, log scale)", self.unit.name()),
        );
        let mut panel = area.axes(None, x, y)?;
        let level = self.unit.convert(self.common_loss);
        let ((left, right), _) = panel.ends();
        panel.line(
            &[(left, level), (right, level)],
            Stroke::Dotted,
            1.3,
            INK,
            &format!("Loss {level:.3}"),
        )?;
        let sizes = Sizes::of(self.curves.iter().map(|curve| curve.params));
        for curve in &self.curves {
            let color = ordered(sizes.rank(curve.params), sizes.count());
            let line = curve
                .points
                .iter()
                .map(|(d, loss)| (d.get(), self.unit.convert(*loss)));
            let line: Vec<(f64, f64)> = line.collect();
            let label = format!("N = {}", curve.params);
            panel.line(&line, Stroke::Solid, 1.6, color, &label)?;
        }
        for rank in 0..sizes.count() {
            let runs = self
                .runs
                .iter()
                .filter(|run| sizes.rank(run.params) == rank);
            let places = runs.map(|run| (run.tokens.get(), self.unit.convert(run.loss), run));
            let look = (Marker::Disc, 2.6, ordered(rank, sizes.count()));
            panel.runs(places.collect::<Vec<_>>(), look, self.unit, "")?;
        }
        let reached = self
            .curves
            .iter()
            .filter_map(|curve| Some((curve.reaches?.get(), level)));
        let reached: Vec<(f64, f64)> = reached.filter(|p| (left..=right).contains(&p.0)).collect();
        panel.points(&reached, Marker::Diamond, 4.6, VERMILION, "Tokens needed")?;
        panel.legend(SeriesLabelPosition::UpperRight)
    }

    fn csv(&self) -> Result<String, FigureError> {
        let loss = format!("loss_{}", self.unit.column());
        let header = ["kind", "run", "params", "tokens", &loss];
        let row = |kind: &str, run: &str, params: Params, tokens: Tokens, loss: Loss| {
            let [params, tokens] = [params.get(), tokens.get()].map(|value| value.to_string());
            let loss = self.unit.convert(loss).to_string();
            vec![kind.to_owned(), run.to_owned(), params, tokens, loss]
        };
        let mut rows = Vec::new();
        rows.extend(
            self.runs
                .iter()
                .map(|r| row("run", &r.run, r.params, r.tokens, r.loss)),
        );
        for curve in &self.curves {
            let points = curve.points.iter();
            rows.extend(points.map(|(d, loss)| row("law", "", curve.params, *d, *loss)));
            let reached = curve.reaches.iter();
            rows.extend(reached.map(|d| row("reaches", "", curve.params, *d, self.common_loss)));
        }
        csv_text(&header, &rows)
    }
}

/// A ratio with as many digits as it deserves.
fn three_digits(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
    }
}
