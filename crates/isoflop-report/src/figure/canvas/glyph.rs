//! Markers and strokes. Shapes differ as well as colours, for print without colour.

use super::px;
use plotters::element::{DashedPathElement, DynElement, IntoDynElement};
use plotters::prelude::{Circle, PathElement, Polygon, SVGBackend};
use plotters::style::{Color, RGBColor, ShapeStyle};

/// How a point is drawn. Shapes differ as well as colours, for print without colour.
#[derive(Debug, Clone, Copy)]
pub(in crate::figure) enum Marker {
    /// A filled disc.
    Disc,
    /// A ring.
    Ring,
    /// A filled square on its corner.
    Diamond,
    /// A filled triangle.
    Triangle,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::figure) enum Stroke {
    /// Without gaps.
    Solid,
    /// Long dashes.
    Dashed,
    /// Short dashes.
    Dotted,
}

impl Stroke {
    pub(super) fn lengths(self) -> (i32, i32) {
        match self {
            Stroke::Solid => (1, 0),
            Stroke::Dashed => (px(7.0), px(4.5)),
            Stroke::Dotted => (px(1.8), px(3.2)),
        }
    }
}

/// A shape around a place that is given later.
pub(super) type Glyph<'a> = DynElement<'static, SVGBackend<'a>, (i32, i32)>;

/// A marker around the origin.
pub(super) fn marker_shape<'a>(marker: Marker, radius: f64, color: RGBColor) -> Glyph<'a> {
    let r = px(radius);
    let filled = color.filled();
    match marker {
        Marker::Disc => Circle::new((0, 0), r, filled).into_dyn(),
        Marker::Ring => Circle::new((0, 0), r, color.stroke_width(px(1.5) as u32)).into_dyn(),
        Marker::Diamond => {
            let corners = vec![(0, -r), (r, 0), (0, r), (-r, 0)];
            Polygon::new(corners, filled).into_dyn()
        }
        Marker::Triangle => {
            let corners = vec![(0, -r), (r, px(radius * 0.8)), (-r, px(radius * 0.8))];
            Polygon::new(corners, filled).into_dyn()
        }
    }
}

/// A line's sample in the legend.
pub(super) fn legend_line<'a>(x: i32, y: i32, stroke: Stroke, style: ShapeStyle) -> Glyph<'a> {
    let ends = [(x, y), (x + px(22.0), y)];
    let (dash, gap) = stroke.lengths();
    match stroke {
        Stroke::Solid => PathElement::new(ends.to_vec(), style).into_dyn(),
        _ => DashedPathElement::new(ends, dash, gap, style).into_dyn(),
    }
}
