//! Quantiles and spread of a sample.

/// The `p` quantile of sorted numbers, linear between them (type 7 of Hyndman and Fan 1996).
/// NaN for an empty sample.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = p.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    let share = place - below as f64;
    if share == 0.0 {
        return sorted[below];
    }
    sorted[below] * (1.0 - share) + sorted[above] * share
}

/// The central interval of a sorted sample of draws: its ends are so far out that a further draw
/// falls between them with probability `level` (type 6 of Hyndman and Fan 1996).
pub(crate) fn central(sorted: &[f64], level: f64) -> (f64, f64) {
    let count = sorted.len() as f64;
    let end = |p: f64| quantile(sorted, (p * (count + 1.0) - 1.0) / (count - 1.0).max(1.0));
    (end(0.5 - 0.5 * level), end(0.5 + 0.5 * level))
}

/// Standard deviation with n − 1; NaN for fewer than two numbers.
pub(crate) fn standard_deviation(sample: &[f64]) -> f64 {
    let count = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / count;
    let squares: f64 = sample.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (count - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_numbers() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(quantile(&sorted, 0.5), 2.0);
        assert_eq!(quantile(&sorted, 0.75), 3.0);
        assert_eq!(quantile(&sorted, 1.0), 4.0);
        assert!((standard_deviation(&sorted) - 7f64.sqrt() / 3f64.sqrt()).abs() < 1e-12);
    }
}
