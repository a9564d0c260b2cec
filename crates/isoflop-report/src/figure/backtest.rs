//! How wrong forecasts were: error against how far they reached.

use super::axis::{Axis, signed};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{BLUE, GREY, VERMILION};
use super::{Figure, FigureError, Layout, csv_text, finished, need};
use plotters::chart::SeriesLabelPosition;

/// A forecast of a run that exists, made from smaller runs only.
#[derive(Debug, Clone, PartialEq)]
pub struct PastForecast {
    /// The run's name.
    pub run: String,
    /// Compute of the run ÷ largest compute that the law had seen.
    pub extrapolation: f64,
    /// said ÷ came − 1.
    pub relative_error: f64,
    /// Ends of the interval ÷ said − 1, where there was one.
    pub interval: Option<(f64, f64)>,
    /// Whether the interval held what came.
    pub held: Option<bool>,
}

/// Past forecasts of one law.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestFigure {
    /// Heading.
    pub title: String,
    /// The forecasts.
    pub forecasts: Vec<PastForecast>,
    /// Median of the absolute relative errors.
    pub median_error: f64,
    /// Share of intervals that held, and the level that they claim.
    pub coverage: Option<(f64, f64)>,
    /// The law, the splits and the conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 440.0);

impl BacktestFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a forecast.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("backtest", "forecasts", 1, self.forecasts.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Relative error of {} forecasts against how many times the largest fitted compute \
             they reached. {}",
            self.forecasts.len(),
            self.finding()
        );
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            self.draw_panel(area)
        })?;
        Ok(finished(
            "backtest",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn finding(&self) -> String {
        let farthest = self
            .forecasts
            .iter()
            .map(|f| f.extrapolation)
            .fold(0.0, f64::max);
        let coverage = match self.coverage {
            Some((share, level)) => format!(
                " {:.0} % of the {:.0} % intervals held.",
                share * 100.0,
                level * 100.0
            ),
            None => " There are no intervals.".to_owned(),
        };
        format!(
            "Median error {:.2} % over {} forecasts up to {farthest:.0} times beyond the fitted \
             runs.{coverage}",
            self.median_error * 100.0,
            self.forecasts.len()
        )
    }

    fn draw_panel(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let reach = self.forecasts.iter().map(|forecast| forecast.extrapolation);
        let x = Axis::log(
            reach,
            0.06,
            "Compute of the run ÷ largest compute fitted (log scale)",
        );
        let errors = self
            .forecasts
            .iter()
            .map(|forecast| forecast.relative_error * 100.0);
        let errors: Vec<f64> = errors.chain([0.0]).collect();
        let high = errors.iter().copied().fold(0.0, f64::max);
        let low = errors.iter().copied().fold(0.0, f64::min);
        // Room above for the legend.
        let headroom = high + (high - low).max(0.1) * 0.3;
        let y = Axis::linear(
            errors.into_iter().chain([headroom]),
            0.06,
            "Forecast over measured loss − 1 (%)",
        );
        let mut panel = area.axes(None, x, y)?;
        let ((left, right), _) = panel.ends();
        panel.line(&[(left, 0.0), (right, 0.0)], Stroke::Solid, 1.2, GREY, "")?;
        // Filled among hollow: the misses are what a reader looks for, in grey print too.
        for (held, marker, color, label) in [
            (Some(true), Marker::Ring, BLUE, "Interval held"),
            (Some(false), Marker::Triangle, VERMILION, "Interval missed"),
            (None, Marker::Disc, GREY, "Without an interval"),
        ] {
            let such: Vec<&PastForecast> =
                self.forecasts.iter().filter(|f| f.held == held).collect();
            if such.is_empty() {
                continue;
            }
            let places: Vec<(f64, f64)> = such
                .iter()
                .map(|forecast| (forecast.extrapolation, forecast.relative_error * 100.0))
                .collect();
            panel.points(
                &places,
                marker,
                3.4,
                color,
                &format!("{label} ({})", such.len()),
            )?;
            for (place, forecast) in places.iter().zip(such) {
                let error = signed(forecast.relative_error * 100.0);
                let text = format!(
                    "{}: {:.1} times beyond, error {error} %",
                    forecast.run, place.0
                );
                panel.spot(*place, text);
            }
        }
        panel.legend(SeriesLabelPosition::UpperLeft)
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = [
            "run",
            "extrapolation",
            "relative_error",
            "low",
            "high",
            "held",
        ];
        let rows = self.forecasts.iter().map(|forecast| {
            let end = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
            vec![
                forecast.run.clone(),
                forecast.extrapolation.to_string(),
                forecast.relative_error.to_string(),
                end(forecast.interval.map(|i| i.0)),
                end(forecast.interval.map(|i| i.1)),
                forecast.held.map_or(String::new(), |held| held.to_string()),
            ]
        });
        csv_text(&header, &rows.collect::<Vec<_>>())
    }
}
