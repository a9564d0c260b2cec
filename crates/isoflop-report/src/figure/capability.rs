//! A capability against compute normalised to the target: GPT-4 Technical Report (OpenAI 2023),
//! figure 2.

use super::axis::{Axis, scientific, signed};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{BLUE, GREY};
use super::target::Target;
use super::{Figure, FigureError, Layout, csv_text, finished, need};
use isoflop_laws::Flops;
use plotters::chart::SeriesLabelPosition;

/// What a run reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The run's name.
    pub run: String,
    /// Training compute C.
    pub flops: Flops,
    /// The metric, a share such as a pass rate.
    pub value: f64,
    /// The family of the model, if it is known.
    pub family: Option<String>,
}

/// What was predicted for the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScorePrediction {
    /// Compute of the target: 1 on the figure's axis.
    pub flops: Flops,
    /// Predicted value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Level of the interval, such as 0.9.
    pub level: f64,
}

/// The forecast of a capability from small runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CapabilityFigure {
    /// Heading.
    pub title: String,
    /// The metric's name, such as `pass rate on HumanEval`.
    pub metric: String,
    /// The runs that were fitted.
    pub scores: Vec<Score>,
    /// The target's family, where its runs have a curve of their own.
    pub family: Option<String>,
    /// The forecast's median up to the target, by compute.
    pub curve: Vec<(Flops, f64)>,
    /// The prediction.
    pub prediction: ScorePrediction,
    /// What the target reached, once it is trained.
    pub actual: Option<f64>,
    /// What forecasts, such as `−ln p = α·C⁻ᵏ`.
    pub law: String,
    /// The conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 460.0);

impl CapabilityFigure {
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
        need("capability", "runs", 1, self.scores.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: format!(
                "Target: C = {} FLOPs, {:.1} times the largest fitted run. {}",
                scientific(self.prediction.flops.get()),
                self.extrapolation(),
                self.conventions
            ),
        };
        let description = format!(
            "{} against training compute, normalised so that the target is 1. {}",
            self.metric,
            self.finding()
        );
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            self.draw_panel(area)
        })?;
        Ok(finished(
            "capability",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn relative(&self, flops: Flops) -> f64 {
        flops.get() / self.prediction.flops.get()
    }

    fn extrapolation(&self) -> f64 {
        let largest = self.scores.iter().map(|score| score.flops.get());
        self.prediction.flops.get() / largest.fold(f64::MIN_POSITIVE, f64::max)
    }

    fn draw_panel(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let target = &self.prediction;
        let x = self.scores.iter().map(|score| self.relative(score.flops));
        let x = Axis::log(
            x.chain([1.0]),
            0.07,
            "Training compute, relative to the target (log scale)",
        );
        let values = self.scores.iter().map(|score| score.value);
        let values = values.chain([target.low, target.high]).chain(self.actual);
        let y = Axis::linear(values, 0.1, &self.metric);
        let mut panel = area.axes(None, x, y)?;
        let curve: Vec<(f64, f64)> = self
            .curve
            .iter()
            .map(|(c, v)| (self.relative(*c), *v))
            .collect();
        panel.line(
            &curve,
            Stroke::Dashed,
            1.6,
            GREY,
            &format!("Fit: {}", self.law),
        )?;
        let (own, others): (Vec<&Score>, Vec<&Score>) = self
            .scores
            .iter()
            .partition(|score| self.family.is_none() || score.family == self.family);
        let place = |score: &&Score| (self.relative(score.flops), score.value);
        let places = |scores: &[&Score]| scores.iter().map(place).collect::<Vec<_>>();
        if !others.is_empty() {
            let label = format!("Runs of other families, fitted ({})", others.len());
            panel.points(&places(&others), Marker::Ring, 3.2, GREY, &label)?;
        }
        let of = self.family.as_ref().map(|family| format!(" of {family}"));
        let of = of.unwrap_or_default();
        let label = format!("Small runs{of}, fitted ({})", own.len());
        panel.points(&places(&own), Marker::Disc, 4.2, BLUE, &label)?;
        for score in others.iter().chain(&own) {
            let family = score.family.as_ref().map(|family| format!(" ({family})"));
            let text = format!(
                "{}{}: C {}, {} {:.4}",
                score.run,
                family.unwrap_or_default(),
                score.flops,
                self.metric,
                score.value
            );
            panel.spot(place(score), text);
        }
        let target = Target {
            value: target.value,
            interval: (target.low, target.high),
            level: target.level,
            actual: self.actual,
            actual_label: "Actual, held out of the fit",
        };
        target.draw(&mut panel)?;
        panel.legend(SeriesLabelPosition::UpperLeft)
    }

    fn finding(&self) -> String {
        let target = &self.prediction;
        let predicted = format!(
            "Predicted {:.3} ({:.0} % interval {:.3} to {:.3})",
            target.value,
            target.level * 100.0,
            target.low,
            target.high
        );
        match self.actual {
            None => format!("{predicted}; the target is not trained yet."),
            Some(actual) => {
                let inside = (target.low..=target.high).contains(&actual);
                let side = if inside { "inside" } else { "outside" };
                let error = signed((target.value - actual) * 100.0);
                format!("{predicted}; actual {actual:.3}: {error} points, {side} the interval.")
            }
        }
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = [
            "kind",
            "run",
            "flops",
            "relative_compute",
            "value",
            "low",
            "high",
            "family",
        ];
        let family = |name: &Option<String>| name.clone().unwrap_or_default();
        let row =
            |kind: &str, run: &str, of: &Option<String>, flops: Flops, values: [Option<f64>; 3]| {
                let mut cells = vec![kind.to_owned(), run.to_owned(), flops.get().to_string()];
                cells.push(self.relative(flops).to_string());
                cells.extend(values.map(|value| value.map_or(String::new(), |v| v.to_string())));
                cells.push(family(of));
                cells
            };
        let mut rows: Vec<_> = self
            .scores
            .iter()
            .map(|score| {
                row(
                    "run",
                    &score.run,
                    &score.family,
                    score.flops,
                    [Some(score.value), None, None],
                )
            })
            .collect();
        let fitted = self.curve.iter();
        rows.extend(fitted.map(|(flops, value)| {
            row("fit", "", &self.family, *flops, [Some(*value), None, None])
        }));
        let target = &self.prediction;
        let values = [target.value, target.low, target.high].map(Some);
        rows.push(row("prediction", "", &self.family, target.flops, values));
        let actual = self.actual.map(|value| {
            row(
                "actual",
                "",
                &self.family,
                target.flops,
                [Some(value), None, None],
            )
        });
        rows.extend(actual);
        csv_text(&header, &rows)
    }
}
