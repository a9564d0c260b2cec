//! Numbers as the report shows them.

use crate::figure::{LossUnit, scientific as scientific_text, signed};
use isoflop_laws::Loss;

/// A loss in a unit: four digits, as its standard error is rarely below 0.1 %.
pub(super) fn loss(loss: Loss, unit: LossUnit) -> String {
    format!("{:.4}", unit.convert(loss))
}

/// `90 %`, `99.5 %`.
pub(super) fn level(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `−0.79 %`, with its sign.
pub(super) fn signed_percent(share: f64) -> String {
    format!("{} %", signed(share * 100.0))
}

/// `8.4 times`.
pub(super) fn times(ratio: f64) -> String {
    format!("{ratio:.1} times")
}

/// `1.84×10¹⁴`.
pub(super) fn scientific(value: f64) -> String {
    scientific_text(value)
}

/// Four significant digits, in powers of ten where the number is very large or small.
pub(super) fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = if (1e-3..1e5).contains(&size) {
        let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        scientific_text(value)
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits() {
        for (value, text) in [
            (0.33917, "0.3392"),
            (1.6934, "1.693"),
            (406.4, "406.4"),
            (-12.0, "−12.00"),
            (9.1e23, "9.1×10²³"),
            (0.0, "0"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
