//! Step 7: figures and the one-file report.

use crate::error::QuickstartError;
use crate::figures::{Shown, fitted};
use crate::folder::JobFolder;
use crate::forecast::Fits;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::plan::Plan;
use isoflop_laws::Loss;
use isoflop_plan::SealedForecast;
use isoflop_report::{
    EntropyCheck, Figure, FitSummary, FittedParameter, Report, RunRow, Seal, SealCheck, UnusedRow,
};
use std::path::PathBuf;

/// Everything that the report tells.
pub(crate) struct Told<'a> {
    pub options: &'a Options,
    pub plan: &'a Plan,
    pub fits: &'a Fits,
    pub sealed: &'a SealedForecast,
    pub outcome: &'a Outcome,
}

impl Told<'_> {
    /// Writes the figures (SVG, PNG and CSV) and the report.
    pub(crate) fn write(&self, folder: &JobFolder) -> Result<Vec<PathBuf>, QuickstartError> {
        let shown = Shown {
            plan: self.plan,
            fits: self.fits,
            outcome: self.outcome,
        };
        let figures = shown.all()?;
        let mut written = Vec::new();
        for figure in &figures {
            figure.write_to(folder.path())?;
            written.push(folder.path().join(format!("{}.png", figure.name)));
        }
        let html = self.report(&shown, figures)?.to_html()?;
        folder.write(&folder.report(), html.as_bytes())?;
        written.push(folder.report());
        Ok(written)
    }

    fn report(&self, shown: &Shown<'_>, figures: Vec<Figure>) -> Result<Report, QuickstartError> {
        Ok(Report {
            title: shown.title(),
            prediction: shown.prediction(),
            actual: Some(self.outcome.comparison.actual),
            extrapolation: self.outcome.extrapolation,
            entropy: self.entropy(),
            unit: shown.unit(),
            figures,
            used: self.used(shown)?,
            not_used: self.not_used(),
            conventions: self.conventions(shown),
            fit: self.fit(),
            seal: Some(Seal {
                hash: format!("blake3:{}", self.sealed.hash()),
                sealed_at: self.sealed.body().sealed_at.to_string(),
                check: match self.sealed.verify() {
                    Ok(()) => SealCheck::Holds,
                    Err(error) => SealCheck::Broken(error.to_string()),
                },
            }),
            cite: CITE.iter().map(|work| (*work).to_owned()).collect(),
            command: self.options.command(),
            program: self.plan.program.clone(),
        })
    }

    fn entropy(&self) -> Option<EntropyCheck> {
        let floor = self.outcome.floor?;
        let loss = |value: f64| Loss::new(value).ok();
        Some(EntropyCheck {
            known: floor.known,
            fitted: loss(floor.fitted?)?,
            interval: floor.lo.and_then(loss).zip(floor.hi.and_then(loss)),
        })
    }

    fn used(&self, shown: &Shown<'_>) -> Result<Vec<RunRow>, QuickstartError> {
        let observed = &self.fits.selection.dataset.observations;
        let rows = shown.used()?.into_iter().zip(observed).map(|(run, seen)| {
            let loss = fitted(&self.fits.stated, run.params, run.tokens)?;
            Ok(RunRow {
                run,
                loss_std: seen.loss_std,
                fitted: Some(loss),
            })
        });
        rows.collect()
    }

    fn not_used(&self) -> Vec<UnusedRow> {
        let dropped = self.fits.selection.dropped.iter();
        let rows = dropped.map(|row| UnusedRow {
            run: row.run.clone(),
            reason: row.reason.clone(),
        });
        rows.collect()
    }

    fn conventions(&self, shown: &Shown<'_>) -> Vec<(String, String)> {
        let (facts, recipe) = (&self.plan.facts, &self.plan.recipe);
        let counted = self.outcome.conventions;
        let loss = format!(
            "nats per token over {} tokens that no run was trained on, sharing no {} with the \
             training text; its standard error is clustered by document",
            facts.validation_tokens,
            shown.split_by()
        );
        let text = format!(
            "{}: {} training tokens, vocabulary {}; fingerprint {}",
            facts.description, facts.training_tokens, facts.vocabulary, facts.fingerprint
        );
        let training = format!(
            "decoder-only transformer, AdamW, {} × {} tokens a batch, peak rate {} at width 64, \
             warm-up, then linear to 0 at the end of each run",
            recipe.batch, recipe.context, recipe.learning_rate
        );
        let rows = [
            ("Law of the forecast", STATED.to_owned()),
            ("N", counted.param_count.to_string()),
            ("C", counted.flop_count.to_string()),
            ("Loss", loss),
            ("Corpus", text),
            ("Training", training),
        ];
        rows.into_iter()
            .map(|(name, rule)| (name.to_owned(), rule))
            .collect()
    }

    fn fit(&self) -> FitSummary {
        let fit = &self.fits.surface;
        let card = fit.law.card();
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
        FitSummary {
            law: card.formula.to_owned(),
            level: fit.level,
            parameters: parameters.collect(),
            diagnostics: self.diagnostics(),
            warnings: self.warnings(),
        }
    }

    fn diagnostics(&self) -> Vec<(String, String)> {
        let fit = &self.fits.surface;
        let mut rows = vec![
            ("What this is".to_owned(), SURFACE.to_owned()),
            ("Runs fitted".to_owned(), fit.n_runs.to_string()),
            ("Objective".to_owned(), fit.objective.to_string()),
        ];
        for other in &self.outcome.others {
            let said = &other.comparison;
            let text = format!(
                "{:.4} nats per token ({:.4} to {:.4}), {:+.1} % off",
                said.predicted.get(),
                said.lo.get(),
                said.hi.get(),
                said.relative_error * 100.0
            );
            rows.push((format!("Sealed beside it: {}", other.law), text));
        }
        let notes = fit.warnings.iter();
        rows.extend(notes.map(|note| ("Note".to_owned(), note.clone())));
        rows
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.fits.stated.warnings.clone();
        warnings.extend(self.fits.selection.notes.iter().cloned());
        if let Err(error) = &self.fits.compute {
            warnings.push(format!("L(C) was not fitted: {error}"));
        }
        warnings
    }
}

/// How the forecast is stated.
const STATED: &str = "Hoffmann's L(N, D), Kaplan's L(N, D) and a law in compute alone, averaged by \
                      how plausible the runs make each; the interval holds how wrong their form may \
                      be, by forecasts within the runs";

/// What the table of constants is for.
const SURFACE: &str = "the law of Hoffmann et al., for its floor E; the forecast is stated by the \
                       law under Conventions";

const CITE: [&str; 3] = [
    "Hoffmann et al. (2022), Training Compute-Optimal Large Language Models, arXiv:2203.15556",
    "OpenAI (2023), GPT-4 Technical Report, arXiv:2303.08774",
    "Kaplan et al. (2020), Scaling Laws for Neural Language Models, arXiv:2001.08361",
];
