//! N and D against compute, two panels that several figures share.

use super::axis::Axis;
use super::canvas::{Marker, Panel, PanelArea, Stroke};
use super::style::{BLUE, GREEN, GREY, INK, VERMILION};
use super::{FigureError, csv_text};
use isoflop_laws::{Flops, Params, Tokens};
use plotters::chart::SeriesLabelPosition;
use plotters::style::RGBColor;

/// A size and data that somebody calls best for a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllocationPoint {
    /// The budget C.
    pub flops: Flops,
    /// Model size N.
    pub params: Params,
    /// Ends of an interval for N, where one is known.
    pub params_interval: Option<(Params, Params)>,
    /// Training tokens D.
    pub tokens: Tokens,
}

/// What a rule or law says over a range of budgets.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationLine {
    /// Who says it.
    pub name: String,
    /// By compute.
    pub points: Vec<AllocationPoint>,
}

/// Which panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// N against C.
    Params,
    /// D against C.
    Tokens,
}

impl Side {
    pub(super) fn of(k: usize) -> Self {
        if k == 0 { Side::Params } else { Side::Tokens }
    }

    fn value(self, point: &AllocationPoint) -> f64 {
        match self {
            Side::Params => point.params.get(),
            Side::Tokens => point.tokens.get(),
        }
    }

    /// Ends of the interval; that of D follows from that of N, for C = 6ND.
    fn interval(self, point: &AllocationPoint) -> Option<(f64, f64)> {
        let (low, high) = point.params_interval?;
        Some(match self {
            Side::Params => (low.get(), high.get()),
            Side::Tokens => {
                let product = point.params.get() * point.tokens.get();
                (product / high.get(), product / low.get())
            }
        })
    }

    fn label(self) -> &'static str {
        match self {
            Side::Params => "Best model size N (parameters)",
            Side::Tokens => "Best training data D (tokens)",
        }
    }
}

/// What is drawn in both panels.
pub(super) struct Allocations<'a> {
    /// The reader's own line, with a band where it has intervals.
    pub own: &'a AllocationLine,
    /// Lines to compare with.
    pub others: &'a [AllocationLine],
    /// Measured optima.
    pub points: &'a [AllocationPoint],
    /// What the points are.
    pub points_label: &'a str,
    /// The answer for the budget in question.
    pub target: Option<AllocationPoint>,
    /// Largest compute of a run.
    pub largest: Option<Flops>,
}

/// Colour and stroke of the k-th line to compare with.
fn look(k: usize) -> (RGBColor, Stroke) {
    let colors = [VERMILION, GREEN, GREY, INK];
    let strokes = [Stroke::Dashed, Stroke::Dotted];
    (colors[k % colors.len()], strokes[k % 2])
}

impl Allocations<'_> {
    pub(super) fn draw(&self, side: Side, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let lines = || std::iter::once(self.own).chain(self.others);
        let all = || {
            lines()
                .flat_map(|line| &line.points)
                .chain(self.points)
                .chain(&self.target)
        };
        let x = Axis::log(
            all().map(|point| point.flops.get()),
            0.03,
            "Training compute C (FLOPs, log scale)",
        );
        // Room above the lines for the legend.
        let values: Vec<f64> = all().map(|point| side.value(point)).collect();
        let high = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        let headroom = high * (high / low).powf(0.42);
        let y = Axis::log(values.into_iter().chain([headroom]), 0.03, side.label());
        let mut panel = area.axes(None, x, y)?;
        self.draw_largest(&mut panel)?;
        self.draw_own(side, &mut panel)?;
        for (k, line) in self.others.iter().enumerate() {
            let (color, stroke) = look(k);
            let places = places(side, &line.points);
            panel.line(&places, stroke, 1.6, color, &line.name)?;
        }
        if !self.points.is_empty() {
            let places = places(side, self.points);
            panel.points(&places, Marker::Disc, 4.2, BLUE, self.points_label)?;
        }
        if let Some(target) = &self.target {
            let place = (target.flops.get(), side.value(target));
            if let Some(ends) = side.interval(target) {
                panel.interval(place.0, ends, VERMILION)?;
            }
            let label = match side {
                Side::Params => format!("Target: N = {}", target.params),
                Side::Tokens => format!("Target: D = {}", target.tokens),
            };
            panel.points(&[place], Marker::Diamond, 5.5, VERMILION, &label)?;
        }
        panel.legend(SeriesLabelPosition::UpperLeft)
    }

    fn draw_own(&self, side: Side, panel: &mut Panel<'_, '_>) -> Result<(), FigureError> {
        let band: Vec<(f64, f64, f64)> = self
            .own
            .points
            .iter()
            .filter_map(|point| {
                let (low, high) = side.interval(point)?;
                Some((point.flops.get(), low, high))
            })
            .collect();
        if !band.is_empty() {
            panel.band(&band, BLUE, "Interval of your line")?;
        }
        let places = places(side, &self.own.points);
        panel.line(&places, Stroke::Solid, 1.8, BLUE, &self.own.name)
    }

    /// Where the runs end and extrapolation begins.
    fn draw_largest(&self, panel: &mut Panel<'_, '_>) -> Result<(), FigureError> {
        let Some(largest) = self.largest else {
            return Ok(());
        };
        let (_, (low, high)) = panel.ends();
        let ends = [(largest.get(), low), (largest.get(), high)];
        panel.line(
            &ends,
            Stroke::Dotted,
            1.1,
            INK,
            "Largest run; beyond it extrapolated",
        )
    }

    pub(super) fn csv(&self) -> Result<String, FigureError> {
        let header = [
            "kind",
            "name",
            "flops",
            "params",
            "params_low",
            "params_high",
            "tokens",
        ];
        let row = |kind: &str, name: &str, point: &AllocationPoint| {
            let ends = point.params_interval;
            let end = |value: Option<Params>| value.map_or(String::new(), |v| v.get().to_string());
            vec![
                kind.to_owned(),
                name.to_owned(),
                point.flops.get().to_string(),
                point.params.get().to_string(),
                end(ends.map(|e| e.0)),
                end(ends.map(|e| e.1)),
                point.tokens.get().to_string(),
            ]
        };
        let mut rows = Vec::new();
        for line in std::iter::once(self.own).chain(self.others) {
            rows.extend(
                line.points
                    .iter()
                    .map(|point| row("line", &line.name, point)),
            );
        }
        rows.extend(self.points.iter().map(|point| row("point", "", point)));
        rows.extend(self.target.iter().map(|point| row("target", "", point)));
        csv_text(&header, &rows)
    }
}

fn places(side: Side, points: &[AllocationPoint]) -> Vec<(f64, f64)> {
    points
        .iter()
        .map(|point| (point.flops.get(), side.value(point)))
        .collect()
}
