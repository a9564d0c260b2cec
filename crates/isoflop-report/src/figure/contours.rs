//! Lines of equal loss over compute and size with the efficient frontier, and cuts at fixed
//! compute: Hoffmann et al. (2022), figure 4 (approach 3).

use super::axis::{Axis, scientific};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{BLUE, GREY, VERMILION, ordered};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use isoflop_laws::{Flops, Loss, Params};
use plotters::chart::SeriesLabelPosition;
use plotters::style::text_anchor::HPos;

/// A line of equal loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Contour {
    /// The loss.
    pub loss: Loss,
    /// Where it is reached.
    pub points: Vec<(Flops, Params)>,
}

/// The loss by size at one budget, by the fitted law.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// The budget C.
    pub flops: Flops,
    /// By size.
    pub points: Vec<(Params, Loss)>,
}

/// The fitted surface.
#[derive(Debug, Clone, PartialEq)]
pub struct ContoursFigure {
    /// Heading.
    pub title: String,
    /// The runs that were fitted.
    pub runs: Vec<RunPoint>,
    /// Lines of equal loss, from high to low.
    pub contours: Vec<Contour>,
    /// Best size by compute.
    pub frontier: Vec<(Flops, Params)>,
    /// Cuts at fixed compute, from small to large.
    pub slices: Vec<Slice>,
    /// The best model of the target's budget.
    pub target: Option<(Flops, Params)>,
    /// The unit of losses.
    pub unit: LossUnit,
    /// The law and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (960.0, 480.0);
/// Height and width of a label as shares of the panel.
const LABEL_ROOM: f64 = 0.04;
const LABEL_WIDTH: f64 = 0.1;

impl ContoursFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without contours or runs.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("contours", "runs", 1, self.runs.len())?;
        need("contours", "lines of equal loss", 1, self.contours.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Left: {} lines of equal loss over training compute and model size, {} runs and the \
             efficient frontier. Right: loss against model size at {} budgets by the fitted law. {}",
            self.contours.len(),
            self.runs.len(),
            self.slices.len(),
            self.finding()
        );
        let columns = [1.15, 1.0];
        let drawing = draw(
            layout,
            SIZE,
            &columns,
            &frame,
            &description,
            |k, area| match k {
                0 => self.draw_plane(area),
                _ => self.draw_slices(area),
            },
        )?;
        Ok(finished(
            "contours",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn finding(&self) -> String {
        let Some((flops, params)) = self.target else {
            return "Along the frontier each budget has its least loss.".to_owned();
        };
        let largest = self
            .runs
            .iter()
            .map(|run| run.flops.get())
            .fold(f64::MIN_POSITIVE, f64::max);
        format!(
            "The frontier reaches {} FLOPs, {:.1} times the largest run, at N = {params}.",
            scientific(flops.get()),
            flops.get() / largest
        )
    }

    fn draw_plane(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let flops = self.runs.iter().map(|run| run.flops.get());
        let flops = flops.chain(self.target.map(|target| target.0.get()));
        let x = Axis::log(flops, 0.06, "Training compute C (FLOPs, log scale)");
        let sizes = self.runs.iter().map(|run| run.params.get());
        let sizes = sizes.chain(self.target.map(|target| target.1.get()));
        let y = Axis::log(sizes, 0.1, "Model size N (parameters, log scale)");
        let mut panel = area.axes(Some("Lines of equal loss"), x, y)?;
        let ((left, right), (bottom, top)) = panel.ends();
        let mut last_label = f64::NEG_INFINITY;
        for (k, contour) in self.contours.iter().enumerate() {
            let color = ordered(k, self.contours.len());
            let places = contour.points.iter().map(|(c, n)| (c.get(), n.get()));
            let inside =
                |p: &(f64, f64)| (left..=right).contains(&p.0) && (bottom..=top).contains(&p.1);
            let places: Vec<(f64, f64)> = places.filter(inside).collect();
            panel.line(&places, Stroke::Solid, 1.2, color, "")?;
            // Labels at the lower ends, where the lines lie far apart and no run does.
            let end = places.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            let room = LABEL_ROOM * (top / bottom).ln();
            if let Some(end) = end.filter(|end| (end.1.ln() - last_label).abs() > room) {
                last_label = end.1.ln();
                let text = format!("{:.2}", self.unit.convert(contour.loss));
                // Beyond the line's end, or above it where the panel ends.
                let near_edge = (right / end.0).ln() < LABEL_WIDTH * (right / left).ln();
                let (anchor, offset) = if near_edge {
                    (HPos::Right, (-2.0, -7.0))
                } else {
                    (HPos::Left, (4.0, -5.0))
                };
                panel.text(*end, offset, anchor, &text, color)?;
            }
        }
        let runs = self
            .runs
            .iter()
            .map(|run| (run.flops.get(), run.params.get(), run));
        let label = format!("Runs ({})", self.runs.len());
        panel.runs(runs, (Marker::Disc, 2.6, GREY), self.unit, &label)?;
        let frontier: Vec<(f64, f64)> = self
            .frontier
            .iter()
            .map(|(c, n)| (c.get(), n.get()))
            .collect();
        panel.line(&frontier, Stroke::Dashed, 2.0, BLUE, "Efficient frontier")?;
        if let Some((flops, params)) = self.target {
            let place = (flops.get(), params.get());
            panel.points(&[place], Marker::Diamond, 5.5, VERMILION, "Target")?;
        }
        panel.legend(SeriesLabelPosition::LowerRight)
    }

    fn draw_slices(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let points = || self.slices.iter().flat_map(|slice| &slice.points);
        let sizes: Vec<f64> = points().map(|(params, _)| params.get()).collect();
        let (low, high) = sizes
            .iter()
            .fold((f64::MAX, 0.0f64), |(l, h), n| (l.min(*n), h.max(*n)));
        // Room on the right for the legend.
        let room = high * (high / low).powf(0.3);
        let x = Axis::log(
            sizes.into_iter().chain([room]),
            0.02,
            "Model size N (parameters, log scale)",
        );
        let label = format!("Loss by the law ({}, log scale)", self.unit.name());
        let y = Axis::log(
            points().map(|(_, loss)| self.unit.convert(*loss)),
            0.05,
            &label,
        );
        let mut panel = area.axes(Some("Cuts at fixed compute"), x, y)?;
        for (k, slice) in self.slices.iter().enumerate() {
            let color = ordered(k, self.slices.len());
            let line = slice
                .points
                .iter()
                .map(|(n, loss)| (n.get(), self.unit.convert(*loss)));
            let line: Vec<(f64, f64)> = line.collect();
            let label = format!("{} FLOPs", scientific(slice.flops.get()));
            panel.line(&line, Stroke::Solid, 1.4, color, &label)?;
            if let Some(least) = line.iter().min_by(|a, b| a.1.total_cmp(&b.1)) {
                panel.points(&[*least], Marker::Disc, 3.6, BLUE, "")?;
            }
        }
        panel.legend(SeriesLabelPosition::UpperRight)
    }

    fn csv(&self) -> Result<String, FigureError> {
        let loss = format!("loss_{}", self.unit.column());
        let header = ["kind", "run", "flops", "params", &loss];
        let row = |kind: &str, run: &str, flops: Flops, params: Params, loss: Option<Loss>| {
            let loss = loss.map_or(String::new(), |loss| self.unit.convert(loss).to_string());
            let [flops, params] = [flops.get(), params.get()].map(|value| value.to_string());
            vec![kind.to_owned(), run.to_owned(), flops, params, loss]
        };
        let mut rows = Vec::new();
        rows.extend(
            self.runs
                .iter()
                .map(|r| row("run", &r.run, r.flops, r.params, Some(r.loss))),
        );
        for contour in &self.contours {
            let points = contour.points.iter();
            rows.extend(points.map(|(c, n)| row("contour", "", *c, *n, Some(contour.loss))));
        }
        rows.extend(
            self.frontier
                .iter()
                .map(|(c, n)| row("frontier", "", *c, *n, None)),
        );
        for slice in &self.slices {
            let points = slice.points.iter();
            rows.extend(points.map(|(n, loss)| row("slice", "", slice.flops, *n, Some(*loss))));
        }
        rows.extend(
            self.target
                .iter()
                .map(|(c, n)| row("target", "", *c, *n, None)),
        );
        csv_text(&header, &rows)
    }
}
