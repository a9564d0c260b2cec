//! Axes: ranges with a margin, ticks at round numbers, labels that people read.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// Room between labels, units.
const APART: f64 = 5.0;

/// An axis in data units, linear or logarithmic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    is_log: bool,
    low: f64,
    high: f64,
    /// Labelled ticks, in data units.
    ticks: Vec<f64>,
    /// Unlabelled ticks, in data units.
    minor: Vec<f64>,
    decimals: usize,
    /// What the axis shows, with its unit.
    pub label: String,
}

impl Axis {
    /// A logarithmic axis around positive values, with a margin as a fraction of its length.
    pub(super) fn log(values: impl IntoIterator<Item = f64>, margin: f64, label: &str) -> Self {
        let positive = values.into_iter().filter(|value| *value > 0.0);
        let (low, high) = span(positive.map(f64::log10)).unwrap_or((0.0, 1.0));
        // Less than a tenth of a decade would leave no round number to label.
        let pad = ((high - low) * margin).max((0.1 - (high - low)) / 2.0);
        let (low, high) = (low - pad, high + pad);
        let (ticks, minor) = log_ticks(low, high);
        Axis {
            is_log: true,
            low: 10f64.powf(low),
            high: 10f64.powf(high),
            ticks,
            minor,
            decimals: if high - low < 0.7 {
                decimals_of(round_step(10f64.powf(low), 10f64.powf(high)))
            } else {
                0
            },
            label: label.to_owned(),
        }
    }

    /// A linear axis around values, with a margin as a fraction of its length.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, margin: f64, label: &str) -> Self {
        let (low, high) = span(values).unwrap_or((0.0, 1.0));
        let width = if high > low {
            high - low
        } else {
            low.abs().max(1.0) * 0.1
        };
        let (low, high) = (low - width * margin, high + width * margin);
        let step = round_step(low, high);
        let ticks = multiples(step, low, high);
        let minor = multiples(step / 2.0, low, high);
        Axis {
            is_log: false,
            low,
            high,
            ticks,
            minor,
            decimals: decimals_of(step),
            label: label.to_owned(),
        }
    }

    /// From 0 to 1, without ticks.
    pub(super) fn unlabelled(label: &str) -> Self {
        Axis {
            is_log: false,
            low: 0.0,
            high: 1.0,
            ticks: Vec::new(),
            minor: Vec::new(),
            decimals: 0,
            label: label.to_owned(),
        }
    }

    /// The axis with as much of its label as `room` units hold. Logarithmic scales show by their
    /// ticks, and units can be abbreviated; the caption says it all.
    pub(super) fn fitting<E>(
        mut self,
        room: f64,
        width_of: impl Fn(&str) -> Result<f64, E>,
    ) -> Result<Self, E> {
        let shorter = [
            (", log scale)", ")"),
            (" (log scale)", ""),
            ("nats per token", "nats/token"),
            ("Validation loss", "Loss"),
        ];
        for (long, short) in shorter {
            if width_of(&self.label)? <= room {
                break;
            }
            self.label = self.label.replace(long, short);
        }
        Ok(self)
    }

    /// The axis with as many labelled ticks as stand apart on a length of `room` units. `extent`
    /// is how much of the axis a label covers. Every second tick goes, or two of three, and so on;
    /// of the sets of that size the one with the shortest labels stays: the round numbers.
    pub(super) fn spaced<E>(
        mut self,
        room: f64,
        extent: impl Fn(&str) -> Result<f64, E>,
    ) -> Result<Self, E> {
        let labels: Vec<String> = self
            .ticks
            .iter()
            .map(|tick| self.format_ext(tick))
            .collect();
        let extents: Vec<f64> = labels
            .iter()
            .map(|text| extent(text))
            .collect::<Result<_, E>>()?;
        let (low, high) = (self.at(self.low), self.at(self.high));
        let places: Vec<f64> = self
            .ticks
            .iter()
            .map(|tick| (self.at(*tick) - low) / (high - low) * room)
            .collect();
        let stand_apart = |kept: &[usize]| {
            kept.windows(2).all(|pair| {
                let covered = (extents[pair[0]] + extents[pair[1]]) / 2.0;
                (places[pair[1]] - places[pair[0]]).abs() >= covered + APART
            })
        };
        let letters = |kept: &[usize]| -> usize {
            let kept = kept.iter().map(|&k| labels[k].chars().count());
            kept.sum()
        };
        let count = self.ticks.len();
        let every = |step: usize| {
            let sets = (0..step).map(move |first| (first..count).step_by(step).collect());
            let sets = sets.filter(|kept: &Vec<usize>| stand_apart(kept));
            // A set with one tick more is worth more than shorter labels.
            sets.min_by_key(|kept| (count - kept.len(), letters(kept)))
        };
        let Some(kept) = (1..=count).find_map(every) else {
            return Ok(self);
        };
        let ticks = std::mem::take(&mut self.ticks);
        for (k, tick) in ticks.into_iter().enumerate() {
            match kept.contains(&k) {
                true => self.ticks.push(tick),
                false => self.minor.push(tick),
            }
        }
        Ok(self)
    }

    /// The axis's ends.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    fn at(&self, value: f64) -> f64 {
        if self.is_log { value.log10() } else { value }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let (low, high) = (self.at(self.low), self.at(self.high));
        let share = (self.at(*value) - low) / (high - low);
        start + (share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.minor.clone()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        log_label(*value)
    }

    fn format_ext(&self, value: &f64) -> String {
        // A logarithmic axis over a part of a decade has evenly spaced values too.
        if self.is_log && (self.decimals == 0 || *value >= 1e4) {
            log_label(*value)
        } else {
            format!("{value:.*}", self.decimals).replace('-', "−")
        }
    }
}

fn span(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |span, value| match span {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// Ticks between 10^low and 10^high: decades where there are several, round numbers between.
fn log_ticks(low: f64, high: f64) -> (Vec<f64>, Vec<f64>) {
    let decades = high - low;
    let inside = |tick: &f64| (low..=high).contains(&tick.log10());
    if decades < 0.7 {
        let (low, high) = (10f64.powf(low), 10f64.powf(high));
        let step = round_step(low, high);
        return (multiples(step, low, high), multiples(step / 2.0, low, high));
    }
    let every = (decades / 8.0).ceil().max(1.0) as i32;
    let factors: &[f64] = match decades {
        ..1.6 => &[1.0, 2.0, 5.0],
        ..2.4 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let exponents = low.floor() as i32..=high.ceil() as i32;
    let major = exponents
        .clone()
        .filter(|exponent| exponent.rem_euclid(every) == 0)
        .flat_map(|exponent| factors.iter().map(move |k| k * 10f64.powi(exponent)))
        .filter(inside);
    let minor = exponents
        .flat_map(|exponent| (1..10).map(move |k| f64::from(k) * 10f64.powi(exponent)))
        .filter(inside);
    // Nine lines a decade over many decades would be a grey field.
    let minor = if decades > 6.0 {
        Vec::new()
    } else {
        minor.collect()
    };
    (major.collect(), minor)
}

/// The largest of 1, 2 or 5 times a power of ten that gives at least four ticks.
fn round_step(low: f64, high: f64) -> f64 {
    let power = 10f64.powf((high - low).log10().floor());
    let steps = [5.0, 2.0, 1.0, 0.5, 0.2, 0.1].map(|k| k * power);
    let enough = |step: &f64| multiples(*step, low, high).len() >= 4;
    steps.into_iter().find(enough).unwrap_or(0.1 * power)
}

fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last.min(first + 100))
        .map(|k| k as f64 * step)
        .collect()
}

fn decimals_of(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 9.0) as usize
}

/// `10⁻³` for powers of ten, `1` for one, and `2.5` or `5×10⁸` between.
pub(super) fn log_label(value: f64) -> String {
    let exponent = value.log10();
    let nearest = exponent.round();
    if (exponent - nearest).abs() < 1e-9 {
        return match nearest as i32 {
            0 => "1".to_owned(),
            1 => "10".to_owned(),
            power => format!("10{}", superscript(power)),
        };
    }
    if (0.01..1000.0).contains(&value) {
        return plain(value);
    }
    let power = exponent.floor();
    let digit = plain(value / 10f64.powf(power));
    format!("{digit}×10{}", superscript(power as i32))
}

fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number in raised digits.
pub(super) fn superscript(number: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| match c.to_digit(10) {
        Some(digit) => DIGITS[digit as usize],
        None => '⁻',
    };
    number.to_string().chars().map(digit).collect()
}

/// `1.84×10¹⁴`, for text in a figure.
pub(crate) fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((digits, power)) => match power.parse() {
            Ok(power) => {
                let digits = digits.trim_end_matches('0').trim_end_matches('.');
                format!("{digits}×10{}", superscript(power))
            }
            Err(_) => text,
        },
        None => text,
    }
}

/// Two decimals with a sign, as in `−0.79`.
pub(crate) fn signed(value: f64) -> String {
    format!("{value:+.2}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_as_long_as_there_is_room_for() {
        let label = "Validation loss (nats per token, log scale)";
        let width = |text: &str| Ok::<f64, ()>(text.len() as f64);
        let fitted = |room| {
            let axis = Axis::log([2.0, 5.0], 0.0, label);
            axis.fitting(room, width).unwrap().label
        };
        assert_eq!(fitted(60.0), label);
        assert_eq!(fitted(35.0), "Validation loss (nats per token)");
        assert_eq!(fitted(20.0), "Loss (nats/token)");
    }
    use proptest::prelude::*;

    /// Six units a letter, as in the figures.
    fn width(text: &str) -> Result<f64, ()> {
        Ok(6.0 * text.chars().count() as f64)
    }

    #[test]
    fn labels_of_a_narrow_range_do_not_run_into_each_other() {
        // Sizes of a ladder of a third of a decade, in one of three panels.
        let axis = Axis::log([1.1e7, 4.2e7], 0.06, "N");
        assert!(labels(&axis).len() > 4, "{:?}", labels(&axis));
        let axis = axis.spaced(228.0, width).unwrap();
        assert_eq!(labels(&axis), ["2×10⁷", "3×10⁷", "4×10⁷"]);
    }

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks
            .iter()
            .map(|tick| axis.format_ext(tick))
            .collect()
    }

    #[test]
    fn ticks_over_decades_are_powers_of_ten() {
        let axis = Axis::log([1e-4, 1.0], 0.05, "C");
        assert_eq!(labels(&axis), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1"]);
        let axis = Axis::log([1e12, 1e26], 0.0, "C");
        assert_eq!(labels(&axis).len(), 8);
    }

    #[test]
    fn ticks_within_a_decade_are_round_numbers() {
        assert_eq!(
            labels(&Axis::log([2.2, 5.1], 0.0, "L")),
            ["2.5", "3.0", "3.5", "4.0", "4.5", "5.0"]
        );
        assert_eq!(
            labels(&Axis::log([2.21, 2.81], 0.0, "L")),
            ["2.3", "2.4", "2.5", "2.6", "2.7", "2.8"]
        );
        assert_eq!(
            labels(&Axis::log([2e7, 3e8], 0.0, "N")),
            ["2×10⁷", "5×10⁷", "10⁸", "2×10⁸"]
        );
    }

    #[test]
    fn linear_ticks_show_as_many_decimals_as_their_step_needs() {
        assert_eq!(
            labels(&Axis::linear([2.31, 2.52], 0.0, "L")),
            ["2.35", "2.40", "2.45", "2.50"]
        );
        assert_eq!(
            labels(&Axis::linear([-1.0, 1.0], 0.0, "r")),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
        );
    }

    proptest! {
        #[test]
        fn labels_stand_apart_over_any_range_and_in_any_panel(
            low in -12.0..30f64, decades in 0.0..16f64, room in 90.0..800f64, is_log in any::<bool>()
        ) {
            let values = [10f64.powf(low), 10f64.powf(low + decades)];
            let axis = if is_log {
                Axis::log(values, 0.04, "x")
            } else {
                Axis::linear(values, 0.04, "x")
            };
            let axis = axis.spaced(room, width).unwrap();
            let (start, end) = (axis.at(axis.low), axis.at(axis.high));
            let ends: Vec<(f64, f64)> = axis.ticks.iter().map(|tick| {
                let place = (axis.at(*tick) - start) / (end - start) * room;
                let half = width(&axis.format_ext(tick)).unwrap() / 2.0;
                (place - half, place + half)
            }).collect();
            prop_assert!(!ends.is_empty());
            for pair in ends.windows(2) {
                prop_assert!(pair[0].1 < pair[1].0, "{:?} at {room}", labels(&axis));
            }
        }

        #[test]
        fn every_axis_has_two_to_twelve_labels_within_its_ends(
            low in -12.0..30f64, decades in 0.0..16f64, is_log in any::<bool>()
        ) {
            let values = [10f64.powf(low), 10f64.powf(low + decades)];
            let axis = if is_log {
                Axis::log(values, 0.04, "x")
            } else {
                Axis::linear(values, 0.04, "x")
            };
            prop_assert!((1..=12).contains(&axis.ticks.len()), "{axis:?}");
            let inside = |tick: &f64| axis.range().contains(tick);
            prop_assert!(axis.ticks.iter().all(inside), "{axis:?}");
        }
    }
}
