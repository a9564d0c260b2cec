//! A page of panels, drawn with `plotters` and finished as an accessible SVG document.

mod compact;
mod glyph;
mod legend;
mod panel;

pub(super) use glyph::{Marker, Stroke};
pub(super) use panel::{Panel, PanelArea};

use super::FigureError;
use super::axis::Axis;
use super::layout::{Layout, PageSize};
use super::spot::{Spot, Spots};
use super::style::{FONT, GREY, INK, LABEL_SIZE, NOTE_SIZE, PAPER, TITLE_SIZE, load_font};
use crate::visible::visible;
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::prelude::{Cartesian2d, DrawingArea, IntoDrawingArea, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle};
use std::cell::Cell;

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
