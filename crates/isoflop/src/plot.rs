//! Small plots below answers, on a terminal or where they are asked for.

use crate::output::Output;
use isoflop_plan::{ForecastPoint, SavedFit};
use isoflop_report::terminal::{FEWEST_COLUMNS, Screen, TerminalPlot, forecast_plot};
use std::env;
use std::io::IsTerminal;

/// Columns that are used at most, and where nobody knows how many there are.
const COLUMNS: u16 = 80;

/// Whether an answer has a plot.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct PlotArgument {
    /// Show a small plot below the answer; auto: on a terminal
    #[arg(long, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    plot: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl PlotArgument {
    /// The plot below the answer: nothing unless it is wanted and there is room.
    pub fn below(self, output: &Output, plot: impl FnOnce() -> TerminalPlot) -> String {
        match self.screen(output) {
            Some(screen) => match plot().render(screen) {
                drawn if drawn.is_empty() => drawn,
                drawn => format!("\n{drawn}"),
            },
            None => String::new(),
        }
    }

    /// What it is shown on.
    fn screen(self, output: &Output) -> Option<Screen> {
        let is_terminal = std::io::stdout().is_terminal();
        let wanted = match self.plot {
            When::Auto => is_terminal && env::var_os("TERM").is_none_or(|term| term != "dumb"),
            When::Always => true,
            When::Never => false,
        };
        if output.is_json() || !wanted {
            return None;
        }
        let columns = match terminal_size::terminal_size() {
            Some((width, _)) if is_terminal => width.0.min(COLUMNS),
            _ => COLUMNS,
        };
        let ascii = is_ascii_locale(|name| env::var(name).ok());
        (columns >= FEWEST_COLUMNS).then_some(Screen { columns, ascii })
    }
}

/// The runs of a fit, its law, and what it says of some runs.
pub fn of_fit(saved: &SavedFit, forecasts: &[ForecastPoint], level: f64) -> TerminalPlot {
    let runs = saved.runs.iter().map(|run| (run.flops, run.loss));
    let runs: Vec<_> = runs.collect();
    forecast_plot(&saved.fit, &runs, forecasts, level)
}

/// Whether the locale names another alphabet than UTF-8. The first of these that is set decides
/// (POSIX.1-2017, XBD 8.2); where none is, terminals of today show UTF-8.
fn is_ascii_locale(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let mut set = set.filter_map(|name| variable(name).filter(|value| !value.is_empty()));
    set.next().is_some_and(|locale| {
        let locale = locale.to_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_is_set_decides_on_the_alphabet() {
        let with = |all: &'static [(&str, &str)]| {
            is_ascii_locale(|name| {
                let found = all.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(!with(&[]));
        assert!(!with(&[("LANG", "en_US.UTF-8")]));
        assert!(!with(&[("LANG", "C.utf8")]));
        assert!(with(&[("LANG", "C")]));
        assert!(with(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")]));
        assert!(!with(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")]));
        assert!(with(&[("LC_CTYPE", "de_DE.ISO-8859-1")]));
    }
}
