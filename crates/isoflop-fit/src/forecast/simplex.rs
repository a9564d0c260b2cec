//! The downhill simplex of Nelder and Mead 1965, for a handful of coordinates without
//! derivatives.

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Most calls of the function.
    pub calls: usize,
    /// Stop when the simplex's values differ by less.
    pub value: f64,
}

/// The lowest place found from `start`, with first steps `steps`, and the value there.
pub(crate) fn minimise(
    start: &[f64],
    steps: &[f64],
    patience: Patience,
    mut f: impl FnMut(&[f64]) -> f64,
) -> (Vec<f64>, f64) {
    let count = start.len();
    let mut calls = count + 1;
    let mut simplex: Vec<(Vec<f64>, f64)> = Vec::with_capacity(count + 1);
    simplex.push((start.to_vec(), f(start)));
    for (k, step) in steps.iter().enumerate() {
        let mut place = start.to_vec();
        place[k] += step;
        let value = f(&place);
        simplex.push((place, value));
    }
    loop {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (lowest, highest) = (simplex[0].1, simplex[count].1);
        if calls >= patience.calls || highest - lowest < patience.value {
            return simplex.swap_remove(0);
        }
        let centre: Vec<f64> = (0..count)
            .map(|k| simplex[..count].iter().map(|s| s.0[k]).sum::<f64>() / count as f64)
            .collect();
        let worst = simplex[count].0.clone();
        let mut try_at = |t: f64| {
            let along = centre.iter().zip(&worst).map(|(c, w)| c + t * (c - w));
            let place: Vec<f64> = along.collect();
            calls += 1;
            let value = f(&place);
            (place, value)
        };
        let reflected = try_at(1.0);
        if reflected.1 < lowest {
            let expanded = try_at(2.0);
            simplex[count] = if expanded.1 < reflected.1 {
                expanded
            } else {
                reflected
            };
        } else if reflected.1 < simplex[count - 1].1 {
            simplex[count] = reflected;
        } else {
            let contracted = try_at(if reflected.1 < highest { 0.5 } else { -0.5 });
            if contracted.1 < highest.min(reflected.1) {
                simplex[count] = contracted;
            } else {
                let (best, others) = simplex.split_at_mut(1);
                for corner in others {
                    for (x, of_best) in corner.0.iter_mut().zip(&best[0].0) {
                        *x = 0.5 * (of_best + *x);
                    }
                    corner.1 = f(&corner.0);
                }
                calls += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_rosenbrocks_valley() {
        let patience = Patience {
            calls: 2000,
            value: 1e-16,
        };
        let valley = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let (place, value) = minimise(&[-1.2, 1.0], &[0.5, 0.5], patience, valley);
        assert!(value < 1e-12);
        assert!((place[0] - 1.0).abs() < 1e-5 && (place[1] - 1.0).abs() < 1e-5);
    }
}
