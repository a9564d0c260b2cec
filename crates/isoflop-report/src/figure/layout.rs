//! The size of a figure on paper and the size of its letters.

use std::fmt;
use std::str::FromStr;

/// Points of type in a millimetre.
const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// How a figure is laid out: for a screen by default, or to a size on paper with letters of a
/// given size, whatever that size is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Width on paper; the figure's own on a screen without.
    pub width: Option<Length>,
    /// Height on paper; in the figure's own proportion to the width without.
    pub height: Option<Length>,
    /// Size of the labels on paper in points; 8 where a width is given.
    pub font_pt: Option<f64>,
    /// Family of the letters in SVG, such as `Times New Roman`; PNG has the embedded font.
    pub font_family: Option<String>,
    /// Leaves title and finding out, for a caption below. What was assumed stays.
    pub untitled: bool,
}

/// A length on paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Length {
    millimetres: f64,
}

/// The text is no length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a length from 20 mm to 1 m: expected a number and a unit, such as 85mm, 3.35in or 240pt"
)]
pub struct NotALength(String);

impl FromStr for Length {
    type Err = NotALength;

    fn from_str(text: &str) -> Result<Self, NotALength> {
        let wrong = || NotALength(text.to_owned());
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = trimmed.split_at(split.ok_or_else(wrong)?);
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        let millimetres = number
            * match unit {
                "mm" => 1.0,
                "cm" => 10.0,
                "in" => 25.4,
                "pt" => 1.0 / POINTS_PER_MM,
                "px" => 25.4 / 96.0,
                _ => return Err(wrong()),
            };
        if (20.0..=1000.0).contains(&millimetres) {
            Ok(Length { millimetres })
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}mm", self.millimetres)
    }
}

/// A page in units of the figure, and how long its sides are on paper.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PageSize {
    /// Units.
    pub width: f64,
    /// Units.
    pub height: f64,
    /// Width and height as SVG has them.
    pub on_paper: (String, String),
    /// Whether panels stand below each other for want of width.
    pub stacked: bool,
    /// Units in a millimetre of paper; on a screen a unit is a pixel.
    units_per_mm: Option<f64>,
}

impl PageSize {
    /// Makes the page higher by so many units.
    pub(super) fn grow(&mut self, units: f64) {
        self.height += units;
        self.on_paper.1 = match self.units_per_mm {
            Some(units_per_mm) => format!("{:.2}mm", self.height / units_per_mm),
            None => self.height.to_string(),
        };
    }
}

/// The least width of a panel in units at which its labels do not collide.
const LEAST_PANEL: f64 = 225.0;

impl Layout {
    /// The page for a figure that is `natural` units on a screen, with so many panels, whose
    /// labels are `label` units high.
    pub(super) fn page(&self, natural: (f64, f64), panels: usize, label: f64) -> PageSize {
        let Some(width) = self.width else {
            return PageSize {
                width: natural.0,
                height: natural.1,
                on_paper: (natural.0.to_string(), natural.1.to_string()),
                stacked: false,
                units_per_mm: None,
            };
        };
        let units_per_mm = POINTS_PER_MM * label / self.font_pt.unwrap_or(8.0);
        let wide = width.millimetres * units_per_mm;
        let stacked = panels > 1 && wide / (panels as f64) < LEAST_PANEL;
        let own = match stacked {
            true => natural.1 * 0.75 * panels as f64,
            false => natural.1 * (wide / natural.0).clamp(0.9, 1.25),
        };
        let high = self.height.map_or(own, |h| h.millimetres * units_per_mm);
        let paper = |units: f64| format!("{:.2}mm", units / units_per_mm);
        PageSize {
            width: wide,
            height: high,
            on_paper: (paper(wide), paper(high)),
            stacked,
            units_per_mm: Some(units_per_mm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_with_their_unit_and_nothing_else() {
        let mm = |text: &str| text.parse::<Length>().map(|l| l.millimetres.round());
        assert_eq!(mm("85mm"), Ok(85.0));
        assert_eq!(mm("8.5 cm"), Ok(85.0));
        assert_eq!(mm("3.35in"), Ok(85.0));
        assert_eq!(mm("241pt"), Ok(85.0));
        for wrong in ["85", "mm", "-85mm", "85 furlongs", "1mm", "9m", "nanmm"] {
            assert!(mm(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn letters_keep_their_size_on_paper_whatever_the_width() {
        for width in ["85mm", "170mm"] {
            let layout = Layout {
                width: width.parse().ok(),
                font_pt: Some(8.0),
                ..Layout::default()
            };
            let page = layout.page((900.0, 480.0), 2, 12.5);
            let mm: f64 = page.on_paper.0.trim_end_matches("mm").parse().unwrap();
            let label_pt = 12.5 * mm / page.width * POINTS_PER_MM;
            assert!((label_pt - 8.0).abs() < 1e-3, "{label_pt}");
        }
    }

    #[test]
    fn panels_stand_below_each_other_in_a_column_of_a_paper() {
        let layout = Layout {
            width: "85mm".parse().ok(),
            ..Layout::default()
        };
        assert!(layout.page((900.0, 480.0), 2, 12.5).stacked);
        assert!(!layout.page((760.0, 480.0), 1, 12.5).stacked);
    }
}
