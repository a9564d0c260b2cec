//! `isoflop figure`: one figure of some runs as SVG, PNG or CSV.

use crate::analysis_argument::AnalysisArguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_report::{FIGURE_NAMES, Figure, FigureName, Layout, Length};
use isoflop_runs::write_atomically;
use serde::Serialize;
use std::path::PathBuf;

/// Draw one figure of some runs as SVG or PNG, or its data as CSV.
///
/// Examples:
///   isoflop figure isoflop runs.csv -o valleys.svg
///   isoflop figure forecast runs.csv --hold-out-above 1e20 -o forecast.png --width 170mm
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The figure: forecast, capability, schools, optimum, contours, isoflop, envelope, kaplan,
    /// sample-efficiency, stopping, backtest, posterior, residuals, leverage or design
    #[arg(value_name = "NAME")]
    figure: String,
    /// Where to; the ending says what: .svg, .png or .csv
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Width on paper, such as 85mm for a column; panels that are too narrow are stacked
    #[arg(long)]
    width: Option<Length>,
    /// Height on paper
    #[arg(long, requires = "width")]
    height: Option<Length>,
    /// Size of labels on paper, in points
    #[arg(long, value_name = "POINTS", requires = "width")]
    font_size: Option<f64>,
    /// Family of letters in SVG, such as "Times New Roman"
    #[arg(long, value_name = "FAMILY")]
    font: Option<String>,
    /// Leave title and finding to the caption; what was assumed stays
    #[arg(long)]
    no_title: bool,
    /// Dots per inch of PNG
    #[arg(long, default_value_t = 192.0)]
    dpi: f32,
    /// The metric of the figure `capability`
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    #[command(flatten)]
    analysis: AnalysisArguments,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Answer {
    figure: &'static str,
    file: String,
    title: String,
    description: String,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let names = FIGURE_NAMES.iter().map(|figure| figure.name());
    let name: FigureName = args
        .figure
        .parse()
        .map_err(|_| Failure::unknown("figure", &args.figure, names))?;
    let kind = Kind::of(&args)?;
    let figure = draw(&args, name, output)?;
    let bytes = match kind {
        Kind::Svg => figure.svg.clone().into_bytes(),
        Kind::Csv => figure.csv.clone().into_bytes(),
        // The drawing's unit is a pixel of CSS, 96 of which are an inch.
        Kind::Png => figure.png(args.dpi / 96.0).map_err(Failure::misuse)?,
    };
    write_atomically(&args.output, &bytes).map_err(|error| {
        Failure::misuse(format!("cannot write {}: {error}", args.output.display()))
    })?;
    let answer = Answer {
        figure: figure.name,
        file: args.output.display().to_string(),
        title: figure.title,
        description: figure.description,
    };
    output.answer(&answer, |answer| {
        format!("{}\n{}\n", answer.file, answer.description)
    })?;
    Ok(Exit::Done)
}

fn draw(args: &Args, name: FigureName, output: &mut Output) -> Result<Figure, Failure> {
    let layout = layout(args)?;
    let drawn = match name {
        // These two need no loss or no law.
        FigureName::Capability => {
            let evidence = args.analysis.evidence(output)?;
            let options = args.analysis.question()?.options;
            let figure = evidence.capability(args.metric.as_deref(), &options)?;
            figure
                .render_in(&layout)
                .map_err(isoflop_report::AnalysisError::from)
        }
        FigureName::Envelope => {
            let figure = args
                .analysis
                .evidence(output)?
                .envelope(args.analysis.unit()?)?;
            figure
                .render_in(&layout)
                .map_err(isoflop_report::AnalysisError::from)
        }
        _ => args.analysis.analysis(output)?.figure(name, &layout),
    };
    drawn.map_err(Failure::from)
}

fn layout(args: &Args) -> Result<Layout, Failure> {
    if let Some(points) = args
        .font_size
        .filter(|points| !(3.0..=72.0).contains(points))
    {
        let sentence = format!("--font-size is {points}: expected points from 3 to 72");
        return Err(Failure::misuse(sentence));
    }
    Ok(Layout {
        width: args.width,
        height: args.height,
        font_pt: args.font_size,
        font_family: args.font.clone(),
        untitled: args.no_title,
    })
}

/// What a file holds.
enum Kind {
    Svg,
    Png,
    Csv,
}

impl Kind {
    fn of(args: &Args) -> Result<Self, Failure> {
        let ending = args
            .output
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Kind::Svg),
            Some("png") if (24.0..=2400.0).contains(&args.dpi) => Ok(Kind::Png),
            Some("png") => Err(Failure::misuse(format!(
                "--dpi is {}: expected dots per inch from 24 to 2400",
                args.dpi
            ))),
            Some("csv") => Ok(Kind::Csv),
            _ => Err(Failure::misuse(format!(
                "{} does not end in .svg, .png or .csv",
                args.output.display()
            ))),
        }
    }
}
