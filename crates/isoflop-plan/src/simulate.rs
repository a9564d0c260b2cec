//! Ladders whose truth is known: a law, a grid of runs, noise, a seed.

use crate::surface::{Surface, SurfaceError, optimum};
use isoflop_fit::Observation;
use isoflop_laws::{Flops, Loss, Params, Tokens};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The usual grid: the same sizes relative to the best one at each of several budgets.
#[derive(Debug, Clone, PartialEq)]
pub struct IsoflopGrid {
    /// Budgets, each a valley.
    pub budgets: Vec<Flops>,
    /// Runs on each.
    pub sizes: usize,
    /// Largest size ÷ best size, and best ÷ smallest.
    pub spread: f64,
}

impl IsoflopGrid {
    /// `count` budgets from `from` to `to`, equally spaced in ln C.
    ///
    /// # Errors
    /// [`isoflop_laws::QuantityError`] never for budgets in order; kept for those that are not.
    pub fn spaced(
        from: Flops,
        to: Flops,
        count: usize,
        sizes: usize,
        spread: f64,
    ) -> Result<Self, isoflop_laws::QuantityError> {
        let step = (to.ln() - from.ln()) / count.saturating_sub(1).max(1) as f64;
        let budgets = (0..count)
            .map(|index| Flops::new((from.ln() + step * index as f64).exp()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            budgets,
            sizes,
            spread,
        })
    }

    /// The sizes and data of the grid around the best ones by `surface`.
    ///
    /// # Errors
    /// [`SurfaceError::NoOptimum`] where the surface has none.
    pub fn points(&self, surface: &impl Surface) -> Result<Vec<(Params, Tokens)>, SurfaceError> {
        let mut points = Vec::new();
        for &flops in &self.budgets {
            let best = optimum(surface, flops)?;
            for index in 0..self.sizes {
                // From −1 to 1 across the valley; a single size is the best one.
                let place = match self.sizes {
                    1 => 0.0,
                    sizes => 2.0 * index as f64 / (sizes - 1) as f64 - 1.0,
                };
                let factor = self.spread.powf(place);
                let none = |_| SurfaceError::NoOptimum(flops);
                let params = Params::new(best.params.get() * factor).map_err(none)?;
                let tokens = Tokens::new(best.tokens.get() / factor).map_err(none)?;
                points.push((params, tokens));
            }
        }
        Ok(points)
    }
}

/// Measures `points` on a true surface with noise of standard deviation `noise` in ln L.
///
/// Run k draws from stream k of the seed: the same seed gives the same losses whatever the order
/// or number of threads. Points where the surface has no value are left out.
pub fn measure(
    surface: &impl Surface,
    points: &[(Params, Tokens)],
    noise: f64,
    seed: u64,
) -> Vec<Observation> {
    let measured = points.iter().enumerate().filter_map(|(index, &point)| {
        let (params, tokens) = point;
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(index as u64);
        let draw: f64 = StandardNormal.sample(&mut stream);
        let truth = surface.loss(params, tokens)?;
        let loss = Loss::new(truth.get() * (noise * draw).exp()).ok()?;
        Some(Observation {
            params,
            tokens,
            unique_tokens: None,
            quality: None,
            flops: Flops::six_nd(params, tokens),
            loss,
            loss_std: (noise > 0.0).then_some(noise * truth.get()),
            cluster: index,
        })
    });
    measured.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::tests::additive;

    fn grid() -> IsoflopGrid {
        let flops = |c| Flops::new(c).unwrap();
        IsoflopGrid::spaced(flops(1e18), flops(1e20), 5, 9, 8.0).unwrap()
    }

    fn surface() -> impl Surface {
        additive(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
    }

    #[test]
    fn a_grid_has_its_best_size_in_the_middle_of_each_budget() {
        let points = grid().points(&surface()).unwrap();
        assert_eq!(points.len(), 45);
        let loss = |k: usize| surface().loss(points[k].0, points[k].1).unwrap();
        for budget in 0..5 {
            let middle = 9 * budget + 4;
            assert!((0..9).all(|k| loss(9 * budget + k) >= loss(middle)));
            let spent = Flops::six_nd(points[middle].0, points[middle].1);
            assert!((spent.get() / grid().budgets[budget].get() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn noise_has_the_size_that_was_asked_for_and_comes_from_the_seed() {
        let points = vec![(Params::new(1e8).unwrap(), Tokens::new(2e9).unwrap()); 4000];
        let runs = measure(&surface(), &points, 0.01, 7);
        let truth = surface().loss(points[0].0, points[0].1).unwrap();
        let residuals: Vec<f64> = runs.iter().map(|run| run.loss.ln() - truth.ln()).collect();
        let mean = residuals.iter().sum::<f64>() / 4000.0;
        let variance = residuals.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 3999.0;
        assert!(mean.abs() < 5e-4 && (variance.sqrt() / 0.01 - 1.0).abs() < 0.05);
        assert_eq!(runs, measure(&surface(), &points, 0.01, 7));
        assert_ne!(runs, measure(&surface(), &points, 0.01, 8));
        assert_eq!(runs[..10], measure(&surface(), &points[..10], 0.01, 7));
    }

    #[test]
    fn without_noise_the_losses_are_the_surface() {
        let points = grid().points(&surface()).unwrap();
        for (run, point) in measure(&surface(), &points, 0.0, 0).iter().zip(&points) {
            assert_eq!(Some(run.loss), surface().loss(point.0, point.1));
        }
    }
}
