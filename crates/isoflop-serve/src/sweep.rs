//! A sweep in progress: the learning curves of runs that have no result yet.

use isoflop_laws::{Flops, Params};
use isoflop_report::LearningCurve;
use isoflop_sweep::{CurvePoint, CurveReader, RunRow, Status, SweepFolder, SweepPlan};
use std::collections::HashMap;

/// The curves that are known from results, with those of runs under way as far as they have come.
/// What cannot be read is not there yet.
pub fn live_curves(folder: &SweepFolder, known: Vec<LearningCurve>) -> Vec<LearningCurve> {
    let (Ok(status), Ok(plan)) = (Status::read(folder), SweepPlan::read(&folder.plan())) else {
        return known;
    };
    let sizes: HashMap<&str, Params> = plan
        .runs
        .iter()
        .map(|run| (run.name.as_str(), run.params))
        .collect();
    let has_result = |run: &RunRow| known.iter().any(|curve| curve.run == run.name);
    let open = status.runs.iter().filter(|run| !has_result(run));
    let live = open.filter_map(|run| {
        let params = *sizes.get(run.name.as_str())?;
        let attempt = folder.attempt(&run.key, run.nonce.as_ref()?);
        let points = CurveReader::new(&attempt.curve()).more();
        let points: Vec<_> = points
            .into_iter()
            .filter_map(|point| measured(point, params))
            .collect();
        (points.len() > 1).then(|| LearningCurve {
            run: run.name.clone(),
            params,
            points,
        })
    });
    let live: Vec<LearningCurve> = live.collect();
    known.into_iter().chain(live).collect()
}

fn measured(
    point: CurvePoint,
    params: Params,
) -> Option<(isoflop_laws::Tokens, Flops, isoflop_laws::Loss)> {
    let CurvePoint::Measured(point) = point else {
        return None;
    };
    let loss = point.loss.or(point.train_loss)?;
    Some((point.tokens, Flops::six_nd(params, point.tokens), loss))
}
