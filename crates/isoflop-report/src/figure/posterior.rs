//! What the runs say of the exponents, beside published values.

use super::axis::Axis;
use super::canvas::{Frame, Marker, Panel, PanelArea, Stroke, draw};
use super::style::{BLUE, GREEN, GREY, INK, VERMILION};
use super::{Figure, FigureError, Layout, csv_text, finished, need};
use plotters::chart::SeriesLabelPosition;
use plotters::style::text_anchor::HPos;

/// A published value with its interval, where one was published.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedValue {
    /// Who, such as `besiroglu-2024`.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Ends of the interval as published; levels differ.
    pub interval: Option<(f64, f64)>,
}

/// One exponent: what refits to resampled runs give.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentDraws {
    /// Its symbol, such as `α`.
    pub symbol: String,
    /// What it is, for the axis.
    pub meaning: String,
    /// The estimate.
    pub estimate: f64,
    /// Ends of its interval at the figure's level.
    pub interval: Option<(f64, f64)>,
    /// Values of the refits.
    pub draws: Vec<f64>,
    /// Published values.
    pub published: Vec<PublishedValue>,
}

/// Exponents as the runs determine them.
#[derive(Debug, Clone, PartialEq)]
pub struct PosteriorFigure {
    /// Heading.
    pub title: String,
    /// A panel for each; two or three.
    pub exponents: Vec<ExponentDraws>,
    /// Level of the intervals.
    pub level: f64,
    /// The law, how the draws came about, and the conventions.
    pub conventions: String,
}

const PANEL_WIDTH: f64 = 350.0;
const HEIGHT: f64 = 440.0;
const BINS: usize = 24;

impl PosteriorFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without an exponent, or with one without draws.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("posterior", "exponents", 1, self.exponents.len())?;
        let fewest = self
            .exponents
            .iter()
            .map(|exponent| exponent.draws.len())
            .min();
        need(
            "posterior",
            "refits to resampled runs",
            10,
            fewest.unwrap_or(0),
        )?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Distribution of {} exponents over refits to resampled runs, with published values. {}",
            self.exponents.len(),
            self.finding()
        );
        let size = (PANEL_WIDTH * self.exponents.len() as f64, HEIGHT);
        let columns = vec![1.0; self.exponents.len()];
        let drawing = draw(layout, size, &columns, &frame, &description, |k, area| {
            self.draw_panel(&self.exponents[k], area)
        })?;
        Ok(finished(
            "posterior",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn finding(&self) -> String {
        let one = |exponent: &ExponentDraws| {
            let sure = exponent.interval.map_or(String::new(), |(low, high)| {
                format!(" ({low:.3} to {high:.3})")
            });
            format!("{} = {:.3}{sure}", exponent.symbol, exponent.estimate)
        };
        let all: Vec<String> = self.exponents.iter().map(one).collect();
        format!("{}; {:.0} % intervals.", all.join(", "), self.level * 100.0)
    }

    fn draw_panel(
        &self,
        exponent: &ExponentDraws,
        area: &PanelArea<'_, '_>,
    ) -> Result<(), FigureError> {
        let central = central(&exponent.draws);
        let values = central.iter().copied().chain([exponent.estimate]);
        let values = values.chain(exponent.published.iter().map(|published| published.value));
        let x = Axis::linear(
            values,
            0.06,
            &format!("{}: {}", exponent.symbol, exponent.meaning),
        );
        let bars = histogram(&central, x.ends());
        let highest = bars.iter().map(|bar| bar.2).fold(0.0, f64::max);
        // Published values stand above the bars, a line each, and the legend above those.
        let rows = exponent.published.len() as f64;
        let room = highest * (1.0 + 0.18 * (rows + 1.0) + 0.3);
        let y = Axis::linear([0.0, room], 0.0, "Share of refits");
        let mut panel = area.axes(Some(&exponent.symbol), x, y)?;
        panel.bars(&bars, BLUE)?;
        let estimate = [
            (exponent.estimate, 0.0),
            (exponent.estimate, highest * 1.04),
        ];
        panel.line(&estimate, Stroke::Solid, 2.0, BLUE, "Your runs")?;
        for end in exponent
            .interval
            .into_iter()
            .flat_map(|(low, high)| [low, high])
        {
            panel.line(&[(end, 0.0), (end, highest)], Stroke::Dotted, 1.3, BLUE, "")?;
        }
        draw_published(&mut panel, exponent, highest)?;
        panel.legend(SeriesLabelPosition::UpperRight)
    }

    fn csv(&self) -> Result<String, FigureError> {
        let header = ["exponent", "kind", "name", "value", "low", "high"];
        let mut rows = Vec::new();
        for exponent in &self.exponents {
            let mut row = |kind: &str, name: &str, value: f64, ends: Option<(f64, f64)>| {
                let end = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
                rows.push(vec![
                    exponent.symbol.clone(),
                    kind.to_owned(),
                    name.to_owned(),
                    value.to_string(),
                    end(ends.map(|e| e.0)),
                    end(ends.map(|e| e.1)),
                ]);
            };
            row("estimate", "", exponent.estimate, exponent.interval);
            for published in &exponent.published {
                row(
                    "published",
                    &published.name,
                    published.value,
                    published.interval,
                );
            }
            exponent
                .draws
                .iter()
                .for_each(|value| row("draw", "", *value, None));
        }
        csv_text(&header, &rows)
    }
}

fn draw_published(
    panel: &mut Panel<'_, '_>,
    exponent: &ExponentDraws,
    highest: f64,
) -> Result<(), FigureError> {
    const LOOKS: [(Marker, plotters::style::RGBColor); 4] = [
        (Marker::Diamond, VERMILION),
        (Marker::Triangle, GREEN),
        (Marker::Ring, INK),
        (Marker::Disc, GREY),
    ];
    let ((left, right), _) = panel.ends();
    for (k, published) in exponent.published.iter().enumerate() {
        let height = highest * (1.16 + 0.18 * k as f64);
        let (marker, color) = LOOKS[k % LOOKS.len()];
        if let Some((low, high)) = published.interval {
            panel.wide_interval(height, (low.max(left), high.min(right)), color)?;
        }
        panel.points(&[(published.value, height)], marker, 4.2, color, "")?;
        // Above the marker, and never beyond the panel.
        let anchor = match (published.value - left) / (right - left) {
            ..0.3 => HPos::Left,
            0.7.. => HPos::Right,
            _ => HPos::Center,
        };
        let place = (published.value, height);
        panel.text(place, (0.0, -10.0), anchor, &published.name, color)?;
    }
    Ok(())
}

/// The draws without the farthest per cent on each side, which would squeeze the rest.
fn central(draws: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = draws
        .iter()
        .copied()
        .filter(|draw| draw.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 100;
    sorted[cut..sorted.len() - cut].to_vec()
}

/// `(left, right, share)` of each bin.
fn histogram(draws: &[f64], (low, high): (f64, f64)) -> Vec<(f64, f64, f64)> {
    let (first, last) = (
        draws.first().copied().unwrap_or(low),
        draws.last().copied().unwrap_or(high),
    );
    let width = ((last - first) / BINS as f64).max((high - low) * 1e-3);
    let mut counts = vec![0usize; BINS];
    for draw in draws {
        let bin = ((draw - first) / width)
            .floor()
            .clamp(0.0, (BINS - 1) as f64);
        counts[bin as usize] += 1;
    }
    let bars = counts.into_iter().enumerate().map(|(bin, count)| {
        let left = first + width * bin as f64;
        (left, left + width, count as f64 / draws.len().max(1) as f64)
    });
    bars.filter(|bar| bar.2 > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_of_a_histogram_hold_every_draw_once() {
        let draws: Vec<f64> = (0..1000).map(|k| (f64::from(k) * 0.37).sin()).collect();
        let central = central(&draws);
        assert_eq!(central.len(), 980);
        let total: f64 = histogram(&central, (-1.0, 1.0))
            .iter()
            .map(|bar| bar.2)
            .sum();
        assert!((total - 1.0).abs() < 1e-12);
    }
}
