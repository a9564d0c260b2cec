//! The diagonal of the hat matrix of a linear regression.

/// hᵢ = gᵢᵀ (Σ g gᵀ)⁺ gᵢ.
pub(crate) fn diagonal(rows: &[Vec<f64>]) -> Vec<f64> {
    let basis = basis(rows, None);
    let one = |row: usize| basis.iter().map(|vector| vector[row].powi(2)).sum();
    (0..rows.len()).map(one).collect()
}

/// What is left of a column once all others are taken out, at length one: a parameter's estimate
/// moves by its product with the errors. `None` where nothing is left.
pub(crate) fn partial(rows: &[Vec<f64>], column: usize) -> Option<Vec<f64>> {
    let width = rows.first().map_or(0, Vec::len);
    let others = basis(rows, Some(column));
    let mut basis = others;
    let before = basis.len();
    append(&mut basis, rows.iter().map(|row| row[column]).collect());
    (column < width && basis.len() > before).then(|| basis.pop())?
}

/// Orthonormal columns, by Gram and Schmidt's method; those that depend on others add nothing.
fn basis(rows: &[Vec<f64>], without: Option<usize>) -> Vec<Vec<f64>> {
    let width = rows.first().map_or(0, Vec::len);
    let mut basis = Vec::with_capacity(width);
    for column in (0..width).filter(|&c| Some(c) != without) {
        append(&mut basis, rows.iter().map(|row| row[column]).collect());
    }
    basis
}

fn append(basis: &mut Vec<Vec<f64>>, mut vector: Vec<f64>) {
    let before = norm(&vector);
    // Twice is enough for orthogonality to rounding (Kahan; Parlett 1980).
    for _ in 0..2 {
        for known in basis.iter() {
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
