//! L = constant + Σ coefficient · x^(−exponent): the laws of Hoffmann, Kaplan and the GPT-4
//! report.

use super::form::{Form, Jet, Linear};
use crate::rows::{Axis, Inputs, Row};
use isoflop_laws::Flops;

/// How the law's card writes a sum of powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// E, A, B, …, alpha, beta, …: L = E + A / N^alpha + B / D^beta.
    Coefficients,
    /// Nc, Dc, …, aN, aD, …: L = (Nc / N)^aN + …. A scale of compute is in petaFLOP/s-days.
    Scales,
    /// a, b, c: L = a C^b + c.
    Compute,
}

/// A sum of `T` powers with or without a constant; `K` is 2 `T`, plus one with a constant.
/// Coordinates: the constant, the nats of each term at the centre of the data, the exponents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PowerSum<const T: usize, const K: usize> {
    axes: [Axis; T],
    centres: [f64; T],
    notation: Notation,
}

/// Exponents outside are not of this kind of law: below, a power is a constant; above, a step.
pub(super) const EXPONENTS: (f64, f64) = (1e-3, 3.0);

impl<const T: usize, const K: usize> PowerSum<T, K> {
    const CONSTANTS: usize = K - 2 * T;

    /// The law on these axes, centred on the rows.
    pub(crate) fn centred(axes: [Axis; T], notation: Notation, rows: &[Row]) -> Self {
        Self {
            axes,
            centres: axes.map(|axis| centre(rows, axis)),
            notation,
        }
    }

    #[inline]
    fn term(&self, at: &[f64; K], x: &Inputs, t: usize) -> (f64, f64) {
        let off = x[self.axes[t] as usize] - self.centres[t];
        (off, (-at[Self::CONSTANTS + T + t] * off).exp())
    }
}

/// ln of the unit in which a card has a scale on this axis.
fn ln_unit(axis: Axis) -> f64 {
    match axis {
        Axis::Flops => Flops::PER_PF_DAY.ln(),
        _ => 0.0,
    }
}

/// Weighted mean of an axis.
pub(crate) fn centre(rows: &[Row], axis: Axis) -> f64 {
    let total: f64 = rows.iter().map(|row| row.weight).sum();
    let sum: f64 = rows.iter().map(|r| r.weight * r.x[axis as usize]).sum();
    sum / total
}

impl<const T: usize, const K: usize> Form<K> for PowerSum<T, K> {
    #[inline]
    fn ln_loss(&self, at: &[f64; K], x: &Inputs) -> f64 {
        let mut sum = if Self::CONSTANTS == 1 { at[0] } else { 0.0 };
        for t in 0..T {
            sum += at[Self::CONSTANTS + t] * self.term(at, x, t).1;
        }
        sum.ln()
    }

    #[inline]
    fn jet(&self, at: &[f64; K], x: &Inputs) -> Jet<K> {
        let mut loss = 0.0;
        let mut gradient = [0.0; K];
        let mut hessian = [[0.0; K]; K];
        if Self::CONSTANTS == 1 {
            loss += at[0];
            gradient[0] = 1.0;
        }
        for t in 0..T {
            let (off, power) = self.term(at, x, t);
            let (c, p) = (Self::CONSTANTS + t, Self::CONSTANTS + T + t);
            loss += at[c] * power;
            gradient[c] = power;
            gradient[p] = -at[c] * off * power;
            hessian[p][c] = -off * power;
            hessian[p][p] = at[c] * off * off * power;
        }
        let inverse = 1.0 / loss;
        for i in 0..K {
            gradient[i] *= inverse;
        }
        for i in 0..K {
            for j in 0..=i {
                hessian[i][j] = hessian[i][j] * inverse - gradient[i] * gradient[j];
            }
        }
        Jet {
            ln_loss: loss.ln(),
            gradient,
            hessian,
        }
    }

    fn bounds(&self) -> [(f64, f64); K] {
        std::array::from_fn(|i| {
            if i < K - T {
                (0.0, f64::INFINITY)
            } else {
                EXPONENTS
            }
        })
    }

    fn values(&self, at: &[f64; K]) -> Vec<f64> {
        let c = Self::CONSTANTS;
        let exponents = &at[c + T..];
        let coefficient = |t: usize| at[c + t] * (exponents[t] * self.centres[t]).exp();
        // (Xc / x)^p at the centre is the term's nats: ln Xc = centre + ln(nats) / p.
        let scale = |t: usize| {
            let ln_scale = self.centres[t] + at[c + t].ln() / exponents[t];
            (ln_scale - ln_unit(self.axes[t])).exp()
        };
        match self.notation {
            Notation::Coefficients => {
                let mut values = at[..c].to_vec();
                values.extend((0..T).map(coefficient));
                values.extend(exponents);
                values
            }
            Notation::Scales => (0..T).map(scale).chain(exponents.iter().copied()).collect(),
            Notation::Compute => vec![coefficient(0), -exponents[0], at[0]],
        }
    }

    fn coordinates(&self, values: &[f64]) -> [f64; K] {
        let c = Self::CONSTANTS;
        let mut at = [0.0; K];
        match self.notation {
            Notation::Coefficients | Notation::Scales => at.copy_from_slice(values),
            Notation::Compute => {
                at[0] = values[2];
                at[1] = values[0];
                at[2] = -values[1];
            }
        }
        for t in 0..T {
            let exponent = at[c + T + t];
            at[c + t] = match self.notation {
                Notation::Scales => {
                    let ln_scale = at[c + t].ln() + ln_unit(self.axes[t]);
                    (exponent * (ln_scale - self.centres[t])).exp()
                }
                _ => at[c + t] * (-exponent * self.centres[t]).exp(),
            };
        }
        at
    }

    fn card_order(&self, coordinates: Vec<usize>) -> Vec<usize> {
        match self.notation {
            // The card writes a, b, c; the search has c, a, b.
            Notation::Compute => coordinates.iter().map(|i| (i + 2) % 3).collect(),
            _ => coordinates,
        }
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        let second = if T == 2 { grid() } else { vec![0.0] };
        [grid(), second]
    }

    #[inline]
    fn linear(&self, exponents: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let mut factors = [0.0; 3];
        let scale = (-ln_loss).exp();
        if Self::CONSTANTS == 1 {
            factors[0] = scale;
        }
        for t in 0..T {
            let off = x[self.axes[t] as usize] - self.centres[t];
            factors[Self::CONSTANTS + t] = (-exponents[t] * off).exp() * scale;
        }
        Linear { factors, gain: 1.0 }
    }

    fn coefficients(&self) -> usize {
        K - T
    }

    fn assemble(&self, exponents: [f64; 2], coefficients: [f64; 3]) -> [f64; K] {
        std::array::from_fn(|i| {
            if i < K - T {
                coefficients[i]
            } else {
                exponents[i - (K - T)]
            }
        })
    }
}

/// From powers that hardly bend to steps, equally spaced in ln: published exponents lie between
/// 0.03 and 0.8.
pub(super) fn grid() -> Vec<f64> {
    const POINTS: usize = 14;
    let (lo, hi) = (0.02f64.ln(), 1.6f64.ln());
    let at = |i: usize| (lo + (hi - lo) * i as f64 / (POINTS - 1) as f64).exp();
    (0..POINTS).map(at).collect()
}
