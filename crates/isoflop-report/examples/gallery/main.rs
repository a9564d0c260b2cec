//! Draws every figure, and a report with all of them, from made-up data: `gallery OUTDIR`.

mod made_up;

use isoflop_laws::Loss;
use isoflop_report::Figure;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("usage: gallery OUTDIR")?;
    let figures = vec![
        made_up::forecast()?.render()?,
        made_up::kaplan()?.render()?,
        made_up::isoflop()?.render()?,
        made_up::residuals()?.render()?,
    ];
    for figure in &figures {
        write(figure, &folder)?;
    }
    let page = made_up::report(figures)?.to_html()?;
    std::fs::write(folder.join("report.html"), page)?;

    let mut before = made_up::forecast()?;
    before.actual = None;
    write(&before.render()?, &folder.join("before-training"))?;

    let mut synthetic = made_up::forecast()?;
    synthetic.unit = isoflop_report::LossUnit::NatsPerToken;
    synthetic.known_entropy = Some(Loss::new(1.35)?);
    synthetic.actual = Some(Loss::new(synthetic.prediction.loss.get() * 1.06)?);
    write(&synthetic.render()?, &folder.join("synthetic-miss"))
}

fn write(figure: &Figure, folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    figure.write_to(folder)?;
    println!("{}: {}", figure.name, figure.description);
    Ok(())
}
