//! L = E + A / N'^alpha + B / D'^beta with the effective size and data of Muennighoff et al. 2023,
//! eq. 5 and 6, where data are repeated.

use super::form::{Form, Jet, Linear};
use super::power_sum::{EXPONENTS, centre, grid};
use crate::rows::{Axis, Inputs, Row};

/// Coordinates: E, the nats of the terms of N' and D' at the centre of N and D, their exponents,
/// ln R_D*, ln R_N*.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constrained {
    ln_n: f64,
    ln_d: f64,
}

/// R_D* and R_N* of the paper, where the grid over the exponents looks.
const PUBLISHED: (f64, f64) = (15.387_756, 5.309_743);

/// ln of a constant of repetition: worth nothing the first time again, to as good as new.
const STARS: (f64, f64) = (-4.0, 8.0);

/// ln of an effective amount, and its derivatives.
#[derive(Debug, Clone, Copy)]
struct Effective {
    ln: f64,
    /// By ln of the amount that needs no repetition.
    by_unit: f64,
    /// By ln R*.
    by_star: f64,
}

/// unit (1 + R (1 − e^(−(amount / unit − 1) / R))), in logarithms.
#[inline]
fn effective(ln_unit: f64, ln_amount: f64, ln_star: f64) -> Effective {
    let star = ln_star.exp();
    let again = (ln_amount - ln_unit).max(0.0).exp_m1();
    let left = (-again / star).exp();
    let worth = -star * (-again / star).exp_m1();
    Effective {
        ln: ln_unit + worth.ln_1p(),
        by_unit: 1.0 - (again + 1.0) * left / (1.0 + worth),
        by_star: (worth - again * left) / (1.0 + worth),
    }
}

/// The row with D as so much is worth by R_D*.
pub(super) fn with_effective_tokens(row: &Row, star: f64) -> Row {
    let (unique, seen) = (row.x[Axis::Unique as usize], row.x[Axis::Tokens as usize]);
    let mut row = *row;
    row.x[Axis::Tokens as usize] = effective(unique, seen, star.ln()).ln;
    row
}

/// Nats of both terms, the effective amounts, and the size that suits the unique data.
struct Parts {
    of_size: f64,
    of_data: f64,
    size: Effective,
    data: Effective,
    /// ln of the suited size, where the model is larger.
    suited: Option<f64>,
}

impl Constrained {
    pub(crate) fn centred(rows: &[Row]) -> Self {
        Self {
            ln_n: centre(rows, Axis::Params),
            ln_d: centre(rows, Axis::Tokens),
        }
    }

    #[inline]
    fn parts(&self, at: &[f64; 7], x: &Inputs) -> Parts {
        let [_, a, b, alpha, beta, of_data, of_size] = *at;
        let (n, d) = (x[Axis::Params as usize], x[Axis::Tokens as usize]);
        let unique = x[Axis::Unique as usize].min(d);
        // alpha A / N^alpha = beta B / U^beta: the best size for the unique data.
        let ln_ratio = (alpha * a).ln() + alpha * self.ln_n - (beta * b).ln() - beta * self.ln_d;
        let suited = (ln_ratio + beta * unique) / alpha;
        let is_larger = suited < n;
        let size = effective(if is_larger { suited } else { n }, n, of_size);
        let data = effective(unique, d, of_data);
        Parts {
            of_size: a * (-alpha * (size.ln - self.ln_n)).exp(),
            of_data: b * (-beta * (data.ln - self.ln_d)).exp(),
            size,
            data,
            suited: is_larger.then_some(suited),
        }
    }

    /// Slopes of ln L by the coordinates.
    #[inline]
    fn slopes(&self, at: &[f64; 7], x: &Inputs, parts: &Parts, loss: f64) -> [f64; 7] {
        let [_, a, b, alpha, beta, ..] = *at;
        let Parts {
            of_size,
            of_data,
            size,
            data,
            suited,
        } = parts;
        let mut by = [
            1.0,
            of_size / a,
            of_data / b,
            -of_size * (size.ln - self.ln_n),
            -of_data * (data.ln - self.ln_d),
            -beta * of_data * data.by_star,
            -alpha * of_size * size.by_star,
        ];
        if let Some(suited) = suited {
            let unique = x[Axis::Unique as usize].min(x[Axis::Tokens as usize]);
            let through = -alpha * of_size * size.by_unit / alpha;
            by[1] += through / a;
            by[2] -= through / b;
            by[3] += through * (1.0 / alpha + self.ln_n - suited);
            by[4] += through * (unique - self.ln_d - 1.0 / beta);
        }
        by.map(|slope| slope / loss)
    }
}

/// Step of differences of exact slopes.
const STEP: f64 = 1e-5;

impl Form<7> for Constrained {
    #[inline]
    fn ln_loss(&self, at: &[f64; 7], x: &Inputs) -> f64 {
        let parts = self.parts(at, x);
        (at[0] + parts.of_size + parts.of_data).ln()
    }

    fn jet(&self, at: &[f64; 7], x: &Inputs) -> Jet<7> {
        let slopes = |at: &[f64; 7]| {
            let parts = self.parts(at, x);
            let loss = at[0] + parts.of_size + parts.of_data;
            (loss.ln(), self.slopes(at, x, &parts, loss))
        };
        let (ln_loss, gradient) = slopes(at);
        let mut hessian = [[0.0; 7]; 7];
        for (i, row) in hessian.iter_mut().enumerate() {
            let step = STEP * at[i].abs().max(0.1);
            let (mut above, mut below) = (*at, *at);
            above[i] += step;
            below[i] = (at[i] - step).max(if i < 5 { 0.1 * at[i] } else { f64::MIN });
            let (up, down) = (slopes(&above).1, slopes(&below).1);
            for j in 0..=i {
                row[j] = (up[j] - down[j]) / (above[i] - below[i]);
            }
        }
        Jet {
            ln_loss,
            gradient,
            hessian,
        }
    }

    fn bounds(&self) -> [(f64, f64); 7] {
        // The suited size is a ratio of both terms: neither may vanish.
        let nats = (1e-9, f64::INFINITY);
        [
            (0.0, f64::INFINITY),
            nats,
            nats,
            EXPONENTS,
            EXPONENTS,
            STARS,
            STARS,
        ]
    }

    fn values(&self, at: &[f64; 7]) -> Vec<f64> {
        let [floor, a, b, alpha, beta, of_data, of_size] = *at;
        vec![
            floor,
            a * (alpha * self.ln_n).exp(),
            b * (beta * self.ln_d).exp(),
            alpha,
            beta,
            of_data.exp(),
            of_size.exp(),
        ]
    }

    fn coordinates(&self, values: &[f64]) -> [f64; 7] {
        let (alpha, beta) = (values[3], values[4]);
        [
            values[0],
            values[1] * (-alpha * self.ln_n).exp(),
            values[2] * (-beta * self.ln_d).exp(),
            alpha,
            beta,
            values[5].ln(),
            values[6].ln(),
        ]
    }

    fn exponent_grids(&self) -> [Vec<f64>; 2] {
        [grid(), grid()]
    }

    /// As if no model were larger than suits its data: the coefficients are not known yet.
    #[inline]
    fn linear(&self, [alpha, beta]: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear {
        let (n, d) = (x[Axis::Params as usize], x[Axis::Tokens as usize]);
        let data = effective(x[Axis::Unique as usize].min(d), d, PUBLISHED.0.ln());
        let factors = [
            1.0,
            (-alpha * (n - self.ln_n)).exp(),
            (-beta * (data.ln - self.ln_d)).exp(),
        ];
        Linear {
            factors: factors.map(|factor| factor * (-ln_loss).exp()),
            gain: 1.0,
        }
    }

    fn coefficients(&self) -> usize {
        3
    }

    fn assemble(&self, [alpha, beta]: [f64; 2], coefficients: [f64; 3]) -> [f64; 7] {
        let [floor, a, b] = coefficients;
        let (of_data, of_size) = (PUBLISHED.0.ln(), PUBLISHED.1.ln());
        [
            floor,
            a.max(1e-9),
            b.max(1e-9),
            alpha,
            beta,
            of_data,
            of_size,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::laws::DataConstrained;
    use isoflop_laws::{LossSurface, Params, Tokens};

    fn row(n: f64, d: f64, unique: f64) -> Row {
        Row {
            x: [n.ln(), d.ln(), (6.0 * n * d).ln(), 0.0, unique.ln(), 0.0],
            ln_loss: 1.0,
            weight: 1.0,
            cluster: 0,
            index: 0,
        }
    }

    #[test]
    fn losses_are_those_of_the_published_law_and_slopes_those_of_differences() {
        let rows = [
            row(1e8, 1e10, 1e10),
            row(1e9, 4e10, 1e10),
            row(5e9, 4e11, 1e10),
            row(2e10, 3e10, 1e9),
        ];
        let form = Constrained::centred(&rows);
        let law = DataConstrained::MUENNIGHOFF_2023;
        let values = [
            law.e,
            law.a,
            law.b,
            law.alpha,
            0.33,
            law.rd_star,
            law.rn_star,
        ];
        let at = form.coordinates(&values);
        for (found, given) in form.values(&at).iter().zip(values) {
            assert!((found / given - 1.0).abs() < 1e-12);
        }
        for row in &rows {
            let unique = Tokens::new(row.x[4].exp()).unwrap();
            let law = DataConstrained { beta: 0.33, ..law }.with_unique(unique);
            let (n, d) = (row.x[0].exp(), row.x[1].exp());
            let expected = law.loss(Params::new(n).unwrap(), Tokens::new(d).unwrap());
            let found = form.ln_loss(&at, &row.x).exp();
            assert!((found / expected.unwrap().get() - 1.0).abs() < 1e-12);
            let jet = form.jet(&at, &row.x);
            for k in 0..7 {
                let moved = |by: f64| {
                    let mut to = at;
                    to[k] += by;
                    form.ln_loss(&to, &row.x)
                };
                let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((jet.gradient[k] - difference).abs() < 1e-7, "{k}: {jet:?}");
            }
        }
    }
}
