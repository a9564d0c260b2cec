//! N_opt(C) = k C^a, from valleys at fixed budgets (Hoffmann et al. 2022, approach 2) or from
//! the envelope of all runs (approach 1).

use super::Estimate;
use crate::rows::{Axis, Row, rows};
use crate::{Dataset, FitError, FittedLaw};
use isoflop_laws::Flops;
use isoflop_laws::laws::Parabola;

/// Runs whose compute differs by less than this share belong to one budget.
const SAME_BUDGET: f64 = 0.05;
/// Sizes that a parabola needs.
const FEWEST_SIZES: usize = 3;

/// Best size of one budget.
#[derive(Debug, Clone, Copy)]
struct Best {
    ln_flops: f64,
    ln_params: f64,
    /// Least loss, nats per token.
    lowest: f64,
    /// Half the second derivative of the loss by ln N; zero on the envelope.
    curvature: f64,
    /// Weighted squares of what the parabola leaves of ln L; zero on the envelope.
    squares: f64,
    weight: f64,
}

/// k and a of a law in the best size alone.
pub(crate) fn estimate(rows: &[Row], law: FittedLaw) -> Result<Estimate, FitError> {
    let budgets = budgets(rows);
    let best: Vec<Best> = match law {
        FittedLaw::Envelope => envelope(rows),
        _ => budgets.iter().filter_map(|rows| parabola(rows)).collect(),
    };
    let failed = || FitError::NoValleys {
        law: law.name(),
        found: best.len(),
        budgets: budgets.len(),
    };
    let (ln_k, a) = line(&best).ok_or_else(failed)?;
    let weight: f64 = best.iter().map(|b| b.weight).sum();
    let off = |b: &Best| (b.ln_params - ln_k - a * b.ln_flops).powi(2);
    Ok(Estimate {
        values: vec![ln_k.exp(), a],
        objective: best.iter().map(off).sum(),
        residual_scale: (best.iter().map(|b| b.squares).sum::<f64>() / weight).sqrt(),
        at_bound: Vec::new(),
    })
}

/// Rows of equal compute, within a tolerance that lets rounded budgets be one.
pub(crate) fn budgets(rows: &[Row]) -> Vec<Vec<Row>> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| flops(a).total_cmp(&flops(b)));
    let mut budgets: Vec<Vec<Row>> = Vec::new();
    for row in sorted {
        match budgets.last_mut() {
            // Measured from the smallest of the budget, so that a chain of runs is not one.
            Some(budget) if flops(&row) - flops(&budget[0]) < SAME_BUDGET => budget.push(row),
            _ => budgets.push(vec![row]),
        }
    }
    budgets
}

/// Runs of one budget and the parabola through them.
#[derive(Debug, Clone, PartialEq)]
pub struct ValleyFit {
    /// The budget C: the geometric mean of the runs.
    pub flops: Flops,
    /// Positions of the runs in the dataset.
    pub members: Vec<usize>,
    /// The parabola, where the sizes bracket a smallest loss.
    pub parabola: Option<Parabola>,
}

/// Every budget with at least three sizes, from small to large, with its parabola in ln N
/// (Hoffmann et al. 2022, figure 3), as law `isoflop` is fitted by.
#[must_use]
pub fn valleys(data: &Dataset) -> Vec<ValleyFit> {
    let budgets = budgets(&rows(data, None)).into_iter();
    let wide = budgets.filter(|rows| crate::rows::distinct(rows, Axis::Params) >= FEWEST_SIZES);
    wide.filter_map(|rows| {
        let mean = rows.iter().map(flops).sum::<f64>() / rows.len() as f64;
        Some(ValleyFit {
            flops: Flops::new(mean.exp()).ok()?,
            members: rows.iter().map(|row| row.index).collect(),
            parabola: parabola(&rows).map(|best| Parabola {
                ln_params: best.ln_params,
                lowest: best.lowest,
                curvature: best.curvature,
            }),
        })
    })
    .collect()
}

fn flops(row: &Row) -> f64 {
    row.x[Axis::Flops as usize]
}

fn params(row: &Row) -> f64 {
    row.x[Axis::Params as usize]
}

/// The vertex of a parabola in ln N through the losses of a budget (Hoffmann et al. 2022,
/// figure 3), if it is a valley whose bottom lies among the sizes.
fn parabola(rows: &[Row]) -> Option<Best> {
    if crate::rows::distinct(rows, Axis::Params) < FEWEST_SIZES {
        return None;
    }
    let weight: f64 = rows.iter().map(|row| row.weight).sum();
    let mean = |value: &dyn Fn(&Row) -> f64| -> f64 {
        rows.iter().map(|row| row.weight * value(row)).sum::<f64>() / weight
    };
    let centre = mean(&params);
    let moment = |power: i32| mean(&|row: &Row| (params(row) - centre).powi(power));
    let product =
        |power: i32| mean(&|row: &Row| (params(row) - centre).powi(power) * row.ln_loss.exp());
    let (m2, m3, m4) = (moment(2), moment(3), moment(4));
    let (y0, y1, y2) = (product(0), product(1), product(2));
    // Normal equations of c + b x + a x² with mean x = 0, c eliminated.
    let (s11, s12, s22) = (m2, m3, m4 - m2 * m2);
    let (t1, t2) = (y1, y2 - m2 * y0);
    let determinant = s11 * s22 - s12 * s12;
    let a = (s11 * t2 - s12 * t1) / determinant;
    let b = (s22 * t1 - s12 * t2) / determinant;
    let vertex = -b / (2.0 * a);
    let (lo, hi) = crate::rows::range(rows, Axis::Params);
    let inside = (lo..=hi).contains(&(centre + vertex));
    if !(a.is_finite() && a > 0.0 && inside) {
        return None;
    }
    let c = y0 - a * m2;
    let left = |row: &Row| {
        let x = params(row) - centre;
        row.weight * (row.ln_loss - (c + b * x + a * x * x).ln()).powi(2)
    };
    Some(Best {
        ln_flops: mean(&flops),
        ln_params: centre + vertex,
        lowest: c - a * vertex * vertex,
        curvature: a,
        squares: rows.iter().map(left).sum(),
        weight,
    })
}

/// Runs that no run of as little compute beats.
fn envelope(rows: &[Row]) -> Vec<Best> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| {
        flops(a)
            .total_cmp(&flops(b))
            .then(a.ln_loss.total_cmp(&b.ln_loss))
    });
    let mut lowest = f64::INFINITY;
    sorted.retain(|row| {
        let better = row.ln_loss < lowest;
        lowest = lowest.min(row.ln_loss);
        better
    });
    let best = |row: &Row| Best {
        ln_flops: flops(row),
        ln_params: params(row),
        lowest: row.ln_loss.exp(),
        curvature: 0.0,
        squares: 0.0,
        weight: 1.0,
    };
    sorted.iter().map(best).collect()
}

/// The line of ln N_opt in ln C by least squares: ln k and a.
fn line(best: &[Best]) -> Option<(f64, f64)> {
    let count = best.len() as f64;
    if best.len() < 2 {
        return None;
    }
    let x = best.iter().map(|b| b.ln_flops).sum::<f64>() / count;
    let y = best.iter().map(|b| b.ln_params).sum::<f64>() / count;
    let xx: f64 = best.iter().map(|b| (b.ln_flops - x).powi(2)).sum();
    let xy: f64 = best
        .iter()
        .map(|b| (b.ln_flops - x) * (b.ln_params - y))
        .sum();
    let a = xy / xx;
    (a.is_finite()).then_some((y - a * x, a))
}
