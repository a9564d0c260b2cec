//! Cross-entropy of softmax, fused with its gradient so that no logits are kept.

use super::lanes;
use multiversion::multiversion;

/// For `logits: [rows, vocabulary]` and the target token of each row: writes the loss in nats to
/// `losses: [rows]` and replaces the logits by the gradient of `weight · loss`,
/// `weight (softmax − onehot)`.
///
/// The loss is `ln Σ exp(z) − z_target`, shifted by the largest logit.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn forward_backward(
    logits: &mut [f32],
    vocabulary: usize,
    targets: &[u16],
    losses: &mut [f32],
    weight: f32,
) {
    for ((z, &target), loss) in logits.chunks_exact_mut(vocabulary).zip(targets).zip(losses) {
        let target = usize::from(target);
        let shift = lanes::max(z);
        let z_target = z[target];
        for z in z.iter_mut() {
            *z = lanes::exp(*z - shift);
        }
        let total = lanes::sum(z);
        *loss = total.ln() + shift - z_target;
        let scale = weight / total;
        for z in z.iter_mut() {
            *z *= scale;
        }
        z[target] -= weight;
    }
}

/// The losses alone, for validation; the logits are overwritten.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn forward(logits: &mut [f32], vocabulary: usize, targets: &[u16], losses: &mut [f32]) {
    for ((z, &target), loss) in logits.chunks_exact_mut(vocabulary).zip(targets).zip(losses) {
        let shift = lanes::max(z);
        let z_target = z[usize::from(target)];
        for z in z.iter_mut() {
            *z = lanes::exp(*z - shift);
        }
        *loss = lanes::sum(z).ln() + shift - z_target;
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::{assert_gradient, wave};
    use super::*;

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let vocabulary = 37;
        let logits: Vec<f32> = wave(3 * vocabulary, 0.2).iter().map(|z| 3.0 * z).collect();
        let targets = [0_u16, 36, 17];
        let mut gradient = logits.clone();
        forward_backward(&mut gradient, vocabulary, &targets, &mut [0.0; 3], 0.5);
        assert_gradient(&logits, &gradient, 1e-2, 1e-3, |z| {
            let mut losses = [0.0; 3];
            forward(&mut z.to_vec(), vocabulary, &targets, &mut losses);
            0.5 * losses.iter().map(|l| f64::from(*l)).sum::<f64>()
        });
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_vocabulary() {
        let mut losses = [0.0; 2];
        forward(&mut [3.5; 2 * 1024], 1024, &[5, 1023], &mut losses);
        for loss in losses {
            assert!((loss - 1024_f32.ln()).abs() < 1e-5);
        }
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        let mut losses = [0.0];
        forward(&mut [1e30, -1e30, 0.0], 3, &[0], &mut losses);
        assert_eq!(losses, [0.0]);
    }
}
