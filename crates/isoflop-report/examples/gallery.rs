//! Draws every figure from made-up but realistic data: `gallery OUTDIR`.

use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_report::{ForecastFigure, LossUnit, Prediction, RunPoint};
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("usage: gallery OUTDIR")?;
    std::fs::create_dir_all(&folder)?;
    forecast(None)?.render()?.write_to(&folder)?;
    Ok(())
}

/// A loss surface in the range of small models on code (made up).
fn surface(n: f64, d: f64) -> f64 {
    1.35 + 60.0 / n.powf(0.31) + 90.0 / d.powf(0.29)
}

/// Twelve runs over four sizes with a little noise.
fn ladder() -> Result<Vec<RunPoint>, Box<dyn Error>> {
    let mut runs = Vec::new();
    for (k, n) in [1.2e5, 2.6e5, 5.5e5, 1.1e6].into_iter().enumerate() {
        for (j, ratio) in [10.0, 20.0, 40.0].into_iter().enumerate() {
            let d = n * ratio;
            let noise = 1.0 + 0.003 * (((k * 7 + j * 13) % 11) as f64 / 5.0 - 1.0);
            runs.push(RunPoint {
                run: format!("d{}-r{ratio}", 64 + 32 * k),
                params: Params::new(n)?,
                tokens: Tokens::new(d)?,
                flops: Flops::new(6.0 * n * d)?,
                loss: Loss::new(surface(n, d) * noise)?,
            });
        }
    }
    Ok(runs)
}

fn forecast(actual: Option<f64>) -> Result<ForecastFigure, Box<dyn Error>> {
    let runs = ladder()?;
    let (n, d) = (4.5e6, 9.0e7);
    let target = Flops::new(6.0 * n * d)?;
    let mut curve = Vec::new();
    for k in 0..=120 {
        let c = target.get() * 10f64.powf(-3.6 + 3.7 * f64::from(k) / 120.0);
        let n = (c / 120.0).sqrt();
        curve.push((Flops::new(c)?, Loss::new(surface(n, 20.0 * n))?));
    }
    let predicted = surface(n, d);
    Ok(ForecastFigure {
        title: "Loss of a 4.5M-parameter model on held-out code, predicted from 12 small runs"
            .into(),
        runs,
        curve,
        prediction: Prediction {
            params: Params::new(n)?,
            tokens: Tokens::new(d)?,
            flops: target,
            loss: Loss::new(predicted)?,
            low: Loss::new(predicted * 0.982)?,
            high: Loss::new(predicted * 1.019)?,
            level: 0.9,
        },
        actual: actual
            .map(Loss::new)
            .transpose()?
            .or(Some(Loss::new(predicted * 1.008)?)),
        known_entropy: None,
        unit: LossUnit::BitsPerByte {
            bytes_per_token: 2.9,
        },
        law: "L(C) = a·Cᵇ + c".into(),
        conventions: "N: total parameters; C = 6ND; loss on a fixed validation split by crate"
            .into(),
    })
}
