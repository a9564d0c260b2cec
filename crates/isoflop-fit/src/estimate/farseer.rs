//! L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(−exp(a1 N^alpha + b1)) (Li et al. 2025, eq. 3).
//!
//! As it is written, a and b of each of the three curves are nearly opposite and a power of zero
//! has no place. The search sees each curve by its value and slope at the middle size and its
//! power, which passes through zero smoothly; and the curve of data by its nats at the middle of
//! the data, not at one token.

use super::form::{Form, Jet, Linear};
use super::power_sum::{centre, grid};
use crate::bent::{Bent, bend};
use crate::rows::{Axis, Inputs, Row};

/// Coordinates, three for each curve of ln N (level and slope at the centre, power): ln of the
/// exponent of data; ln of the nats of finite data at the centre of D; ln of the loss of infinite
/// data. The second's slope is that at the centre of D as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Farseer {
    ln_n: f64,
    ln_d: f64,
    /// Slope by ln N of ln of the nats of finite data where the grid looks.
    tilt: f64,
}

/// Slopes of the nats of finite data for which the grid is looked over: with the exponent of data
/// falling, they grow with size at the middle of the data.
pub(super) const TILTS: [f64; 5] = [-0.25, 0.0, 0.2, 0.4, 0.7];

/// Powers outside bend a curve within a factor of two of size.
const POWERS: (f64, f64) = (-2.0, 2.0);
/// A power nearer to zero is written as this: a and b grow without bound towards it.
const LEAST_POWER: f64 = 1e-4;
/// How the loss of infinite data falls with size where the grid looks.
const USUAL: f64 = 0.35;
/// Slopes of ln of the exponent of data by ln N where the grid looks.
const SLOPES: [f64; 7] = [-0.36, -0.24, -0.16, -0.08, -0.02, 0.04, 0.12];
/// Nats that a term has at least where a start is written down.
const LEAST: f64 = 1e-6;

/// The three curves at one size, with what they add up to at one input.
struct Parts {
    /// e^(first curve): the exponent of data.
    exponent: f64,
    /// Nats of finite data.
    of_data: f64,
    /// Nats of infinite data.
    floor: f64,
}

impl Farseer {
    pub(crate) fn centred(rows: &[Row]) -> Self {
        Self::tilted(rows, 0.0)
    }

    /// The same law, whose grid looks at nats of finite data with this slope.
    pub(super) fn tilted(rows: &[Row], tilt: f64) -> Self {
        Self {
            ln_n: centre(rows, Axis::Params),
            ln_d: centre(rows, Axis::Tokens),
            tilt,
        }
    }

    #[inline]
    fn off(&self, x: &Inputs) -> (f64, f64) {
        let n = x[Axis::Params as usize] - self.ln_n;
        (n, x[Axis::Tokens as usize] - self.ln_d)
    }

    /// ln of the nats of finite data is c(n) − e^(first)(d + ln D̄), where c has the value and
    /// slope that make it the second curve at the centre of D.
    #[inline]
    fn parts(&self, at: &[f64; 9], n: f64, d: f64) -> Parts {
        let [curve, data, infinite] = curves(at);
        let exponent = curve.at(n).exp();
        let middle = curve.level.exp() * self.ln_d;
        let tilt = 1.0 + curve.slope * bend(data.power, n)[0];
        let of_data = data.at(n) + middle * tilt - exponent * (d + self.ln_d);
        Parts {
            exponent,
            of_data: of_data.exp(),
            floor: infinite.at(n).exp(),
        }
    }

    /// Starts for each bend of the curves, from the law of Hoffmann et al. with the values
    /// E, A, B, alpha, beta: the same losses but for the bends.
    pub(crate) fn like(&self, chinchilla: &[f64]) -> Vec<Vec<f64>> {
        let &[e, a, b, alpha, beta] = chinchilla else {
            return Vec::new();
        };
        let coefficients = [
            e,
            a * (-alpha * self.ln_n).exp(),
            b * (-beta * self.ln_d).exp(),
        ];
        let mut starts = Vec::new();
        for slope in [-0.03, 0.03] {
            for (of_exponent, of_data) in [(-0.2, -0.2), (-0.2, 0.2), (0.2, -0.2), (0.2, 0.2)] {
                let mut at = start([beta, slope], alpha, coefficients);
                at[2] = of_exponent;
                at[5] = of_data;
                starts.push(self.values(&at));
            }
        }
        starts
    }
}

fn curves(at: &[f64; 9]) -> [Bent; 3] {
    std::array::from_fn(|k| Bent {
        level: at[3 * k],
        slope: at[3 * k + 1],
        power: at[3 * k + 2],
    })
}

/// Coordinates of floor + size N^(−alpha) + data D^(−exponent(N)), by the three coefficients.
fn start([exponent, slope]: [f64; 2], alpha: f64, [floor, size, data]: [f64; 3]) -> [f64; 9] {
    let infinite = (floor + size).max(LEAST);
    let share = size / infinite;
    [
        exponent.ln(),
        slope,
        0.1,
        data.max(LEAST).ln(),
        0.0,
        0.1,
        infinite.ln(),
        -alpha * share,
        -alpha * (1.0 - share),
    ]
}

impl Form<9> for Farseer {
    #[inline]
    fn ln_loss(&self, at: &[f64; 9], x: &Inputs) -> f64 {
        let (n, d) = self.off(x);
        let parts = self.parts(at, n, d);
        (parts.of_data + parts.floor).ln()
    }

    #[inline]
    fn jet(&self, at: &[f64; 9], x: &Inputs) -> Jet<9> {
        let (n, d) = self.off(x);
        let parts = self.parts(at, n, d);
        let [curve, data, infinite] = curves(at);
        let bends = [curve, data, infinite].map(|one| bend(one.power, n));
        let loss = parts.of_data + parts.floor;
        let (share, rest) = (parts.of_data / loss, parts.floor / loss);

        // Slopes and curvatures of the logarithms of both terms.
        let mut first = [0.0; 9];
        let mut second = [[0.0; 9]; 9];
        let middle = curve.level.exp() * self.ln_d;
        let steep = parts.exponent * (d + self.ln_d);
        let tilt = 1.0 + curve.slope * bends[1][0];
        // The exponent of data, by the first curve's coordinates.
        let by = [1.0, bends[0][0], curve.slope * bends[0][1]];
        for i in 0..3 {
            first[i] = -steep * by[i];
            for j in 0..=i {
                second[i][j] = -steep * by[i] * by[j];
            }
        }
        second[2][1] -= steep * bends[0][1];
        second[2][2] -= steep * curve.slope * bends[0][2];
        // What holds the second curve at the centre of D.
        first[0] += middle * tilt;
        first[1] += middle * bends[1][0];
        second[0][0] += middle * tilt;
        second[1][0] += middle * bends[1][0];
        second[5][0] += middle * curve.slope * bends[1][1];
        second[5][1] += middle * bends[1][1];
        let held = data.slope + middle * curve.slope;
        first[3] = 1.0;
        first[4] = bends[1][0];
        first[5] = held * bends[1][1];
        second[5][4] = bends[1][1];
        second[5][5] = held * bends[1][2];
        first[6] = 1.0;
        first[7] = bends[2][0];
        first[8] = infinite.slope * bends[2][1];
        second[8][7] = bends[2][1];
        second[8][8] = infinite.slope * bends[2][2];

        let weight = |i: usize| if i < 6 { share } else { rest };
        let gradient: [f64; 9] = std::array::from_fn(|i| weight(i) * first[i]);
        let mut hessian = [[0.0; 9]; 9];
        for i in 0..9 {
            for j in 0..=i {
                hessian[i][j] = -gradient[i] * gradient[j];
                if (i < 6) == (j < 6) {
                    hessian[i][j] += weight(i) * (first[i] * first[j] + second[i][j]);
                }
            }
        }
        Jet {
            ln_loss: loss.ln(),
            gradient,
            hessian,
        }
    }

    fn bounds(&self) -> [(f64, f64); 9] {
        let any = (f64::NEG_INFINITY, f64::INFINITY);
        [any, any, POWERS, any, any, POWERS, any, any, POWERS]
    }

    fn values(&self, at: &[f64; 9]) -> Vec<f64> {
        let [curve, mut data, infinite] = curves(at);
        let middle = curve.level.exp() * self.ln_d;
        data.level += middle;
        data.slope += middle * curve.slope;
        let written = |curve: Bent| {
            let power = if curve.power.abs() < LEAST_POWER {
                LEAST_POWER.copysign(curve.power)
            } else {
                curve.power
            };
            let scale = curve.slope / power;
            [
                scale * (-power * self.ln_n).exp(),
                curve.level - scale,
                power,
            ]
        };
        [curve, data, infinite].map(written).concat()
    }

    fn coordinates(&self, values: &[f64]) -> [f64; 9] {
        let mut at = [0.0; 9];
        for k in 0..3 {
            let (scale, offset, power) = (values[3 * k], values[3 * k + 1], values[3 * k + 2]);
            let here = scale * (power * self.ln_n).exp();
            at[3 * k] = here + offset;
            at[3 * k + 1] = here * power;
            at[3 * k + 2] = power;
        }
        let middle = at[0].exp() * self.ln_d;
        at[3] -= middle;
        at[4] -= middle * at[1];
        at
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        [grid(), SLOPES.to_vec()]
    }

    /// With the usual fall of the loss of infinite data, and no bends.
    #[inline]
    fn linear(&self, [exponent, slope]: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let (n, d) = self.off(x);
        let middle = exponent * self.ln_d * (1.0 + slope * n);
        let of_data = self.tilt * n + middle - exponent * (slope * n).exp() * (d + self.ln_d);
        let factors = [1.0, (-USUAL * n).exp(), of_data.exp()];
        Linear {
            factors: factors.map(|factor| factor * (-ln_loss).exp()),
            gain: 1.0,
        }
    }

    fn coefficients(&self) -> usize {
        3
    }

    fn assemble(&self, exponents: [f64; 2], coefficients: [f64; 3]) -> [f64; 9] {
        let mut at = start(exponents, USUAL, coefficients);
        at[4] = self.tilt;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::checks::derivatives_are_those_of_differences;
    use super::*;
    use isoflop_laws::{Law, LossSurface, Params, Tokens, laws};

    fn row(n: f64, d: f64) -> Row {
        Row {
            x: [n.ln(), d.ln(), (6.0 * n * d).ln(), 0.0, d.ln(), 0.0],
            ln_loss: 1.0,
            weight: 1.0,
            cluster: 0,
            index: 0,
        }
    }

    #[test]
    fn losses_are_the_laws_and_derivatives_those_of_differences() {
        let rows = [row(1e8, 1e9), row(3e8, 4e10), row(2e9, 4e9), row(7e9, 6e11)];
        let form = Farseer::centred(&rows);
        let given = [-0.12, 0.42, 0.12, 60.0, -3.0, -0.09, -0.02, 0.9, 0.17];
        let law = laws::Farseer::from_values(&given).unwrap();
        assert_eq!(law.values(), given);
        let at = form.coordinates(&given);
        for (found, given) in form.values(&at).iter().zip(given) {
            assert!((found / given - 1.0).abs() < 1e-9, "{found} {given}");
        }
        for row in &rows {
            let (n, d) = (row.x[0].exp(), row.x[1].exp());
            let expected = law.loss(Params::new(n).unwrap(), Tokens::new(d).unwrap());
            let jet = form.jet(&at, &row.x);
            assert!((jet.ln_loss - expected.unwrap().ln()).abs() < 1e-12);
            derivatives_are_those_of_differences(&form, &at, &row.x, |value| {
                1e-6 * (1.0 + value.abs())
            });
        }
    }
}
