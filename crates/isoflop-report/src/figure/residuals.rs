//! What the fit leaves over: relative residuals of the runs and, apart from them, of the target.

use super::axis::Axis;
use super::canvas::{Frame, Marker, Stroke, draw};
use super::style::{BLUE, GREEN, GREY};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use isoflop_laws::Loss;
use plotters::chart::SeriesLabelPosition;

/// A run and what the law says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedRun {
    /// The run.
    pub run: RunPoint,
    /// Loss by the fitted law.
    pub fitted: Loss,
    /// Whether the run was held out of the fit.
    pub held_out: bool,
}

impl FittedRun {
    /// (measured − fitted) / fitted, in percent.
    fn residual(&self) -> f64 {
        (self.run.loss.get() / self.fitted.get() - 1.0) * 100.0
    }
}

/// Residuals against compute.
#[derive(Debug, Clone, PartialEq)]
pub struct ResidualsFigure {
    /// Heading.
    pub title: String,
    /// The runs.
    pub runs: Vec<FittedRun>,
    /// The law and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 360.0);

impl ResidualsFigure {
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
        need("residuals", "runs", 1, self.runs.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!("Residuals against training compute. {}", self.finding());
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            let compute = self.runs.iter().map(|fitted| fitted.run.flops.get());
            let x = Axis::log(compute, 0.07, "Training compute C (FLOPs, log scale)");
            let residuals = self.runs.iter().map(FittedRun::residual);
            let y = Axis::linear(
                residuals.chain([0.0]),
                0.15,
                "Measured over fitted loss − 1 (%)",
            );
            let mut panel = area.axes(None, x, y)?;
            let ((left, right), _) = panel.ends();
            panel.line(&[(left, 0.0), (right, 0.0)], Stroke::Solid, 1.2, GREY, "")?;
            let unit = LossUnit::NatsPerToken;
            let looks = [
                (false, (Marker::Disc, 4.0, BLUE), "Fitted runs"),
                (true, (Marker::Triangle, 5.5, GREEN), "Held out"),
            ];
            for (held_out, look, label) in looks {
                let runs = self
                    .runs
                    .iter()
                    .filter(|fitted| fitted.held_out == held_out);
                let places = runs.map(|f| (f.run.flops.get(), f.residual(), &f.run));
                let places: Vec<_> = places.collect();
                if !places.is_empty() {
                    panel.runs(places, look, unit, label)?;
                }
            }
            panel.legend(SeriesLabelPosition::UpperRight)
        })?;
        Ok(finished(
            "residuals",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn points(&self, held_out: bool) -> Vec<(f64, f64)> {
        let runs = self
            .runs
            .iter()
            .filter(|fitted| fitted.held_out == held_out);
        runs.map(|fitted| (fitted.run.flops.get(), fitted.residual()))
            .collect()
    }

    fn finding(&self) -> String {
        let fitted = self.points(false);
        let mean_square =
            fitted.iter().map(|(_, r)| r * r).sum::<f64>() / fitted.len().max(1) as f64;
        let largest = fitted.iter().map(|(_, r)| r.abs()).fold(0.0, f64::max);
        format!(
            "Root mean square {:.2} % over {} fitted runs, largest {largest:.2} %.",
            mean_square.sqrt(),
            fitted.len()
        )
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = [
            "run",
            "held_out",
            "params",
            "tokens",
            "flops",
            "loss_nats_per_token",
            "fitted_nats_per_token",
            "residual_percent",
        ];
        let rows = self.runs.iter().map(|fitted| {
            vec![
                fitted.run.run.clone(),
                fitted.held_out.to_string(),
                fitted.run.params.get().to_string(),
                fitted.run.tokens.get().to_string(),
                fitted.run.flops.get().to_string(),
                fitted.run.loss.get().to_string(),
                fitted.fitted.get().to_string(),
                fitted.residual().to_string(),
            ]
        });
        csv_text(&header, &rows.collect::<Vec<_>>())
    }
}
