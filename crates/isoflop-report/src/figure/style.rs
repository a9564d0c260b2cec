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

/// Dark blue to ochre, ordered by lightness: the cividis map (Nuñez, Anderton & Renslow 2018), made
/// for colour-blind readers, without its pale end, which vanishes on paper. The report's style
/// sheet has a counterpart of each for dark screens.
const ORDERED: [RGBColor; 8] = [
    RGBColor(0x00, 0x20, 0x4d),
    RGBColor(0x1b, 0x35, 0x6b),
    RGBColor(0x3f, 0x4d, 0x6e),
    RGBColor(0x58, 0x5f, 0x70),
    RGBColor(0x73, 0x72, 0x74),
    RGBColor(0x8c, 0x86, 0x70),
    RGBColor(0x9f, 0x8d, 0x55),
    RGBColor(0xb0, 0x92, 0x32),
];

/// The k-th of `count` ordered colours; beyond eight, neighbours share one.
pub(super) fn ordered(k: usize, count: usize) -> RGBColor {
    let last = ORDERED.len() - 1;
    let steps = count.saturating_sub(1).max(1);
    ORDERED[(k * last / steps).min(last)]
}
