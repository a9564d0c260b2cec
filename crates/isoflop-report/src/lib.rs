//! What people look at: figures as SVG and PNG, and the one-file HTML report.
//!
//! Every figure is a plain struct of typed quantities with a `render` method that gives a
//! [`Figure`]: the picture, its data as CSV, and a description in words. The same input gives the
//! same bytes on any machine: text is measured and drawn with the embedded DejaVu Sans.
//!
//! [`Analysis`] makes them from runs: it asks the crates that estimate and decide for every number.
//!
//! Invariant: this crate reads no file and estimates nothing itself; the interval, the
//! extrapolation and the conventions are part of the picture.

#![warn(clippy::unwrap_used)]

mod analysis;
mod figure;
mod page;
pub mod terminal;
mod visible;

pub use analysis::{
    Analysis, AnalysisError, Evidence, FIGURE_NAMES, FigureName, Question, ReportText, Scores,
    Target, UnknownFigure,
};
pub use figure::{
    AllocationLine, AllocationPoint, BacktestFigure, CapabilityFigure, Contour, ContoursFigure,
    CurveLook, CurvePlace, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel, DesignFigure,
    EnvelopeFigure, EnvelopePoint, ExponentDraws, Figure, FigureError, FittedRun, ForecastFigure,
    IsoflopFigure, KaplanFigure, KaplanPanel, Layout, LearningCurve, Length, LeverageFigure,
    LossUnit, NextRun, NotALength, OptimumFigure, Parabola, PastForecast, PosteriorFigure,
    PowerLine, Prediction, PublishedValue, ResidualsFigure, RunPoint, SampleEfficiencyFigure,
    SchoolsFigure, Score, ScorePrediction, SizeCurve, Slice, Spot, StoppedModel, StoppingFigure,
    Valley, Variable, WeighedRun,
};
pub use page::{
    EntropyCheck, Explorer, ExplorerPoint, Extras, FitSummary, FittedParameter, Report,
    ReportError, RunRow, STYLE, School, Seal, SealCheck, UnusedRow, WIDGETS,
};
pub use visible::visible;
