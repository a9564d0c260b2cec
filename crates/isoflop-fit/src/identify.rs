//! Whether runs determine a parameter, or only allow it.

use crate::FittedLaw;

/// What a parameter is, which decides how well it must be known to be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A loss that nothing lowers.
    Floor,
    /// A power.
    Exponent,
    /// How often something may be repeated before its worth is gone.
    Constant,
    /// How many more tokens make up for text that is worse.
    Worth,
    /// A scale, whose exponent has this index: it is as well known as that.
    Scale(usize),
}

/// An interval of a floor must be narrower than this share of its value: E between 1.4 and 2.2
/// says little more than that there may be one.
const FLOOR_WIDTH: f64 = 0.5;
/// An interval of a constant of repetition must be narrower than this multiple of its value: 2 to
/// 10 about 5 still says that forty epochs are too many.
const CONSTANT_WIDTH: f64 = 2.0;
/// An interval of a power of quality may also be this wide about zero: then tokens of half the
/// quality are known to be worth as much as others, give or take a factor of 1.4.
const WORTH_WIDTH: f64 = 0.5;
/// An interval of an exponent must be narrower than this share of its value.
const EXPONENT_WIDTH: f64 = 1.0;

fn kinds(law: FittedLaw) -> &'static [Kind] {
    use Kind::{Constant, Exponent, Floor, Scale, Worth};
    match law {
        FittedLaw::Chinchilla => &[Floor, Scale(3), Scale(4), Exponent, Exponent],
        FittedLaw::OverTraining => &[Floor, Scale(3), Scale(3), Exponent],
        FittedLaw::DataConstrained => &[
            Floor,
            Scale(3),
            Scale(4),
            Exponent,
            Exponent,
            Constant,
            Constant,
        ],
        FittedLaw::RepetitionPenalty => &[
            Floor,
            Scale(3),
            Scale(4),
            Exponent,
            Exponent,
            Scale(6),
            Exponent,
            Exponent,
        ],
        FittedLaw::DataQuality => &[Floor, Scale(3), Scale(4), Exponent, Exponent, Worth],
        // Each curve's scale and offset are as well known as its power.
        FittedLaw::Farseer => &[
            Scale(2),
            Scale(2),
            Exponent,
            Scale(5),
            Scale(5),
            Exponent,
            Scale(8),
            Scale(8),
            Exponent,
        ],
        FittedLaw::PowerC => &[Scale(1), Exponent, Floor],
        FittedLaw::KaplanN | FittedLaw::KaplanD | FittedLaw::KaplanC => &[Scale(1), Exponent],
        FittedLaw::KaplanNd | FittedLaw::KaplanNs => &[Scale(2), Scale(3), Exponent, Exponent],
        FittedLaw::Isoflop | FittedLaw::Envelope => &[Scale(1), Exponent],
    }
}

/// For each parameter, whether it is determined by its value and interval; `at_bound` are those
/// that ended at the edge of what they may be.
pub(crate) fn identified(
    law: FittedLaw,
    values: &[f64],
    intervals: &[Option<(f64, f64)>],
    at_bound: &[usize],
) -> Vec<bool> {
    let kinds = kinds(law);
    let narrow = |index: usize, share: f64| match intervals[index] {
        Some((lo, hi)) => hi - lo < share * values[index].abs(),
        None => true,
    };
    let alone = |index: usize| {
        !at_bound.contains(&index)
            && match kinds[index] {
                Kind::Floor => narrow(index, FLOOR_WIDTH),
                Kind::Exponent => narrow(index, EXPONENT_WIDTH),
                Kind::Constant => narrow(index, CONSTANT_WIDTH),
                Kind::Worth => {
                    narrow(index, EXPONENT_WIDTH)
                        || intervals[index].is_some_and(|(lo, hi)| hi - lo < WORTH_WIDTH)
                }
                Kind::Scale(_) => true,
            }
    };
    let all = |index: usize| match kinds[index] {
        Kind::Scale(exponent) => alone(index) && alone(exponent),
        _ => alone(index),
    };
    (0..values.len()).map(all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_floor_is_not_determined_and_a_scale_is_as_good_as_its_exponent() {
        let values = [1.8, 400.0, 2000.0, 0.35, 0.37];
        let intervals = [
            Some((1.2, 2.3)),
            Some((100.0, 1500.0)),
            Some((300.0, 9000.0)),
            Some((0.3, 0.4)),
            Some((0.1, 0.6)),
        ];
        let found = identified(FittedLaw::Chinchilla, &values, &intervals, &[]);
        assert_eq!(found, [false, true, false, true, false]);
    }
}
