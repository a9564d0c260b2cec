//! Compute that other sizes need for the same loss, and how far from convergence each stops:
//! training large models and stopping early (Kaplan et al. 2020, section 6 and figure 12).

use super::axis::{Axis, scientific};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{BLUE, GREY, VERMILION};
use super::{Figure, FigureError, Layout, csv_text, finished, need};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use plotters::chart::SeriesLabelPosition;

/// A size that is trained until it has the common loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoppedModel {
    /// Model size N.
    pub params: Params,
    /// Tokens until the common loss.
    pub tokens: Tokens,
    /// Compute until the common loss.
    pub flops: Flops,
    /// Loss of this size with unlimited data.
    pub converged: Loss,
}

/// When to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppingFigure {
    /// Heading.
    pub title: String,
    /// Sizes that reach the common loss, from small to large.
    pub models: Vec<StoppedModel>,
    /// The size that reaches it with the least compute.
    pub best: StoppedModel,
    /// The common loss.
    pub loss: Loss,
    /// The law and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (900.0, 430.0);
/// Compute given away at which the range of good sizes is stated, as Kaplan et al. do.
const GIVEN_AWAY: f64 = 1.2;

impl StoppingFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without two sizes.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("stopping", "sizes", 2, self.models.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Left: compute that each size needs for one loss, relative to the least. Right: how \
             far above its converged loss each size is when it stops. {}",
            self.finding()
        );
        let drawing = draw(
            layout,
            SIZE,
            &[1.0, 1.0],
            &frame,
            &description,
            |k, area| match k {
                0 => self.draw_cost(area),
                _ => self.draw_distance(area),
            },
        )?;
        Ok(finished(
            "stopping",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn size(&self, model: &StoppedModel) -> f64 {
        model.params.get() / self.best.params.get()
    }

    fn cost(&self, model: &StoppedModel) -> f64 {
        model.flops.get() / self.best.flops.get()
    }

    /// How far above convergence a size stops, in percent.
    fn distance(&self, model: &StoppedModel) -> f64 {
        (self.loss.get() / model.converged.get() - 1.0) * 100.0
    }

    fn finding(&self) -> String {
        let near: Vec<f64> = self
            .models
            .iter()
            .filter(|model| self.cost(model) <= GIVEN_AWAY)
            .map(|model| self.size(model))
            .collect();
        let range = match (near.first(), near.last()) {
            (Some(low), Some(high)) if near.len() > 1 => format!(
                " Sizes from {low:.1} to {high:.1} times the best cost at most {:.0} % more.",
                (GIVEN_AWAY - 1.0) * 100.0
            ),
            _ => String::new(),
        };
        format!(
            "For a loss of {:.3} nats, {} FLOPs suffice: N = {} on {} tokens, stopped {:.1} % \
             above its converged loss.{range}",
            self.loss.get(),
            scientific(self.best.flops.get()),
            self.best.params,
            self.best.tokens,
            self.distance(&self.best)
        )
    }

    fn size_axis(&self) -> Axis {
        let sizes = self.models.iter().map(|model| self.size(model));
        Axis::log(sizes, 0.03, "Model size, relative to the best (log scale)")
    }

    fn draw_cost(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let y = Axis::log(
            self.models
                .iter()
                .map(|model| self.cost(model))
                .chain([0.9]),
            0.03,
            "Compute, relative to the least (log scale)",
        );
        let mut panel = area.axes(Some("Compute for the same loss"), self.size_axis(), y)?;
        let line: Vec<(f64, f64)> = self
            .models
            .iter()
            .map(|m| (self.size(m), self.cost(m)))
            .collect();
        let ((left, right), _) = panel.ends();
        let given = [(left, GIVEN_AWAY), (right, GIVEN_AWAY)];
        let label = format!("{:.0} % more compute", (GIVEN_AWAY - 1.0) * 100.0);
        panel.line(&given, Stroke::Dotted, 1.2, GREY, &label)?;
        panel.line(&line, Stroke::Solid, 1.8, BLUE, "Compute needed")?;
        panel.points(
            &[(1.0, 1.0)],
            Marker::Diamond,
            5.2,
            VERMILION,
            "Least compute",
        )?;
        panel.legend(SeriesLabelPosition::UpperMiddle)
    }

    fn draw_distance(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let distances = self.models.iter().map(|model| self.distance(model));
        let y = Axis::linear(
            distances.chain([0.0]),
            0.05,
            "Loss above the converged one (%)",
        );
        let mut panel = area.axes(
            Some("How far from convergence it stops"),
            self.size_axis(),
            y,
        )?;
        let line = self
            .models
            .iter()
            .map(|model| (self.size(model), self.distance(model)));
        panel.line(
            &line.collect::<Vec<_>>(),
            Stroke::Solid,
            1.8,
            BLUE,
            "At the common loss",
        )?;
        let best = (1.0, self.distance(&self.best));
        panel.points(&[best], Marker::Diamond, 5.2, VERMILION, "Least compute")?;
        panel.legend(SeriesLabelPosition::UpperLeft)
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = [
            "kind",
            "params",
            "tokens",
            "flops",
            "size_ratio",
            "compute_ratio",
            "converged_nats_per_token",
            "above_converged_percent",
        ];
        let row = |kind: &str, model: &StoppedModel| {
            let mut cells = vec![kind.to_owned()];
            let numbers = [
                model.params.get(),
                model.tokens.get(),
                model.flops.get(),
                self.size(model),
                self.cost(model),
                model.converged.get(),
                self.distance(model),
            ];
            cells.extend(numbers.map(|number| number.to_string()));
            cells
        };
        let mut rows: Vec<_> = self.models.iter().map(|model| row("size", model)).collect();
        rows.push(row("best", &self.best));
        csv_text(&header, &rows)
    }
}
