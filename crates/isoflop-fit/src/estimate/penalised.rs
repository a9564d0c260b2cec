//! L = E + A / N^alpha + B / D^beta + P R^delta (N / U)^kappa, R = D / U − 1: the penalty of repeated
//! data of Lovelace et al. 2026.

use super::form::{Form, Jet, Linear};
use super::power_sum::{EXPONENTS, centre, grid};
use crate::rows::{Axis, Inputs, Row};

/// Coordinates: E, the nats of the terms of N and D at the centre of N and D, alpha, beta, the nats of
/// the penalty at the centre of the repeated runs, delta, kappa.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Penalised {
    ln_n: f64,
    ln_d: f64,
    /// Means of ln R and of ln (N / U) over runs that repeat their tokens.
    ln_r: f64,
    ln_ratio: f64,
}

/// Exponents of the penalty.
const DELTA: (f64, f64) = (0.01, 5.0);
const KAPPA: (f64, f64) = (0.0, 5.0);
/// Repetitions that are rounding: tokens seen once have no penalty.
const ONCE: f64 = 1e-9;

/// ln R and ln (N / U); `None` where no token is seen twice.
#[inline]
fn repetition(x: &Inputs) -> Option<(f64, f64)> {
    let unique = x[Axis::Unique as usize];
    let again = (x[Axis::Tokens as usize] - unique).exp_m1();
    (again > ONCE).then(|| (again.ln(), x[Axis::Params as usize] - unique))
}

/// The law's parameters where the rest of the law is known (`plain`, those of Hoffmann et al.'s) and
/// the exponents of the penalty are guessed: its scale by least squares.
pub(super) fn guess(rows: &[Row], plain: &[f64], delta: f64, kappa: f64) -> Vec<f64> {
    let (mut product, mut square) = (0.0, 0.0);
    for row in rows {
        let Some((ln_r, ln_ratio)) = repetition(&row.x) else {
            continue;
        };
        let (n, d) = (row.x[Axis::Params as usize], row.x[Axis::Tokens as usize]);
        let without =
            plain[0] + plain[1] * (-plain[3] * n).exp() + plain[2] * (-plain[4] * d).exp();
        let shape = (delta * ln_r + kappa * ln_ratio).exp();
        // In shares of the loss, as the objective has errors.
        let weight = row.weight * (-2.0 * row.ln_loss).exp();
        product += weight * shape * (row.ln_loss.exp() - without);
        square += weight * shape * shape;
    }
    let scale = (product / square).max(1e-6);
    plain.iter().copied().chain([scale, delta, kappa]).collect()
}

impl Penalised {
    pub(crate) fn centred(rows: &[Row]) -> Self {
        let repeated: Vec<(f64, f64)> = rows.iter().filter_map(|row| repetition(&row.x)).collect();
        let count = repeated.len().max(1) as f64;
        Self {
            ln_n: centre(rows, Axis::Params),
            ln_d: centre(rows, Axis::Tokens),
            ln_r: repeated.iter().map(|(r, _)| r).sum::<f64>() / count,
            ln_ratio: repeated.iter().map(|(_, ratio)| ratio).sum::<f64>() / count,
        }
    }

    /// ln N, ln D, ln R and ln (N / U) from their centres, and whether there is a penalty.
    #[inline]
    fn off(&self, x: &Inputs) -> (f64, f64, Option<(f64, f64)>) {
        let repeated = repetition(x).map(|(r, ratio)| (r - self.ln_r, ratio - self.ln_ratio));
        (
            x[Axis::Params as usize] - self.ln_n,
            x[Axis::Tokens as usize] - self.ln_d,
            repeated,
        )
    }
}

impl Form<8> for Penalised {
    #[inline]
    fn ln_loss(&self, at: &[f64; 8], x: &Inputs) -> f64 {
        let [floor, a, b, alpha, beta, p, delta, kappa] = *at;
        let (n, d, repeated) = self.off(x);
        let penalty = repeated.map_or(0.0, |(r, ratio)| p * (delta * r + kappa * ratio).exp());
        (floor + a * (-alpha * n).exp() + b * (-beta * d).exp() + penalty).ln()
    }

    #[inline]
    fn jet(&self, at: &[f64; 8], x: &Inputs) -> Jet<8> {
        let [floor, a, b, alpha, beta, p, delta, kappa] = *at;
        let (n, d, repeated) = self.off(x);
        let (of_size, of_data) = ((-alpha * n).exp(), (-beta * d).exp());
        let (shape, r, ratio) = repeated.map_or((0.0, 0.0, 0.0), |(r, ratio)| {
            ((delta * r + kappa * ratio).exp(), r, ratio)
        });
        let loss = floor + a * of_size + b * of_data + p * shape;
        let gradient = [
            1.0,
            of_size,
            of_data,
            -a * n * of_size,
            -b * d * of_data,
            shape,
            p * r * shape,
            p * ratio * shape,
        ]
        .map(|slope| slope / loss);
        let mut hessian = [[0.0; 8]; 8];
        hessian[3][1] = -n * of_size;
        hessian[3][3] = a * n * n * of_size;
        hessian[4][2] = -d * of_data;
        hessian[4][4] = b * d * d * of_data;
        hessian[6][5] = r * shape;
        hessian[6][6] = p * r * r * shape;
        hessian[7][5] = ratio * shape;
        hessian[7][6] = p * r * ratio * shape;
        hessian[7][7] = p * ratio * ratio * shape;
        for i in 0..8 {
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

    fn bounds(&self) -> [(f64, f64); 8] {
        let nats = (0.0, f64::INFINITY);
        [nats, nats, nats, EXPONENTS, EXPONENTS, nats, DELTA, KAPPA]
    }

    fn values(&self, at: &[f64; 8]) -> Vec<f64> {
        let [floor, a, b, alpha, beta, p, delta, kappa] = *at;
        vec![
            floor,
            a * (alpha * self.ln_n).exp(),
            b * (beta * self.ln_d).exp(),
            alpha,
            beta,
            p * (-delta * self.ln_r - kappa * self.ln_ratio).exp(),
            delta,
            kappa,
        ]
    }

    fn coordinates(&self, values: &[f64]) -> [f64; 8] {
        let (alpha, beta, delta, kappa) = (values[3], values[4], values[6], values[7]);
        [
            values[0],
            values[1] * (-alpha * self.ln_n).exp(),
            values[2] * (-beta * self.ln_d).exp(),
            alpha,
            beta,
            values[5] * (delta * self.ln_r + kappa * self.ln_ratio).exp(),
            delta,
            kappa,
        ]
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        [grid(), grid()]
    }

    /// As if there were no penalty.
    #[inline]
    fn linear(&self, [alpha, beta]: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let (n, d, _) = self.off(x);
        let factors = [1.0, (-alpha * n).exp(), (-beta * d).exp()];
        Linear {
            factors: factors.map(|factor| factor * (-ln_loss).exp()),
            gain: 1.0,
        }
    }

    fn coefficients(&self) -> usize {
        3
    }

    fn assemble(&self, [alpha, beta]: [f64; 2], [floor, a, b]: [f64; 3]) -> [f64; 8] {
        let little = 0.01 * (floor + a + b);
        [floor, a, b, alpha, beta, little, 0.5, 0.5]
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::checks::derivatives_are_those_of_differences;
    use super::*;
    use isoflop_laws::laws::RepetitionPenalty;
    use isoflop_laws::{LossSurface, Params, Tokens};

    #[test]
    fn losses_are_the_laws_and_derivatives_those_of_differences() {
        let row = |n: f64, d: f64, unique: f64| Row {
            x: [n.ln(), d.ln(), (6.0 * n * d).ln(), 0.0, unique.ln(), 0.0],
            ln_loss: 1.0,
            weight: 1.0,
            cluster: 0,
            index: 0,
        };
        let rows = [
            row(1e8, 1e10, 1e10),
            row(3e8, 4e10, 1e9),
            row(2e9, 4e9, 1e9),
            row(7e9, 6e11, 3e9),
        ];
        let form = Penalised::centred(&rows);
        let given = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.05, 0.6, 0.8];
        let law = RepetitionPenalty::from_values(&given).unwrap();
        let at = form.coordinates(&given);
        for (found, given) in form.values(&at).iter().zip(given) {
            assert!((found / given - 1.0).abs() < 1e-12);
        }
        for row in &rows {
            let (n, d) = (row.x[0].exp(), row.x[1].exp());
            let here = law.with_unique(Tokens::new(row.x[4].exp()).unwrap());
            let expected = here.loss(Params::new(n).unwrap(), Tokens::new(d).unwrap());
            let jet = form.jet(&at, &row.x);
            assert!((jet.ln_loss - expected.unwrap().ln()).abs() < 1e-12);
            derivatives_are_those_of_differences(&form, &at, &row.x, |_| 1e-7);
        }
    }
}
