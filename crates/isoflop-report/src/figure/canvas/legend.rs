//! Where the legend of a panel stands: in a corner without data, or above the panel where there is
//! none.

use super::glyph::{Marker, Stroke, legend_line, marker_shape};
use super::{Area, NOTE_SIZE, failed, px, text_style, text_width};
use crate::figure::FigureError;
use crate::figure::style::INK;
use plotters::element::{EmptyElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

/// The sample beside a label.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    Marker(Marker, f64, RGBColor),
    Line(Stroke, f64, RGBColor),
    Band(RGBColor),
}

/// What a panel has drawn so far, in pixels: what its legend must leave free.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// Samples and their labels.
    pub entries: Vec<(Sample, String)>,
    /// Places of data.
    pub places: Vec<(i32, i32)>,
}

/// Room from a sample's left to its label, and around a legend, units.
const SAMPLE: f64 = 28.0;
const MARGIN: f64 = 8.0;
/// Room between two entries of one line, units.
const BETWEEN: f64 = 14.0;
/// Height of a line of a legend, units.
const LINE: f64 = NOTE_SIZE * 1.6;
/// A marker that is half under the legend is hidden as well, units.
const AROUND: f64 = 4.0;

impl Drawn {
    /// Adds a line's places, close to each other.
    pub(super) fn trace(&mut self, places: impl IntoIterator<Item = (i32, i32)>) {
        let step = f64::from(px(6.0));
        let mut last: Option<(i32, i32)> = None;
        for to in places {
            let from = last.unwrap_or(to);
            let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
            let steps = (dx.hypot(dy) / step).ceil().max(1.0);
            for k in 1..=steps as i32 {
                let share = f64::from(k) / steps;
                let at = |from: i32, way: f64| from + (share * way).round() as i32;
                self.places.push((at(from.0, dx), at(from.1, dy)));
            }
            last = Some(to);
        }
    }

    /// Width and height of the legend as a box, pixels.
    fn size(&self) -> Result<(i32, i32), FigureError> {
        let mut widest: f64 = 0.0;
        for (_, label) in &self.entries {
            widest = widest.max(text_width(label, NOTE_SIZE, false)?);
        }
        let high = self.entries.len() as f64 * LINE;
        Ok((px(SAMPLE + widest + 2.0 * MARGIN), px(high + 2.0 * MARGIN)))
    }

    /// The corner of the plot, given by its left, top, width and height, where the legend hides
    /// nothing: its place from the plot's left top. The wish is tried first.
    pub(super) fn free_corner(
        &self,
        wish: (f64, f64),
        (left, top, width, height): (i32, i32, i32, i32),
    ) -> Result<Option<(i32, i32)>, FigureError> {
        let (wide, high) = self.size()?;
        let gap = 5;
        let room = (width - wide - 2 * gap, height - high - 2 * gap);
        if room.0 < 0 || room.1 < 0 {
            return Ok(None);
        }
        let around = px(AROUND);
        let hides = |(x, y): (i32, i32)| {
            let (x, y) = (left + x - around, top + y - around);
            let (right, bottom) = (x + wide + 2 * around, y + high + 2 * around);
            self.places
                .iter()
                .any(|place| (x..=right).contains(&place.0) && (y..=bottom).contains(&place.1))
        };
        let others = [
            (1.0, 0.0),
            (0.0, 0.0),
            (1.0, 1.0),
            (0.0, 1.0),
            (0.5, 0.0),
            (0.5, 1.0),
            (1.0, 0.5),
            (0.0, 0.5),
        ];
        let places = std::iter::once(wish).chain(others).map(|(x, y)| {
            let at = |share: f64, room: i32| gap + (share * f64::from(room)).round() as i32;
            (at(x, room.0), at(y, room.1))
        });
        Ok(places.into_iter().find(|place| !hides(*place)))
    }

    /// The entries in lines of at most `width` units.
    fn lines(&self, width: f64) -> Result<Vec<Vec<(usize, f64)>>, FigureError> {
        let mut lines: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
        let mut x = 0.0;
        for (k, (_, label)) in self.entries.iter().enumerate() {
            let wide = SAMPLE + text_width(label, NOTE_SIZE, false)?;
            let full = lines.last().is_some_and(|line| !line.is_empty());
            if full && x + wide > width {
                lines.push(Vec::new());
                x = 0.0;
            }
            if let Some(line) = lines.last_mut() {
                line.push((k, x));
            }
            x += wide + BETWEEN;
        }
        Ok(lines)
    }

    /// Height of the legend as a strip of so many units, units.
    pub(super) fn strip_height(&self, width: f64) -> Result<f64, FigureError> {
        Ok(self.lines(width)?.len() as f64 * LINE + MARGIN)
    }

    /// Draws the legend as a strip that begins `left` units from the left.
    pub(super) fn draw_strip(&self, area: &Area<'_>, left: f64) -> Result<(), FigureError> {
        let width = f64::from(area.dim_in_pixel().0) / super::FINENESS - left;
        for (row, line) in self.lines(width)?.into_iter().enumerate() {
            let y = px((row as f64 + 0.5) * LINE + MARGIN / 2.0);
            for (k, x) in line {
                let (sample, label) = &self.entries[k];
                let x = px(left + x);
                draw_sample(area, *sample, (x, y))?;
                let style =
                    text_style(NOTE_SIZE, false, INK).pos(Pos::new(HPos::Left, VPos::Center));
                area.draw(&Text::new(label.clone(), (x + px(SAMPLE), y), style))
                    .map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn draw_sample(area: &Area<'_>, sample: Sample, (x, y): (i32, i32)) -> Result<(), FigureError> {
    match sample {
        Sample::Marker(marker, radius, color) => {
            let place = EmptyElement::at((x + px(11.0), y));
            area.draw(&(place + marker_shape(marker, radius.min(5.0), color)))
        }
        Sample::Line(stroke, width, color) => area.draw(&legend_line(
            x,
            y,
            stroke,
            color.stroke_width(px(width) as u32),
        )),
        Sample::Band(color) => {
            let corners = [(x, y - px(4.0)), (x + px(22.0), y + px(4.0))];
            area.draw(&Rectangle::new(corners, color.mix(0.16).filled()))
        }
    }
    .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::style::{BLUE, load_font};

    fn drawn(places: Vec<(i32, i32)>) -> Drawn {
        load_font();
        Drawn {
            entries: vec![(Sample::Band(BLUE), "Runs".into())],
            places,
        }
    }

    #[test]
    fn a_legend_takes_the_wished_corner_unless_it_would_hide_data_there() {
        let plot = (0, 0, 2000, 2000);
        let free = drawn(vec![(1000, 1000)]);
        let left = free.free_corner((0.0, 0.0), plot).unwrap();
        assert_eq!(left, Some((5, 5)));
        let taken = drawn(vec![(50, 50)]);
        let found = taken.free_corner((0.0, 0.0), plot).unwrap().unwrap();
        assert!(found.0 > 1000 && found.1 == 5, "{found:?}");
    }

    #[test]
    fn a_legend_finds_no_place_among_data_everywhere_or_in_a_plot_too_small() {
        let everywhere = (0..100).flat_map(|x| (0..100).map(move |y| (x * 20, y * 20)));
        let full = drawn(everywhere.collect());
        assert_eq!(
            full.free_corner((0.0, 0.0), (0, 0, 2000, 2000)).unwrap(),
            None
        );
        let small = drawn(vec![]);
        assert_eq!(
            small.free_corner((0.0, 0.0), (0, 0, 100, 100)).unwrap(),
            None
        );
        assert!(small.strip_height(300.0).unwrap() > 0.0);
    }

    #[test]
    fn a_line_is_in_the_way_between_its_ends_as_well() {
        let mut line = drawn(vec![]);
        line.trace([(0, 40), (2000, 40)]);
        let found = line.free_corner((0.0, 0.0), (0, 0, 2000, 2000)).unwrap();
        assert!(found.unwrap().1 > 1000);
    }
}
