//! Figures: one file each, over a common canvas, axis and style.

mod allocation;
mod axis;
mod backtest;
mod canvas;
mod capability;
mod contours;
mod curves;
mod design;
mod envelope;
mod forecast;
mod isoflop;
mod kaplan;
mod layout;
mod leverage;
mod optimum;
mod png;
mod posterior;
mod residuals;
mod sample_efficiency;
mod schools;
mod spot;
mod stopping;
mod style;
mod target;

pub use allocation::{AllocationLine, AllocationPoint};
pub use backtest::{BacktestFigure, PastForecast};
pub use capability::{CapabilityFigure, Score, ScorePrediction};
pub use contours::{Contour, ContoursFigure, Slice};
pub use curves::{CurveLook, CurvePlace, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};
pub use design::{DesignFigure, NextRun};
pub use envelope::{EnvelopeFigure, EnvelopePoint, LearningCurve};
pub use forecast::{ForecastFigure, Prediction};
pub use isoflop::{IsoflopFigure, Parabola, Valley};
pub use kaplan::{KaplanFigure, KaplanPanel, PowerLine, Variable};
pub use layout::{Layout, Length, NotALength};
pub use leverage::{LeverageFigure, WeighedRun};
pub use optimum::OptimumFigure;
pub use posterior::{ExponentDraws, PosteriorFigure, PublishedValue};
pub use residuals::{FittedRun, ResidualsFigure};
pub use sample_efficiency::{SampleEfficiencyFigure, SizeCurve};
pub use schools::SchoolsFigure;
pub use spot::Spot;
pub use stopping::{StoppedModel, StoppingFigure};

pub(crate) use axis::{scientific, signed};

use isoflop_laws::{Flops, Loss, Params, Tokens};
use std::io;
use std::path::Path;

/// Why a figure could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("the figure `{figure}` has too few {what}: it needs at least {needed}")]
    TooFewPoints {
        /// The figure's name.
        figure: &'static str,
        /// What is missing.
        what: &'static str,
        /// How many are needed.
        needed: usize,
    },
    /// The drawing library failed.
    #[error("the figure could not be drawn: {0}")]
    Drawing(String),
    /// The SVG could not be turned into pixels.
    #[error("the figure could not be turned into PNG: {0}")]
    Raster(String),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A finished figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Name for files, such as `forecast`.
    pub name: &'static str,
    /// Heading.
    pub title: String,
    /// What the picture shows, in words: the alternative text, and a caption.
    pub description: String,
    /// The picture as a complete SVG document.
    pub svg: String,
    /// Every number in the picture, with units in the header.
    pub csv: String,
    /// Where single runs stand in the picture.
    pub spots: Vec<Spot>,
}

/// A drawn figure with its heading, words and data.
fn finished(
    name: &'static str,
    frame: canvas::Frame,
    description: String,
    drawing: canvas::Drawing,
    csv: String,
) -> Figure {
    Figure {
        name,
        title: frame.title,
        description,
        svg: drawing.svg,
        csv,
        spots: drawing.spots,
    }
}

/// Enough to draw, or why not.
fn need(
    figure: &'static str,
    what: &'static str,
    needed: usize,
    found: usize,
) -> Result<(), FigureError> {
    if found >= needed {
        return Ok(());
    }
    Err(FigureError::TooFewPoints {
        figure,
        what,
        needed,
    })
}

impl Figure {
    /// The picture as PNG, `scale` pixels for each unit of the SVG.
    ///
    /// # Errors
    /// [`FigureError::Raster`] where the picture would be too large.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, FigureError> {
        png::rasterise(&self.svg, scale)
    }

    /// Writes `NAME.svg`, `NAME.png` (at twice the size, for print) and `NAME.csv` into a folder.
    ///
    /// # Errors
    /// [`FigureError::Unwritable`] names the file.
    pub fn write_to(&self, folder: &Path) -> Result<(), FigureError> {
        let png = self.png(2.0)?;
        for (ending, bytes) in [
            ("svg", self.svg.as_bytes()),
            ("png", &png),
            ("csv", self.csv.as_bytes()),
        ] {
            let path = folder.join(format!("{}.{ending}", self.name));
            std::fs::write(&path, bytes).map_err(|source| FigureError::Unwritable {
                path: path.display().to_string(),
                source,
            })?;
        }
        Ok(())
    }
}

/// One run in a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPoint {
    /// The run's name.
    pub run: String,
    /// Model size N.
    pub params: Params,
    /// Tokens seen D.
    pub tokens: Tokens,
    /// Training compute C.
    pub flops: Flops,
    /// Final loss.
    pub loss: Loss,
}

/// The unit in which a figure shows losses; inputs are always nats per token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossUnit {
    /// Nats per token, as they are.
    NatsPerToken,
    /// Bits per byte of text: comparable between tokenisers.
    BitsPerByte {
        /// Mean number of bytes of a token in the validation text.
        bytes_per_token: f64,
    },
}

impl LossUnit {
    /// A loss in this unit.
    #[must_use]
    pub fn convert(self, loss: Loss) -> f64 {
        match self {
            LossUnit::NatsPerToken => loss.get(),
            LossUnit::BitsPerByte { bytes_per_token } => {
                loss.get() / std::f64::consts::LN_2 / bytes_per_token
            }
        }
    }

    /// The unit's name on an axis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LossUnit::NatsPerToken => "nats per token",
            LossUnit::BitsPerByte { .. } => "bits per byte",
        }
    }

    /// The unit's name in a column of a CSV.
    fn column(self) -> &'static str {
        match self {
            LossUnit::NatsPerToken => "nats_per_token",
            LossUnit::BitsPerByte { .. } => "bits_per_byte",
        }
    }
}

/// A table as CSV text.
fn csv_text(header: &[&str], rows: &[Vec<String>]) -> Result<String, FigureError> {
    let failed = |error: String| FigureError::Drawing(error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(header)
        .map_err(|error| failed(error.to_string()))?;
    for row in rows {
        writer
            .write_record(row.iter().map(|cell| short(&neutral(cell))))
            .map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// A long number with seven significant digits: more than any measurement has.
fn short(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(value) if cell.len() > 8 && value.is_finite() => {
            let text = format!("{value:.6e}");
            let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            match power {
                "0" => digits.to_owned(),
                power => format!("{digits}e{power}"),
            }
        }
        _ => cell.to_owned(),
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV
/// Injection").
fn neutral(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err() {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
