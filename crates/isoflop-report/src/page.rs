//! `report.html`: one file that opens anywhere, prints, and loads nothing.

mod extras;
mod numbers;
mod script;
mod spans;

pub use extras::{Explorer, ExplorerPoint, Extras, School};
pub use script::{STYLE, WIDGETS};

use crate::figure::{Figure, LossUnit, Prediction, RunPoint};
use crate::visible::visible;
use askama::Template;
use isoflop_laws::{Flops, Loss};
use spans::{Span, spans};

/// Rows of runs that stand open in the report.
const MOST_ROWS: usize = 200;

/// Why the report could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be written: {0}")]
pub struct ReportError(#[from] askama::Error);

/// Everything that the report says, in the order in which it says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// The prediction, sealed before the target was trained.
    pub prediction: Prediction,
    /// The target's loss, once it is trained.
    pub actual: Option<Loss>,
    /// Target compute over the largest compute in the fit.
    pub extrapolation: f64,
    /// The entropy of the source where it is known, beside the fitted floor E.
    pub entropy: Option<EntropyCheck>,
    /// The unit in which losses are shown; nats per token are shown as well.
    pub unit: LossUnit,
    /// Figures as they are to be shown.
    pub figures: Vec<Figure>,
    /// Runs in the fit.
    pub used: Vec<RunRow>,
    /// Runs and rows left out of the fit.
    pub not_used: Vec<UnusedRow>,
    /// What N, C and the loss count: name and rule.
    pub conventions: Vec<(String, String)>,
    /// The fitted law.
    pub fit: FitSummary,
    /// The sealed forecast, where there is one.
    pub seal: Option<Seal>,
    /// References to cite.
    pub cite: Vec<String>,
    /// The command that reproduces the report.
    pub command: String,
    /// Program and version, such as `isoflop 0.1.0`.
    pub program: String,
}

/// The entropy rate of a synthetic source beside the fitted irreducible loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntropyCheck {
    /// Computed from the source.
    pub known: Loss,
    /// The fitted floor.
    pub fitted: Loss,
    /// Ends of the interval of the fitted floor.
    pub interval: Option<(Loss, Loss)>,
}

/// A run in the fit.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Name, sizes and loss.
    pub run: RunPoint,
    /// Standard error of the loss, nats per token.
    pub loss_std: Option<f64>,
    /// Loss by the fitted law.
    pub fitted: Option<Loss>,
}

/// A run or row left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedRow {
    /// Its name, or the file and line it stands on.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// The fitted law, its parameters and how well it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct FitSummary {
    /// The law's formula, such as `L(N, D) = E + A/Nᵅ + B/Dᵝ`.
    pub law: String,
    /// Level of the intervals, such as 0.9.
    pub level: f64,
    /// Parameters by name.
    pub parameters: Vec<FittedParameter>,
    /// Name and value of each diagnostic.
    pub diagnostics: Vec<(String, String)>,
    /// What the reader must know before using the fit.
    pub warnings: Vec<String>,
}

/// A parameter of the law.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedParameter {
    /// Its name in the formula.
    pub name: String,
    /// Its unit, empty for a pure number.
    pub unit: String,
    /// The estimate.
    pub value: f64,
    /// Ends of its interval.
    pub interval: Option<(f64, f64)>,
}

/// The sealed forecast file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its hash.
    pub hash: String,
    /// When it was sealed, as written in it.
    pub sealed_at: String,
    /// What checking it gave.
    pub check: SealCheck,
}

/// Whether a sealed forecast is still what was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealCheck {
    /// The content has the hash.
    Holds,
    /// It does not; the reason.
    Broken(String),
    /// It was not checked.
    NotChecked,
}

impl Report {
    /// The page as HTML.
    ///
    /// # Errors
    /// [`ReportError`] where the template fails.
    pub fn to_html(&self) -> Result<String, ReportError> {
        self.to_html_with(&Extras::default())
    }

    /// The page with further parts.
    ///
    /// # Errors
    /// [`ReportError`] where the template fails.
    pub fn to_html_with(&self, extras: &Extras) -> Result<String, ReportError> {
        let report = self;
        Ok(Page { report, extras }.render()?)
    }
}

/// The template's view of a report. Askama escapes everything that is not marked `safe`; only
/// the style sheet, the script with its data, and the figures' SVG are.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    extras: &'a Extras,
}

impl Page<'_> {
    fn style(&self) -> &'static str {
        script::STYLE
    }

    fn script(&self) -> &'static str {
        script::SCRIPT
    }

    fn policy(&self) -> String {
        script::policy()
    }

    fn text(&self, text: &str) -> String {
        visible(text)
    }

    /// A sentence in pieces, so that what stands between backticks is shown as code.
    fn spans(&self, sentence: &str) -> Vec<Span> {
        spans(sentence)
    }

    fn loss(&self, loss: &Loss) -> String {
        numbers::loss(*loss, self.report.unit)
    }

    fn nats(&self, loss: &Loss) -> String {
        format!("{:.4}", loss.get())
    }

    fn shows_other_unit(&self) -> bool {
        self.report.unit != LossUnit::NatsPerToken
    }

    fn unit(&self) -> &'static str {
        self.report.unit.name()
    }

    fn percent(&self, share: &f64) -> String {
        numbers::level(*share)
    }

    fn number(&self, value: &f64) -> String {
        numbers::significant(*value)
    }

    fn verdict(&self) -> Verdict {
        match self.report.actual {
            None => Verdict::Open,
            Some(actual) if self.report.prediction.contains(actual) => Verdict::Hit,
            Some(_) => Verdict::Miss,
        }
    }

    /// (predicted − actual) / actual in percent.
    fn error(&self, actual: &Loss) -> String {
        numbers::signed_percent(self.report.prediction.relative_error(*actual))
    }

    /// (measured − fitted) / fitted in percent, empty where there is no fitted loss.
    fn residual(&self, row: &RunRow) -> String {
        let residual = row
            .fitted
            .map(|fitted| row.run.loss.get() / fitted.get() - 1.0);
        residual.map(numbers::signed_percent).unwrap_or_default()
    }

    /// Whether the table of runs opens on demand: laying out a thousand rows takes a third of the time
    /// that the report needs to open.
    fn folds_runs(&self) -> bool {
        self.report.used.len() > MOST_ROWS
    }

    /// Whether any run has a standard error: the column is left out otherwise.
    fn has_errors(&self) -> bool {
        self.report.used.iter().any(|row| row.loss_std.is_some())
    }

    fn loss_std(&self, row: &RunRow) -> String {
        row.loss_std
            .map(|std| format!("{std:.4}"))
            .unwrap_or_default()
    }

    fn flops(&self, run: &RunPoint) -> String {
        numbers::scientific(run.flops.get())
    }

    fn target_flops(&self) -> String {
        numbers::scientific(self.report.prediction.flops.get())
    }

    fn times(&self, ratio: &f64) -> String {
        numbers::times(*ratio)
    }

    fn entropy_error(&self, entropy: &EntropyCheck) -> String {
        numbers::signed_percent(entropy.fitted.get() / entropy.known.get() - 1.0)
    }

    fn budgets(&self) -> Vec<&ExplorerPoint> {
        let explorer = self.extras.explorer.as_ref();
        explorer.map_or_else(Vec::new, Explorer::shown)
    }

    fn compute(&self, flops: &Flops) -> String {
        numbers::scientific(flops.get())
    }
}

/// How the prediction fared.
#[derive(PartialEq)]
enum Verdict {
    Open,
    Hit,
    Miss,
}
