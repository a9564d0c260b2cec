//! L = [(Nc / N)^(aN / aD) + Dc / D]^aD (Kaplan et al. 2020, eq. 1.5).

use super::form::{Form, Jet, Linear};
use super::power_sum::centre;
use crate::rows::{Axis, Inputs, Row};

/// Coordinates: the two terms at the centre of the data, p = aN / aD, aD; the loss is taken
/// relative to its geometric mean, so that the terms are near one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KaplanSum {
    ln_n: f64,
    ln_d: f64,
    ln_loss: f64,
}

impl KaplanSum {
    pub(crate) fn centred(rows: &[Row]) -> Self {
        let total: f64 = rows.iter().map(|row| row.weight).sum();
        let sum: f64 = rows.iter().map(|row| row.weight * row.ln_loss).sum();
        Self {
            ln_n: centre(rows, Axis::Params),
            ln_d: centre(rows, Axis::Tokens),
            ln_loss: sum / total,
        }
    }

    #[inline]
    fn powers(&self, p: f64, x: &Inputs) -> (f64, f64, f64) {
        let off = x[Axis::Params as usize] - self.ln_n;
        let of_data = (self.ln_d - x[Axis::Tokens as usize]).exp();
        (off, (-p * off).exp(), of_data)
    }
}

impl Form<4> for KaplanSum {
    #[inline]
    fn ln_loss(&self, at: &[f64; 4], x: &Inputs) -> f64 {
        let (_, of_size, of_data) = self.powers(at[2], x);
        self.ln_loss + at[3] * (at[0] * of_size + at[1] * of_data).ln()
    }

    #[inline]
    fn jet(&self, at: &[f64; 4], x: &Inputs) -> Jet<4> {
        let [a, b, p, power] = *at;
        let (off, of_size, of_data) = self.powers(p, x);
        let sum = a * of_size + b * of_data;
        // Derivatives of ln(sum) by a, b and p.
        let by = [of_size / sum, of_data / sum, -a * off * of_size / sum];
        let mut gradient = [0.0; 4];
        let mut hessian = [[0.0; 4]; 4];
        for i in 0..3 {
            gradient[i] = power * by[i];
            hessian[3][i] = by[i];
            for j in 0..=i {
                hessian[i][j] = -power * by[i] * by[j];
            }
        }
        hessian[2][0] -= power * off * of_size / sum;
        hessian[2][2] += power * a * off * off * of_size / sum;
        gradient[3] = sum.ln();
        Jet {
            ln_loss: self.ln_loss + power * sum.ln(),
            gradient,
            hessian,
        }
    }

    fn bounds(&self) -> [(f64, f64); 4] {
        let coefficient = (0.0, f64::INFINITY);
        [coefficient, coefficient, (0.01, 10.0), (1e-3, 3.0)]
    }

    fn values(&self, at: &[f64; 4]) -> Vec<f64> {
        let [a, b, p, power] = *at;
        let unit = self.ln_loss / power;
        let ln_nc = self.ln_n + (unit + a.ln()) / p;
        let ln_dc = self.ln_d + unit + b.ln();
        vec![ln_nc.exp(), ln_dc.exp(), p * power, power]
    }

    fn coordinates(&self, values: &[f64]) -> [f64; 4] {
        let power = values[3];
        let p = values[2] / power;
        let unit = self.ln_loss / power;
        let a = (p * (values[0].ln() - self.ln_n) - unit).exp();
        let b = (values[1].ln() - self.ln_d - unit).exp();
        [a, b, p, power]
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        let spaced = |lo: f64, hi: f64, points: usize| -> Vec<f64> {
            let at = |i: usize| lo * (hi / lo).powf(i as f64 / (points - 1) as f64);
            (0..points).map(at).collect()
        };
        [spaced(0.1, 6.0, 14), spaced(0.02, 1.2, 14)]
    }

    #[inline]
    fn linear(&self, exponents: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let [p, power] = exponents;
        let (_, of_size, of_data) = self.powers(p, x);
        let scale = (-(ln_loss - self.ln_loss) / power).exp();
        Linear {
            factors: [of_size * scale, of_data * scale, 0.0],
            gain: power,
        }
    }

    fn coefficients(&self) -> usize {
        2
    }

    fn assemble(&self, exponents: [f64; 2], coefficients: [f64; 3]) -> [f64; 4] {
        [coefficients[0], coefficients[1], exponents[0], exponents[1]]
    }
}
