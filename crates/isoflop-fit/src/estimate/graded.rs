//! L = E + A / N^alpha + B / (D Q^gamma)^beta: data by their quality (Subramanyam et al. 2025).

use super::form::{Form, Jet, Linear};
use super::power_sum::{EXPONENTS, centre, grid};
use crate::rows::{Axis, Inputs, Row};

/// Coordinates: E, the nats of the terms of N and of data at the centre of N, D and Q, alpha,
/// beta, gamma.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Graded {
    ln_n: f64,
    ln_d: f64,
    ln_q: f64,
}

/// Powers of quality: text of half the quality is worth from 1,000 times as much, which says
/// that the quality is graded the wrong way round, to a thousandth.
const GAMMA: (f64, f64) = (-10.0, 10.0);
/// Where the grid over the other exponents looks: the paper is quoted with 0.40.
const USUAL: f64 = 0.4;

/// The row with D as so many tokens of the reference text.
pub(super) fn with_effective_tokens(row: &Row, gamma: f64) -> Row {
    let mut row = *row;
    row.x[Axis::Tokens as usize] += gamma * row.x[Axis::Quality as usize];
    row
}

impl Graded {
    pub(crate) fn centred(rows: &[Row]) -> Self {
        Self {
            ln_n: centre(rows, Axis::Params),
            ln_d: centre(rows, Axis::Tokens),
            ln_q: centre(rows, Axis::Quality),
        }
    }

    /// ln N, ln D and ln Q from their centres.
    #[inline]
    fn off(&self, x: &Inputs) -> (f64, f64, f64) {
        (
            x[Axis::Params as usize] - self.ln_n,
            x[Axis::Tokens as usize] - self.ln_d,
            x[Axis::Quality as usize] - self.ln_q,
        )
    }
}

impl Form<6> for Graded {
    #[inline]
    fn ln_loss(&self, at: &[f64; 6], x: &Inputs) -> f64 {
        let [floor, a, b, alpha, beta, gamma] = *at;
        let (n, d, q) = self.off(x);
        (floor + a * (-alpha * n).exp() + b * (-beta * (d + gamma * q)).exp()).ln()
    }

    #[inline]
    fn jet(&self, at: &[f64; 6], x: &Inputs) -> Jet<6> {
        let [floor, a, b, alpha, beta, gamma] = *at;
        let (n, d, q) = self.off(x);
        let worth = d + gamma * q;
        let (of_size, of_data) = ((-alpha * n).exp(), (-beta * worth).exp());
        let loss = floor + a * of_size + b * of_data;
        let gradient = [
            1.0,
            of_size,
            of_data,
            -a * n * of_size,
            -b * worth * of_data,
            -b * beta * q * of_data,
        ]
        .map(|slope| slope / loss);
        let mut hessian = [[0.0; 6]; 6];
        hessian[3][1] = -n * of_size;
        hessian[3][3] = a * n * n * of_size;
        hessian[4][2] = -worth * of_data;
        hessian[4][4] = b * worth * worth * of_data;
        hessian[5][2] = -beta * q * of_data;
        hessian[5][4] = b * q * (beta * worth - 1.0) * of_data;
        hessian[5][5] = b * (beta * q).powi(2) * of_data;
        for i in 0..6 {
            for j in 0..=i {
                hessian[i][j] = hessian[i][j] / loss - gradient[i] * gradient[j];
            }
        }
        Jet {
            ln_loss: loss.ln(),
            gradient,
            hessian,
        }
    }

    fn bounds(&self) -> [(f64, f64); 6] {
        let nats = (0.0, f64::INFINITY);
        [nats, nats, nats, EXPONENTS, EXPONENTS, GAMMA]
    }

    fn values(&self, at: &[f64; 6]) -> Vec<f64> {
        let [floor, a, b, alpha, beta, gamma] = *at;
        let centre = self.ln_d + gamma * self.ln_q;
        vec![
            floor,
            a * (alpha * self.ln_n).exp(),
            b * (beta * centre).exp(),
            alpha,
            beta,
            gamma,
        ]
    }

    fn coordinates(&self, values: &[f64]) -> [f64; 6] {
        let (alpha, beta, gamma) = (values[3], values[4], values[5]);
        let centre = self.ln_d + gamma * self.ln_q;
        [
            values[0],
            values[1] * (-alpha * self.ln_n).exp(),
            values[2] * (-beta * centre).exp(),
            alpha,
            beta,
            gamma,
        ]
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        [grid(), grid()]
    }

    #[inline]
    fn linear(&self, [alpha, beta]: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let (n, d, q) = self.off(x);
        let factors = [1.0, (-alpha * n).exp(), (-beta * (d + USUAL * q)).exp()];
        Linear {
            factors: factors.map(|factor| factor * (-ln_loss).exp()),
            gain: 1.0,
        }
    }

    fn coefficients(&self) -> usize {
        3
    }

    fn assemble(&self, [alpha, beta]: [f64; 2], [floor, a, b]: [f64; 3]) -> [f64; 6] {
        [floor, a, b, alpha, beta, USUAL]
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::checks::derivatives_are_those_of_differences;
    use super::*;
    use isoflop_laws::laws::DataQuality;
    use isoflop_laws::{Law, LossSurface, Params, Quality, Tokens};

    #[test]
    fn losses_are_the_laws_and_derivatives_those_of_differences() {
        let row = |n: f64, d: f64, q: f64| Row {
            x: [n.ln(), d.ln(), (6.0 * n * d).ln(), 0.0, d.ln(), q.ln()],
            ln_loss: 1.0,
            weight: 1.0,
            cluster: 0,
            index: 0,
        };
        let rows = [
            row(1e8, 1e9, 1.0),
            row(3e8, 4e10, 0.5),
            row(2e9, 4e9, 0.8),
            row(7e9, 6e11, 1.5),
        ];
        let form = Graded::centred(&rows);
        let given = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.8];
        let law = DataQuality::from_values(&given).unwrap();
        assert_eq!(law.values(), given);
        let at = form.coordinates(&given);
        for (found, given) in form.values(&at).iter().zip(given) {
            assert!((found / given - 1.0).abs() < 1e-12);
        }
        for row in &rows {
            let (n, d) = (row.x[0].exp(), row.x[1].exp());
            let here = law.with_quality(Quality::new(row.x[5].exp()).unwrap());
            let expected = here.loss(Params::new(n).unwrap(), Tokens::new(d).unwrap());
            let jet = form.jet(&at, &row.x);
            assert!((jet.ln_loss - expected.unwrap().ln()).abs() < 1e-12);
            derivatives_are_those_of_differences(&form, &at, &row.x, |_| 1e-7);
        }
    }
}
