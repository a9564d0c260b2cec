//! From a mean law's own coordinates to the parameters on its card.

use super::{Falls, MeanLaw, Shape, Theta};
use crate::FittedLaw;
use isoflop_laws::Flops;

/// One power: the logarithm of its scale, and its exponent.
struct Power {
    ln_scale: f64,
    exponent: f64,
}

impl MeanLaw {
    /// The parameters of `law` in the order of its card; shorter where the mean law knows fewer,
    /// `None` where its parameters are others.
    pub(crate) fn natural(&self, law: FittedLaw, theta: &Theta) -> Option<Vec<f64>> {
        let mut values = match (law, self.shape) {
            (
                FittedLaw::Chinchilla | FittedLaw::DataConstrained | FittedLaw::DataQuality,
                Shape::PowerSum { floor: true, .. },
            ) => {
                let size = self.power(theta, 1, Falls::WithParams);
                let data = self.power(theta, 3, Falls::WithTokens);
                vec![
                    theta[0].exp(),
                    size.ln_scale.exp(),
                    data.ln_scale.exp(),
                    size.exponent,
                    data.exponent,
                ]
            }
            (FittedLaw::RepetitionPenalty, Shape::Penalised) => {
                let size = self.power(theta, 1, Falls::WithParams);
                let data = self.power(theta, 3, Falls::WithTokens);
                let [p, delta, kappa] = Self::penalty(theta);
                vec![
                    theta[0].exp(),
                    size.ln_scale.exp(),
                    data.ln_scale.exp(),
                    size.exponent,
                    data.exponent,
                    p,
                    delta,
                    kappa,
                ]
            }
            (FittedLaw::PowerC, Shape::PowerSum { floor: true, .. }) => {
                let power = self.power(theta, 1, Falls::WithFlops);
                vec![power.ln_scale.exp(), -power.exponent, theta[0].exp()]
            }
            (FittedLaw::OverTraining, Shape::SharedSum) => {
                // A / N^α with N = √(C / 6M) is A (6M)^η C^−η for η = α / 2; D likewise.
                let apart = [theta[0], theta[1], theta[3], theta[2], theta[3]];
                let mut sum = [0.0; super::MOST];
                sum[..5].copy_from_slice(&apart);
                let size = self.power(&sum, 1, Falls::WithParams);
                let data = self.power(&sum, 3, Falls::WithTokens);
                let eta = 0.5 * size.exponent;
                let scale = |power: &Power| (power.ln_scale + eta * 6f64.ln()).exp();
                vec![theta[0].exp(), scale(&size), scale(&data), eta]
            }
            (FittedLaw::KaplanNd, Shape::KaplanNd) => {
                let (by_size, by_data) = (theta[2].exp(), theta[3].exp());
                vec![
                    (theta[0] / by_size + self.centre.n).exp(),
                    (theta[1] / by_data + self.centre.d).exp(),
                    by_size,
                    by_data,
                ]
            }
            (FittedLaw::KaplanN, Shape::PowerSum { .. }) => self.alone(theta, Falls::WithParams),
            (FittedLaw::KaplanD, Shape::PowerSum { .. }) => self.alone(theta, Falls::WithTokens),
            (FittedLaw::KaplanC, Shape::PowerSum { .. }) => {
                let mut pair = self.alone(theta, Falls::WithFlops);
                pair[0] /= Flops::PER_PF_DAY;
                pair
            }
            _ => return None,
        };
        // Repetition comes before quality, and both after the law's own parameters.
        let of_quality = self.len() - 1;
        match law {
            FittedLaw::DataConstrained if self.repeats => {
                values.push(theta[of_quality - usize::from(self.is_graded)].exp());
            }
            FittedLaw::DataQuality if self.is_graded => values.push(theta[of_quality]),
            _ => {}
        }
        Some(values)
    }

    /// The term whose level and ln exponent start at `k`.
    fn power(&self, theta: &Theta, k: usize, falls: Falls) -> Power {
        let exponent = theta[k + 1].exp();
        Power {
            ln_scale: theta[k] + exponent * self.of_centre(falls),
            exponent,
        }
    }

    /// (Xc / X)^a: where the loss would be one nat, and the exponent.
    fn alone(&self, theta: &Theta, falls: Falls) -> Vec<f64> {
        let Power { ln_scale, exponent } = self.power(theta, 0, falls);
        vec![(ln_scale / exponent).exp(), exponent]
    }

    fn of_centre(&self, falls: Falls) -> f64 {
        match falls {
            Falls::WithParams => self.centre.n,
            Falls::WithTokens => self.centre.d,
            Falls::WithFlops => self.centre.c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{Measured, Place, Sample};
    use super::*;
    use crate::Prior;
    use crate::estimate::ln_losses;
    use crate::forecast::shapes;
    use crate::rows::Row;

    fn row((index, (n, d)): (usize, (f64, f64))) -> Row {
        Row {
            x: [n, d, n + d + 6f64.ln(), 0.0, d - 0.5, -0.3],
            ln_loss: 1.1,
            weight: 1.0,
            cluster: index,
            index,
        }
    }

    #[test]
    fn a_law_by_its_card_is_the_law_in_its_own_coordinates() {
        let places = [(18.0, 21.0), (19.5, 22.0), (21.0, 24.5)];
        let rows: Vec<Row> = places.into_iter().enumerate().map(row).collect();
        for (law, quality, repeats) in [
            (FittedLaw::Chinchilla, 0.0, 0.0),
            (FittedLaw::DataQuality, -0.3, 0.0),
            (FittedLaw::RepetitionPenalty, 0.0, 0.5),
            (FittedLaw::PowerC, 0.0, 0.0),
            (FittedLaw::OverTraining, 0.0, 0.0),
            (FittedLaw::KaplanNd, 0.0, 0.0),
            (FittedLaw::KaplanN, 0.0, 0.0),
            (FittedLaw::KaplanD, 0.0, 0.0),
            (FittedLaw::KaplanC, 0.0, 0.0),
        ] {
            let measured = rows.iter().map(|row| Measured {
                at: Place {
                    n: row.x[0],
                    d: row.x[1],
                    c: row.x[2],
                    repeats,
                    quality,
                    family: None,
                },
                y: row.ln_loss,
                noise: 1.0,
            });
            let sample = Sample {
                rows: measured.collect(),
                over: Default::default(),
            };
            let mean = MeanLaw::centred(shapes(Some(law))[0], &sample, Prior::Published);
            let mut theta = mean.start();
            theta[0] += 0.07;
            theta[1] -= 0.05;
            let values = mean.natural(law, &theta).unwrap();
            assert_eq!(values.len(), law.card().parameters.len(), "{law}");
            let by_card = ln_losses(&rows, law, &values).unwrap();
            for (row, by_card) in sample.rows.iter().zip(by_card) {
                let own = mean.at(&theta, &row.at).0;
                assert!((by_card - own).abs() < 1e-9, "{law}: {by_card} {own}");
            }
        }
    }

    #[test]
    fn laws_with_parameters_of_their_own_have_none() {
        let sample = Sample {
            rows: vec![],
            over: Default::default(),
        };
        for law in [FittedLaw::Farseer, FittedLaw::KaplanNs, FittedLaw::Isoflop] {
            let mean = MeanLaw::centred(shapes(Some(law))[0], &sample, Prior::Published);
            assert_eq!(mean.natural(law, &mean.start()), None, "{law}");
        }
    }
}
