//! The Markov chain of subjects, with its stationary distribution and entropy in closed form.

use super::{FEWEST_MODIFIERS, RuleSourceSpec};
use crate::permutation::Permutation;
use rand::Rng;

/// A chain that stays where it is, or is drawn anew.
#[derive(Debug, Clone)]
pub(super) struct SubjectChain {
    /// π: how often each subject occurs.
    pub(super) stationary: Vec<f64>,
    /// r: probability with which each subject is left (for a new draw, which may be the same).
    pub(super) escape: Vec<f64>,
    /// q: probability of each subject in a new draw.
    pub(super) fresh: Vec<f64>,
    cumulative_stationary: Vec<f64>,
    cumulative_fresh: Vec<f64>,
}

impl SubjectChain {
    pub(super) fn new(spec: &RuleSourceSpec) -> Self {
        let stationary = normalised(subject_weights(spec));
        // Rates are dealt out in a shuffled order, so that they do not go with frequency.
        let shuffle = Permutation::new(spec.subjects as u64, spec.seed);
        let rate = |g: u64| 0.5f64.powi((shuffle.at(g) % spec.escape_rates as u64) as i32);
        let escape: Vec<f64> = (0..spec.subjects as u64).map(rate).collect();
        // Balance: as many leave a subject as enter it, π_g r_g = q_g Σ_h π_h r_h.
        let fresh = normalised(stationary.iter().zip(&escape).map(|(p, r)| p * r).collect());
        Self {
            cumulative_stationary: cumulative(&stationary),
            cumulative_fresh: cumulative(&fresh),
            stationary,
            escape,
            fresh,
        }
    }

    /// Probability of `next` after `last`.
    pub(super) fn probability(&self, last: usize, next: usize) -> f64 {
        let stays = if last == next {
            1.0 - self.escape[last]
        } else {
            0.0
        };
        stays + self.escape[last] * self.fresh[next]
    }

    /// Σ_g π_g H(g → ·) in nats.
    ///
    /// From g, another subject h has probability r q_h, and g itself a = 1 − r + r q_g; so with
    /// S = Σ_h q_h ln q_h, H(g → ·) = −a ln a − r [(1 − q_g) ln r + S − q_g ln q_g].
    pub(super) fn entropy_rate(&self) -> f64 {
        let negentropy: f64 = self.fresh.iter().map(|q| x_ln_x(*q)).sum();
        let of_subject = |g: usize| {
            let (r, q) = (self.escape[g], self.fresh[g]);
            let others = r * ((1.0 - q) * r.ln() + negentropy - x_ln_x(q));
            -x_ln_x(1.0 - r + r * q) - others
        };
        self.stationary
            .iter()
            .enumerate()
            .map(|(g, p)| p * of_subject(g))
            .sum()
    }

    pub(super) fn draw_first(&self, random: &mut impl Rng) -> usize {
        draw(&self.cumulative_stationary, random)
    }

    pub(super) fn draw_next(&self, last: usize, random: &mut impl Rng) -> usize {
        // Most escape rates are small: one number decides whether to draw at all.
        if unit(random) < self.escape[last] {
            draw(&self.cumulative_fresh, random)
        } else {
            last
        }
    }
}

/// How often each subject occurs, up to a factor: the sum over its rules, number R to S − 1, of
/// (R + 8)^−(1+γ), taken as the integral over them.
fn subject_weights(spec: &RuleSourceSpec) -> Vec<f64> {
    let tail = |rules: usize| ((rules + FEWEST_MODIFIERS) as f64).powf(-spec.exponent);
    let mut first = 0;
    let weight = |g: usize| {
        let rules = first..first + spec.modifiers_of(g);
        first = rules.end;
        tail(rules.start) - tail(rules.end)
    };
    (0..spec.subjects).map(weight).collect()
}

/// x ln x, continued to 0 at 0.
pub(super) fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

/// Uniform in [0, 1) with all 53 bits.
pub(super) fn unit(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Uniform in `0..len`; the bias is below `len` / 2⁶⁴ (Lemire 2019).
pub(super) fn below(len: usize, random: &mut impl Rng) -> usize {
    ((u128::from(random.next_u64()) * len as u128) >> 64) as usize
}

fn normalised(weights: Vec<f64>) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn cumulative(probabilities: &[f64]) -> Vec<f64> {
    let running = |sum: &mut f64, p: &f64| {
        *sum += p;
        Some(*sum)
    };
    probabilities.iter().scan(0.0, running).collect()
}

fn draw(cumulative: &[f64], random: &mut impl Rng) -> usize {
    let point = unit(random);
    // The last sum may fall short of 1 by rounding.
    cumulative
        .partition_point(|sum| *sum <= point)
        .min(cumulative.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn chain(escape_rates: usize) -> SubjectChain {
        let spec = RuleSourceSpec {
            subjects: 40,
            escape_rates,
            ..RuleSourceSpec::default()
        };
        SubjectChain::new(&spec)
    }

    fn transitions(chain: &SubjectChain) -> Vec<Vec<f64>> {
        let row = |g| (0..40).map(|h| chain.probability(g, h)).collect();
        (0..40).map(row).collect()
    }

    #[test]
    fn every_row_of_transitions_sums_to_one_and_keeps_the_stationary_distribution() {
        let chain = chain(6);
        let rows = transitions(&chain);
        for row in &rows {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        for (h, expected) in chain.stationary.iter().enumerate() {
            let next: f64 = rows
                .iter()
                .zip(&chain.stationary)
                .map(|(row, p)| p * row[h])
                .sum();
            assert!((next - expected).abs() < 1e-14);
        }
    }

    #[test]
    fn the_closed_form_equals_the_sum_over_all_transitions() {
        for escape_rates in [1, 2, 6] {
            let chain = chain(escape_rates);
            let rows = transitions(&chain);
            let sum: f64 = rows
                .iter()
                .zip(&chain.stationary)
                .map(|(row, p)| -p * row.iter().map(|x| x_ln_x(*x)).sum::<f64>())
                .sum();
            assert!((chain.entropy_rate() / sum - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn draws_follow_the_transition_probabilities() {
        let chain = chain(3);
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for last in [0, 1, 2, 39] {
            let mut counts = [0.0; 40];
            (0..200_000).for_each(|_| counts[chain.draw_next(last, &mut random)] += 1.0);
            let chi_squared: f64 = (0..40)
                .map(|h| (h, 200_000.0 * chain.probability(last, h)))
                .map(|(h, expected)| (counts[h] - expected) * (counts[h] - expected) / expected)
                .sum();
            // 39 degrees of freedom: mean 39, standard deviation 8.8.
            assert!(chi_squared < 39.0 + 4.0 * 8.8, "{chi_squared}");
        }
    }

    #[test]
    fn memory_lasts_longer_than_any_exponential_from_its_beginning() {
        let mut power = transitions(&chain(6));
        // Probability of the same subject after 1, 2, 4, …, 64 blocks, beyond chance.
        let chain = chain(6);
        let chance: f64 = chain.stationary.iter().map(|p| p * p).sum();
        let mut memory = Vec::new();
        for _ in 0..7 {
            let same: f64 = (0..40).map(|g| chain.stationary[g] * power[g][g]).sum();
            memory.push(same - chance);
            power = square(&power);
        }
        // An exponential would be squared by each doubling of the lag.
        assert!(
            memory.windows(2).all(|m| m[1] > m[0] * m[0] && m[1] < m[0]),
            "{memory:?}"
        );
        assert!(memory[4] > 10.0 * memory[0].powi(16), "{memory:?}");
    }

    fn square(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let entry = |g: usize, h: usize| (0..40).map(|m| matrix[g][m] * matrix[m][h]).sum();
        (0..40)
            .map(|g| (0..40).map(|h| entry(g, h)).collect())
            .collect()
    }
}
