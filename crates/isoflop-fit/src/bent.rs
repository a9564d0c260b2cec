//! A line that bends: what Farseer (Li et al. 2025) makes of ln N three times over.

/// A value at the centre, its slope there and a power: value + slope · (e^(power · x) − 1) /
/// power, a straight line where the power is zero (Box and Cox 1964).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bent {
    pub level: f64,
    pub slope: f64,
    pub power: f64,
}

/// |power · x| below which the series is more exact than the formula.
const SMALL: f64 = 1e-3;

impl Bent {
    /// The value at a distance from the centre.
    #[inline]
    pub(crate) fn at(&self, x: f64) -> f64 {
        self.level + self.slope * bend(self.power, x)[0]
    }
}

/// (e^(power · x) − 1) / power with its first and second derivative by the power.
#[inline]
pub(crate) fn bend(power: f64, x: f64) -> [f64; 3] {
    let u = power * x;
    if u.abs() < SMALL {
        return [
            x * (1.0 + u / 2.0 + u * u / 6.0),
            x * x * (0.5 + u / 3.0 + u * u / 8.0),
            x * x * x * (1.0 / 3.0 + u / 4.0 + u * u / 10.0),
        ];
    }
    let value = u.exp_m1() / power;
    let first = (x * u.exp() - value) / power;
    let second = (x * x * u.exp() - 2.0 * first) / power;
    [value, first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_differences_on_both_sides_of_a_straight_line() {
        for power in [-0.8, -1e-4, 0.0, 1e-4, 2e-3, 0.5] {
            for x in [-4.0, 0.3, 3.0] {
                let [_, first, second] = bend(power, x);
                let (up, down) = (bend(power + 1e-5, x), bend(power - 1e-5, x));
                let of = |k: usize| (up[k] - down[k]) / 2e-5;
                assert!(
                    (first - of(0)).abs() < 1e-6 * (1.0 + first.abs()),
                    "{power} {x}"
                );
                assert!(
                    (second - of(1)).abs() < 1e-4 * (1.0 + second.abs()),
                    "{power} {x}"
                );
            }
        }
    }
}
