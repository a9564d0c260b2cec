//! What every law can do, and why it sometimes cannot.

use crate::{Flops, LawCard, Loss, Params, Tokens};

/// Why a law has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LawError {
    /// The law needs another number of parameter values.
    #[error(
        "law `{law}` has {expected} parameters ({symbols}), and {found} values were given: give one value for each"
    )]
    WrongCount {
        /// The law's name.
        law: &'static str,
        /// How many values it needs.
        expected: usize,
        /// How many were given.
        found: usize,
        /// The parameters' symbols.
        symbols: String,
    },
    /// A parameter's value is infinite or not a number.
    #[error(
        "parameter `{symbol}` of law `{law}` is {value}: give a finite number, as every published fit does"
    )]
    NotFinite {
        /// The law's name.
        law: &'static str,
        /// The parameter's symbol.
        symbol: &'static str,
        /// The value as given.
        value: f64,
    },
    /// The formula gives no positive finite number.
    #[error(
        "law `{law}` gives {value} {what} at {at}, which is no positive finite number: stay within the range it was fitted on, or check its parameters"
    )]
    NoValue {
        /// The law's name.
        law: &'static str,
        /// What was being computed, such as `nats per token`.
        what: &'static str,
        /// Where.
        at: String,
        /// What came out.
        value: f64,
    },
    /// The law has no smallest loss at a finite size.
    #[error(
        "law `{law}` has no best size with {reason}: both loss terms must be positive and fall with N and D"
    )]
    NoOptimum {
        /// The law's name.
        law: &'static str,
        /// Which values rule it out.
        reason: String,
    },
    /// Numbers are not the shares of a mixture.
    #[error(
        "law `{law}` needs one share from 0 to 1 for each of its {domains} domains, and {found} were given that sum to {sum}: give shares that sum to 1"
    )]
    NoShares {
        /// The law's name.
        law: &'static str,
        /// How many domains it has.
        domains: usize,
        /// How many shares were given.
        found: usize,
        /// What they sum to.
        sum: f64,
    },
}

/// A loss with its exact derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct LossGradient {
    /// The loss, nats per token.
    pub loss: Loss,
    /// dL / d ln x for each input, in the inputs' order: (ln N, ln D), or (ln C).
    pub by_ln_input: Vec<f64>,
    /// dL / dp for each parameter, in the order of [`LawCard::parameters`].
    pub by_parameter: Vec<f64>,
}

impl LossGradient {
    /// d ln L / d ln x for each input: what a factor buys, here.
    #[must_use]
    pub fn elasticities(&self) -> Vec<f64> {
        let loss = self.loss.get();
        self.by_ln_input.iter().map(|slope| slope / loss).collect()
    }
}

/// A law with values for its parameters.
pub trait Law: std::fmt::Debug + Send + Sync {
    /// Name, formula, units, source, published constants, criticism.
    fn card(&self) -> &'static LawCard;

    /// The parameters' values, in the order of [`LawCard::parameters`].
    fn values(&self) -> Vec<f64>;

    /// The law as a loss over size and data, if it is one.
    fn surface(&self) -> Option<&dyn LossSurface> {
        None
    }

    /// The law as a closed form for the best size and data of a budget, if it is one.
    fn best_allocation(&self) -> Option<&dyn BestAllocation> {
        None
    }

    /// The law as a loss over one quantity, if it is one.
    fn curve(&self) -> Option<&dyn LossCurve> {
        None
    }
}

/// A law that predicts the loss from model size and data.
///
/// N is counted as the fit says that the values came from ([`crate::Counts`]).
pub trait LossSurface: Law {
    /// L(N, D), nats per token.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    fn loss(&self, params: Params, tokens: Tokens) -> Result<Loss, LawError>;

    /// L(N, D) and its exact derivatives by (ln N, ln D) and by each parameter.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    fn gradient(&self, params: Params, tokens: Tokens) -> Result<LossGradient, LawError>;
}

/// What a curve's one input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CurveInput {
    /// Model size N, parameters.
    Params,
    /// Data D, tokens.
    Tokens,
    /// Compute C, FLOPs.
    Flops,
}

/// A law that predicts the loss from one quantity, [`LossCurve::input`].
pub trait LossCurve: Law {
    /// Which quantity the loss is a function of.
    fn input(&self) -> CurveInput;

    /// The loss at the input's number `x` and its exact derivatives by ln x and each parameter.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where `x` is not positive or the formula gives no positive finite
    /// number.
    fn gradient_at(&self, x: f64) -> Result<LossGradient, LawError>;

    /// The loss for a run of this size, data and compute.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    fn loss_of(&self, params: Params, tokens: Tokens, flops: Flops) -> Result<Loss, LawError> {
        let x = match self.input() {
            CurveInput::Params => params.get(),
            CurveInput::Tokens => tokens.get(),
            CurveInput::Flops => flops.get(),
        };
        Ok(self.gradient_at(x)?.loss)
    }
}

/// A law that says in closed form which size and data are best for a budget.
pub trait BestAllocation: Law {
    /// The best N and D for this compute.
    ///
    /// # Errors
    /// [`LawError::NoOptimum`] where the law has none, [`LawError::NoValue`] where N or D is
    /// too large for a number.
    fn best(&self, flops: Flops) -> Result<Allocation, LawError>;
}

/// The size and data that a law calls best for a budget.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Allocation {
    /// Model size N.
    pub params: Params,
    /// Training tokens D.
    pub tokens: Tokens,
    /// Training compute C.
    pub flops: Flops,
}

impl Allocation {
    /// D / N.
    #[must_use]
    pub fn tokens_per_param(&self) -> f64 {
        self.tokens.get() / self.params.get()
    }
}

impl std::fmt::Display for CurveInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CurveInput::Params => "N",
            CurveInput::Tokens => "D",
            CurveInput::Flops => "C",
        })
    }
}
