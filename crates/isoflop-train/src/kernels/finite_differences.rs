//! Checks a gradient against central differences in double precision of the summed loss.

/// Asserts that `gradient` is the derivative of `loss` at `x`, by central differences with step
/// `h`; `tolerance` is relative to the largest component.
pub(crate) fn assert_gradient(
    x: &[f32],
    gradient: &[f32],
    h: f32,
    tolerance: f64,
    mut loss: impl FnMut(&[f32]) -> f64,
) {
    assert_eq!(x.len(), gradient.len());
    let scale = gradient
        .iter()
        .fold(1e-3_f64, |m, g| m.max(f64::from(g.abs())));
    let mut point = x.to_vec();
    // A prime stride visits at most some 200 components of a large tensor, spread over it.
    let stride = if x.len() <= 200 {
        1
    } else {
        (x.len() / 200) | 1
    };
    for i in (0..x.len()).step_by(stride) {
        point[i] = x[i] + h;
        let above = loss(&point);
        point[i] = x[i] - h;
        let below = loss(&point);
        point[i] = x[i];
        let numeric = (above - below) / (2.0 * f64::from(h));
        let error = (numeric - f64::from(gradient[i])).abs() / scale;
        assert!(
            error < tolerance,
            "component {i}: {numeric} by differences, {}",
            gradient[i]
        );
    }
}

/// A smooth, reproducible test signal in about [-1, 1].
pub(crate) fn wave(n: usize, phase: f32) -> Vec<f32> {
    (0..n)
        .map(|i| (i as f32 * 0.737 + phase).sin() * (i as f32 * 0.291 + phase).cos())
        .collect()
}

/// Weighted sum of an output, so that its gradient with respect to the output is `weights`.
pub(crate) fn weighted(output: &[f32], weights: &[f32]) -> f64 {
    output
        .iter()
        .zip(weights)
        .map(|(o, w)| f64::from(*o) * f64::from(*w))
        .sum()
}
