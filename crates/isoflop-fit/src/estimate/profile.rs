//! Profile likelihood: how far one parameter can go while the others follow it.

use super::form::Form;
use crate::rows::Row;

/// Sums of squares with their slopes at some coordinates.
struct Local<const K: usize> {
    squares: f64,
    /// Σ w J Jᵀ.
    normal: [[f64; K]; K],
    /// Σ w J r.
    pull: [f64; K],
}

impl<const K: usize> Local<K> {
    fn at<F: Form<K>>(form: &F, rows: &[Row], at: &[f64; K]) -> Self {
        let frozen = at_bound(form, at);
        let mut here = Self {
            squares: 0.0,
            normal: [[0.0; K]; K],
            pull: [0.0; K],
        };
        for row in rows {
            let mut jet = form.jet(at, &row.x);
            for k in (0..K).filter(|&k| frozen[k]) {
                jet.gradient[k] = 0.0;
            }
            let error = row.ln_loss - jet.ln_loss;
            here.squares += row.weight * error * error;
            for i in 0..K {
                here.pull[i] += row.weight * jet.gradient[i] * error;
                for j in 0..K {
                    here.normal[i][j] += row.weight * jet.gradient[i] * jet.gradient[j];
                }
            }
        }
        for k in (0..K).filter(|&k| frozen[k]) {
            here.normal[k][k] = 1.0;
        }
        here
    }
}

/// Coordinates at the edge of what they may be: they stay there.
fn at_bound<const K: usize, F: Form<K>>(form: &F, at: &[f64; K]) -> [bool; K] {
    let bounds = form.bounds();
    std::array::from_fn(|k| at[k] <= bounds[k].0 || at[k] >= bounds[k].1)
}

/// Where an interval ends: `None` where the likelihood never falls that low.
pub(crate) type Ends = (Option<f64>, Option<f64>);

/// Steps outwards, in standard errors, before a side is called open.
const FARTHEST: f64 = 64.0;

/// The values of the card's parameter `index` whose profile likelihood is within `reach` of the
/// largest: √((S − S_min) / s²) ≤ reach, errors of ln L being normal with unknown variance (Bates
/// and Watts 1988, section 6.1). `values` must be of least squares; a parameter that ended at the
/// edge of what it may be is open on both sides, and stays there for the others.
pub(crate) fn ends<const K: usize, F: Form<K>>(
    form: &F,
    rows: &[Row],
    values: &[f64],
    index: usize,
    reach: f64,
) -> Ends {
    let best = form.coordinates(values);
    let smallest = Local::at(form, rows, &best).squares;
    let variance = smallest / (rows.len() as f64 - K as f64).max(1.0);
    let scale = Scale::of(form, &best, index);
    let centre = scale.of_coordinates(form, &best);
    let Some(error) = standard_error(form, rows, &best, &scale, variance) else {
        return (None, None);
    };
    let side = |sign: f64| {
        let mut at = best;
        let mut off = |steps: f64| -> Option<f64> {
            let target = centre + sign * steps * error;
            at = follow(form, rows, at, &scale, target)?;
            let squares = Local::at(form, rows, &at).squares;
            Some(((squares - smallest) / variance).max(0.0).sqrt() - reach)
        };
        crossing(&mut off, reach).map(|steps| scale.value(centre + sign * steps * error))
    };
    let (a, b) = (side(-1.0), side(1.0));
    if scale.sign < 0.0 { (b, a) } else { (a, b) }
}

/// The scale on which a parameter is followed: ln of its size, for E its value.
struct Scale {
    index: usize,
    sign: f64,
    ln: bool,
}

impl Scale {
    fn of<const K: usize, F: Form<K>>(form: &F, at: &[f64; K], index: usize) -> Self {
        let value = form.values(at)[index];
        // A coordinate that the search keeps at or above zero and that is the parameter itself
        // may end at zero, whose logarithm is far away.
        let floor = (0..K).any(|k| at[k] == value && form.bounds()[k].0 == 0.0);
        Self {
            index,
            sign: if value < 0.0 { -1.0 } else { 1.0 },
            ln: !floor,
        }
    }

    fn of_coordinates<const K: usize, F: Form<K>>(&self, form: &F, at: &[f64; K]) -> f64 {
        let size = self.sign * form.values(at)[self.index];
        if self.ln { size.ln() } else { size }
    }

    fn value(&self, on_scale: f64) -> f64 {
        self.sign * if self.ln { on_scale.exp() } else { on_scale }
    }

    /// Derivatives by the coordinates.
    fn slopes<const K: usize, F: Form<K>>(&self, form: &F, at: &[f64; K]) -> [f64; K] {
        let frozen = at_bound(form, at);
        std::array::from_fn(|k| {
            if frozen[k] {
                return 0.0;
            }
            let step = 1e-6 * at[k].abs().max(1e-3);
            let moved = |sign: f64| {
                let mut to = *at;
                to[k] += sign * step;
                self.of_coordinates(form, &to)
            };
            (moved(1.0) - moved(-1.0)) / (2.0 * step)
        })
    }
}

fn standard_error<const K: usize, F: Form<K>>(
    form: &F,
    rows: &[Row],
    at: &[f64; K],
    scale: &Scale,
    variance: f64,
) -> Option<f64> {
    let slopes = scale.slopes(form, at);
    let solved = solve(Local::at(form, rows, at).normal, slopes)?;
    let error = (variance * dot(&slopes, &solved)).sqrt();
    (error.is_finite() && error > 0.0).then_some(error)
}

/// How many steps out `off` turns positive; `None` if it does not, or cannot be followed so far.
fn crossing(off: &mut impl FnMut(f64) -> Option<f64>, reach: f64) -> Option<f64> {
    let (mut inside, mut outside) = (0.0, 0.5 * reach);
    while off(outside)? < 0.0 {
        inside = outside;
        outside *= 1.4;
        if outside > FARTHEST {
            return None;
        }
    }
    for _ in 0..24 {
        let middle = f64::midpoint(inside, outside);
        if off(middle)? < 0.0 {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    Some(f64::midpoint(inside, outside))
}

/// The smallest sum of squares with the parameter held at `target`, by Gauss-Newton steps that
/// keep to it. `None` if that leaves the law.
fn follow<const K: usize, F: Form<K>>(
    form: &F,
    rows: &[Row],
    mut at: [f64; K],
    scale: &Scale,
    target: f64,
) -> Option<[f64; K]> {
    let mut last = f64::INFINITY;
    for _ in 0..30 {
        let here = Local::at(form, rows, &at);
        let miss = target - scale.of_coordinates(form, &at);
        if !(here.squares.is_finite() && miss.is_finite()) {
            return None;
        }
        if miss.abs() < 1e-9 && (last - here.squares).abs() <= 1e-10 * here.squares {
            return Some(at);
        }
        last = here.squares;
        let slopes = scale.slopes(form, &at);
        // Lagrange: step = H⁻¹ (pull + multiplier · slopes), slopes · step = miss.
        let free = solve(here.normal, here.pull)?;
        let along = solve(here.normal, slopes)?;
        let multiplier = (miss - dot(&slopes, &free)) / dot(&slopes, &along);
        let mut part = 1.0;
        let moved = |part: f64| -> [f64; K] {
            std::array::from_fn(|k| at[k] + part * (free[k] + multiplier * along[k]))
        };
        let frozen = at_bound(form, &at);
        let within = |to: &[f64; K]| {
            let out = at_bound(form, to);
            (0..K).all(|k| frozen[k] || !out[k])
        };
        while !within(&moved(part)) {
            part *= 0.5;
            if part < 1e-6 {
                return None;
            }
        }
        at = moved(part);
    }
    Some(at)
}

fn dot<const K: usize>(a: &[f64; K], b: &[f64; K]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// H⁻¹ b by Cholesky's method, with the diagonal raised by a hair; `None` unless positive.
fn solve<const K: usize>(h: [[f64; K]; K], b: [f64; K]) -> Option<[f64; K]> {
    let mut lower = [[0.0; K]; K];
    let mut y = [0.0; K];
    for i in 0..K {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = h[i][j] - done;
            if i == j {
                let square = rest + 1e-13 * h[i][i];
                if square.is_nan() || square <= 0.0 {
                    return None;
                }
                lower[i][i] = square.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
        let done: f64 = (0..i).map(|k| lower[i][k] * y[k]).sum();
        y[i] = (b[i] - done) / lower[i][i];
    }
    for i in (0..K).rev() {
        let done: f64 = (i + 1..K).map(|k| lower[k][i] * y[k]).sum();
        y[i] = (y[i] - done) / lower[i][i];
    }
    Some(y)
}
