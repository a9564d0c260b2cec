//! From a formula that is written once to a loss with exact derivatives.

use crate::dual::{Dual, Real};
use crate::{Allocation, CurveInput, Flops, LawCard, LawError, Loss, LossGradient, Params, Tokens};

/// The formula of a law L(N, D) with `K` parameters, in the order of the card's parameters.
pub(crate) trait SurfaceFormula<const K: usize> {
    fn formula<R: Real>(&self, parameters: [R; K], ln_params: R, ln_tokens: R) -> R;
}

/// The formula of a law in one quantity with `K` parameters, in the order of the card's.
pub(crate) trait CurveFormula<const K: usize> {
    fn formula<R: Real>(&self, parameters: [R; K], ln_x: R) -> R;
}

/// Values for the parameters of `card`, each finite, as an array.
pub(crate) fn checked<const K: usize>(
    card: &LawCard,
    values: &[f64],
) -> Result<[f64; K], LawError> {
    let array: [f64; K] = values
        .try_into()
        .map_err(|_| wrong_count(card, values.len()))?;
    check_finite(card, values)?;
    Ok(array)
}

pub(crate) fn wrong_count(card: &LawCard, found: usize) -> LawError {
    let symbols: Vec<_> = card.parameters.iter().map(|p| p.symbol).collect();
    LawError::WrongCount {
        law: card.name,
        expected: card.parameters.len(),
        found,
        symbols: symbols.join(", "),
    }
}

pub(crate) fn check_finite(card: &LawCard, values: &[f64]) -> Result<(), LawError> {
    let bad = values.iter().position(|value| !value.is_finite());
    match bad {
        None => Ok(()),
        Some(index) => Err(LawError::NotFinite {
            law: card.name,
            symbol: card.parameters.get(index).map_or("?", |p| p.symbol),
            value: values[index],
        }),
    }
}

/// A loss, if the number can be one.
pub(crate) fn loss_or_error(
    card: &LawCard,
    value: f64,
    at: impl FnOnce() -> String,
) -> Result<Loss, LawError> {
    Loss::new(value).map_err(|_| LawError::NoValue {
        law: card.name,
        what: "nats per token",
        at: at(),
        value,
    })
}

pub(crate) fn point(params: Params, tokens: Tokens) -> String {
    format!("N = {params}, D = {tokens}")
}

/// A quantity that is no loss, if the number can be one.
pub(crate) fn quantity_or_error<Q: TryFrom<f64>>(
    card: &LawCard,
    what: &'static str,
    value: f64,
    at: impl FnOnce() -> String,
) -> Result<Q, LawError> {
    Q::try_from(value).map_err(|_| LawError::NoValue {
        law: card.name,
        what,
        at: at(),
        value,
    })
}

/// The best size N, with the data that C = 6ND leaves.
pub(crate) fn allocate_size(
    card: &LawCard,
    ln_params: f64,
    flops: Flops,
) -> Result<Allocation, LawError> {
    let at = || format!("C = {flops}");
    let ln_tokens = flops.ln() - 6f64.ln() - ln_params;
    Ok(Allocation {
        params: quantity_or_error(card, "parameters", ln_params.exp(), at)?,
        tokens: quantity_or_error(card, "tokens", ln_tokens.exp(), at)?,
        flops,
    })
}

/// Splits the derivatives of `result` into those by the first `k` variables, the parameters, and
/// those by the inputs that follow.
pub(crate) fn split<const W: usize>(
    card: &LawCard,
    result: Dual<W>,
    k: usize,
    at: impl FnOnce() -> String,
) -> Result<LossGradient, LawError> {
    let loss = loss_or_error(card, result.value, at)?;
    let (by_parameter, by_ln_input) = result.partials.split_at(k);
    Ok(LossGradient {
        loss,
        by_ln_input: by_ln_input.to_vec(),
        by_parameter: by_parameter.to_vec(),
    })
}

/// L(N, D) and its derivatives; `W` is `K` + 2.
pub(crate) fn surface_gradient<const K: usize, const W: usize>(
    card: &LawCard,
    law: &impl SurfaceFormula<K>,
    values: [f64; K],
    params: Params,
    tokens: Tokens,
) -> Result<LossGradient, LawError> {
    let inputs = [params.ln(), tokens.ln()];
    pair_gradient::<K, W>(card, law, values, inputs, || point(params, tokens))
}

/// The loss and its derivatives for a formula of any two logarithms; `W` is `K` + 2.
pub(crate) fn pair_gradient<const K: usize, const W: usize>(
    card: &LawCard,
    law: &impl SurfaceFormula<K>,
    values: [f64; K],
    inputs: [f64; 2],
    at: impl FnOnce() -> String,
) -> Result<LossGradient, LawError> {
    const { assert!(W == K + 2) };
    let parameters = std::array::from_fn(|index| Dual::<W>::variable(values[index], index));
    let first = Dual::variable(inputs[0], K);
    let second = Dual::variable(inputs[1], K + 1);
    split(card, law.formula(parameters, first, second), K, at)
}

/// The loss at `x` and its derivatives; `W` is `K` + 1.
pub(crate) fn curve_gradient<const K: usize, const W: usize>(
    card: &LawCard,
    law: &impl CurveFormula<K>,
    values: [f64; K],
    input: CurveInput,
    x: f64,
) -> Result<LossGradient, LawError> {
    const { assert!(W == K + 1) };
    let parameters = std::array::from_fn(|index| Dual::<W>::variable(values[index], index));
    let result = law.formula(parameters, Dual::variable(x.ln(), K));
    split(card, result, K, || format!("{input} = {x:e}"))
}

/// Implements `from_values` and `array` for a law whose parameters are its `f64` fields; other
/// fields, such as the unique tokens of a corpus, are named with their neutral value.
macro_rules! parameters {
    ($law:ident { $($field:ident),+ $(,)? } $(, beside { $($context:ident: $default:expr),+ })?) => {
        impl $law {
            /// The law with these values, in the order of its card's parameters.
            ///
            /// # Errors
            /// [`LawError`](crate::LawError) if one is missing, superfluous or not finite.
            pub fn from_values(values: &[f64]) -> Result<Self, $crate::LawError> {
                let [$($field),+] = $crate::formula::checked(&CARD, values)?;
                Ok(Self { $($field,)+ $($($context: $default,)+)? })
            }

            fn array(&self) -> [f64; [$(stringify!($field)),+].len()] {
                [$(self.$field),+]
            }
        }
    };
}

/// Implements [`Law`](crate::Law) alone, for a law that predicts something other than a loss.
macro_rules! law {
    ($law:ident $(, with $also:ident: $kind:ident)?) => {
        impl $crate::Law for $law {
            fn card(&self) -> &'static $crate::LawCard {
                &CARD
            }
            fn values(&self) -> Vec<f64> {
                self.array().to_vec()
            }
            $(fn $also(&self) -> Option<&dyn $crate::$kind> {
                Some(self)
            })?
        }
    };
}

/// Implements [`Law`](crate::Law) and [`LossSurface`](crate::LossSurface) for a law with a
/// [`SurfaceFormula`]; the width is its number of parameters plus two.
macro_rules! surface {
    ($law:ident, width $width:literal $(, with $also:ident: $kind:ident)?) => {
        impl $crate::Law for $law {
            fn card(&self) -> &'static $crate::LawCard {
                &CARD
            }
            fn values(&self) -> Vec<f64> {
                self.array().to_vec()
            }
            fn surface(&self) -> Option<&dyn $crate::LossSurface> {
                Some(self)
            }
            $(fn $also(&self) -> Option<&dyn $crate::$kind> {
                Some(self)
            })?
        }

        impl $crate::LossSurface for $law {
            fn loss(
                &self,
                params: $crate::Params,
                tokens: $crate::Tokens,
            ) -> Result<$crate::Loss, $crate::LawError> {
                use $crate::formula::SurfaceFormula;
                let value = self.formula(self.array(), params.ln(), tokens.ln());
                $crate::formula::loss_or_error(&CARD, value, || {
                    $crate::formula::point(params, tokens)
                })
            }
            fn gradient(
                &self,
                params: $crate::Params,
                tokens: $crate::Tokens,
            ) -> Result<$crate::LossGradient, $crate::LawError> {
                $crate::formula::surface_gradient::<{ $width - 2 }, $width>(
                    &CARD,
                    self,
                    self.array(),
                    params,
                    tokens,
                )
            }
        }
    };
}

/// Implements [`Law`](crate::Law) and [`LossCurve`](crate::LossCurve) for a law with a
/// [`CurveFormula`]; the width is its number of parameters plus one.
macro_rules! curve {
    ($law:ident, of $input:ident, width $width:literal) => {
        impl $crate::Law for $law {
            fn card(&self) -> &'static $crate::LawCard {
                &CARD
            }
            fn values(&self) -> Vec<f64> {
                self.array().to_vec()
            }
            fn curve(&self) -> Option<&dyn $crate::LossCurve> {
                Some(self)
            }
        }

        impl $crate::LossCurve for $law {
            fn input(&self) -> $crate::CurveInput {
                $crate::CurveInput::$input
            }
            fn gradient_at(&self, x: f64) -> Result<$crate::LossGradient, $crate::LawError> {
                $crate::formula::curve_gradient::<{ $width - 1 }, $width>(
                    &CARD,
                    self,
                    self.array(),
                    $crate::CurveInput::$input,
                    x,
                )
            }
        }
    };
}

pub(crate) use {curve, law, parameters, surface};
