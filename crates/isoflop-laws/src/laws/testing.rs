//! What the laws' tests share.

use crate::{Flops, LawCard, Params, Tokens};

pub(crate) fn params(value: f64) -> Params {
    Params::new(value).unwrap()
}

pub(crate) fn tokens(value: f64) -> Tokens {
    Tokens::new(value).unwrap()
}

pub(crate) fn flops(value: f64) -> Flops {
    Flops::new(value).unwrap()
}

#[track_caller]
pub(crate) fn assert_near(found: f64, expected: f64, within: f64) {
    assert!(
        (found - expected).abs() <= within,
        "{found} is not within {within} of {expected}"
    );
}

/// The size that a number is judged by: its own, unless it is zero.
fn own_size(x: f64) -> f64 {
    if x == 0.0 { 1e-2 } else { x.abs() }
}

/// Central difference of `f` at `x`, with a step that suits the size of `x`.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let step = 1e-5 * own_size(x);
    (f(x + step) - f(x - step)) / (2.0 * step)
}

#[track_caller]
fn assert_slope(exact: f64, difference: f64, scale: f64, what: &str) {
    let tolerance = 2e-5 * exact.abs() + 1e-7 * scale;
    assert!(
        (exact - difference).abs() <= tolerance,
        "{what}: exact {exact}, by differences {difference}"
    );
}

/// Compares a surface's exact gradient with central differences.
#[track_caller]
pub(crate) fn check_surface_gradient(card: &LawCard, values: &[f64], n: f64, d: f64) {
    let loss = |values: &[f64], ln_n: f64, ln_d: f64| {
        let law = card.law(values).unwrap();
        let surface = law.surface().unwrap();
        let loss = surface.loss(params(ln_n.exp()), tokens(ln_d.exp()));
        loss.unwrap().get()
    };
    let (ln_n, ln_d) = (n.ln(), d.ln());
    let law = card.law(values).unwrap();
    let exact = law
        .surface()
        .unwrap()
        .gradient(params(n), tokens(d))
        .unwrap();
    let scale = exact.loss.get();
    assert_near(scale, loss(values, ln_n, ln_d), 1e-12 * scale);
    assert_slope(
        exact.by_ln_input[0],
        slope(|x| loss(values, x, ln_d), ln_n),
        scale,
        "ln N",
    );
    assert_slope(
        exact.by_ln_input[1],
        slope(|x| loss(values, ln_n, x), ln_d),
        scale,
        "ln D",
    );
    check_parameter_slopes(card, values, &exact.by_parameter, scale, |values| {
        loss(values, ln_n, ln_d)
    });
}

/// Compares a curve's exact gradient with central differences.
#[track_caller]
pub(crate) fn check_curve_gradient(card: &LawCard, values: &[f64], x: f64) {
    let loss = |values: &[f64], ln_x: f64| {
        let law = card.law(values).unwrap();
        let gradient = law.curve().unwrap().gradient_at(ln_x.exp()).unwrap();
        gradient.loss.get()
    };
    let law = card.law(values).unwrap();
    let exact = law.curve().unwrap().gradient_at(x).unwrap();
    let scale = exact.loss.get();
    let by_input = slope(|ln_x| loss(values, ln_x), x.ln());
    assert_slope(exact.by_ln_input[0], by_input, scale, "ln x");
    check_parameter_slopes(card, values, &exact.by_parameter, scale, |values| {
        loss(values, x.ln())
    });
}

#[track_caller]
fn check_parameter_slopes(
    card: &LawCard,
    values: &[f64],
    exact: &[f64],
    scale: f64,
    loss: impl Fn(&[f64]) -> f64,
) {
    assert_eq!(exact.len(), values.len());
    for (index, &value) in values.iter().enumerate() {
        let moved = |x: f64| {
            let mut values = values.to_vec();
            values[index] = x;
            loss(&values)
        };
        let size = own_size(value);
        // Per unit of the parameter's own size, so that one tolerance serves all.
        let symbol = card.parameters[index].symbol;
        assert_slope(
            exact[index] * size,
            slope(moved, value) * size,
            scale,
            symbol,
        );
    }
}
