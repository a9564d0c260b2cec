//! The forecast of a metric against compute: what `isoflop-plan` says of it, as a figure.

use super::{Analysis, AnalysisError, Evidence, Scores, log_steps};
use crate::figure::{CapabilityFigure, Score, ScorePrediction};
use isoflop_fit::FitOptions;
use isoflop_laws::Flops;
use isoflop_plan::{MetricFit, MetricLaw, MetricRun, fit_metric};

/// Compute of a run ÷ compute of those that it is forecast from, at least.
const NEXT_SIZE: f64 = 1.5;
/// Fewest runs whose share lies between 0 and 1: four to fit, and the one that is forecast.
const FEWEST: usize = 5;

impl Evidence {
    /// A metric against compute, normalised to the run of the most compute: forecast from the
    /// others as [`fit_metric`] does by the law `capability` (GPT-4 technical report, section
    /// 3.2). The named metric, or the first that is a share.
    ///
    /// # Errors
    /// [`AnalysisError::NotInRuns`] without a metric that is a share,
    /// [`AnalysisError::Metric`] where too few of its runs are small enough.
    pub fn capability(
        &self,
        metric: Option<&str>,
        options: &FitOptions,
    ) -> Result<CapabilityFigure, AnalysisError> {
        let missing = |why: &str| Analysis::missing("capability", why);
        let shares = self.shares(metric).ok_or_else(|| {
            missing(
                "no column metric_NAME has shares from 0 to 1 alone, \
                 five or more of them between the two",
            )
        })?;
        let (metric, mut smaller) = (shares.metric, shares.values);
        let target = smaller.pop().ok_or_else(|| missing("there are no runs"))?;
        smaller.retain(|run| run.1.get() < target.1.get() / NEXT_SIZE);
        let fit = fitted(&metric, &smaller, options)?;
        let level = options.level;
        let said = fit.forecast_by_compute(target.1, level)?;
        smaller.retain(|run| between(run.2));
        let curve = curve(&fit, &smaller, target.1, level);
        let scores = smaller.into_iter();
        let scores = scores.map(|(run, flops, value)| Score { run, flops, value });
        Ok(CapabilityFigure {
            title: format!(
                "{metric} of {}, predicted from {} smaller runs",
                target.0, fit.n_used
            ),
            scores: scores.collect(),
            curve,
            prediction: ScorePrediction {
                flops: target.1,
                value: said.value,
                low: said.lo,
                high: said.hi,
                level,
            },
            actual: Some(target.2),
            law: "curves of −ln p over C, averaged".into(),
            conventions: conventions(&fit),
            metric,
        })
    }

    /// The runs of a metric whose values are shares, by compute.
    fn shares(&self, metric: Option<&str>) -> Option<Scores> {
        let asked = |scores: &&Scores| metric.is_none_or(|name| scores.metric == name);
        let is_share = |scores: &&Scores| {
            let mut values = scores.values.iter().map(|run| run.2);
            values.all(|value| (0.0..=1.0).contains(&value))
        };
        let enough = |scores: &&Scores| {
            let inside = scores.values.iter().filter(|run| between(run.2));
            inside.count() >= FEWEST
        };
        let mut all = self.metrics.iter().filter(asked);
        let mut shares = all
            .find(|scores| is_share(scores) && enough(scores))?
            .clone();
        shares
            .values
            .sort_by(|a, b| a.1.get().total_cmp(&b.1.get()));
        Some(shares)
    }
}

/// Whether a share has a logarithm to fit.
fn between(share: f64) -> bool {
    share > 0.0 && share < 1.0
}

/// The metric by compute alone, as `predict --metric-law capability` has it.
fn fitted(
    metric: &str,
    runs: &[(String, Flops, f64)],
    options: &FitOptions,
) -> Result<MetricFit, AnalysisError> {
    let run = |(run, flops, value): &(String, Flops, f64)| MetricRun {
        run: run.clone(),
        flops: *flops,
        loss: None,
        value: *value,
    };
    let runs: Vec<MetricRun> = runs.iter().map(run).collect();
    let law = Some(MetricLaw::Capability);
    Ok(fit_metric(metric, &runs, law, options.seed)?)
}

/// The median from the smallest run to the target.
fn curve(
    fit: &MetricFit,
    runs: &[(String, Flops, f64)],
    target: Flops,
    level: f64,
) -> Vec<(Flops, f64)> {
    let smallest = runs.first().map_or(target, |run| run.1);
    let steps = log_steps(smallest.get(), target.get(), 60);
    let point = |flops: f64| {
        let flops = Flops::new(flops).ok()?;
        let said = fit.forecast_by_compute(flops, level).ok()?;
        Some((flops, said.value))
    };
    steps.filter_map(point).collect()
}

fn conventions(fit: &MetricFit) -> String {
    let mut text = format!(
        "Curves: −ln p = α·C⁻ᵏ with and without a floor, one that breaks, and a sigmoid; the line \
         is the median of the forecast and follows the runs where the curves miss them. Fitted: \
         runs of at most 1/{NEXT_SIZE} of the target’s compute, whatever their family and data."
    );
    for warning in &fit.warnings {
        text += &format!(" Note: {warning}.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_runs::{Run, SelectionOptions, Status, select};

    /// Ten models of one family, each twice the compute of the one before, and a benchmark that
    /// departs from the law now and then.
    fn runs() -> Vec<(String, Flops, f64)> {
        let run = |k: i32| {
            let flops = Flops::new(1e20 * 2f64.powi(k)).unwrap();
            let off = 0.01 * f64::from(k * 7 % 5 - 2);
            let value = (-0.7 * (flops.get() / 1e20).powf(-0.1)).exp() + off;
            (format!("model-{k}"), flops, value)
        };
        (0..10).map(run).collect()
    }

    fn evidence(values: &[(String, Flops, f64)]) -> Evidence {
        let run = |(name, flops, value): &(String, Flops, f64)| {
            let mut run = Run::new(name);
            run.status = Status::Finished;
            run.flops = Some(*flops);
            run.metrics.insert("cloze".to_owned(), *value);
            run
        };
        let runs: Vec<Run> = values.iter().map(run).collect();
        let selection = select(&runs, SelectionOptions::default());
        Evidence::new(&runs, selection, |_| Vec::new())
    }

    #[test]
    fn the_figure_says_what_the_forecast_of_the_metric_says() {
        let options = FitOptions::default();
        let figure = evidence(&runs()).capability(None, &options).unwrap();
        let known: Vec<MetricRun> = runs()[..9]
            .iter()
            .map(|(run, flops, value)| MetricRun {
                run: run.clone(),
                flops: *flops,
                loss: None,
                value: *value,
            })
            .collect();
        let fit = fit_metric("cloze", &known, None, 5).unwrap();
        let said = fit.forecast_by_compute(runs()[9].1, options.level).unwrap();
        let drawn = figure.prediction;
        assert_eq!(
            (drawn.value, drawn.low, drawn.high),
            (said.value, said.lo, said.hi)
        );
        assert_eq!(figure.curve.last().unwrap().1, said.value);
        let figure = figure.render().unwrap();
        let finding = format!(
            "Predicted {:.3} (90 % interval {:.3} to {:.3})",
            said.value, said.lo, said.hi
        );
        assert!(
            figure.description.contains(&finding),
            "{}",
            figure.description
        );
        let row = figure.csv.lines().find(|row| row.starts_with("prediction"));
        let cells: Vec<f64> = row
            .unwrap()
            .split(',')
            .skip(4)
            .map(|cell| cell.parse().unwrap())
            .collect();
        for (cell, number) in cells.into_iter().zip([said.value, said.lo, said.hi]) {
            assert!((cell / number - 1.0).abs() < 1e-6, "{cell} {number}");
        }
    }

    #[test]
    fn runs_that_pass_nothing_are_left_out_and_said_to_be() {
        let mut values = runs();
        values[0].2 = 0.0;
        let figure = evidence(&values)
            .capability(None, &FitOptions::default())
            .unwrap();
        assert_eq!(figure.scores.len(), 8);
        assert!(figure.title.ends_with("predicted from 8 smaller runs"));
        assert!(
            figure
                .conventions
                .contains("1 of 9 runs have a cloze of 0 or 1")
        );
    }

    #[test]
    fn a_metric_that_is_no_share_is_refused() {
        let mut values = runs();
        values[3].2 = 37.5;
        let refused = evidence(&values).capability(None, &FitOptions::default());
        assert!(matches!(refused, Err(AnalysisError::NotInRuns { .. })));
    }
}
