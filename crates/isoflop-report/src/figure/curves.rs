//! Any quantity against any other in one or more panels: measured points with their intervals, and
//! the lines of a law. For the experiments, whose axes the named figures do not have.

use super::axis::Axis;
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{INK, ordered};
use super::{Figure, FigureError, Layout, csv_text, finished, need};
use plotters::chart::SeriesLabelPosition;

/// What an axis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvesAxis {
    /// The quantity with its unit, such as `Tokens seen D`.
    pub label: String,
    /// Whether the scale is logarithmic; values must then be positive.
    pub log: bool,
}

impl CurvesAxis {
    /// A logarithmic axis.
    #[must_use]
    pub fn log(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            log: true,
        }
    }

    /// A linear axis.
    #[must_use]
    pub fn linear(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            log: false,
        }
    }

    fn over(&self, values: impl Iterator<Item = f64>) -> Axis {
        let finite = values.filter(|value| value.is_finite());
        match self.log {
            true => Axis::log(finite, 0.06, &format!("{} (log scale)", self.label)),
            false => Axis::linear(finite, 0.08, &self.label),
        }
    }
}

/// A point, with an upright interval where there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePlace {
    /// In the unit of the horizontal axis.
    pub x: f64,
    /// In the unit of the vertical axis.
    pub y: f64,
    /// Ends of an interval of `y`.
    pub interval: Option<(f64, f64)>,
}

impl From<(f64, f64)> for CurvePlace {
    fn from((x, y): (f64, f64)) -> Self {
        Self {
            x,
            y,
            interval: None,
        }
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveLook {
    /// What was measured: discs.
    Points,
    /// What was measured otherwise: rings.
    Rings,
    /// A law: a dashed line.
    Law,
    /// A reference, such as a published value: a dotted line in ink.
    Reference,
}

/// Points or a line with one colour and one entry in the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveSeries {
    /// Entry in the legend; none if empty.
    pub label: String,
    /// The look.
    pub look: CurveLook,
    /// Place among the colours of the panel, dark to light; series of one group share it.
    pub rank: usize,
    /// From left to right.
    pub places: Vec<CurvePlace>,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvesPanel {
    /// Caption; none if empty.
    pub caption: String,
    /// Horizontal axis.
    pub x: CurvesAxis,
    /// Vertical axis.
    pub y: CurvesAxis,
    /// What is shown.
    pub series: Vec<CurveSeries>,
}

/// Panels side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvesFigure {
    /// Name for files.
    pub name: &'static str,
    /// Heading.
    pub title: String,
    /// The finding in one line.
    pub finding: String,
    /// One to three.
    pub panels: Vec<CurvesPanel>,
    /// Law, conventions, number of runs.
    pub conventions: String,
}

const PANEL_WIDTH: f64 = 450.0;
const ALONE: f64 = 760.0;
const HEIGHT: f64 = 450.0;

impl CurvesFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without anything to show.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        let places = self.panels.iter().flat_map(|panel| &panel.series);
        let places = places.map(|series| series.places.len()).sum();
        need(self.name, "points", 1, places)?;
        let width = match self.panels.len() {
            1 => ALONE,
            count => PANEL_WIDTH * count as f64,
        };
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding.clone(),
            note: self.conventions.clone(),
        };
        let axes: Vec<String> = self
            .panels
            .iter()
            .map(|panel| format!("{} against {}", panel.y.label, panel.x.label))
            .collect();
        let description = format!("{}. {}", axes.join("; "), self.finding);
        let columns = vec![1.0; self.panels.len()];
        let drawing = draw(
            layout,
            (width, HEIGHT),
            &columns,
            &frame,
            &description,
            |k, area| draw_panel(&self.panels[k], area),
        )?;
        let csv = self.csv()?;
        Ok(finished(self.name, frame, description, drawing, csv))
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = ["panel", "series", "kind", "x", "y", "lo", "hi"];
        let mut rows = Vec::new();
        for panel in &self.panels {
            for series in &panel.series {
                let kind = match series.look {
                    CurveLook::Points | CurveLook::Rings => "measured",
                    CurveLook::Law => "law",
                    CurveLook::Reference => "reference",
                };
                rows.extend(series.places.iter().map(|place| {
                    let end = |end: Option<f64>| end.map(|end| end.to_string());
                    vec![
                        format!("{} against {}", panel.y.label, panel.x.label),
                        series.label.clone(),
                        kind.to_owned(),
                        place.x.to_string(),
                        place.y.to_string(),
                        end(place.interval.map(|ends| ends.0)).unwrap_or_default(),
                        end(place.interval.map(|ends| ends.1)).unwrap_or_default(),
                    ]
                }));
            }
        }
        csv_text(&header, &rows)
    }
}

fn draw_panel(panel: &CurvesPanel, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
    let places = || panel.series.iter().flat_map(|series| &series.places);
    let x = panel.x.over(places().map(|place| place.x));
    let heights = places().flat_map(|place| {
        let ends = place.interval.map_or([place.y; 2], |(lo, hi)| [lo, hi]);
        [place.y, ends[0], ends[1]]
    });
    let y = panel.y.over(heights);
    let caption = (!panel.caption.is_empty()).then_some(panel.caption.as_str());
    let mut drawn = area.axes(caption, x, y)?;
    let ranks = panel.series.iter().map(|series| series.rank + 1).max();
    let lines_first = |series: &&CurveSeries| match series.look {
        CurveLook::Reference => 0,
        CurveLook::Law => 1,
        CurveLook::Points | CurveLook::Rings => 2,
    };
    let mut order: Vec<&CurveSeries> = panel.series.iter().collect();
    order.sort_by_key(lines_first);
    for series in order {
        let color = ordered(series.rank, ranks.unwrap_or(1));
        let line: Vec<(f64, f64)> = series.places.iter().map(|p| (p.x, p.y)).collect();
        match series.look {
            CurveLook::Reference => {
                drawn.line(&line, Stroke::Dotted, 1.3, INK, &series.label)?;
            }
            CurveLook::Law => drawn.line(&line, Stroke::Dashed, 1.4, color, &series.label)?,
            CurveLook::Points | CurveLook::Rings => {
                for place in &series.places {
                    if let Some(ends) = place.interval {
                        drawn.interval(place.x, ends, color)?;
                    }
                }
                let marker = match series.look {
                    CurveLook::Rings => Marker::Ring,
                    _ => Marker::Disc,
                };
                drawn.points(&line, marker, 4.0, color, &series.label)?;
            }
        }
    }
    match panel.series.iter().any(|series| !series.label.is_empty()) {
        true => drawn.legend(SeriesLabelPosition::UpperRight),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(places: Vec<CurvePlace>) -> CurvesFigure {
        let series = |look, rank| CurveSeries {
            label: "=a series".to_owned(),
            look,
            rank,
            places: places.clone(),
        };
        CurvesFigure {
            name: "curves",
            title: "Title".to_owned(),
            finding: "Finding.".to_owned(),
            panels: vec![CurvesPanel {
                caption: "Caption".to_owned(),
                x: CurvesAxis::log("Batch (tokens)"),
                y: CurvesAxis::linear("Loss"),
                series: vec![series(CurveLook::Points, 0), series(CurveLook::Law, 1)],
            }],
            conventions: "N: total parameters.".to_owned(),
        }
    }

    #[test]
    fn every_point_is_in_the_picture_and_in_the_table() {
        let places = vec![
            CurvePlace {
                x: 10.0,
                y: 2.0,
                interval: Some((1.5, 2.5)),
            },
            (100.0, 3.0).into(),
        ];
        let drawn = figure(places).render().unwrap();
        assert!(drawn.svg.contains("Batch (tokens) (log scale)"));
        assert_eq!(drawn.csv.lines().count(), 1 + 4);
        assert!(
            drawn.csv.contains("'=a series,measured,10,2,1.5,2.5"),
            "{}",
            drawn.csv
        );
        assert!(drawn.png(1.0).unwrap().len() > 1000);
    }

    #[test]
    fn a_figure_without_points_is_refused() {
        assert!(matches!(
            figure(Vec::new()).render(),
            Err(FigureError::TooFewPoints {
                figure: "curves",
                ..
            })
        ));
    }
}
