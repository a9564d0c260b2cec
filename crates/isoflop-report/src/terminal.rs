//! Small plots for a terminal: loss against compute, and past errors against reach.
//!
//! [`forecast_plot`] and [`backtest_plot`] say what is in them; [`TerminalPlot::render`] draws.
//! Drawn by `ratatui`'s chart into a buffer of cells. Marks differ in shape, so that nothing rests
//! on colour.

mod answers;

pub use answers::{backtest_plot, forecast_plot};

use anstyle::{AnsiColor, Style};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::{Alignment, Rect};
use ratatui_core::style::{Color, Style as CellStyle};
use ratatui_core::symbols::Marker;
use ratatui_core::widgets::Widget;
use ratatui_widgets::chart::{Axis, Chart, Dataset, GraphType};
use std::fmt::Write;

/// Rows of the plot without its axis.
const ROWS: u16 = 13;
/// Fewest columns in which a plot can be read.
pub const FEWEST_COLUMNS: u16 = 50;

/// What a series of points is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Measured runs.
    Run,
    /// A law, as a line.
    Law,
    /// What is said of a run that is not made yet.
    Forecast,
    /// Ends of an interval, two and two: drawn as upright lines.
    Interval,
    /// What lies outside its interval.
    Outside,
    /// A level to compare with, as a line.
    Level,
}

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What they are.
    pub mark: Mark,
    /// For the legend; nothing there if it is empty.
    pub label: String,
    /// Horizontal and vertical values in the units of the axes.
    pub points: Vec<(f64, f64)>,
}

/// A plot over a logarithmic horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct TerminalPlot {
    /// What stands on the vertical axis against what on the horizontal one, with units.
    pub title: String,
    /// Later ones are drawn over earlier ones.
    pub series: Vec<Series>,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns to use at most.
    pub columns: u16,
    /// Whether only ASCII is shown as it should.
    pub ascii: bool,
}

impl Mark {
    fn marker(self, ascii: bool) -> Marker {
        match (self, ascii) {
            (Mark::Law | Mark::Level, false) => Marker::Braille,
            (mark, ascii) => Marker::Custom(mark.sample(ascii)),
        }
    }

    /// The mark in the legend.
    fn sample(self, ascii: bool) -> char {
        match (self, ascii) {
            (Mark::Run, false) => '•',
            (Mark::Run, true) => 'o',
            (Mark::Law, false) => '⠒',
            (Mark::Law, true) => '.',
            (Mark::Forecast, false) => '◆',
            (Mark::Forecast, true) => '#',
            (Mark::Interval, false) => '│',
            (Mark::Interval, true) => '|',
            (Mark::Outside, false) => '×',
            (Mark::Outside, true) => 'x',
            (Mark::Level, false) => '⠤',
            (Mark::Level, true) => '-',
        }
    }

    /// Colours of the terminal's own palette, which its owner can read.
    fn color(self) -> Option<AnsiColor> {
        match self {
            Mark::Run => Some(AnsiColor::Blue),
            Mark::Forecast | Mark::Interval => Some(AnsiColor::Magenta),
            Mark::Outside => Some(AnsiColor::Red),
            Mark::Law | Mark::Level => None,
        }
    }

    fn is_line(self) -> bool {
        matches!(self, Mark::Law | Mark::Level)
    }
}

impl TerminalPlot {
    /// The plot as lines of text with ANSI colours; nothing where there are no points, or fewer
    /// than [`FEWEST_COLUMNS`] columns.
    #[must_use]
    pub fn render(&self, screen: Screen) -> String {
        let all = self.series.iter().flat_map(|series| &series.points);
        let places: Vec<(f64, f64)> = all.map(place).filter(is_finite).collect();
        if places.is_empty() || screen.columns < FEWEST_COLUMNS {
            return String::new();
        }
        let x = bounds(places.iter().map(|place| place.0), 0.04);
        let y = bounds(places.iter().map(|place| place.1), 0.06);
        let mut text = format!("{}\n", self.title);
        text += &self.drawn(x, y, screen);
        text + &self.legend(screen)
    }

    fn drawn(&self, x: [f64; 2], y: [f64; 2], screen: Screen) -> String {
        let area = Rect::new(0, 0, screen.columns, ROWS + 2);
        let mut cells = Buffer::empty(area);
        let series: Vec<(Mark, Vec<Stroke>)> = self.series.iter().map(strokes).collect();
        let datasets = series.iter().flat_map(|(mark, strokes)| {
            strokes.iter().map(|points| {
                let kind = match mark.is_line() || *mark == Mark::Interval {
                    true => GraphType::Line,
                    false => GraphType::Scatter,
                };
                let style = mark.color().map_or(CellStyle::new(), |color| {
                    CellStyle::new().fg(Color::from(color))
                });
                Dataset::default()
                    .marker(mark.marker(screen.ascii))
                    .graph_type(kind)
                    .style(style)
                    .data(points)
            })
        });
        let chart = Chart::new(datasets.collect())
            .legend_position(None)
            .x_axis(
                Axis::default()
                    .bounds(x)
                    .labels(steps(x, 3).map(|log| power(10f64.powf(log))))
                    .labels_alignment(Alignment::Right),
            )
            .y_axis(Axis::default().bounds(y).labels(labels_of(y)));
        chart.render(area, &mut cells);
        written(&cells, screen.ascii)
    }

    fn legend(&self, screen: Screen) -> String {
        let named = self.series.iter().filter(|series| !series.label.is_empty());
        let mut lines = vec![(0, String::new())];
        for series in named {
            let entry = format!("{} {}", series.mark.sample(screen.ascii), series.label);
            let width = entry.chars().count();
            let used = lines.last().map_or(0, |line| line.0);
            let apart = if used == 0 { "" } else { "   " };
            if used > 0 && used + apart.len() + width > usize::from(screen.columns) {
                lines.push((0, String::new()));
                let style = style_of(series.mark);
                if let Some(line) = lines.last_mut() {
                    *line = (width, format!("{style}{entry}{style:#}"));
                }
                continue;
            }
            let style = style_of(series.mark);
            if let Some(line) = lines.last_mut() {
                line.0 = used + apart.len() + width;
                let _ = write!(line.1, "{apart}{style}{entry}{style:#}");
            }
        }
        lines
            .into_iter()
            .fold(String::new(), |text, (_, line)| text + &line + "\n")
    }
}

fn style_of(mark: Mark) -> Style {
    Style::new().fg_color(mark.color().map(Into::into))
}

/// A point on the plot's own scales.
fn place(point: &(f64, f64)) -> (f64, f64) {
    (point.0.log10(), point.1)
}

fn is_finite(place: &(f64, f64)) -> bool {
    place.0.is_finite() && place.1.is_finite()
}

/// Points that are drawn in one go.
type Stroke = Vec<(f64, f64)>;

/// A series, or each interval of it.
fn strokes(series: &Series) -> (Mark, Vec<Stroke>) {
    let places = series.points.iter().map(place).filter(is_finite);
    let places: Vec<(f64, f64)> = places.collect();
    let strokes = match series.mark {
        Mark::Interval => places.chunks(2).map(<[_]>::to_vec).collect(),
        _ => vec![places],
    };
    (series.mark, strokes)
}

/// Ends around values, with a margin as a share of the length.
fn bounds(values: impl Iterator<Item = f64>, margin: f64) -> [f64; 2] {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let width = match high - low {
        width if width > 0.0 => width,
        _ => low.abs().max(1.0) * 0.1,
    };
    [low - width * margin, high + width * margin]
}

fn steps([low, high]: [f64; 2], count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |k| low + (high - low) * k as f64 / (count - 1) as f64)
}

/// Labels of the vertical axis with as many decimals as tell them apart.
fn labels_of(ends: [f64; 2]) -> Vec<String> {
    const LABELS: usize = 5;
    let step = (ends[1] - ends[0]) / (LABELS - 1) as f64;
    let decimals = (1.0 - step.log10().floor()).clamp(0.0, 6.0) as usize;
    steps(ends, LABELS)
        .map(|value| format!("{value:.decimals$}"))
        .collect()
}

/// `2.3`, `48`, `1.2e19`.
fn power(value: f64) -> String {
    match value {
        0.095..99.5 if value < 9.95 => format!("{value:.1}"),
        0.095..9950.0 => format!("{value:.0}"),
        _ => format!("{value:.1e}"),
    }
}

/// The cells as text; colours are set where they change.
fn written(cells: &Buffer, ascii: bool) -> String {
    let area = cells.area;
    let mut text = String::new();
    for row in 0..area.height {
        let line = (0..area.width).map(|column| &cells[(column, row)]);
        let line: Vec<_> = line.map(|cell| (cell.symbol(), cell.fg)).collect();
        let used = line.iter().rposition(|(symbol, _)| !is_blank(symbol));
        let mut last = Style::new();
        for (symbol, color) in line.iter().take(used.map_or(0, |last| last + 1)) {
            let color = AnsiColor::try_from(*color).ok();
            let style = Style::new().fg_color(color.map(Into::into));
            if style != last {
                let _ = write!(text, "{last:#}{style}");
                last = style;
            }
            text += match ascii {
                true => plain(symbol),
                false if is_blank(symbol) => " ",
                false => symbol,
            };
        }
        let _ = writeln!(text, "{last:#}");
    }
    text
}

/// An empty pattern of Braille is no space for every font.
fn is_blank(symbol: &str) -> bool {
    matches!(symbol, " " | "\u{2800}" | "")
}

/// The axis in ASCII.
fn plain(symbol: &str) -> &str {
    match symbol {
        "│" => "|",
        "─" => "-",
        "└" => "+",
        symbol if symbol.is_ascii() && !symbol.is_empty() => symbol,
        _ => " ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> TerminalPlot {
        let loss = |c: f64| 1.7 + 60.0 * c.powf(-0.1);
        let curve = (0..=60).map(|k| 10f64.powf(17.0 + 0.1 * f64::from(k)));
        let runs = (0..12).map(|k| 10f64.powf(17.0 + 0.25 * f64::from(k)));
        let series = |mark, label: &str, points| Series {
            mark,
            label: label.into(),
            points,
        };
        TerminalPlot {
            title: "Loss against compute".into(),
            series: vec![
                series(Mark::Law, "law", curve.map(|c| (c, loss(c))).collect()),
                series(
                    Mark::Run,
                    "12 runs",
                    runs.map(|c| (c, loss(c) * 1.01)).collect(),
                ),
                series(Mark::Interval, "", vec![(1e23, 1.9), (1e23, 2.3)]),
                series(
                    Mark::Forecast,
                    "forecast with its interval",
                    vec![(1e23, 2.0)],
                ),
            ],
        }
    }

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn every_run_the_forecast_and_its_interval_are_where_they_belong() {
        let screen = Screen {
            columns: 80,
            ascii: false,
        };
        let text = bare(&plot().render(screen));
        insta::assert_snapshot!(text);
        let lines: Vec<&str> = text.lines().collect();
        let in_plot = &lines[1..=usize::from(ROWS)];
        let columns_of = |mark: char| {
            let lines = in_plot.iter().flat_map(|line| line.chars().enumerate());
            lines
                .filter(|(_, c)| *c == mark)
                .map(|(column, _)| column)
                .collect::<Vec<_>>()
        };
        assert_eq!(columns_of('•').len(), 12);
        let target = columns_of('◆');
        // A decade beyond the last run, of seven decades with margins.
        assert!(target.len() == 1 && target[0] > 72, "{target:?}");
        let interval = columns_of('│')
            .into_iter()
            .filter(|column| *column == target[0]);
        assert!(interval.count() >= 2, "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_screen_in_any_alphabet() {
        for columns in FEWEST_COLUMNS..=120 {
            for ascii in [false, true] {
                let text = bare(&plot().render(Screen { columns, ascii }));
                assert!(text.lines().count() > 15);
                for line in text.lines() {
                    assert!(
                        line.chars().count() <= usize::from(columns),
                        "{columns}: {line}"
                    );
                }
                assert!(!ascii || text.is_ascii(), "{text}");
            }
        }
    }

    #[test]
    fn colours_are_set_and_reset_on_every_line() {
        let text = plot().render(Screen {
            columns: 80,
            ascii: false,
        });
        assert!(text.contains("\u{1b}[34m"), "runs are blue");
        for line in text.lines() {
            let opened = line.rfind("\u{1b}[3").map_or(0, |at| at + 1);
            let closed = line.rfind("\u{1b}[0m").map_or(0, |at| at + 1);
            assert!(opened <= closed, "{line:?}");
        }
    }

    #[test]
    fn there_is_no_plot_of_nothing_or_without_room() {
        let empty = TerminalPlot {
            title: "x".into(),
            series: vec![],
        };
        assert_eq!(
            empty.render(Screen {
                columns: 80,
                ascii: false
            }),
            ""
        );
        assert_eq!(
            plot().render(Screen {
                columns: 30,
                ascii: false
            }),
            ""
        );
        let odd = TerminalPlot {
            title: "x".into(),
            series: vec![Series {
                mark: Mark::Run,
                label: "one".into(),
                points: vec![
                    (1e20, 2.5),
                    (f64::NAN, 1.0),
                    (0.0, 2.0),
                    (1e20, f64::INFINITY),
                ],
            }],
        };
        let text = bare(&odd.render(Screen {
            columns: 60,
            ascii: false,
        }));
        assert_eq!(
            text.matches('•').count(),
            2,
            "the run and the legend\n{text}"
        );
    }
}
