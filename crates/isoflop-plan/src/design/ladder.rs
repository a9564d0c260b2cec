//! The search for the affordable runs that say most of the target: greedy choices, then exchanges.

use super::{DesignRequest, PlannedRun};
use crate::belief::Belief;

/// A candidate may be run this often, with several seeds.
const MOST_REPEATS: usize = 3;

/// Variance of ln L of a run, geometric mean over the beliefs, so that one that is sure of itself
/// counts like the others. Its noise is part of it: what is known far better than a run can show is
/// not worth more runs.
pub(super) fn mean_variance(beliefs: &[Belief], point: usize) -> f64 {
    let sum: f64 = beliefs
        .iter()
        .map(|belief| belief.run_variance(point).max(f64::MIN_POSITIVE).ln())
        .sum();
    (sum / beliefs.len().max(1) as f64).exp()
}

/// Exponents of cost in the greedy choice: 0 takes what helps most, 1 what helps most per FLOP.
/// Neither is best always, so all are tried and the best outcome is kept.
const GREED: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];

/// The affordable runs after which the target is known best, as places among the candidates.
pub(super) fn best_ladder(
    before: &[Belief],
    candidates: &[PlannedRun],
    request: &DesignRequest,
) -> Vec<usize> {
    let greedy = GREED.iter().map(|&greed| {
        let mut ladder = Ladder::empty(before, candidates, request);
        ladder.fill(greed);
        ladder.exchange(greed);
        ladder
    });
    let best = greedy.min_by(|a, b| a.variance().total_cmp(&b.variance()));
    best.map(|ladder| ladder.runs).unwrap_or_default()
}

/// Rounds of exchanges at most; the gain of later ones is below a per cent.
const MOST_ROUNDS: usize = 12;

/// Runs chosen so far, and what would be believed once they are made.
#[derive(Clone)]
struct Ladder<'a> {
    before: &'a [Belief],
    candidates: &'a [PlannedRun],
    request: &'a DesignRequest,
    runs: Vec<usize>,
    beliefs: Vec<Belief>,
}

impl<'a> Ladder<'a> {
    fn empty(
        before: &'a [Belief],
        candidates: &'a [PlannedRun],
        request: &'a DesignRequest,
    ) -> Self {
        Self {
            before,
            candidates,
            request,
            runs: Vec::new(),
            beliefs: before.to_vec(),
        }
    }

    /// Variance of ln L of the target, the mean over the beliefs.
    fn variance(&self) -> f64 {
        mean_variance(&self.beliefs, self.candidates.len())
    }

    fn variance_with(&self, run: usize) -> f64 {
        let goal = self.candidates.len();
        let after = self
            .beliefs
            .iter()
            .map(|b| b.run_variance_after(run, goal).max(f64::MIN_POSITIVE).ln());
        (after.sum::<f64>() / self.beliefs.len() as f64).exp()
    }

    fn add(&mut self, run: usize) {
        self.beliefs
            .iter_mut()
            .for_each(|belief| belief.measure(run));
        self.runs.push(run);
    }

    fn cost(&self, run: usize) -> f64 {
        self.candidates[run].flops.get()
    }

    /// Candidates that the money left pays for and that have not been repeated enough.
    fn affordable(&self) -> impl Iterator<Item = usize> + '_ {
        let spent: f64 = self.runs.iter().map(|&run| self.cost(run)).sum();
        let left = self.request.budget.get() * (1.0 + 1e-9) - spent;
        (0..self.candidates.len()).filter(move |&run| {
            let repeats = self.runs.iter().filter(|&&other| other == run).count();
            self.cost(run) <= left && repeats < MOST_REPEATS
        })
    }

    /// Adds the run with the largest fall of ln variance ÷ cost^greed until money or runs are
    /// used up.
    fn fill(&mut self, greed: f64) {
        while self.runs.len() < self.request.max_runs {
            let now = self.variance();
            let gain = |run: usize| {
                let after = self.variance_with(run).max(f64::MIN_POSITIVE);
                (now / after).ln() / self.cost(run).powf(greed)
            };
            let gains = self.affordable().map(|run| (run, gain(run)));
            let Some((run, _)) = gains.max_by(|a, b| a.1.total_cmp(&b.1)) else {
                break;
            };
            self.add(run);
        }
    }

    /// The ladder without the run at `place`.
    fn without(&self, place: usize) -> Self {
        let mut others = Ladder::empty(self.before, self.candidates, self.request);
        let kept = self.runs.iter().enumerate();
        kept.filter(|(index, _)| *index != place)
            .for_each(|(_, &run)| others.add(run));
        others
    }

    /// Takes each run out in turn and puts the best affordable one in its place, until nothing
    /// improves (Fedorov 1972). What a greedy choice took first, later choices may have made
    /// useless.
    fn exchange(&mut self, greed: f64) {
        for _ in 0..MOST_ROUNDS {
            let start = self.variance();
            for place in 0..self.runs.len() {
                let mut others = self.without(place);
                let found = others
                    .affordable()
                    .map(|run| (run, others.variance_with(run)));
                let best = found.min_by(|a, b| a.1.total_cmp(&b.1));
                if let Some((run, variance)) = best
                    && variance < self.variance() * (1.0 - 1e-6)
                {
                    others.add(run);
                    *self = others;
                }
            }
            self.fill(greed);
            if self.variance() > start * (1.0 - 1e-3) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::{Doubt, Point};
    use isoflop_laws::{Flops, Params, Tokens, find};

    fn run(params: f64, tokens: f64) -> PlannedRun {
        let (params, tokens) = (Params::new(params).unwrap(), Tokens::new(tokens).unwrap());
        PlannedRun {
            params,
            tokens,
            flops: Flops::six_nd(params, tokens),
        }
    }

    #[test]
    fn exchanges_never_leave_the_target_less_known_or_the_budget_exceeded() {
        let law = find("besiroglu-2024").unwrap().law().unwrap().unwrap();
        let sizes = [1e7, 3e7, 1e8, 3e8];
        let candidates: Vec<PlannedRun> = sizes
            .iter()
            .flat_map(|&n| [5.0, 20.0, 80.0].map(|ratio| run(n, n * ratio)))
            .collect();
        let mut points: Vec<Point> = candidates.iter().map(|c| (c.params, c.tokens)).collect();
        points.push((Params::new(7e9).unwrap(), Tokens::new(1.4e11).unwrap()));
        let doubt = Doubt {
            noise: 0.003,
            discrepancy: 0.0035,
            drift: 0.0035,
            across: 1.5,
            along: 6.0,
        };
        let before = [Belief::by(law.as_ref(), &points, doubt).unwrap()];
        let request = DesignRequest {
            target: Flops::new(5.88e21).unwrap(),
            budget: Flops::new(2e19).unwrap(),
            max_run: None,
            max_runs: 8,
            target_size: None,
            existing: vec![],
            noise: None,
            level: 0.9,
        };
        for greed in GREED {
            let mut ladder = Ladder::empty(&before, &candidates, &request);
            ladder.fill(greed);
            let greedy = ladder.variance();
            ladder.exchange(greed);
            let cost: f64 = ladder.runs.iter().map(|&run| ladder.cost(run)).sum();
            assert!(ladder.variance() <= greedy);
            assert!(cost <= 2e19 * 1.000_001 && ladder.runs.len() <= 8);
        }
    }
}
