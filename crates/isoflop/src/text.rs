//! Pieces of text that several answers share, laid out for 80 columns.

use isoflop_plan::Conventions;
use std::fmt::Write;

/// Columns that text is laid out for.
const WIDTH: usize = 80;

/// A paragraph, wrapped; later lines are indented by `indent` spaces.
pub fn paragraph(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let options = textwrap::Options::new(WIDTH).subsequent_indent(&margin);
    textwrap::fill(text, options) + "\n"
}

/// `label` in a column of its own, then the text.
pub fn labelled(label: &str, text: &str) -> String {
    const LABEL: usize = 12;
    paragraph(&format!("{label:<LABEL$}{text}"), LABEL)
}

/// What no answer goes without: the law, its conventions, the runs behind it.
pub fn basis(law: &str, conventions: Conventions, n_used: Option<usize>, reach: &str) -> String {
    let runs = match n_used {
        Some(n) => format!("fitted to {n} runs"),
        None => "as published".to_owned(),
    };
    let mut text = labelled("Law", &format!("{law}, {runs}"));
    let counts = format!("N {}, {}", conventions.param_count, conventions.flop_count);
    text += &labelled("Counts", &counts);
    if !reach.is_empty() {
        text += &labelled("Reach", reach);
    }
    text
}

/// How far an answer extrapolates, in words.
pub fn reach(extrapolation: Option<f64>) -> String {
    match extrapolation {
        None => "how far this extrapolates is not known".to_owned(),
        Some(ratio) if ratio <= 1.0 => "within the compute of the runs behind the law".to_owned(),
        Some(ratio) => format!("{} times the largest run behind the law", factor(ratio)),
    }
}

/// A ratio with two or three digits: `1.8`, `27`, `1900`.
pub fn factor(ratio: f64) -> String {
    // What rounds to 10.0 is shown as 10.
    if ratio < 9.95 {
        format!("{ratio:.1}")
    } else if ratio < 1e5 {
        format!("{ratio:.0}")
    } else {
        format!("{ratio:.1e}")
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= 10.0 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// A share as a percentage with its sign.
pub fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

/// A number with four significant digits: `1.817`, `482.0`, `2085`, `4.7e-6`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
    format!("{value:.decimals$}")
}

/// What must be known when using an answer.
pub fn warnings(warnings: &[String]) -> String {
    let mut text = String::new();
    for warning in warnings {
        let _ = write!(text, "\n{}", paragraph(&format!("Note: {warning}"), 6));
    }
    text
}
