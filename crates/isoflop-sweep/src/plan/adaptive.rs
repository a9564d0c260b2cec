//! What a plan says of runs that the sweep adds by itself.

use super::SweepPlan;
use isoflop_laws::Flops;
use serde::{Deserialize, Serialize};

/// How a sweep adds runs while results come: those that narrow the forecast of one large run.
///
/// It needs `limits.spend_flops`, and ends when the forecast is narrow enough, when no run that
/// can be paid for narrows it further, or after `max_runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePlan {
    /// Compute of the run to forecast.
    pub target_flops: Flops,
    /// Width of its interval ÷ its loss below which nothing more is added.
    #[serde(default = "until_width")]
    pub until_width: f64,
    /// Coverage of that interval.
    #[serde(default = "level")]
    pub level: f64,
    /// Most runs that are added together.
    #[serde(default = "runs_per_round")]
    pub runs_per_round: usize,
    /// Most runs of the sweep, the plan's own among them.
    #[serde(default = "max_runs")]
    pub max_runs: usize,
}

fn until_width() -> f64 {
    0.02
}

fn level() -> f64 {
    0.9
}

fn runs_per_round() -> usize {
    4
}

fn max_runs() -> usize {
    200
}

impl AdaptivePlan {
    /// Runs are added for the forecast of a run of this compute, with the usual limits.
    #[must_use]
    pub fn towards(target_flops: Flops) -> Self {
        AdaptivePlan {
            target_flops,
            until_width: until_width(),
            level: level(),
            runs_per_round: runs_per_round(),
            max_runs: max_runs(),
        }
    }
}

/// What is wrong with the section, in words.
pub(super) fn check(plan: &SweepPlan) -> Result<(), String> {
    let Some(adaptive) = &plan.adaptive else {
        return Ok(());
    };
    let target = adaptive.target_flops;
    match plan.limits.spend_flops {
        None => {
            return Err(
                "`adaptive` adds runs: say in `limits.spend_flops` what all runs may cost together"
                    .to_owned(),
            );
        }
        Some(limit) if limit >= target.get() => {
            return Err(format!(
                "`limits.spend_flops` would pay for the run of {target} FLOPs that is to be forecast: expected less"
            ));
        }
        Some(_) => {}
    }
    if !(adaptive.until_width.is_finite() && adaptive.until_width >= 0.0) {
        return Err("`adaptive.until_width` must be zero or more, such as 0.02".to_owned());
    }
    if !(0.5..=0.999).contains(&adaptive.level) {
        return Err("`adaptive.level` must lie between 0.5 and 0.999".to_owned());
    }
    if adaptive.runs_per_round == 0 {
        return Err("`adaptive.runs_per_round` must be at least 1".to_owned());
    }
    if plan.runs.is_empty() {
        return Err("`adaptive` needs a first ladder: the plan has no run".to_owned());
    }
    Ok(())
}
