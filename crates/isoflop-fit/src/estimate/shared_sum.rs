//! L = E + (a M^eta + b M^−eta) (6ND)^−eta with M = D / N (Gadre et al. 2024, eq. 4): a sum of a
//! power of N and one of D with one exponent, 2 eta.

use super::form::{Form, Jet, Linear};
use super::power_sum::{EXPONENTS, centre, grid};
use crate::rows::{Axis, Inputs, Row};

/// Coordinates: E, the nats of the terms of N and D at the centre of the data, the exponent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedSum {
    ln_n: f64,
    ln_d: f64,
}

impl SharedSum {
    pub(crate) fn centred(rows: &[Row]) -> Self {
        Self {
            ln_n: centre(rows, Axis::Params),
            ln_d: centre(rows, Axis::Tokens),
        }
    }

    /// ln N and ln D from their centres.
    #[inline]
    fn off(&self, x: &Inputs) -> (f64, f64) {
        (
            x[Axis::Params as usize] - self.ln_n,
            x[Axis::Tokens as usize] - self.ln_d,
        )
    }
}

impl Form<4> for SharedSum {
    #[inline]
    fn ln_loss(&self, at: &[f64; 4], x: &Inputs) -> f64 {
        let [floor, of_size, of_data, p] = *at;
        let (n, d) = self.off(x);
        (floor + of_size * (-p * n).exp() + of_data * (-p * d).exp()).ln()
    }

    #[inline]
    fn jet(&self, at: &[f64; 4], x: &Inputs) -> Jet<4> {
        let [floor, of_size, of_data, p] = *at;
        let (n, d) = self.off(x);
        let (by_n, by_d) = ((-p * n).exp(), (-p * d).exp());
        let loss = floor + of_size * by_n + of_data * by_d;
        let slope = -of_size * n * by_n - of_data * d * by_d;
        let gradient = [1.0, by_n, by_d, slope].map(|slope| slope / loss);
        let mut hessian = [[0.0; 4]; 4];
        hessian[3] = [
            0.0,
            -n * by_n / loss,
            -d * by_d / loss,
            (of_size * n * n * by_n + of_data * d * d * by_d) / loss,
        ];
        for i in 0..4 {
            for j in 0..=i {
                hessian[i][j] -= gradient[i] * gradient[j];
            }
        }
        Jet {
            ln_loss: loss.ln(),
            gradient,
            hessian,
        }
    }

    fn bounds(&self) -> [(f64, f64); 4] {
        let nats = (0.0, f64::INFINITY);
        [nats, nats, nats, EXPONENTS]
    }

    fn values(&self, at: &[f64; 4]) -> Vec<f64> {
        let [floor, of_size, of_data, p] = *at;
        let six = 6f64.powf(p / 2.0);
        let a = of_size * (p * self.ln_n).exp() * six;
        let b = of_data * (p * self.ln_d).exp() * six;
        vec![floor, a, b, p / 2.0]
    }

    fn coordinates(&self, values: &[f64]) -> [f64; 4] {
        let p = 2.0 * values[3];
        let six = 6f64.powf(-p / 2.0);
        [
            values[0],
            values[1] * six * (-p * self.ln_n).exp(),
            values[2] * six * (-p * self.ln_d).exp(),
            p,
        ]
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        [grid(), vec![0.0]]
    }

    #[inline]
    fn linear(&self, [p, _]: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let (n, d) = self.off(x);
        let factors = [1.0, (-p * n).exp(), (-p * d).exp()];
        Linear {
            factors: factors.map(|factor| factor * (-ln_loss).exp()),
            gain: 1.0,
        }
    }

    fn coefficients(&self) -> usize {
        3
    }

    fn assemble(&self, [p, _]: [f64; 2], coefficients: [f64; 3]) -> [f64; 4] {
        let [floor, of_size, of_data] = coefficients;
        [floor, of_size, of_data, p]
    }
}
