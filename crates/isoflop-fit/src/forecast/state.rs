//! The law's parameters under given traits of the process: the most plausible ones, and what is known of
//! them.

use super::cholesky::{Cholesky, dot};
use super::discrepancy::Traits;
use super::mean_law::{MOST, MeanLaw, Theta};
use super::sample::Sample;

/// Degrees of freedom of the noise: heavy tails, finite variance.
pub(super) const FREEDOM: f64 = 4.0;
/// Square of the ratio of the 95th percentiles of Student's t with [`FREEDOM`] and of the normal.
const NOISE_SPREAD: f64 = 1.68;

/// Everything about the parameters under given traits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub traits: Traits,
    pub factor: Cholesky,
    pub theta: Theta,
    /// L⁻¹ (y − law).
    pub residual: Vec<f64>,
    /// L⁻¹ times the law's derivatives, one column for each parameter.
    pub slopes: Vec<Vec<f64>>,
    /// Factor of the parameters' precision.
    pub precision: Cholesky,
    pub evidence: f64,
}

impl State {
    /// The parameters that suit these traits best, in at most `steps` steps from `theta`.
    pub(super) fn at(
        law: &MeanLaw,
        sample: &Sample,
        trust: &[f64],
        traits: Traits,
        mut theta: Theta,
        steps: usize,
    ) -> Option<Self> {
        let factor = Cholesky::of(traits.matrix(sample, trust), sample.rows.len())?;
        let mut here = Local::at(law, sample, &factor, &theta)?;
        for _ in 0..steps {
            let step = here.precision.solve(here.downhill.clone());
            let Some((next, there)) = shorter(law, sample, &factor, &theta, &here, &step) else {
                break;
            };
            let gain = here.cost - there.cost;
            (theta, here) = (next, there);
            if gain < 1e-5 {
                break;
            }
        }
        let spreads: f64 = (0..law.len()).map(|k| law.surprise(&theta, k).1.ln()).sum();
        let rows = sample.rows.len() as f64;
        let evidence = -here.cost
            - 0.5 * factor.ln_determinant()
            - 0.5 * here.precision.ln_determinant()
            - spreads
            - 0.5 * rows * std::f64::consts::TAU.ln();
        evidence.is_finite().then_some(Self {
            traits,
            theta,
            residual: here.residual,
            slopes: here.slopes,
            precision: here.precision,
            evidence,
            factor,
        })
    }

    /// Variance of a measurement's noise, heavy tails counted in.
    pub(super) fn noise_variance(&self) -> f64 {
        NOISE_SPREAD * self.traits.noise * self.traits.noise
    }

    /// How far each measurement is to be trusted, from its noise as it came out.
    pub(super) fn trust(&self, sample: &Sample, trust: &[f64]) -> Vec<f64> {
        let weights = self.factor.half_solve_transposed(self.residual.clone());
        let noise = self.traits.noise;
        let rows = sample.rows.iter().zip(trust).zip(weights);
        rows.map(|((row, trust), weight)| {
            let z = noise * row.noise / trust * weight / row.noise.sqrt();
            (FREEDOM + 1.0) / (FREEDOM + z * z)
        })
        .collect()
    }
}

/// Cost and derivatives at some parameters.
struct Local {
    cost: f64,
    residual: Vec<f64>,
    slopes: Vec<Vec<f64>>,
    downhill: Vec<f64>,
    precision: Cholesky,
}

impl Local {
    fn at(law: &MeanLaw, sample: &Sample, factor: &Cholesky, theta: &Theta) -> Option<Self> {
        let count = law.len();
        let mut residual = Vec::with_capacity(sample.rows.len());
        let mut slopes = vec![Vec::with_capacity(sample.rows.len()); count];
        for row in &sample.rows {
            let (value, by) = law.at(theta, &row.at);
            residual.push(row.y - value);
            for (column, slope) in slopes.iter_mut().zip(by) {
                column.push(slope);
            }
        }
        let residual = factor.half_solve(residual);
        let slopes: Vec<_> = slopes.into_iter().map(|s| factor.half_solve(s)).collect();
        let mut precision = vec![0.0; count * count];
        let mut downhill = vec![0.0; count];
        let mut cost = 0.5 * dot(&residual, &residual);
        for i in 0..count {
            let (surprise, sd) = law.surprise(theta, i);
            cost += 0.5 * surprise * surprise;
            downhill[i] = dot(&slopes[i], &residual) - surprise / sd;
            for j in 0..=i {
                precision[i * count + j] = dot(&slopes[i], &slopes[j]);
            }
            precision[i * count + i] += 1.0 / (sd * sd);
        }
        let precision = Cholesky::of(precision, count)?;
        cost.is_finite().then_some(Self {
            cost,
            residual,
            slopes,
            downhill,
            precision,
        })
    }
}

/// The step, or a part of it, that lowers the cost.
fn shorter(
    law: &MeanLaw,
    sample: &Sample,
    factor: &Cholesky,
    theta: &Theta,
    here: &Local,
    step: &[f64],
) -> Option<(Theta, Local)> {
    let mut part = 1.0;
    while part > 1e-4 {
        let next: Theta =
            std::array::from_fn::<_, MOST, _>(|k| theta[k] + part * step.get(k).unwrap_or(&0.0));
        if let Some(there) = Local::at(law, sample, factor, &next)
            && there.cost <= here.cost
        {
            return Some((next, there));
        }
        part *= 0.4;
    }
    None
}
