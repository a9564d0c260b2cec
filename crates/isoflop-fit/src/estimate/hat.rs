//! The diagonal of the hat matrix of a linear regression.

/// hᵢ = gᵢᵀ (Σ g gᵀ)⁺ gᵢ, by Gram and Schmidt's method on the columns, so that columns that
/// depend on others add nothing.
pub(crate) fn diagonal(rows: &[Vec<f64>]) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(width);
    for column in 0..width {
        let mut vector: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        let before = norm(&vector);
        // Twice is enough for orthogonality to rounding (Kahan; Parlett 1980).
        for _ in 0..2 {
            for known in &basis {
                let shared: f64 = known.iter().zip(&vector).map(|(a, b)| a * b).sum();
                for (v, k) in vector.iter_mut().zip(known) {
                    *v -= shared * k;
                }
            }
        }
        let after = norm(&vector);
        if after > 1e-9 * before && after.is_finite() {
            basis.push(vector.iter().map(|v| v / after).collect());
        }
    }
    let one = |row: usize| basis.iter().map(|vector| vector[row].powi(2)).sum();
    (0..rows.len()).map(one).collect()
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leverages_sum_to_the_number_of_independent_columns() {
        let row = |x: f64| vec![1.0, x, x * x, 2.0 * x];
        let rows: Vec<_> = [0.0, 1.0, 2.0, 3.0, 7.0].into_iter().map(row).collect();
        let diagonal = diagonal(&rows);
        assert!((diagonal.iter().sum::<f64>() - 3.0).abs() < 1e-9);
        assert!(diagonal[4] > 0.9);
    }
}
