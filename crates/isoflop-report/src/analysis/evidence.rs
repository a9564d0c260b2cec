//! What is known: runs in one convention, learning curves, metrics, and what was left out.

use crate::figure::{EnvelopePoint, LearningCurve, RunPoint};
use crate::page::UnusedRow;
use isoflop_fit::Dataset;
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use isoflop_plan::MetricRun;
use isoflop_runs::{Checkpoint, Dropped, QUALITY, Run, Selection, Status};
use std::collections::BTreeMap;

/// Values of one metric by run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The metric's name.
    pub metric: String,
    /// The runs that have it.
    pub runs: Vec<MetricRun>,
}

/// Everything that an analysis rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The runs that can be fitted.
    pub dataset: Dataset,
    /// The run's name for each observation.
    pub names: Vec<String>,
    /// Rows that are not used, with reasons.
    pub not_used: Vec<UnusedRow>,
    /// Learning curves, where they were recorded.
    pub curves: Vec<LearningCurve>,
    /// Metrics other than the loss.
    pub metrics: Vec<Scores>,
    /// What was derived or mixed, one sentence each.
    pub notes: Vec<String>,
    /// Hash of the corpus of all fitted runs, where they agree on one.
    pub corpus_fingerprint: Option<String>,
}

impl Evidence {
    /// The runs of a selection, with the checkpoints of each where there are any.
    #[must_use]
    pub fn new(
        runs: &[Run],
        selection: Selection,
        checkpoints: impl Fn(&str) -> Vec<Checkpoint>,
    ) -> Self {
        let names = selection.used.iter().map(|&index| runs[index].run.clone());
        let names: Vec<String> = names.collect();
        let curves = curves(runs, selection.dataset.param_count, checkpoints);
        Evidence {
            corpus_fingerprint: fingerprint(runs, &selection.used),
            metrics: metrics(runs, selection.dataset.param_count),
            not_used: selection.dropped.iter().map(unused).collect(),
            notes: selection.notes,
            dataset: selection.dataset,
            names,
            curves,
        }
    }

    /// The observation at a position as a figure shows it.
    #[must_use]
    pub fn point(&self, position: usize) -> RunPoint {
        let run = &self.dataset.observations[position];
        RunPoint {
            run: self.names[position].clone(),
            params: run.params,
            tokens: run.tokens,
            flops: run.flops,
            loss: run.loss,
        }
    }

    /// The metric of this name, or the first one.
    #[must_use]
    pub fn metric(&self, name: Option<&str>) -> Option<&Scores> {
        match name {
            Some(name) => self.metrics.iter().find(|scores| scores.metric == name),
            None => self.metrics.first(),
        }
    }

    /// Recorded curves; where there are none, rows of one run or else of one size in their order,
    /// and whether that is so.
    #[must_use]
    pub fn learning_curves(&self) -> (Vec<LearningCurve>, CurveOrigin) {
        if self.curves.iter().any(|curve| curve.points.len() > 2) {
            return (self.curves.clone(), CurveOrigin::Recorded);
        }
        let by_run = self.grouped(|k| self.names[k].clone());
        if by_run.len() > 1 {
            return (by_run, CurveOrigin::RowsOfOneRun);
        }
        let size = |k: usize| self.dataset.observations[k].params.to_string();
        (self.grouped(size), CurveOrigin::RowsOfOneSize)
    }

    /// Observations of one key as a curve by compute, where there are at least four.
    fn grouped(&self, key: impl Fn(usize) -> String) -> Vec<LearningCurve> {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for k in 0..self.names.len() {
            groups.entry(key(k)).or_default().push(k);
        }
        let curve = |(run, members): (String, Vec<usize>)| {
            let observations = members.iter().map(|&k| &self.dataset.observations[k]);
            let mut points: Vec<_> = observations.map(|o| (o.tokens, o.flops, o.loss)).collect();
            points.sort_by(|a, b| a.1.get().total_cmp(&b.1.get()));
            let params = self.dataset.observations[members[0]].params;
            LearningCurve {
                run,
                params,
                points,
            }
        };
        let long = groups.into_iter().filter(|(_, members)| members.len() > 3);
        long.map(curve).collect()
    }
}

/// Where learning curves came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveOrigin {
    /// Checkpoints of a store.
    Recorded,
    /// Several rows of one name.
    RowsOfOneRun,
    /// Several rows of one size: separate trainings, perhaps.
    RowsOfOneSize,
}

impl CurveOrigin {
    pub(super) fn note(self) -> &'static str {
        match self {
            CurveOrigin::Recorded => "Curves: recorded checkpoints. ",
            CurveOrigin::RowsOfOneRun => "Curves: the rows of each run by compute. ",
            CurveOrigin::RowsOfOneSize => {
                "Curves: the rows of each size by compute, which may be separate trainings. "
            }
        }
    }
}

fn fingerprint(runs: &[Run], used: &[usize]) -> Option<String> {
    let of = |index: &usize| runs[*index].corpus_fingerprint.as_ref();
    let first = of(used.first()?)?;
    let same = used.iter().all(|index| of(index) == Some(first));
    same.then(|| first.clone())
}

fn unused(dropped: &Dropped) -> UnusedRow {
    let line = dropped.line.map(|line| format!("line {line}"));
    let run = match (dropped.run.is_empty(), line) {
        (true, Some(line)) => line,
        (false, Some(line)) if !dropped.run.contains(&line) => format!("{} ({line})", dropped.run),
        _ => dropped.run.clone(),
    };
    UnusedRow {
        run,
        reason: dropped.reason.clone(),
    }
}

/// Metrics of the runs that are finished, N counted as it is for the losses.
fn metrics(runs: &[Run], count: ParamCount) -> Vec<Scores> {
    let mut by_name: BTreeMap<&str, Vec<MetricRun>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.status == Status::Finished) {
        let Some(flops) = run.compute(count) else {
            continue;
        };
        // Quality is the text's, not a score of the model.
        for (name, value) in run.metrics.iter().filter(|(name, _)| *name != QUALITY) {
            by_name.entry(name).or_default().push(MetricRun {
                run: run.run.clone(),
                flops,
                loss: None,
                value: *value,
                family: run.family.clone(),
            });
        }
    }
    let scores = by_name.into_iter().map(|(metric, runs)| Scores {
        metric: metric.to_owned(),
        runs,
    });
    scores.filter(|scores| scores.runs.len() > 1).collect()
}

fn curves(
    runs: &[Run],
    count: ParamCount,
    checkpoints: impl Fn(&str) -> Vec<Checkpoint>,
) -> Vec<LearningCurve> {
    let curve = |run: &Run| {
        let params = match count {
            ParamCount::Total => run.params,
            ParamCount::NonEmbedding => run.params_non_embedding,
        }?;
        let points = checkpoints(&run.run);
        let points = points.iter().filter_map(|checkpoint| {
            let flops = flops_at(run, params, checkpoint.tokens)?;
            Some((checkpoint.tokens, flops, checkpoint.loss?))
        });
        Some(LearningCurve {
            run: run.run.clone(),
            params,
            points: points.collect(),
        })
    };
    runs.iter()
        .filter_map(curve)
        .filter(|curve| !curve.points.is_empty())
        .collect()
}

/// Compute spent at a checkpoint: the run's own FLOPs a token where they are counted, else 6ND.
fn flops_at(run: &Run, params: Params, tokens: Tokens) -> Option<Flops> {
    match (run.flop_count, run.flops, run.tokens) {
        (Some(FlopCount::Counted), Some(all), Some(seen)) => {
            Flops::new(all.get() * tokens.get() / seen.get()).ok()
        }
        _ => Some(Flops::six_nd(params, tokens)),
    }
}

/// The least loss of all curves at so many budgets of their common range.
pub(super) fn envelope(curves: &[LearningCurve], count: usize) -> Vec<EnvelopePoint> {
    let all = curves.iter().flat_map(|curve| &curve.points);
    let (low, high) = super::ends(all.map(|point| point.1.get()));
    let budgets = super::log_steps(low, high, count);
    let best = budgets.filter_map(|budget| {
        let at_budget = curves.iter().filter_map(|curve| at(curve, budget));
        at_budget.min_by(|a, b| a.loss.get().total_cmp(&b.loss.get()))
    });
    best.collect()
}

/// A curve at a budget, between its points linear in ln C and ln L; `None` beyond its ends.
fn at(curve: &LearningCurve, budget: f64) -> Option<EnvelopePoint> {
    let after = curve.points.partition_point(|point| point.1.get() < budget);
    let (from, to) = match after {
        0 => (curve.points.first()?, curve.points.first()?),
        _ => (curve.points.get(after - 1)?, curve.points.get(after)?),
    };
    if after == 0 && from.1.get() > budget * (1.0 + 1e-9) {
        return None;
    }
    let span = to.1.ln() - from.1.ln();
    let share = if span > 0.0 {
        (budget.ln() - from.1.ln()) / span
    } else {
        0.0
    };
    let between = |a: f64, b: f64| (a + share * (b - a)).exp();
    Some(EnvelopePoint {
        flops: Flops::new(budget).ok()?,
        params: curve.params,
        tokens: Tokens::new(between(from.0.ln(), to.0.ln())).ok()?,
        loss: Loss::new(between(from.2.ln(), to.2.ln())).ok()?,
    })
}
