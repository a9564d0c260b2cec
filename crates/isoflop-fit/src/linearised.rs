//! Standard errors from the slopes of a law at its estimate, for where nothing is resampled.

use crate::FittedLaw;
use crate::estimate::{ln_losses, slopes};
use crate::rows::Row;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Intervals of the law's parameters as if it were linear in them (Student's t); `None` for laws
/// that predict no loss and for parameters on which the rows do not depend.
pub(crate) fn intervals(
    rows: &[Row],
    law: FittedLaw,
    values: &[f64],
    level: f64,
) -> Vec<Option<(f64, f64)>> {
    let none = vec![None; values.len()];
    let (Some(slopes), Some(fitted)) = (slopes(rows, law, values), ln_losses(rows, law, values))
    else {
        return none;
    };
    let degrees = rows.len() as f64 - values.len() as f64;
    let Ok(student) = StudentsT::new(0.0, 1.0, degrees) else {
        return none;
    };
    let squares: f64 = rows
        .iter()
        .zip(&fitted)
        .map(|(row, fitted)| row.weight * (row.ln_loss - fitted).powi(2))
        .sum();
    let reach = student.inverse_cdf(0.5 + 0.5 * level) * (squares / degrees).sqrt();
    let Some(inverse) = inverse_diagonal(&slopes) else {
        return none;
    };
    let pairs = values.iter().zip(inverse);
    let one = |(value, variance): (&f64, f64)| {
        let half = reach * variance.sqrt();
        half.is_finite().then_some((value - half, value + half))
    };
    pairs.map(one).collect()
}

/// The diagonal of (Σ s sᵀ)⁻¹ by Cholesky's method, columns scaled to length one first.
fn inverse_diagonal(slopes: &[Vec<f64>]) -> Option<Vec<f64>> {
    let width = slopes.first()?.len();
    let length = |i: usize| slopes.iter().map(|s| s[i] * s[i]).sum::<f64>().sqrt();
    let scale: Vec<f64> = (0..width).map(length).collect();
    let product = |i: usize, j: usize| {
        let sum: f64 = slopes.iter().map(|s| s[i] * s[j]).sum();
        sum / (scale[i] * scale[j])
    };
    let mut lower = vec![vec![0.0; width]; width];
    for i in 0..width {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = product(i, j) - done;
            if i == j {
                if rest.is_nan() || rest <= 1e-14 {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    let variance = |column: usize| {
        // Column of L⁻¹ by forward substitution; (L⁻ᵀ L⁻¹)ᵢᵢ is its squared length.
        let mut inverse = vec![0.0; width];
        for i in column..width {
            let unit = if i == column { 1.0 } else { 0.0 };
            let done: f64 = (column..i).map(|k| lower[i][k] * inverse[k]).sum();
            inverse[i] = (unit - done) / lower[i][i];
        }
        inverse.iter().map(|x| x * x).sum::<f64>() / (scale[column] * scale[column])
    };
    Some((0..width).map(variance).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_of_a_matrix_of_two_columns_is_the_known_one() {
        let slopes = [vec![1.0, 0.0], vec![1.0, 1.0], vec![1.0, 2.0]];
        // Σ s sᵀ = [[3, 3], [3, 5]], whose inverse has 5/6 and 1/2 on its diagonal.
        let inverse = inverse_diagonal(&slopes).unwrap();
        assert!((inverse[0] - 5.0 / 6.0).abs() < 1e-12);
        assert!((inverse[1] - 0.5).abs() < 1e-12);
    }
}
