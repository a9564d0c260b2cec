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
pub(crate) fn minimise<const K: usize>(
    start: [f64; K],
    steps: [f64; K],
    patience: Patience,
    mut f: impl FnMut(&[f64; K]) -> f64,
) -> ([f64; K], f64) {
    let mut calls = K + 1;
    let mut simplex: Vec<([f64; K], f64)> = Vec::with_capacity(K + 1);
    simplex.push((start, f(&start)));
    for k in 0..K {
        let mut place = start;
        place[k] += steps[k];
        simplex.push((place, f(&place)));
    }
    loop {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (simplex[0], simplex[K]);
        if calls >= patience.calls || worst.1 - best.1 < patience.value {
            return best;
        }
        let centre: [f64; K] =
            std::array::from_fn(|k| simplex[..K].iter().map(|s| s.0[k]).sum::<f64>() / K as f64);
        let along = |t: f64| std::array::from_fn(|k| centre[k] + t * (centre[k] - worst.0[k]));
        let mut try_at = |t: f64| {
            let place = along(t);
            calls += 1;
            (place, f(&place))
        };
        let reflected = try_at(1.0);
        if reflected.1 < best.1 {
            let expanded = try_at(2.0);
            simplex[K] = if expanded.1 < reflected.1 {
                expanded
            } else {
                reflected
            };
        } else if reflected.1 < simplex[K - 1].1 {
            simplex[K] = reflected;
        } else {
            let contracted = try_at(if reflected.1 < worst.1 { 0.5 } else { -0.5 });
            if contracted.1 < worst.1.min(reflected.1) {
                simplex[K] = contracted;
            } else {
                for corner in &mut simplex[1..] {
                    let place: [f64; K] = std::array::from_fn(|k| 0.5 * (best.0[k] + corner.0[k]));
                    *corner = (place, f(&place));
                }
                calls += K;
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
        let valley = |x: &[f64; 2]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let (place, value) = minimise([-1.2, 1.0], [0.5, 0.5], patience, valley);
        assert!(value < 1e-12);
        assert!((place[0] - 1.0).abs() < 1e-5 && (place[1] - 1.0).abs() < 1e-5);
    }
}
