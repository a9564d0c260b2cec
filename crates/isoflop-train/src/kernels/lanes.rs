//! Elementary functions over lanes, written so that they vectorise.

/// Values handled together: one AVX-512 register of `f32`.
pub(super) const LANES: usize = 16;

/// `e^x` to about 1e-7 relative. Argument reduction to `[-ln 2 / 2, ln 2 / 2]` and a degree-6
/// polynomial, as in the Cephes library's `expf`; the result saturates instead of overflowing.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 rounds to the nearest integer without a call to `round`.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4_f32;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    let fraction = p * (r * r) + r + 1.0;
    // The low bits of `shifted` hold n; shifting them into the exponent multiplies by 2^n.
    let exponent = (shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits());
    fraction * f32::from_bits(exponent)
}

/// Sum in a fixed order: sixteen partial sums, then those pairwise.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    fold(values, 0.0, |x| x, |a, b| a + b)
}

/// Largest value; `-inf` for no values.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    fold(
        values,
        f32::NEG_INFINITY,
        |x| x,
        |a, b| if b > a { b } else { a },
    )
}

/// Sum of squares in a fixed order.
#[inline(always)]
pub(super) fn sum_of_squares(values: &[f32]) -> f32 {
    fold(values, 0.0, |x| x * x, |a, b| a + b)
}

/// Dot product in a fixed order.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a_chunks, a_tail) = a.as_chunks::<LANES>();
    let (b_chunks, b_tail) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += a[i] * b[i];
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_tail).zip(b_tail) {
        *lane += a * b;
    }
    reduce(lanes, |a, b| a + b)
}

#[inline(always)]
fn fold(
    values: &[f32],
    start: f32,
    map: impl Fn(f32) -> f32,
    join: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, tail) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = join(lanes[i], map(chunk[i]));
        }
    }
    for (lane, value) in lanes.iter_mut().zip(tail) {
        *lane = join(*lane, map(*value));
    }
    reduce(lanes, join)
}

#[inline(always)]
fn reduce(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exp_is_right_to_single_precision(x in -87.0f32..88.0) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7);
        }

        #[test]
        fn reductions_agree_with_double_precision(
            values in prop::collection::vec(-10.0f32..10.0, 0..100)
        ) {
            let wide: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
            let squares: f64 = wide.iter().map(|v| v * v).sum();
            prop_assert!((f64::from(sum(&values)) - wide.iter().sum::<f64>()).abs() < 1e-3);
            prop_assert!((f64::from(sum_of_squares(&values)) - squares).abs() < 1e-2);
            prop_assert!((f64::from(dot(&values, &values)) - squares).abs() < 1e-2);
            let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(max(&values), largest);
        }
    }

    #[test]
    fn exp_of_very_negative_values_vanishes_without_overflow() {
        assert!(exp(-1e30) < 1e-37);
        assert!(exp(1e30).is_finite());
        assert_eq!(exp(0.0), 1.0);
    }
}
