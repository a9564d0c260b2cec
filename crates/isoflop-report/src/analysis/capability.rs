//! The forecast of a metric against compute: what `isoflop-plan` says of it, as a figure.

use super::{Analysis, AnalysisError, Evidence, Scores, log_steps};
use crate::figure::{CapabilityFigure, Score, ScorePrediction};
use isoflop_fit::FitOptions;
use isoflop_laws::Flops;
use isoflop_plan::{MetricFit, MetricForecast, MetricLaw, MetricRun, fit_metric};

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
        let (metric, mut smaller) = (shares.metric, shares.runs);
        let target = smaller.pop().ok_or_else(|| missing("there are no runs"))?;
        smaller.retain(|run| run.flops.get() < target.flops.get() / NEXT_SIZE);
        // By compute alone, as `predict --metric-law capability` has it.
        let law = Some(MetricLaw::Capability);
        let fit = fit_metric(&metric, &smaller, law, options.seed)?;
        let level = options.level;
        let said = fit.forecast_by_compute(target.flops, target.family.as_deref(), level)?;
        smaller.retain(|run| between(run.value));
        let curve = curve(&fit, &smaller, &target, level);
        let scores = smaller.into_iter().map(|run| Score {
            run: run.run,
            flops: run.flops,
            value: run.value,
            family: run.family,
        });
        Ok(CapabilityFigure {
            title: format!(
                "{metric} of {}, predicted from {} smaller runs",
                target.run, fit.n_used
            ),
            scores: scores.collect(),
            curve,
            prediction: ScorePrediction {
                flops: target.flops,
                value: said.value,
                low: said.lo,
                high: said.hi,
                level,
            },
            actual: Some(target.value),
            law: "curves of −ln p over C, averaged".into(),
            conventions: conventions(&fit, &said),
            family: said.family,
            metric,
        })
    }

    /// The runs of a metric whose values are shares, by compute.
    fn shares(&self, metric: Option<&str>) -> Option<Scores> {
        let asked = |scores: &&Scores| metric.is_none_or(|name| scores.metric == name);
        let is_share = |scores: &&Scores| {
            let mut values = scores.runs.iter().map(|run| run.value);
            values.all(|value| (0.0..=1.0).contains(&value))
        };
        let enough = |scores: &&Scores| {
            let inside = scores.runs.iter().filter(|run| between(run.value));
            inside.count() >= FEWEST
        };
        let mut all = self.metrics.iter().filter(asked);
        let mut shares = all
            .find(|scores| is_share(scores) && enough(scores))?
            .clone();
        shares
            .runs
            .sort_by(|a, b| a.flops.get().total_cmp(&b.flops.get()));
        Some(shares)
    }
}

/// Whether a share has a logarithm to fit.
fn between(share: f64) -> bool {
    share > 0.0 && share < 1.0
}

/// The median for the target's family from the smallest run to the target.
fn curve(fit: &MetricFit, runs: &[MetricRun], target: &MetricRun, level: f64) -> Vec<(Flops, f64)> {
    let smallest = runs.first().map_or(target.flops, |run| run.flops);
    let steps = log_steps(smallest.get(), target.flops.get(), 60);
    let point = |flops: f64| {
        let flops = Flops::new(flops).ok()?;
        let said = fit.forecast_by_compute(flops, target.family.as_deref(), level);
        Some((flops, said.ok()?.value))
    };
    steps.filter_map(point).collect()
}

fn conventions(fit: &MetricFit, said: &MetricForecast) -> String {
    let families = match (&said.family, fit.families().len()) {
        (Some(family), count) => {
            format!("each of {count} families having a curve of its own (the line is {family}’s)")
        }
        (None, 0) => "whatever their family and data".to_owned(),
        (None, count) => format!(
            "of {count} families, each with a curve of its own; the target’s is none of them"
        ),
    };
    let mut text = format!(
        "Curves: −ln p = α·C⁻ᵏ with and without a floor, one that breaks or turns, a sigmoid, and p \
         logistic in ln C; the line is the median of the forecast and follows the runs where the curves \
         miss them. Fitted: runs of at most 1/{NEXT_SIZE} of the target’s compute, {families}."
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
    fn runs() -> Vec<MetricRun> {
        let run = |k: i32| {
            let flops = Flops::new(1e20 * 2f64.powi(k)).unwrap();
            let off = 0.01 * f64::from(k * 7 % 5 - 2);
            let value = (-0.7 * (flops.get() / 1e20).powf(-0.1)).exp() + off;
            MetricRun {
                run: format!("model-{k}"),
                flops,
                loss: None,
                value,
                family: None,
            }
        };
        (0..10).map(run).collect()
    }

    fn evidence(values: &[MetricRun]) -> Evidence {
        let run = |of: &MetricRun| {
            let mut run = Run::new(&of.run);
            run.status = Status::Finished;
            run.flops = Some(of.flops);
            run.family.clone_from(&of.family);
            run.metrics.insert("cloze".to_owned(), of.value);
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
        let fit = fit_metric("cloze", &runs()[..9], None, 5).unwrap();
        let said = fit
            .forecast_by_compute(runs()[9].flops, None, options.level)
            .unwrap();
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
            .take(3)
            .map(|cell| cell.parse().unwrap())
            .collect();
        for (cell, number) in cells.into_iter().zip([said.value, said.lo, said.hi]) {
            assert!((cell / number - 1.0).abs() < 1e-6, "{cell} {number}");
        }
    }

    #[test]
    fn runs_that_pass_nothing_are_left_out_and_said_to_be() {
        let mut values = runs();
        values[0].value = 0.0;
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
    fn the_line_and_the_prediction_are_of_the_targets_family() {
        let mut values = runs();
        for (place, run) in values.iter_mut().enumerate() {
            let ahead = place % 2 == 1;
            run.family = Some(if ahead { "ahead" } else { "base" }.to_owned());
            run.value += if ahead { 0.05 } else { 0.0 };
        }
        let figure = evidence(&values)
            .capability(None, &FitOptions::default())
            .unwrap();
        assert_eq!(figure.family.as_deref(), Some("ahead"));
        assert!(figure.conventions.contains("(the line is ahead’s)"));
        let fit = fit_metric("cloze", &values[..9], None, 5).unwrap();
        let of = |family| {
            fit.forecast_by_compute(values[9].flops, family, 0.9)
                .unwrap()
        };
        assert_eq!(figure.prediction.value, of(Some("ahead")).value);
        assert!(figure.prediction.value > of(Some("base")).value + 0.02);
        let drawn = figure.render().unwrap();
        assert!(drawn.svg.contains("Small runs of ahead, fitted (4)"));
        assert!(drawn.svg.contains("Runs of other families, fitted (5)"));
    }

    #[test]
    fn a_metric_that_is_no_share_is_refused() {
        let mut values = runs();
        values[3].value = 37.5;
        let refused = evidence(&values).capability(None, &FitOptions::default());
        assert!(matches!(refused, Err(AnalysisError::NotInRuns { .. })));
    }
}
