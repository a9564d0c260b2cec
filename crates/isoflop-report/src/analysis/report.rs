//! The whole page about an analysis.

use super::{Analysis, AnalysisError, FIGURE_NAMES, log_steps};
use crate::figure::{Figure, Layout, scientific};
use crate::page::{
    Explorer, ExplorerPoint, Extras, FitSummary, FittedParameter, Report, ReportError, RunRow,
    School,
};
use isoflop_laws::{Flops, Params};
use isoflop_plan::{ALLOCATION_RULES, Surface as _};

/// What only the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportText {
    /// Heading.
    pub title: Option<String>,
    /// The command that makes the report again.
    pub command: String,
    /// Program and version.
    pub program: String,
}

/// Budgets of the page's control.
const BUDGETS: usize = 61;
/// How far beyond the target the control goes, and how far below the smallest run.
const BEYOND: f64 = 30.0;

impl Analysis {
    /// The page as HTML.
    ///
    /// # Errors
    /// [`AnalysisError`] where the law has no value, [`ReportError`] where the template fails.
    pub fn report(&self, text: &ReportText) -> Result<Result<String, ReportError>, AnalysisError> {
        let (figures, left_out) = self.all_figures();
        let report = Report {
            title: text.title.clone().unwrap_or_else(|| self.forecast().title),
            prediction: self.prediction.clone(),
            actual: self
                .fits
                .held_out
                .map(|held| self.evidence.point(held).loss),
            extrapolation: self.extrapolation(),
            entropy: None,
            unit: self.question.unit,
            figures,
            used: self.used_rows(),
            not_used: self.evidence.not_used.clone(),
            conventions: self.convention_rows(),
            fit: self.fit_summary(),
            seal: None,
            cite: self.references(),
            command: text.command.clone(),
            program: text.program.clone(),
        };
        let extras = Extras {
            explorer: Some(self.explorer()?),
            how_sure: self.how_sure(),
            left_out,
            notes: self.evidence.notes.clone(),
        };
        Ok(report.to_html_with(&extras))
    }

    /// Every figure that these runs allow, and why each other one is left out.
    fn all_figures(&self) -> (Vec<Figure>, Vec<(String, String)>) {
        let (mut figures, mut left_out) = (Vec::new(), Vec::new());
        for &name in FIGURE_NAMES {
            match self.figure(name, &Layout::default()) {
                Ok(figure) => figures.push(figure),
                Err(error) => left_out.push((name.shows().to_owned(), error.to_string())),
            }
        }
        (figures, left_out)
    }

    /// The fitted runs with what the law says of them.
    #[must_use]
    pub fn used_rows(&self) -> Vec<RunRow> {
        let rows = self.fits.positions.iter().map(|&k| {
            let run = self.evidence.point(k);
            RunRow {
                fitted: self.fits.law.surface().loss(run.params, run.tokens),
                loss_std: self.evidence.dataset.observations[k].loss_std,
                run,
            }
        });
        rows.collect()
    }

    /// What N, C, D and the loss count, and what the interval is of.
    #[must_use]
    pub fn convention_rows(&self) -> Vec<(String, String)> {
        let row = |name: &str, rule: String| (name.to_owned(), rule);
        vec![
            row("N", self.fits.fitted.param_count.to_string()),
            row("C", self.fits.fitted.flop_count.to_string()),
            row("D", "tokens seen, repetitions included".into()),
            row(
                "Loss",
                "cross-entropy on held-out data, nats per token, natural logarithms".into(),
            ),
            row("Interval", "of the measured loss of a new run".into()),
        ]
    }

    /// The fitted law over size and data: parameters, diagnostics, warnings.
    #[must_use]
    pub fn fit_summary(&self) -> FitSummary {
        let fit = &self.fits.surface_fit;
        let card = self.fits.law.law().card();
        let parameters = fit.parameters.iter().zip(card.parameters);
        let parameters = parameters.map(|(fitted, parameter)| FittedParameter {
            name: fitted.symbol.clone(),
            unit: match parameter.unit {
                "1" => String::new(),
                unit => unit.to_owned(),
            },
            value: fitted.value,
            interval: fitted.lo.zip(fitted.hi),
        });
        let row = |name: &str, value: String| (name.to_owned(), value);
        let mut diagnostics = vec![
            row("Law of the forecast", self.fits.forecaster.law.to_string()),
            row("Rows fitted", fit.n_used.to_string()),
            row("Separate runs", fit.n_runs.to_string()),
            row(
                "Objective",
                format!(
                    "{}, {:.3e} at its least",
                    fit.objective, fit.objective_value
                ),
            ),
            row("Refits to resampled runs", fit.draws.len().to_string()),
            row(
                "Largest compute fitted",
                format!("{} FLOPs", scientific(fit.largest_flops.get())),
            ),
        ];
        let unsure = fit
            .parameters
            .iter()
            .filter(|parameter| !parameter.identified);
        let unsure: Vec<&str> = unsure.map(|parameter| parameter.symbol.as_str()).collect();
        if !unsure.is_empty() {
            diagnostics.push(row("Not determined by the runs", unsure.join(", ")));
        }
        FitSummary {
            law: card.formula.to_owned(),
            level: fit.level,
            parameters: parameters.collect(),
            diagnostics,
            warnings: fit.warnings.iter().map(|text| self.named(text)).collect(),
        }
    }

    /// A warning of the fit, which counts observations, with the run's name in place of a number.
    fn named(&self, warning: &str) -> String {
        let name_of = || {
            let (before, rest) = warning.split_once("observation ")?;
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let counted: usize = rest[..end].parse().ok()?;
            let position = *self.fits.positions.get(counted.checked_sub(1)?)?;
            let name = self.evidence.names.get(position)?;
            Some(format!("{before}run {name}{}", &rest[end..]))
        };
        name_of().unwrap_or_else(|| warning.to_owned())
    }

    /// How sure the answer is, and why, one sentence each.
    #[must_use]
    pub fn how_sure(&self) -> Vec<String> {
        let level = self.question.options.level * 100.0;
        let mut sentences = vec![format!(
            "The {level:.0} % interval is for the measured loss of one new run. It holds what the \
             runs leave open of the law, the noise between runs, and how wrong the law is when \
             extrapolated."
        )];
        sentences.push(match self.backtest() {
            Ok(past) => {
                let held = past.coverage.map_or(String::new(), |(share, _)| {
                    format!(
                        ", and {:.0} % of the {level:.0} % intervals held",
                        share * 100.0
                    )
                });
                format!(
                    "The same method on these runs, from the smaller ones to the larger: {} \
                     forecasts, median error {:.2} %{held}.",
                    past.forecasts.len(),
                    past.median_error * 100.0
                )
            }
            Err(error) => format!("The method could not be tried out on these runs: {error}."),
        });
        let plan = self.plan(self.target.flops);
        let disagreement = plan.iter().flat_map(|plan| &plan.warnings);
        let disagreement = disagreement.filter(|text| text.starts_with("the forecast and the law"));
        sentences.extend(disagreement.map(|text| format!("T{}.", &text[1..])));
        let reach = self.extrapolation();
        if reach > 100.0 {
            sentences.push(format!(
                "The target is {reach:.0} times the largest run: few laws have been tested that far."
            ));
        }
        sentences
    }

    fn references(&self) -> Vec<String> {
        let cite = |citation: &isoflop_laws::Citation| {
            let arxiv = match citation.arxiv {
                "" => String::new(),
                id => format!(", arXiv:{id}"),
            };
            format!(
                "{} ({}), {}{arxiv}",
                citation.authors, citation.year, citation.title
            )
        };
        let laws = [self.fits.law.law().card(), self.fits.forecaster.law.card()];
        let mut references: Vec<String> = laws.iter().map(|card| cite(&card.citation)).collect();
        references.dedup();
        references.push(
            "OpenAI (2023), GPT-4 Technical Report, arXiv:2303.08774 (figure of the forecast)"
                .into(),
        );
        references
    }

    /// The best model of each budget, with its forecast, from the smallest run to beyond the target.
    ///
    /// # Errors
    /// [`AnalysisError`] where the law has no optimum.
    pub fn explorer(&self) -> Result<Explorer, AnalysisError> {
        let smallest = self
            .fits
            .fitted
            .observations
            .iter()
            .map(|run| run.flops.get());
        let smallest = smallest.fold(f64::MAX, f64::min);
        let high = self
            .target
            .flops
            .get()
            .max(self.fits.forecaster.largest_flops.get())
            * BEYOND;
        let even = log_steps(smallest, high, BUDGETS);
        let mut budgets: Vec<f64> = even.chain([self.target.flops.get()]).collect();
        budgets.sort_by(f64::total_cmp);
        let budgets: Vec<Flops> = budgets
            .into_iter()
            .filter_map(|c| Flops::new(c).ok())
            .collect();
        let line = self.surface_line(&budgets)?;
        let points = line.iter().filter_map(|point| {
            let (loss, low, high) = self.forecast_at(point.params, point.tokens).ok()?;
            Some(ExplorerPoint {
                flops: point.flops,
                params: point.params,
                params_interval: point.params_interval,
                tokens: point.tokens,
                loss,
                low,
                high,
            })
        });
        let schools = ["openai", "20-tokens"].iter().filter_map(|name| {
            let rule = ALLOCATION_RULES.iter().find(|rule| rule.name == *name)?;
            Some(School {
                name: match rule.name {
                    "openai" => "OpenAI (N without embeddings)".to_owned(),
                    _ => "DeepMind (20 tokens a parameter)".to_owned(),
                },
                exponent: rule.exponent,
                anchor_params: Params::new(rule.anchor_params).ok()?,
                anchor_flops: Flops::new(rule.anchor_flops).ok()?,
            })
        });
        Ok(Explorer {
            points: points.collect(),
            schools: schools.collect(),
            target: self.target.flops,
            largest: self.fits.forecaster.largest_flops,
        })
    }
}
