//! What the search needs of a law: its logarithm with exact first and second derivatives, and
//! how it becomes linear once its exponents are known.

use crate::rows::Inputs;

/// ln of the predicted loss with its derivatives by the `K` coordinates of the search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jet<const K: usize> {
    pub ln_loss: f64,
    pub gradient: [f64; K],
    /// Only entries at or below the diagonal are filled.
    pub hessian: [[f64; K]; K],
}

/// A law as the search sees it. Coordinates are centred on the data, so that they are near one
/// and nearly independent; `values` gives them in the law's own units.
pub(crate) trait Form<const K: usize>: Sync {
    /// ln of the loss at an input (`x` as in [`crate::rows::Row::x`]).
    fn ln_loss(&self, at: &[f64; K], x: &Inputs) -> f64;

    /// The same with derivatives.
    fn jet(&self, at: &[f64; K], x: &Inputs) -> Jet<K>;

    /// Smallest and largest value of each coordinate.
    fn bounds(&self) -> [(f64, f64); K];

    /// The law's parameters in the order of its card.
    fn values(&self, at: &[f64; K]) -> Vec<f64>;

    /// The coordinates of a law with these parameters.
    fn coordinates(&self, values: &[f64]) -> [f64; K];

    /// Indices of coordinates as indices of the card's parameters.
    fn card_order(&self, coordinates: Vec<usize>) -> Vec<usize> {
        coordinates
    }

    /// Grids of the one or two parameters that the law is not linear in.
    fn exponent_grids(&self) -> [Vec<f64>; 2];

    /// The law made linear for given exponents, at one row: the factors of the coefficients,
    /// divided by what they should sum to. Unused factors are zero.
    fn linear(&self, exponents: [f64; 2], x: &Inputs, ln_loss: f64) -> Linear;

    /// How many coefficients [`Form::linear`] uses.
    fn coefficients(&self) -> usize;

    /// Coordinates from exponents and coefficients.
    fn assemble(&self, exponents: [f64; 2], coefficients: [f64; 3]) -> [f64; K];
}

/// One row of a linear system whose coefficients should make the factors sum to one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear {
    pub factors: [f64; 3],
    /// Residual of ln L for a small residual of the sum.
    pub gain: f64,
}

/// What the tests of every form ask of its derivatives.
#[cfg(test)]
pub(super) mod checks {
    use super::{Form, Inputs};

    /// Panics unless a form's value is that of its jet, whose first derivatives are those of
    /// differences within `tolerance` of each, and whose second ones are within ten times that.
    pub(in super::super) fn derivatives_are_those_of_differences<const K: usize>(
        form: &impl Form<K>,
        at: &[f64; K],
        x: &Inputs,
        tolerance: impl Fn(f64) -> f64,
    ) {
        let jet = form.jet(at, x);
        assert!((form.ln_loss(at, x) - jet.ln_loss).abs() < 1e-14);
        for k in 0..K {
            let moved = |by: f64| {
                let mut to = *at;
                to[k] += by;
                form.jet(&to, x)
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            let slope = (up.ln_loss - down.ln_loss) / 2e-5;
            assert!(
                (jet.gradient[k] - slope).abs() < tolerance(slope),
                "{k}: {} {slope}",
                jet.gradient[k]
            );
            for j in 0..=k {
                let bend = (up.gradient[j] - down.gradient[j]) / 2e-5;
                let found = jet.hessian[k][j];
                assert!(
                    (found - bend).abs() < 10.0 * tolerance(bend),
                    "{k} {j}: {found} {bend}"
                );
            }
        }
    }
}
