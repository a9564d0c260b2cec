//! One style for all figures: colours, sizes, the font.

use plotters::style::{FontStyle, RGBColor, register_font};
use std::sync::Once;

// Okabe & Ito (2008), "Color Universal Design": told apart with any common colour blindness, and
// by their lightness in grey print.
/// Okabe–Ito blue: what was measured.
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
/// Okabe–Ito vermilion: what is predicted.
pub(super) const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
/// Okabe–Ito bluish green: what came out.
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
/// Axes and text.
pub(super) const INK: RGBColor = RGBColor(0x1a, 0x1a, 0x1a);
/// Secondary text, fitted lines.
pub(super) const GREY: RGBColor = RGBColor(0x59, 0x59, 0x59);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
/// Fine grid lines.
pub(super) const FINE_GRID: RGBColor = RGBColor(0xf2, 0xf2, 0xf2);
/// The page.
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);

/// The embedded font first; Verdana has the same widths where a browser lacks it.
pub(super) const FONT: &str = "DejaVu Sans, Verdana, sans-serif";

/// Font sizes in units of the figure.
pub(super) const TITLE_SIZE: f64 = 15.0;
pub(super) const LABEL_SIZE: f64 = 12.5;
pub(super) const TICK_SIZE: f64 = 11.5;
pub(super) const NOTE_SIZE: f64 = 10.5;

/// Makes the embedded font known to the drawing library, once in a process.
pub(super) fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // A font that cannot be read makes every later drawing call fail with its own error.
        let _ = register_font(FONT, FontStyle::Normal, dejavu::sans::regular());
        let _ = register_font(FONT, FontStyle::Bold, dejavu::sans::bold());
    });
}

/// Dark blue to light orange for an ordered series of `count` (viridis-like order of lightness,
/// with colours of the Okabe–Ito hues): the k-th of them.
pub(super) fn ordered(k: usize, count: usize) -> RGBColor {
    // Stops from the cividis map (Nuñez, Anderton & Renslow 2018), made for colour-blind readers;
    // the pale end is left out, as it vanishes on paper.
    const STOPS: [(f64, f64, f64); 5] = [
        (0.0, 32.0, 77.0),
        (49.0, 68.0, 107.0),
        (102.0, 105.0, 112.0),
        (149.0, 143.0, 120.0),
        (203.0, 176.0, 76.0),
    ];
    let position = if count > 1 {
        k as f64 / (count - 1) as f64 * (STOPS.len() - 1) as f64
    } else {
        0.0
    };
    let left = (position.floor() as usize).min(STOPS.len() - 2);
    let share = position - left as f64;
    let mix = |a: f64, b: f64| (a + (b - a) * share).round() as u8;
    let (a, b) = (STOPS[left], STOPS[left + 1]);
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}
