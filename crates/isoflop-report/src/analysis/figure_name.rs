//! The figures by name.

use std::fmt;
use std::str::FromStr;

/// A figure that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureName {
    /// Loss against compute normalised to the target.
    Forecast,
    /// A capability against compute normalised to the target.
    Capability,
    /// Loss against each of C, D and N.
    Kaplan,
    /// Learning curves and their envelope.
    Envelope,
    /// Valleys at fixed budgets.
    Isoflop,
    /// Best size and data by compute.
    Optimum,
    /// Lines of equal loss and the efficient frontier.
    Contours,
    /// OpenAI's rule, DeepMind's rule and these runs.
    Schools,
    /// Tokens that each size needs.
    SampleEfficiency,
    /// Compute for one loss by size, and how far from convergence it stops.
    Stopping,
    /// What the fit leaves over.
    Residuals,
    /// Which runs the fit hangs on.
    Leverage,
    /// Exponents beside published values.
    Posterior,
    /// Error of past forecasts against extrapolation.
    Backtest,
    /// The next runs and what they buy.
    Design,
}

/// Every figure, in the order of the report.
pub const FIGURE_NAMES: &[FigureName] = &[
    FigureName::Forecast,
    FigureName::Capability,
    FigureName::Schools,
    FigureName::Optimum,
    FigureName::Contours,
    FigureName::Isoflop,
    FigureName::Envelope,
    FigureName::Kaplan,
    FigureName::SampleEfficiency,
    FigureName::Stopping,
    FigureName::Backtest,
    FigureName::Posterior,
    FigureName::Residuals,
    FigureName::Leverage,
    FigureName::Design,
];

impl FigureName {
    /// Its name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FigureName::Forecast => "forecast",
            FigureName::Capability => "capability",
            FigureName::Kaplan => "kaplan",
            FigureName::Envelope => "envelope",
            FigureName::Isoflop => "isoflop",
            FigureName::Optimum => "optimum",
            FigureName::Contours => "contours",
            FigureName::Schools => "schools",
            FigureName::SampleEfficiency => "sample-efficiency",
            FigureName::Stopping => "stopping",
            FigureName::Residuals => "residuals",
            FigureName::Leverage => "leverage",
            FigureName::Posterior => "posterior",
            FigureName::Backtest => "backtest",
            FigureName::Design => "design",
        }
    }

    /// What it shows, in one line.
    #[must_use]
    pub fn shows(self) -> &'static str {
        match self {
            FigureName::Forecast => "loss against compute, normalised to the target",
            FigureName::Capability => "a metric against compute, normalised to the target",
            FigureName::Kaplan => "loss against each of compute, data and size",
            FigureName::Envelope => "learning curves and their lower envelope",
            FigureName::Isoflop => "valleys of the loss at fixed budgets",
            FigureName::Optimum => "best size and data by compute",
            FigureName::Contours => "lines of equal loss and the efficient frontier",
            FigureName::Schools => "OpenAI, DeepMind and your runs: size and data by compute",
            FigureName::SampleEfficiency => "tokens that each size needs for a loss",
            FigureName::Stopping => "compute for one loss by size, and when to stop",
            FigureName::Residuals => "what the fit leaves over",
            FigureName::Leverage => "which runs the fit hangs on",
            FigureName::Posterior => "exponents beside published values",
            FigureName::Backtest => "error of past forecasts against extrapolation",
            FigureName::Design => "the next runs and what they buy",
        }
    }
}

impl fmt::Display for FigureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure `{0}`")]
pub struct UnknownFigure(pub String);

impl FromStr for FigureName {
    type Err = UnknownFigure;

    fn from_str(text: &str) -> Result<Self, UnknownFigure> {
        let wanted = text.trim().to_lowercase().replace('_', "-");
        let found = FIGURE_NAMES.iter().find(|figure| figure.name() == wanted);
        found.copied().ok_or_else(|| UnknownFigure(text.to_owned()))
    }
}
