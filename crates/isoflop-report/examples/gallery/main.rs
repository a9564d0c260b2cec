//! Draws every figure, and a report, from the public measurements: `gallery DATA OUT`.
//!
//! `cargo run --release -p isoflop-report --example gallery -- data docs/gallery`

use isoflop_fit::{FitOptions, FittedLaw};
use isoflop_laws::Flops;
use isoflop_report::{
    Analysis, Evidence, FigureName, Layout, LossUnit, Question, ReportText, Target,
};
use isoflop_runs::{ColumnMap, ImportOptions, Run, SelectionOptions, import_file, select};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Largest compute of the runs that forecasts of the Chinchilla data are made from.
const SMALL: f64 = 4.73e20;
/// Compute of Chinchilla itself.
const CHINCHILLA: f64 = 5.76e23;
/// Runs that were made alike: RefinedWeb, tuned, short warm-up, no decay.
const TUNED: &str = "rw_tuned_warmup-short_decay-const_count-standard_val";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(data), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: gallery DATA OUT".into());
    };
    std::fs::create_dir_all(&out)?;
    chinchilla(&data, &out)?;
    porian(&data, &out)?;
    capability(&data, &out)
}

/// Hoffmann et al. 2022, as reconstructed by Besiroglu et al. 2024.
fn chinchilla(data: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let evidence = evidence(&data.join("chinchilla_epoch.csv"), |row| {
        row("epoch_excluded") != "1"
    })?;
    let held_out = ask(&evidence, Target::HeldOut(Flops::new(SMALL)?))?;
    write(
        &held_out,
        out,
        &[FigureName::Forecast, FigureName::Residuals],
    )?;
    let all = ask(&evidence, Target::Budget(Flops::new(CHINCHILLA)?))?;
    let figures = [
        FigureName::Contours,
        FigureName::Schools,
        FigureName::SampleEfficiency,
        FigureName::Stopping,
        FigureName::Posterior,
        FigureName::Leverage,
        FigureName::Backtest,
        FigureName::Design,
    ];
    write(&all, out, &figures)?;
    let text = ReportText {
        title: Some("Chinchilla’s budget, from the runs of Hoffmann et al. (2022)".into()),
        command: "isoflop report data/chinchilla_epoch.csv --where epoch_excluded=0 --law chinchilla --flops 5.76e23 -o report.html".into(),
        program: format!("isoflop {}", env!("CARGO_PKG_VERSION")),
    };
    let page = all.report(&text)??;
    println!("report: {} KB", page.len() / 1000);
    Ok(std::fs::write(out.join("report.html"), page)?)
}

/// Porian et al. 2024: losses at fixed budgets, one configuration.
fn porian(data: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let evidence = evidence(&data.join("porian_refinedweb.csv"), |row| {
        row("config") == TUNED
    })?;
    let analysis = ask(&evidence, Target::TenTimes)?;
    let figures = [
        FigureName::Isoflop,
        FigureName::Optimum,
        FigureName::Envelope,
        FigureName::Kaplan,
    ];
    write(&analysis, out, &figures)
}

/// A benchmark of public base models, and the largest of one family held out: those up to a tenth of its
/// compute, and the others of its family.
fn capability(data: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let path = data.join("obsscaling_base_benchmarks.csv");
    let evidence = evidence(&path, |row| {
        row("split") == "fit" || row("run").starts_with("meta-llama/Llama-2-")
    })?;
    let figure = evidence.capability(Some("ARC-C"), &FitOptions::default())?;
    let figure = figure.render()?;
    println!("{}: {}", figure.name, figure.description);
    Ok(figure.write_to(out)?)
}

/// The rows of a file that are wanted, told by the text of their columns.
fn evidence(
    path: &Path,
    wanted: impl Fn(&dyn Fn(&str) -> String) -> bool,
) -> Result<Evidence, Box<dyn Error>> {
    let mut map = ColumnMap::default();
    // This file calls its metrics something else.
    if path.ends_with("obsscaling_base_benchmarks.csv") {
        map.add("acc_ARC-C=metric_ARC-C")?;
    }
    let options = ImportOptions {
        map,
        ..ImportOptions::default()
    };
    let imported = import_file(path, &options)?;
    let mut runs = imported.runs();
    runs.retain(|run: &Run| {
        let cell = |column: &str| run.text(column).unwrap_or_default();
        wanted(&cell)
    });
    let selection = select(&runs, SelectionOptions::default());
    Ok(Evidence::new(&runs, selection, |_| Vec::new()))
}

fn ask(evidence: &Evidence, target: Target) -> Result<Analysis, Box<dyn Error>> {
    let question = Question {
        target,
        options: FitOptions::of(FittedLaw::Chinchilla),
        unit: LossUnit::NatsPerToken,
    };
    Ok(Analysis::new(evidence.clone(), question)?)
}

fn write(analysis: &Analysis, out: &Path, figures: &[FigureName]) -> Result<(), Box<dyn Error>> {
    for &name in figures {
        let figure = analysis.figure(name, &Layout::default())?;
        println!("{}: {}", figure.name, figure.description);
        figure.write_to(out)?;
    }
    Ok(())
}
