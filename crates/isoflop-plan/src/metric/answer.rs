//! Forecasts of a metric for every run asked about.

use super::{MetricError, MetricFit, MetricForecast, MetricLaw};
use crate::forecast::ForecastPoint;
use isoflop_fit::ForecastAt;
use isoflop_laws::Flops;
use serde::Serialize;
use std::collections::BTreeSet;

/// Forecasts of a metric, and what they rest on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricAnswer {
    /// The metric's name.
    pub name: String,
    /// The law of the metric.
    pub law: MetricLaw,
    /// Runs that the law was fitted to.
    pub n_used: usize,
    /// One forecast for each run asked about, in the order asked.
    pub forecasts: Vec<MetricForecast>,
    /// What must be known when using them, one sentence each.
    pub warnings: Vec<String>,
}

impl MetricFit {
    /// The metric of runs whose losses were forecast with intervals at `level`. Each run's family has
    /// its place in `families`; what is missing there is not known.
    ///
    /// # Errors
    /// [`MetricError`] where the law needs a loss and has none, or the level is no probability.
    pub fn answer(
        &self,
        losses: &[ForecastPoint],
        families: &[Option<String>],
        level: f64,
    ) -> Result<MetricAnswer, MetricError> {
        let said = losses.iter().enumerate();
        let said = said.map(|(k, point)| self.forecast(point, name(families, k), level));
        Ok(self.stated(said.collect::<Result<_, _>>()?, families))
    }

    /// The metric of runs of which there is no loss to go by: by their compute, as given or 6ND, and
    /// their families as of [`Self::answer`].
    ///
    /// # Errors
    /// [`MetricError`] where a run's compute is not known, the law needs a loss, or the level is no
    /// probability.
    pub fn answer_by_compute(
        &self,
        asked: &[ForecastAt],
        families: &[Option<String>],
        level: f64,
    ) -> Result<MetricAnswer, MetricError> {
        let said = asked.iter().enumerate().map(|(k, at)| {
            let six_nd = || Some(Flops::six_nd(at.params?, at.tokens?));
            let flops = at.flops.or_else(six_nd).ok_or(MetricError::NoCompute)?;
            Ok(MetricForecast {
                params: at.params,
                tokens: at.tokens,
                ..self.forecast_by_compute(flops, name(families, k), level)?
            })
        });
        Ok(self.stated(said.collect::<Result<_, MetricError>>()?, families))
    }

    fn stated(&self, forecasts: Vec<MetricForecast>, families: &[Option<String>]) -> MetricAnswer {
        let mut warnings = self.warnings.clone();
        warnings.extend(self.of_families(&forecasts, families));
        MetricAnswer {
            name: self.metric.clone(),
            law: self.law,
            n_used: self.n_used,
            forecasts,
            warnings,
        }
    }

    /// What must be known of the families that forecasts are of.
    fn of_families(
        &self,
        forecasts: &[MetricForecast],
        families: &[Option<String>],
    ) -> Option<String> {
        let asked: BTreeSet<&str> = families.iter().flatten().map(String::as_str).collect();
        if self.law == MetricLaw::TwoStep {
            return (!asked.is_empty()).then(|| {
                "law `two-step` knows no families: the loss decides, whatever the model's family"
                    .to_owned()
            });
        }
        let known: Vec<&str> = self.families().collect();
        let strange: Vec<&str> = asked
            .into_iter()
            .filter(|name| !known.contains(name))
            .collect();
        let count = known.len();
        match strange.as_slice() {
            [] if count == 0 || forecasts.iter().all(|one| one.family.is_some()) => None,
            [] => Some(format!(
                "the runs are of {count} families, each with a curve of its own ({}): name the family of the run to forecast for a narrower interval",
                some(&known)
            )),
            names if count == 0 => Some(format!(
                "no family has a curve of its own here, so that {} makes no difference: that takes several families, and two runs of one",
                names.join(", ")
            )),
            names => Some(format!(
                "no run is of family {}: the forecast is of a family that was not measured (measured were {})",
                names.join(", "),
                some(&known)
            )),
        }
    }
}

/// The family asked about in this place.
fn name(families: &[Option<String>], place: usize) -> Option<&str> {
    families.get(place)?.as_deref()
}

/// The first few names, and that there are more.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let mut shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    if names.len() > SHOWN {
        shown.push("…");
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::{MetricRun, fit_metric};
    use super::*;

    /// Three families of five sizes, the second of which is ahead of the first, the third behind.
    fn runs() -> Vec<MetricRun> {
        let family = |(place, name): (i32, &str)| {
            let ahead = [0.0, 0.7, -0.7][place as usize];
            let name = name.to_owned();
            (0..5).map(move |k| {
                let flops = 1e20 * 3f64.powi(k) * 1.3f64.powi(place);
                let logit = 0.27 * (flops / 1e22).ln() - 0.5 + ahead;
                MetricRun {
                    run: format!("{name}-{k}"),
                    flops: Flops::new(flops).unwrap(),
                    loss: None,
                    value: 0.25 + 0.75 / (1.0 + (-logit).exp()),
                    family: Some(name.clone()),
                }
            })
        };
        let all = [(0, "base"), (1, "ahead"), (2, "behind")];
        all.into_iter().flat_map(family).collect()
    }

    fn at(flops: f64) -> ForecastAt {
        ForecastAt {
            flops: Flops::new(flops).ok(),
            ..ForecastAt::default()
        }
    }

    #[test]
    fn each_run_is_forecast_as_of_its_family_and_the_others_are_said_to_be_of_none() {
        let fit = fit_metric("mmlu", &runs(), None, 0).unwrap();
        let known: Vec<&str> = fit.families().collect();
        assert_eq!(known, ["ahead", "base", "behind"]);
        let named = |name: &str| Some(name.to_owned());
        let families = [named("behind"), named("base"), named("ahead"), None];
        let answer = fit
            .answer_by_compute(&[at(1e23); 4], &families, 0.9)
            .unwrap();
        let said = &answer.forecasts;
        assert!(said[0].value + 0.05 < said[1].value && said[1].value + 0.05 < said[2].value);
        let families: Vec<_> = said.iter().map(|one| one.family.as_deref()).collect();
        assert_eq!(
            families,
            [Some("behind"), Some("base"), Some("ahead"), None]
        );
        assert!(said[1].hi - said[1].lo < 0.7 * (said[3].hi - said[3].lo));
        assert!(answer.warnings[0].contains("3 families") && answer.warnings.len() == 1);
        let all_named = fit
            .answer_by_compute(&[at(1e23)], &[named("base")], 0.9)
            .unwrap();
        assert_eq!(all_named.warnings, [""; 0]);
    }

    #[test]
    fn a_family_that_was_not_measured_is_said_to_be_none_of_those() {
        let fit = fit_metric("mmlu", &runs(), None, 0).unwrap();
        let asked = fit.answer_by_compute(&[at(1e23)], &[Some("new".into())], 0.9);
        let asked = asked.unwrap();
        let unnamed = fit.answer_by_compute(&[at(1e23)], &[], 0.9).unwrap();
        assert_eq!(asked.forecasts, unnamed.forecasts);
        assert!(asked.warnings[0].starts_with("no run is of family new"));
        let of_one: Vec<MetricRun> = runs().into_iter().take(5).collect();
        let fit = fit_metric("mmlu", &of_one, None, 0).unwrap();
        let asked = fit.answer_by_compute(&[at(1e23)], &[Some("base".into())], 0.9);
        assert!(asked.unwrap().warnings[0].starts_with("no family has a curve of its own"));
    }

    #[test]
    fn a_family_of_which_no_run_is_used_is_not_said_to_be_known() {
        // A hundred and twenty runs are used, and of small ones few.
        let mut all = runs();
        for k in 0..400 {
            let flops = 1e16 * 1.02f64.powi(k);
            all.push(MetricRun {
                run: format!("many-{k}"),
                flops: Flops::new(flops).unwrap(),
                loss: None,
                value: 0.25 + 0.01 * f64::from(k % 7),
                family: Some(format!("small-{k}")),
            });
        }
        let fit = fit_metric("mmlu", &all, None, 0).unwrap();
        let known: Vec<String> = fit.families().map(str::to_owned).collect();
        assert!(known.len() < 125 && known.contains(&"base".to_owned()));
        let mut small = (0..400).map(|k| format!("small-{k}"));
        let left_out = small.find(|name| !known.contains(name));
        assert!(left_out.is_some());
        let asked = fit.answer_by_compute(&[at(1e23)], &[left_out], 0.9);
        let asked = asked.unwrap();
        assert_eq!(asked.forecasts[0].family, None);
        assert!(asked.warnings[0].starts_with("no run is of family small-"));
    }
}
