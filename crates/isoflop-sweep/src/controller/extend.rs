//! Adding runs to a sweep while it runs.
//!
//! What is added is first written to a file, as a whole or not at all, then enrolled: a controller
//! that is killed between the two finds the file and enrols the same runs.

use super::{Controller, ControllerError};
use crate::added::Round;
use crate::advice::{Advice, Known, advise};
use crate::failpoint;
use crate::outcome::Ending;
use crate::plan::{AdaptivePlan, RunSpec};
use crate::results::record;
use crate::status::AdaptiveStatus;
use isoflop_laws::{Flops, Params, Tokens};

/// What a controller remembers of its additions; all of it can be found out again.
#[derive(Debug, Default)]
pub(super) struct Extending {
    /// Runs that had ended when the last question was asked.
    asked_at: Option<u64>,
    /// What is said in the status.
    pub(super) said: AdaptiveStatus,
}

impl Controller {
    /// Adds the next runs if nothing waits, most of the last ones have ended, and the results say
    /// that they are worth it.
    pub(super) fn extend(&mut self) -> Result<(), ControllerError> {
        let Some(plan) = self.plan.adaptive.clone() else {
            return Ok(());
        };
        if self.only_end || self.extending.said.ended.is_some() {
            return Ok(());
        }
        let counts = self.journal.counts()?;
        let ended = counts.total() - counts.open();
        let busy = counts.active as usize * 2 > plan.runs_per_round;
        if counts.planned > 0 || busy || self.extending.asked_at == Some(ended) {
            return Ok(());
        }
        let known = self.known(&plan, counts.total(), counts.spent_flops)?;
        let (advice, why, forecast) = advise(&known, &plan);
        self.extending.asked_at = Some(ended);
        self.extending.said.forecast = forecast.or(self.extending.said.forecast);
        self.changed = true;
        match advice {
            Advice::Add(points) => self.add_round(&points, known.left, why),
            Advice::Wait if counts.active > 0 => Ok(()),
            Advice::Wait | Advice::Enough => {
                // What is under way may still change the answer.
                if counts.active == 0 {
                    self.extending.said.ended = Some(why);
                }
                Ok(())
            }
        }
    }

    fn known(&self, plan: &AdaptivePlan, runs: u64, spent: f64) -> Result<Known, ControllerError> {
        let accepted = self.journal.accepted()?;
        let finished = accepted
            .iter()
            .filter(|settled| settled.outcome.ending == Ending::Finished)
            .filter_map(|settled| Some(record(settled, self.runs.get(&settled.outcome.key)?)));
        let rows = self.journal.runs()?;
        let under_way = rows
            .iter()
            .filter(|row| row.state == "active")
            .filter_map(|row| self.runs.get(&row.key))
            .map(|run| (run.spec.params, run.spec.tokens));
        let limit = self.plan.limits.spend_flops.unwrap_or(0.0);
        let runs = usize::try_from(runs).unwrap_or(usize::MAX);
        Ok(Known {
            finished: finished.collect(),
            under_way: under_way.collect(),
            left: limit - spent,
            most: plan.runs_per_round.min(plan.max_runs.saturating_sub(runs)),
        })
    }

    fn add_round(
        &mut self,
        points: &[(Params, Tokens)],
        left: f64,
        why: String,
    ) -> Result<(), ControllerError> {
        let runs = self.named(points, left);
        if runs.is_empty() {
            self.extending.said.ended =
                Some(format!("{why}; no whole number of batches is that cheap"));
            return Ok(());
        }
        let mut plan = self.plan.clone();
        plan.runs.extend(runs.iter().cloned());
        // A trainer that was changed meanwhile makes other runs of all: said before anything is
        // written.
        let keyed = plan.keyed_runs(&self.base)?;
        self.journal.covers(&keyed)?;
        self.added.rounds.push(Round { why, runs });
        self.journal.assert_current()?;
        self.added.write(&self.folder)?;
        failpoint::pass("round-written");
        self.journal.enrol(&keyed)?;
        failpoint::pass("round-enrolled");
        self.plan = plan;
        self.runs = keyed
            .into_iter()
            .map(|run| (run.key.clone(), run))
            .collect();
        Ok(())
    }

    /// The runs as the plan has them: settings of its run that is nearest in size, whole batches,
    /// seeds and names that are new. None that the FLOPs left do not pay for.
    fn named(&self, points: &[(Params, Tokens)], mut left: f64) -> Vec<RunSpec> {
        let mut runs: Vec<RunSpec> = Vec::new();
        for &(params, tokens) in points {
            let distance = |run: &&RunSpec| (run.params.get() / params.get()).ln().abs();
            let nearest = self.plan.runs.iter();
            let Some(like) = nearest.min_by(|a, b| distance(a).total_cmp(&distance(b))) else {
                continue;
            };
            // Down: what was designed to use all that is left must not cost more.
            let batch = like.batch_tokens.map_or(1.0, Tokens::get);
            let whole = (tokens.get() / batch).floor().max(1.0) * batch;
            let (Ok(params), Ok(tokens)) = (Params::new(params.get().floor()), Tokens::new(whole))
            else {
                continue;
            };
            let cost = Flops::six_nd(params, tokens).get();
            if cost > left {
                continue;
            }
            left -= cost;
            let with_seed = |seed: u64| RunSpec {
                name: format!("n{params}-d{tokens}-s{seed}"),
                params,
                tokens,
                flops: None,
                seed,
                ..like.clone()
            };
            let is_new = |run: &RunSpec| {
                let mut others = self.plan.runs.iter().chain(&runs);
                !others.any(|other| other.name == run.name || other.is_same_run(run))
            };
            runs.extend((0..).map(with_seed).find(is_new));
        }
        runs
    }
}
