//! A page of panels, drawn with `plotters` and finished as an accessible SVG document.

mod compact;
mod glyph;
mod legend;

pub(super) use glyph::{Marker, Stroke};

use super::axis::Axis;
use super::layout::{Layout, PageSize};
use super::spot::{Spot, Spots};
use super::style::{
    FINE_GRID, FONT, GREY, GRID, INK, LABEL_SIZE, NOTE_SIZE, PAPER, TICK_SIZE, TITLE_SIZE,
    load_font,
};
use super::{FigureError, LossUnit, RunPoint};
use crate::visible::visible;
use glyph::{legend_line, marker_shape};
use legend::{Drawn, Sample};
use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::prelude::{
    Cartesian2d, DashedLineSeries, DrawingArea, EmptyElement, IntoDrawingArea, LineSeries,
    PathElement, Polygon, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle};
use std::cell::{Cell, RefCell};

/// The library's canvas has whole pixels: a unit of the figure is this many of them, so that
/// curves stay smooth.
const FINENESS: f64 = 4.0;

/// Room between panels that stand below each other, units.
const APART: f64 = 14.0;
/// Room for the labels of the y axis, left of a plot, units.
const LEFT: f64 = 58.0;
/// Room for the labels of the x axis, below a plot, units.
const FOOT: f64 = 44.0;
/// Room right of a plot, units.
const RIGHT: f64 = 14.0;

/// The library draws a font of size s at s / 1.24 pixels.
const FONT_FACTOR: f64 = 1.24;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

fn px(units: f64) -> i32 {
    (units * FINENESS).round() as i32
}

fn failed(error: impl std::fmt::Display) -> FigureError {
    FigureError::Drawing(error.to_string())
}

fn text_style<'a>(size: f64, bold: bool, color: RGBColor) -> TextStyle<'a> {
    let style = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let font = (FONT, size * FONT_FACTOR * FINENESS)
        .into_font()
        .style(style);
    let mut style = TextStyle::from(font);
    style.color = color.to_backend_color();
    style
}

/// What stands around the panels.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// Heading, bold.
    pub title: String,
    /// The finding in one line.
    pub subtitle: String,
    /// Law, conventions, numbers of runs: small, below.
    pub note: String,
}

/// A drawn figure.
#[derive(Debug)]
pub(super) struct Drawing {
    /// The document.
    pub svg: String,
    /// Where its runs stand.
    pub spots: Vec<Spot>,
}

/// Draws a figure of panels side by side, their widths in proportion to `columns`, or below each
/// other where the layout is too narrow.
///
/// `draw_panel` is called once for each panel with its number.
pub(super) fn draw(
    layout: &Layout,
    natural: (f64, f64),
    columns: &[f64],
    frame: &Frame,
    description: &str,
    mut draw_panel: impl FnMut(usize, &PanelArea<'_, '_>) -> Result<(), FigureError>,
) -> Result<Drawing, FigureError> {
    load_font();
    let mut sheet = layout.page(natural, columns.len(), LABEL_SIZE);
    let head = if layout.untitled {
        Frame::default()
    } else {
        frame.clone()
    };
    let mut strips = vec![0.0; columns.len()];
    let mut sheet_drawn = draw_sheet(
        &sheet,
        columns,
        (&head, &frame.note),
        &strips,
        &mut draw_panel,
    )?;
    // Legends that no corner has room for stand above their panels: known once all is drawn.
    if sheet_drawn.wanted.iter().any(|height| *height > 0.0) {
        strips.clone_from(&sheet_drawn.wanted);
        if layout.height.is_none() {
            sheet.grow(match sheet.stacked {
                true => strips.iter().sum(),
                false => strips.iter().fold(0.0, |a: f64, b| a.max(*b)),
            });
        }
        sheet_drawn = draw_sheet(
            &sheet,
            columns,
            (&head, &frame.note),
            &strips,
            &mut draw_panel,
        )?;
    }
    let SheetDrawn { svg, spots, .. } = sheet_drawn;
    let size = (sheet.width, sheet.height);
    let paper = (sheet.on_paper.0.as_str(), sheet.on_paper.1.as_str());
    let mut svg = finish(&svg, size, paper, &frame.title, description);
    if let Some(family) = &layout.font_family {
        svg = svg.replace(FONT, &escape(family));
    }
    Ok(Drawing { svg, spots })
}

/// A sheet with everything on it.
struct SheetDrawn {
    svg: String,
    spots: Vec<Spot>,
    /// Height that each panel's legend wants above the panel, units.
    wanted: Vec<f64>,
}

/// Draws everything, with strips of these heights above the panels.
fn draw_sheet(
    sheet: &PageSize,
    columns: &[f64],
    (head, note): (&Frame, &str),
    strips: &[f64],
    draw_panel: &mut impl FnMut(usize, &PanelArea<'_, '_>) -> Result<(), FigureError>,
) -> Result<SheetDrawn, FigureError> {
    let size = (sheet.width, sheet.height);
    let spots = Spots::default();
    let mut wanted = Vec::new();
    let mut svg = String::new();
    {
        let page = SVGBackend::with_string(&mut svg, (px(size.0) as u32, px(size.1) as u32))
            .into_drawing_area();
        page.fill(&PAPER).map_err(failed)?;
        let top = draw_header(&page, size.0, head)?;
        let bottom = draw_note(&page, size, note)?;
        let body = page.margin(px(top), px(bottom), px(10.0), px(14.0));
        let areas = split(&body, columns, sheet.stacked);
        for (k, area) in areas.iter().enumerate() {
            let wants = Cell::new(0.0);
            let panel = PanelArea {
                area: &match sheet.stacked && k > 0 {
                    true => area.margin(px(APART), 0, 0, 0),
                    false => area.clone(),
                },
                spots: &spots,
                strip: strips[k],
                wants: &wants,
            };
            draw_panel(k, &panel)?;
            wanted.push(wants.get());
        }
        page.present().map_err(failed)?;
    }
    Ok(SheetDrawn {
        svg,
        spots: spots.into_inner(),
        wanted,
    })
}

/// The panels' areas: columns in proportion, or equal rows.
fn split<'a>(body: &Area<'a>, columns: &[f64], stacked: bool) -> Vec<Area<'a>> {
    if stacked {
        return body.split_evenly((columns.len(), 1));
    }
    let (width, _) = body.dim_in_pixel();
    let total: f64 = columns.iter().sum();
    let breaks = columns.iter().scan(0.0, |left, column| {
        *left += column / total * f64::from(width);
        Some(left.round() as i32)
    });
    let breaks: Vec<i32> = breaks.take(columns.len().saturating_sub(1)).collect();
    body.split_by_breakpoints(breaks, Vec::<i32>::new())
}

/// Title and subtitle; returns the height they take.
fn draw_header(page: &Area<'_>, width: f64, frame: &Frame) -> Result<f64, FigureError> {
    let mut y = 14.0;
    let lines = [
        (&frame.title, TITLE_SIZE, true, INK),
        (&frame.subtitle, LABEL_SIZE, false, INK),
    ];
    for (text, size, bold, color) in lines {
        for line in wrap(text, size, bold, width - 32.0)? {
            let style = text_style(size, bold, color).pos(Pos::new(HPos::Left, VPos::Top));
            page.draw(&Text::new(line, (px(16.0), px(y)), style))
                .map_err(failed)?;
            y += size * 1.45;
        }
    }
    Ok(y + 4.0)
}

/// The small print; returns the height it takes.
fn draw_note(page: &Area<'_>, size: (f64, f64), note: &str) -> Result<f64, FigureError> {
    let lines = wrap(note, NOTE_SIZE, false, size.0 - 32.0)?;
    let line_height = NOTE_SIZE * 1.4;
    let height = lines.len() as f64 * line_height + 8.0;
    for (k, line) in lines.into_iter().enumerate() {
        let y = size.1 - height + k as f64 * line_height;
        let style = text_style(NOTE_SIZE, false, GREY).pos(Pos::new(HPos::Left, VPos::Top));
        page.draw(&Text::new(line, (px(16.0), px(y)), style))
            .map_err(failed)?;
    }
    Ok(height + 6.0)
}

/// Breaks a text into lines of at most `width` units.
fn wrap(text: &str, size: f64, bold: bool, width: f64) -> Result<Vec<String>, FigureError> {
    let mut lines: Vec<String> = Vec::new();
    for word in visible(text).split_whitespace() {
        let longer = match lines.last() {
            Some(line) => format!("{line} {word}"),
            None => word.to_owned(),
        };
        if text_width(&longer, size, bold)? <= width || lines.is_empty() {
            lines.pop();
            lines.push(longer);
        } else {
            lines.push(word.to_owned());
        }
    }
    Ok(lines)
}

fn text_width(text: &str, size: f64, bold: bool) -> Result<f64, FigureError> {
    let style = text_style(size, bold, INK);
    let (width, _) = style.font.box_size(text).map_err(failed)?;
    Ok(f64::from(width) / FINENESS)
}

/// Puts size in units, title and description into the document.
fn finish(
    svg: &str,
    size: (f64, f64),
    (width, height): (&str, &str),
    title: &str,
    description: &str,
) -> String {
    let body = svg.split_once('>').map_or(svg, |(_, body)| body);
    // The font stands once, where every text takes it from.
    let body = compact::compact(body).replace(&format!(" font-family=\"{FONT}\""), "");
    let (fine_width, fine_height) = (px(size.0), px(size.1));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {fine_width} {fine_height}\" font-family=\"{FONT}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>{body}",
        escape(title),
        escape(description)
    )
}

/// Text for XML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Room for one panel.
pub(super) struct PanelArea<'a, 'b> {
    area: &'b Area<'a>,
    spots: &'b Spots,
    /// Height of the strip for the legend above the plot, units.
    strip: f64,
    /// Height that the legend wants there, units.
    wants: &'b Cell<f64>,
}

/// A chart with axes; positions are given in data units.
pub(super) struct Panel<'a: 'b, 'b> {
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
    pub(super) fn axes(
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
    pub(super) fn ends(&self) -> ((f64, f64), (f64, f64)) {
        (self.x.ends(), self.y.ends())
    }

    /// Points, with an entry in the legend unless `label` is empty.
    pub(super) fn points(
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
    pub(super) fn line(
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
    pub(super) fn runs<'r>(
        &mut self,
        runs: impl IntoIterator<Item = (f64, f64, &'r RunPoint)>,
        (marker, radius, color): (Marker, f64, RGBColor),
        unit: LossUnit,
        label: &str,
    ) -> Result<(), FigureError> {
        let mut places = Vec::new();
        for (x, y, run) in runs {
            self.spot((x, y), super::spot::run_text(run, unit));
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
    pub(super) fn spot(&mut self, place: (f64, f64), text: String) {
        let (x, y) = self.chart.backend_coord(&place);
        self.spots.borrow_mut().push(Spot { x, y, text });
    }

    /// A pale area between two lines over the same places: `(x, low, high)`.
    pub(super) fn band(
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
    pub(super) fn bars(
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
    pub(super) fn wide_interval(
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
    pub(super) fn interval(
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
    pub(super) fn text(
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
    pub(super) fn legend(&mut self, position: SeriesLabelPosition) -> Result<(), FigureError> {
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
