//! The next runs, and what they do to the forecast.

use super::axis::{Axis, scientific};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{BLUE, GREEN, GREY, INK, VERMILION};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use isoflop_laws::{Flops, Params, Tokens};
use plotters::chart::SeriesLabelPosition;
use plotters::style::text_anchor::HPos;

/// A run to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NextRun {
    /// Model size N.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// Training compute C.
    pub flops: Flops,
}

/// A design of experiments.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignFigure {
    /// Heading.
    pub title: String,
    /// Runs that exist.
    pub existing: Vec<RunPoint>,
    /// Runs to make.
    pub next: Vec<NextRun>,
    /// The run to forecast.
    pub target: NextRun,
    /// What the new runs cost together.
    pub cost: Flops,
    /// Width of the target's interval ÷ its loss, before and after.
    pub width: (f64, f64),
    /// Level of the intervals.
    pub level: f64,
    /// The laws kept in play and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (900.0, 450.0);
const COLUMNS: [f64; 2] = [640.0, 260.0];

impl DesignFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a run to make.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("design", "runs to make", 1, self.next.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Left: {} that exist, {} to make and the target over compute and size. \
             Right: the target’s interval before and after. {}",
            runs(self.existing.len()),
            runs(self.next.len()),
            self.finding()
        );
        let drawing = draw(
            layout,
            SIZE,
            &COLUMNS,
            &frame,
            &description,
            |k, area| match k {
                0 => self.draw_plane(area),
                _ => self.draw_intervals(area),
            },
        )?;
        Ok(finished("design", frame, description, drawing, self.csv()?))
    }

    fn finding(&self) -> String {
        let half = |width: f64| width * 50.0;
        let narrow = if self.next.len() == 1 {
            "narrows"
        } else {
            "narrow"
        };
        format!(
            "{} for {} FLOPs {narrow} the {:.0} % interval of the target from ±{:.2} % to ±{:.2} %.",
            runs(self.next.len()),
            scientific(self.cost.get()),
            self.level * 100.0,
            half(self.width.0),
            half(self.width.1)
        )
    }

    fn draw_plane(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let next = || self.next.iter().chain([&self.target]);
        let flops = self.existing.iter().map(|run| run.flops.get());
        let flops = flops.chain(next().map(|run| run.flops.get()));
        let x = Axis::log(flops, 0.06, "Training compute C (FLOPs, log scale)");
        let sizes = self.existing.iter().map(|run| run.params.get());
        let sizes = sizes.chain(next().map(|run| run.params.get()));
        let y = Axis::log(sizes, 0.08, "Model size N (parameters, log scale)");
        let mut panel = area.axes(Some("Runs and target"), x, y)?;
        let existing = self
            .existing
            .iter()
            .map(|run| (run.flops.get(), run.params.get(), run));
        if !self.existing.is_empty() {
            let label = format!("Runs that exist ({})", self.existing.len());
            panel.runs(
                existing,
                (Marker::Disc, 3.0, GREY),
                LossUnit::NatsPerToken,
                &label,
            )?;
        }
        let places: Vec<(f64, f64)> = self
            .next
            .iter()
            .map(|r| (r.flops.get(), r.params.get()))
            .collect();
        let label = format!("Runs to make ({})", places.len());
        panel.points(&places, Marker::Diamond, 4.8, BLUE, &label)?;
        for (place, run) in places.iter().zip(&self.next) {
            panel.spot(
                *place,
                format!(
                    "to make: N {}, D {}, C {}",
                    run.params, run.tokens, run.flops
                ),
            );
        }
        let target = (self.target.flops.get(), self.target.params.get());
        panel.points(&[target], Marker::Triangle, 6.0, VERMILION, "Target")?;
        panel.legend(SeriesLabelPosition::UpperLeft)
    }

    fn draw_intervals(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let half = |width: f64| width * 50.0;
        let (before, after) = (half(self.width.0), half(self.width.1));
        let y = Axis::linear([-before, before], 0.12, "Interval of the target’s loss (%)");
        let mut panel = area.axes(Some("What they buy"), Axis::unlabelled(""), y)?;
        panel.line(&[(0.0, 0.0), (1.0, 0.0)], Stroke::Solid, 1.0, GREY, "")?;
        for (place, width, color, label) in [
            (0.25, before, GREY, "Now"),
            (0.62, after, GREEN, "With them"),
        ] {
            panel.interval(place, (-width, width), color)?;
            panel.text((place, width), (0.0, -8.0), HPos::Center, label, INK)?;
            panel.text(
                (place, 0.0),
                (9.0, -7.0),
                HPos::Left,
                &format!("±{width:.2}"),
                INK,
            )?;
        }
        Ok(())
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = ["kind", "run", "params", "tokens", "flops", "interval_width"];
        let row = |kind: &str, name: &str, sizes: [f64; 3], width: Option<f64>| {
            let mut cells = vec![kind.to_owned(), name.to_owned()];
            cells.extend(sizes.map(|size| size.to_string()));
            cells.push(width.map_or(String::new(), |width| width.to_string()));
            cells
        };
        let next = |run: &NextRun| [run.params.get(), run.tokens.get(), run.flops.get()];
        let mut rows = Vec::new();
        for run in &self.existing {
            let sizes = [run.params.get(), run.tokens.get(), run.flops.get()];
            rows.push(row("existing", &run.run, sizes, None));
        }
        rows.extend(
            self.next
                .iter()
                .map(|run| row("to_make", "", next(run), None)),
        );
        rows.push(row(
            "target_before",
            "",
            next(&self.target),
            Some(self.width.0),
        ));
        rows.push(row(
            "target_after",
            "",
            next(&self.target),
            Some(self.width.1),
        ));
        csv_text(&header, &rows)
    }
}

fn runs(count: usize) -> String {
    match count {
        1 => "1 run".to_owned(),
        _ => format!("{count} runs"),
    }
}
