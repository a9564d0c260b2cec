//! One chart with its axes: points, lines, bands and labels in data units.

use super::super::axis::Axis;
use super::super::spot::{Spot, Spots, run_text};
use super::super::style::{FINE_GRID, GRID, INK, LABEL_SIZE, NOTE_SIZE, PAPER, TICK_SIZE};
use super::super::{FigureError, LossUnit, RunPoint};
use super::glyph::{Marker, Stroke, legend_line, marker_shape};
use super::legend::{Drawn, Sample};
use super::{Area, Chart, FINENESS, FOOT, LEFT, RIGHT, failed, px, text_style, text_width};
use crate::visible::visible;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::prelude::{
    DashedLineSeries, EmptyElement, LineSeries, PathElement, Polygon, Rectangle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::cell::{Cell, RefCell};

/// Room for one panel.
pub(in super::super) struct PanelArea<'a, 'b> {
    pub(super) area: &'b Area<'a>,
    pub(super) spots: &'b Spots,
    /// Height of the strip for the legend above the plot, units.
    pub(super) strip: f64,
    /// Height that the legend wants there, units.
    pub(super) wants: &'b Cell<f64>,
}

/// A chart with axes; positions are given in data units.
pub(in super::super) struct Panel<'a: 'b, 'b> {
    chart: Chart<'a, 'b>,
    spots: &'b Spots,
    x: Axis,
    y: Axis,
    /// What is drawn so far.
    drawn: RefCell<Drawn>,
    /// The strip for the legend, where there is one.
    strip: Option<Area<'a>>,
    wants: &'b Cell<f64>,
}

impl<'a: 'b, 'b> PanelArea<'a, 'b> {
    /// Draws axes and grid.
    pub(in super::super) fn axes(
        &self,
        caption: Option<&str>,
        x: Axis,
        y: Axis,
    ) -> Result<Panel<'a, 'b>, FigureError> {
        let (strip, below) = match self.strip > 0.0 {
            true => {
                let (strip, below) = self.area.split_vertically(px(self.strip));
                (Some(strip), below)
            }
            false => (None, self.area.clone()),
        };
        let (wide, high) = below.dim_in_pixel();
        let room = f64::from(high) / FINENESS - FOOT;
        let y = y.fitting(room, |text| text_width(text, LABEL_SIZE, false))?;
        let y = y.spaced(room - 14.0, |_| Ok::<_, FigureError>(TICK_SIZE))?;
        let room = f64::from(wide) / FINENESS - LEFT - RIGHT;
        let x = x.spaced(room, |text| text_width(text, TICK_SIZE, false))?;
        let mut builder = ChartBuilder::on(&below);
        builder
            .margin_right(px(RIGHT))
            .x_label_area_size(px(FOOT))
            .y_label_area_size(px(LEFT));
        if let Some(caption) = caption {
            builder.caption(caption, text_style(LABEL_SIZE, true, INK));
        }
        let mut chart = builder
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.stroke_width(px(0.7) as u32))
            .light_line_style(FINE_GRID.stroke_width(px(0.5) as u32))
            .axis_style(INK.stroke_width(px(0.9) as u32))
            .x_desc(x.label.as_str())
            .y_desc(y.label.as_str())
            .axis_desc_style(text_style(LABEL_SIZE, false, INK))
            .label_style(text_style(TICK_SIZE, false, INK))
            .set_all_tick_mark_size(px(4.0))
            .draw()
            .map_err(failed)?;
        Ok(Panel {
            chart,
            spots: self.spots,
            x,
            y,
            drawn: RefCell::default(),
            strip,
            wants: self.wants,
        })
    }
}

impl<'a: 'b, 'b> Panel<'a, 'b> {
    /// Positions of the points that lie within the axes: the library draws beyond them.
    fn inside(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let (x, y) = (self.x.ends(), self.y.ends());
        let within = |value: f64, ends: (f64, f64)| {
            let slack = 1e-9 * (ends.1 - ends.0);
            (ends.0 - slack..=ends.1 + slack).contains(&value)
        };
        let kept = points
            .iter()
            .filter(|point| within(point.0, x) && within(point.1, y));
        kept.copied().collect()
    }

    /// Ends of the axes in data units.
    pub(in super::super) fn ends(&self) -> ((f64, f64), (f64, f64)) {
        (self.x.ends(), self.y.ends())
    }

    /// Points, with an entry in the legend unless `label` is empty.
    pub(in super::super) fn points(
        &mut self,
        points: &[(f64, f64)],
        marker: Marker,
        radius: f64,
        color: RGBColor,
        label: &str,
    ) -> Result<(), FigureError> {
        let series = points
            .iter()
            .map(|point| EmptyElement::at(*point) + marker_shape(marker, radius, color));
        self.note_places(points);
        let entry = self.chart.draw_series(series).map_err(failed)?;
        if !label.is_empty() {
            let sample = Sample::Marker(marker, radius, color);
            let drawn = self.drawn.get_mut();
            drawn.entries.push((sample, visible(label)));
            entry.label(visible(label)).legend(move |(x, y)| {
                EmptyElement::at((x + px(11.0), y)) + marker_shape(marker, radius.min(5.0), color)
            });
        }
        Ok(())
    }

    /// A line through points, cut at the panel's ends.
    pub(in super::super) fn line(
        &mut self,
        points: &[(f64, f64)],
        stroke: Stroke,
        width: f64,
        color: RGBColor,
        label: &str,
    ) -> Result<(), FigureError> {
        let places = self.inside(points);
        let pixels: Vec<(i32, i32)> = places
            .iter()
            .map(|place| self.chart.backend_coord(place))
            .collect();
        self.drawn.get_mut().trace(pixels);
        let style = color.stroke_width(px(width) as u32);
        let (dash, gap) = stroke.lengths();
        let entry = if stroke == Stroke::Solid {
            self.chart.draw_series(LineSeries::new(places, style))
        } else {
            self.chart
                .draw_series(DashedLineSeries::new(places, dash, gap, style))
        };
        let entry = entry.map_err(failed)?;
        if !label.is_empty() {
            let sample = Sample::Line(stroke, width, color);
            let drawn = self.drawn.get_mut();
            drawn.entries.push((sample, visible(label)));
            entry
                .label(visible(label))
                .legend(move |(x, y)| legend_line(x, y, stroke, style));
        }
        Ok(())
    }

    /// Runs that say which they are when they are pointed at.
    pub(in super::super) fn runs<'r>(
        &mut self,
        runs: impl IntoIterator<Item = (f64, f64, &'r RunPoint)>,
        (marker, radius, color): (Marker, f64, RGBColor),
        unit: LossUnit,
        label: &str,
    ) -> Result<(), FigureError> {
        let mut places = Vec::new();
        for (x, y, run) in runs {
            self.spot((x, y), run_text(run, unit));
            places.push((x, y));
        }
        self.points(&places, marker, radius, color, label)
    }

    /// Remembers that something stands there.
    fn note_places(&mut self, points: &[(f64, f64)]) {
        let places = points.iter().map(|place| self.chart.backend_coord(place));
        let places: Vec<(i32, i32)> = places.collect();
        self.drawn.get_mut().places.extend(places);
    }

    /// Says what stands at a place.
    pub(in super::super) fn spot(&mut self, place: (f64, f64), text: String) {
        let (x, y) = self.chart.backend_coord(&place);
        self.spots.borrow_mut().push(Spot { x, y, text });
    }

    /// A pale area between two lines over the same places: `(x, low, high)`.
    pub(in super::super) fn band(
        &mut self,
        places: &[(f64, f64, f64)],
        color: RGBColor,
        label: &str,
    ) -> Result<(), FigureError> {
        let (x, y) = (self.x.ends(), self.y.ends());
        let inside = places.iter().filter(|p| (x.0..=x.1).contains(&p.0));
        let clip = |value: f64| value.clamp(y.0, y.1);
        let lower = inside.clone().map(|p| (p.0, clip(p.1)));
        let upper = inside.clone().rev().map(|p| (p.0, clip(p.2)));
        let outline: Vec<(f64, f64)> = lower.chain(upper).collect();
        let style = color.mix(0.16).filled();
        let entry = self
            .chart
            .draw_series(std::iter::once(Polygon::new(outline, style)))
            .map_err(failed)?;
        if !label.is_empty() {
            let drawn = self.drawn.get_mut();
            drawn.entries.push((Sample::Band(color), visible(label)));
            entry.label(visible(label)).legend(move |(x, y)| {
                let corners = [(x, y - px(4.0)), (x + px(22.0), y + px(4.0))];
                Rectangle::new(corners, style)
            });
        }
        Ok(())
    }

    /// Upright bars from zero: `(left, right, height)`.
    pub(in super::super) fn bars(
        &mut self,
        bars: &[(f64, f64, f64)],
        color: RGBColor,
    ) -> Result<(), FigureError> {
        let style = color.mix(0.45).filled();
        let boxes = bars
            .iter()
            .map(|&(left, right, height)| Rectangle::new([(left, 0.0), (right, height)], style));
        self.chart.draw_series(boxes).map_err(failed)?;
        Ok(())
    }

    /// A horizontal interval with caps.
    pub(in super::super) fn wide_interval(
        &mut self,
        y: f64,
        (low, high): (f64, f64),
        color: RGBColor,
    ) -> Result<(), FigureError> {
        let style = color.stroke_width(px(1.6) as u32);
        let bar = PathElement::new(vec![(low, y), (high, y)], style);
        self.chart
            .draw_series(std::iter::once(bar))
            .map_err(failed)?;
        let cap = px(4.0);
        let caps = [(low, y), (high, y)]
            .map(|end| EmptyElement::at(end) + PathElement::new(vec![(0, -cap), (0, cap)], style));
        self.chart.draw_series(caps).map_err(failed)?;
        Ok(())
    }

    /// A vertical interval with caps.
    pub(in super::super) fn interval(
        &mut self,
        x: f64,
        (low, high): (f64, f64),
        color: RGBColor,
    ) -> Result<(), FigureError> {
        let style = color.stroke_width(px(1.8) as u32);
        self.note_places(&[(x, low), (x, high)]);
        let height = ((x, low), (x, high));
        let bar = PathElement::new(vec![height.0, height.1], style);
        self.chart
            .draw_series(std::iter::once(bar))
            .map_err(failed)?;
        let cap = px(6.0);
        let caps = [height.0, height.1]
            .map(|end| EmptyElement::at(end) + PathElement::new(vec![(-cap, 0), (cap, 0)], style));
        self.chart.draw_series(caps).map_err(failed)?;
        Ok(())
    }

    /// A small text beside a point, `offset` units right and down of it.
    pub(in super::super) fn text(
        &mut self,
        point: (f64, f64),
        offset: (f64, f64),
        anchor: HPos,
        text: &str,
        color: RGBColor,
    ) -> Result<(), FigureError> {
        let style = text_style(NOTE_SIZE, false, color).pos(Pos::new(anchor, VPos::Center));
        let element =
            EmptyElement::at(point) + Text::new(visible(text), (px(offset.0), px(offset.1)), style);
        self.chart
            .draw_series(std::iter::once(element))
            .map_err(failed)?;
        Ok(())
    }

    /// The legend of everything that had a label: at this position if it hides nothing there, in
    /// another corner, or above the panel.
    pub(in super::super) fn legend(
        &mut self,
        position: SeriesLabelPosition,
    ) -> Result<(), FigureError> {
        let drawn = self.drawn.get_mut();
        if let Some(strip) = &self.strip {
            return drawn.draw_strip(strip, LEFT);
        }
        let (x, y) = self.chart.plotting_area().get_pixel_range();
        let plot = (x.start, y.start, x.end - x.start, y.end - y.start);
        let position = match drawn.free_corner(share_of(&position), plot)? {
            Some((x, y)) => SeriesLabelPosition::Coordinate(x, y),
            None => {
                let width = f64::from(plot.2) / FINENESS;
                self.wants.set(drawn.strip_height(width)?);
                position
            }
        };
        self.chart
            .configure_series_labels()
            .position(position)
            .margin(px(8.0))
            .legend_area_size(px(28.0))
            .background_style(PAPER.mix(0.9))
            .border_style(GRID.stroke_width(px(0.7) as u32))
            .label_font(text_style(NOTE_SIZE, false, INK))
            .draw()
            .map_err(failed)
    }
}

/// A position as shares of the free room to the right and down.
fn share_of(position: &SeriesLabelPosition) -> (f64, f64) {
    use SeriesLabelPosition::{
        LowerLeft, LowerMiddle, LowerRight, MiddleRight, UpperLeft, UpperMiddle, UpperRight,
    };
    match position {
        UpperLeft => (0.0, 0.0),
        UpperMiddle => (0.5, 0.0),
        UpperRight => (1.0, 0.0),
        LowerLeft => (0.0, 1.0),
        LowerMiddle => (0.5, 1.0),
        LowerRight => (1.0, 1.0),
        MiddleRight => (1.0, 0.5),
        _ => (0.0, 0.5),
    }
}
