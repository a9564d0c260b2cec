//! Runs, fits and forecasts that nobody made, in the range of small models on code.

use isoflop_laws::{Flops, Loss, Params, Tokens};
use isoflop_report::{
    EntropyCheck, Figure, FitSummary, FittedParameter, FittedRun, ForecastFigure, IsoflopFigure,
    KaplanFigure, KaplanPanel, LossUnit, Parabola, PowerLine, Prediction, Report, ResidualsFigure,
    RunPoint, RunRow, Seal, SealCheck, UnusedRow, Valley, Variable,
};
use std::error::Error;

/// A loss surface in the range of small models on code (made up).
fn surface(n: f64, d: f64) -> f64 {
    1.35 + 60.0 / n.powf(0.31) + 90.0 / d.powf(0.29)
}

/// Twelve runs over four sizes with a little noise.
pub fn ladder() -> Result<Vec<RunPoint>, Box<dyn Error>> {
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

/// A target of 8.4 times the compute, trained and hit.
pub fn forecast() -> Result<ForecastFigure, Box<dyn Error>> {
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
        actual: Some(Loss::new(predicted * 1.008)?),
        known_entropy: None,
        unit: LossUnit::BitsPerByte {
            bytes_per_token: 2.9,
        },
        law: "L(C) = a·Cᵇ + c".into(),
        conventions: "N: total parameters; C = 6ND; loss on a fixed validation split by crate"
            .into(),
    })
}

/// Lines through the runs of one ratio of tokens to parameters each.
pub fn kaplan() -> Result<KaplanFigure, Box<dyn Error>> {
    let panel = |variable, size: fn(&RunPoint) -> f64, least: fn(&RunPoint) -> bool| {
        let (fitted, others): (Vec<RunPoint>, Vec<RunPoint>) =
            ladder()?.into_iter().partition(least);
        let line = line_through(&fitted, size);
        Ok::<_, Box<dyn Error>>(KaplanPanel {
            variable,
            fitted,
            others,
            line: Some(line),
        })
    };
    Ok(KaplanFigure {
        title: "Loss falls as a power law in compute, data and parameters".into(),
        panels: vec![
            panel(
                Variable::Compute,
                |run| run.flops.get(),
                |run| (15.0..25.0).contains(&(run.tokens.get() / run.params.get())),
            )?,
            panel(
                Variable::Tokens,
                |run| run.tokens.get(),
                |run| run.tokens.get() / run.params.get() < 15.0,
            )?,
            panel(
                Variable::Params,
                |run| run.params.get(),
                |run| run.tokens.get() / run.params.get() > 25.0,
            )?,
        ],
        unit: LossUnit::NatsPerToken,
        conventions: "Fitted: runs of 20, 10 and 40 tokens per parameter in turn. N: total \
                      parameters; C = 6ND. Made-up data."
            .into(),
    })
}

/// Least squares on logarithms; the interval is made up.
fn line_through(runs: &[RunPoint], size: fn(&RunPoint) -> f64) -> PowerLine {
    let logs: Vec<(f64, f64)> = runs
        .iter()
        .map(|run| (size(run).ln(), run.loss.ln()))
        .collect();
    let count = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let slope = logs
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum::<f64>()
        / logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>();
    PowerLine {
        scale: (mean_x - mean_y / slope).exp(),
        exponent: -slope,
        exponent_interval: Some((-slope * 0.93, -slope * 1.08, 0.9)),
        floor: None,
    }
}

/// Four budgets of six runs.
pub fn isoflop() -> Result<IsoflopFigure, Box<dyn Error>> {
    let mut valleys = Vec::new();
    for (k, c) in [2e13, 6e13, 2e14, 6e14].into_iter().enumerate() {
        let best = (c / 120.0f64).sqrt();
        let mut runs = Vec::new();
        for (j, factor) in [0.35, 0.55, 0.85, 1.3, 2.0, 3.1].into_iter().enumerate() {
            let n = best * factor;
            let noise = 1.0 + 0.002 * (((k * 5 + j * 3) % 7) as f64 / 3.0 - 1.0);
            runs.push(RunPoint {
                run: format!("c{k}-{j}"),
                params: Params::new(n)?,
                tokens: Tokens::new(c / (6.0 * n))?,
                flops: Flops::new(c)?,
                loss: Loss::new(surface(n, c / (6.0 * n)) * noise)?,
            });
        }
        let parabola = Parabola {
            params: Params::new(best * 1.35)?,
            loss: Loss::new(surface(best * 1.35, c / (8.1 * best)))?,
            curvature: 0.075,
        };
        valleys.push(Valley {
            flops: Flops::new(c)?,
            runs,
            parabola: Some(parabola),
        });
    }
    Ok(IsoflopFigure {
        title: "At each compute budget one model size is best".into(),
        valleys,
        unit: LossUnit::NatsPerToken,
        conventions: "N: total parameters; C = 6ND. Made-up data.".into(),
    })
}

/// Residuals of the ladder against its own surface.
pub fn residuals() -> Result<ResidualsFigure, Box<dyn Error>> {
    let runs = ladder()?.into_iter().enumerate().map(|(k, run)| {
        let fitted = Loss::new(surface(run.params.get(), run.tokens.get()))?;
        Ok::<_, Box<dyn Error>>(FittedRun {
            run,
            fitted,
            held_out: k == 11,
        })
    });
    Ok(ResidualsFigure {
        title: "What the fit leaves over".into(),
        runs: runs.collect::<Result<_, _>>()?,
        conventions: "L(N, D) = E + A/Nᵅ + B/Dᵝ. N: total parameters; C = 6ND. Made-up data."
            .into(),
    })
}

/// A report on [`forecast`] with everything that a report can have.
pub fn report(figures: Vec<Figure>) -> Result<Report, Box<dyn Error>> {
    let forecast = forecast()?;
    let used = ladder()?.into_iter().map(|run| {
        let fitted = Loss::new(surface(run.params.get(), run.tokens.get())).ok();
        RunRow {
            run,
            loss_std: Some(0.0061),
            fitted,
        }
    });
    let parameter = |name: &str, unit: &str, value: f64| FittedParameter {
        name: name.into(),
        unit: unit.into(),
        value,
        interval: Some((value * 0.91, value * 1.12)),
    };
    Ok(Report {
        title: forecast.title,
        prediction: forecast.prediction,
        actual: forecast.actual,
        extrapolation: 8.4,
        entropy: Some(EntropyCheck {
            known: Loss::new(1.35)?,
            fitted: Loss::new(1.383)?,
            interval: Some((Loss::new(1.301)?, Loss::new(1.442)?)),
        }),
        unit: forecast.unit,
        figures,
        used: used.collect(),
        not_used: vec![
            UnusedRow {
                run: "d96-r80".into(),
                reason: "diverged: loss is NaN at step 412".into(),
            },
            UnusedRow {
                run: "<script>alert(1)</script>\u{1b}[31m".into(),
                reason: "excluded: a hostile name, shown as it is".into(),
            },
        ],
        conventions: vec![
            ("N".into(), "total parameters, embeddings and head included".into()),
            ("C".into(), "6ND".into()),
            ("Loss".into(), "mean over a fixed validation split, by crate".into()),
        ],
        fit: FitSummary {
            law: "L(N, D) = E + A/Nᵅ + B/Dᵝ".into(),
            level: 0.9,
            parameters: vec![
                parameter("E", "nats per token", 1.383),
                parameter("A", "nats per token", 58.2),
                parameter("B", "nats per token", 93.4),
                parameter("α", "", 0.3081),
                parameter("β", "", 0.2926),
            ],
            diagnostics: vec![
                ("Root mean square residual".into(), "0.21 %".into()),
                ("Runs fitted".into(), "12".into()),
                ("Interval".into(), "residual bootstrap, 2000 draws".into()),
            ],
            warnings: vec!["Made-up data: this page shows the layout only.".into()],
        },
        seal: Some(Seal {
            hash: "blake3:8d1f3c0e7a5b42f6a9c1e2d3b4f5061728394a5b6c7d8e9f0a1b2c3d4e5f6071".into(),
            sealed_at: "2026-01-15 10:42:07 UTC".into(),
            check: SealCheck::Holds,
        }),
        cite: vec![
            "Hoffmann et al. (2022), Training Compute-Optimal Large Language Models, arXiv:2203.15556".into(),
            "OpenAI (2023), GPT-4 Technical Report, arXiv:2303.08774".into(),
        ],
        command: "isoflop quickstart --minutes 5 --seed 7 --corpus ~/.cargo/registry/src".into(),
        program: "isoflop 0.1.0".into(),
    })
}
