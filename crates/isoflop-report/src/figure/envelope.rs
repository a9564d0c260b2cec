//! Learning curves over compute and their lower envelope: Hoffmann et al. (2022), figure 2
//! (approach 1).

use super::axis::{Axis, scientific};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{VERMILION, ordered};
use super::{Figure, FigureError, Layout, LossUnit, csv_text, finished, need};
use isoflop_laws::{Flops, Loss, Params, Tokens};
use plotters::chart::SeriesLabelPosition;

/// The learning curve of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// The run's name.
    pub run: String,
    /// Model size N.
    pub params: Params,
    /// Tokens seen, compute spent and loss, in order.
    pub points: Vec<(Tokens, Flops, Loss)>,
}

/// The best run of all at one budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnvelopePoint {
    /// The budget C.
    pub flops: Flops,
    /// Size of the run that had the smallest loss there.
    pub params: Params,
    /// Tokens it had seen.
    pub tokens: Tokens,
    /// Its loss.
    pub loss: Loss,
}

/// Learning curves and the envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvelopeFigure {
    /// Heading.
    pub title: String,
    /// Curves, drawn from small to large models.
    pub curves: Vec<LearningCurve>,
    /// The envelope by compute.
    pub envelope: Vec<EnvelopePoint>,
    /// The unit of the loss axis.
    pub unit: LossUnit,
    /// The conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 480.0);
/// Points of one curve that are drawn: more are not told apart.
const DRAWN: usize = 240;

impl EnvelopeFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a curve of two points.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        let long = self.curves.iter().filter(|curve| curve.points.len() > 1);
        need("envelope", "learning curves", 1, long.count())?;
        let thinned = self.thinned();
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: format!("{}{}", self.drawn_part(&thinned), self.conventions),
        };
        let description = format!(
            "Validation loss against training compute, one curve for each of {} runs, with their \
             lower envelope. {}",
            self.curves.len(),
            self.finding()
        );
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            self.draw_panel(area, &thinned)
        })?;
        Ok(finished(
            "envelope",
            frame,
            description,
            drawing,
            self.csv(&thinned)?,
        ))
    }

    /// The curves as they are drawn, from small to large.
    fn thinned(&self) -> Vec<LearningCurve> {
        let thin = |curve: &LearningCurve| LearningCurve {
            points: thin_out(&curve.points, DRAWN, |point| point.1.ln()),
            ..curve.clone()
        };
        let mut curves: Vec<LearningCurve> = self.curves.iter().map(thin).collect();
        curves.sort_by(|a, b| a.params.get().total_cmp(&b.params.get()));
        curves
    }

    fn drawn_part(&self, thinned: &[LearningCurve]) -> String {
        let count = |curves: &[LearningCurve]| curves.iter().map(|c| c.points.len()).sum::<usize>();
        let (all, drawn) = (count(&self.curves), count(thinned));
        if drawn == all {
            return String::new();
        }
        format!("Drawn: {drawn} of {all} checkpoints, evenly spread over log C. ")
    }

    fn finding(&self) -> String {
        match (self.envelope.first(), self.envelope.last()) {
            (Some(first), Some(last)) if self.envelope.len() > 1 => format!(
                "The run with the least loss goes from N = {} at {} FLOPs to N = {} at {} FLOPs.",
                first.params,
                scientific(first.flops.get()),
                last.params,
                scientific(last.flops.get())
            ),
            _ => "The curves have no common range of compute.".to_owned(),
        }
    }

    fn draw_panel(
        &self,
        area: &PanelArea<'_, '_>,
        curves: &[LearningCurve],
    ) -> Result<(), FigureError> {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let x = Axis::log(
            points().map(|point| point.1.get()),
            0.03,
            "Training compute C (FLOPs, log scale)",
        );
        let y = Axis::log(
            points().map(|point| self.unit.convert(point.2)),
            0.05,
            &format!("Validation loss ({}, log scale)", self.unit.name()),
        );
        let mut panel = area.axes(None, x, y)?;
        let sizes = Sizes::of(curves.iter().map(|curve| curve.params));
        for curve in curves {
            let color = ordered(sizes.rank(curve.params), sizes.count());
            let line: Vec<(f64, f64)> = curve
                .points
                .iter()
                .map(|(_, flops, loss)| (flops.get(), self.unit.convert(*loss)))
                .collect();
            panel.line(&line, Stroke::Solid, 1.0, color, "")?;
            if let Some(end) = line.last() {
                panel.points(&[*end], Marker::Disc, 2.2, color, "")?;
                panel.spot(
                    *end,
                    format!(
                        "{}: N {}, ends at loss {:.4}",
                        curve.run, curve.params, end.1
                    ),
                );
            }
        }
        for (label, params) in sizes.legend() {
            let color = ordered(sizes.rank(params), sizes.count());
            panel.line(&[], Stroke::Solid, 1.6, color, &label)?;
        }
        let envelope: Vec<(f64, f64)> = self
            .envelope
            .iter()
            .map(|point| (point.flops.get(), self.unit.convert(point.loss)))
            .collect();
        panel.line(
            &envelope,
            Stroke::Dashed,
            1.8,
            VERMILION,
            "Least loss of all runs",
        )?;
        panel.legend(SeriesLabelPosition::UpperRight)
    }

    fn csv(&self, thinned: &[LearningCurve]) -> Result<String, FigureError> {
        let loss = format!("loss_{}", self.unit.column());
        let header = ["kind", "run", "params", "tokens", "flops", &loss];
        let row = |kind: &str, run: &str, params: Params, point: (Tokens, Flops, Loss)| {
            vec![
                kind.to_owned(),
                run.to_owned(),
                params.get().to_string(),
                point.0.get().to_string(),
                point.1.get().to_string(),
                self.unit.convert(point.2).to_string(),
            ]
        };
        let mut rows = Vec::new();
        for curve in thinned {
            let points = curve.points.iter();
            rows.extend(points.map(|point| row("curve", &curve.run, curve.params, *point)));
        }
        for point in &self.envelope {
            let place = (point.tokens, point.flops, point.loss);
            rows.push(row("envelope", "", point.params, place));
        }
        csv_text(&header, &rows)
    }
}

/// The distinct sizes of some models, for colours and a short legend.
pub(super) struct Sizes(Vec<Params>);

impl Sizes {
    pub(super) fn of(sizes: impl Iterator<Item = Params>) -> Self {
        let mut sizes: Vec<Params> = sizes.collect();
        sizes.sort_by(|a, b| a.get().total_cmp(&b.get()));
        sizes.dedup();
        Sizes(sizes)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn rank(&self, size: Params) -> usize {
        self.0.iter().position(|other| *other >= size).unwrap_or(0)
    }

    /// At most six sizes from the smallest to the largest.
    pub(super) fn legend(&self) -> Vec<(String, Params)> {
        let last = self.0.len().saturating_sub(1);
        let shown = self.0.len().min(6);
        let mut places: Vec<usize> = (0..shown).map(|k| k * last / (shown - 1).max(1)).collect();
        places.dedup();
        let label = |place: usize| (format!("N = {}", self.0[place]), self.0[place]);
        places.into_iter().map(label).collect()
    }
}

/// At most `most` of the points, the first in each of equal steps of `place`, and the last.
fn thin_out<T: Copy>(points: &[T], most: usize, place: impl Fn(&T) -> f64) -> Vec<T> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    if points.len() <= most {
        return points.to_vec();
    }
    let (low, high) = (place(first), place(last));
    let step = (high - low) / (most - 1) as f64;
    let mut next = f64::NEG_INFINITY;
    let mut kept = Vec::with_capacity(most + 1);
    for point in points {
        let here = place(point);
        if here >= next {
            kept.push(*point);
            next = low + step * (((here - low) / step).floor() + 1.0);
        }
    }
    if kept.len() > most {
        kept.truncate(most);
    }
    kept.push(*last);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_drawn_with_few_points_that_hold_both_ends() {
        let points: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let kept = thin_out(&points, 240, |x| x.ln());
        assert!(kept.len() <= 241 && kept.len() > 120, "{}", kept.len());
        assert_eq!((kept[0], *kept.last().unwrap()), (1.0, 100_000.0));
        assert_eq!(thin_out(&points[..100], 240, |x| x.ln()).len(), 100);
    }
}
