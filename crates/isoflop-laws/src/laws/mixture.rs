//! Ye et al. 2024, data mixtures: L_i(r) = c_i + k_i exp(Σ_j t_ij r_j), the loss on domain i of a
//! model trained on the shares r of the domains j.
//!
//! L in nats per token, one model size and amount of data, natural logarithms. The constants are
//! of one set of domains each; none is published for use elsewhere.

use super::source::YE_2024;
use crate::card::{LawCard, Parameter};
use crate::formula::{check_finite, loss_or_error, wrong_count};
use crate::{Law, LawError, Loss};

/// L_i(r) = c_i + k_i exp(Σ_j t_ij r_j) for one domain i (Ye et al. 2024, eq. 6).
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// c_i, nats per token: loss that no mixture lowers.
    pub c: f64,
    /// k_i, nats per token: scale of what the mixture changes.
    pub k: f64,
    /// t_ij: how domain j's share changes the loss on domain i; negative where it helps.
    pub t: Vec<f64>,
}

/// The loss on one domain and its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureGradient {
    /// L_i, nats per token.
    pub loss: Loss,
    /// By each share r_j.
    pub by_share: Vec<f64>,
    /// By c_i, k_i, then each t_ij.
    pub by_parameter: Vec<f64>,
}

impl Mixture {
    /// The law with c, k and then one t for each domain.
    ///
    /// # Errors
    /// [`LawError::WrongCount`] for fewer than three values, [`LawError::NotFinite`] for a value
    /// that is no number.
    pub fn from_values(values: &[f64]) -> Result<Self, LawError> {
        check_finite(&CARD, values)?;
        match values {
            [c, k, t @ ..] if !t.is_empty() => Ok(Self {
                c: *c,
                k: *k,
                t: t.to_vec(),
            }),
            _ => Err(wrong_count(&CARD, values.len())),
        }
    }

    /// The loss for these shares of the domains, with exact derivatives.
    ///
    /// # Errors
    /// [`LawError::NoShares`] unless there is one share from 0 to 1 for each domain and they sum
    /// to one; [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn gradient(&self, shares: &[f64]) -> Result<MixtureGradient, LawError> {
        self.check(shares)?;
        let exponent: f64 = self.t.iter().zip(shares).map(|(t, share)| t * share).sum();
        let factor = exponent.exp();
        let loss = loss_or_error(&CARD, self.c + self.k * factor, || {
            format!("shares {shares:?}")
        })?;
        let of_t = shares.iter().map(|share| self.k * factor * share);
        Ok(MixtureGradient {
            loss,
            by_share: self.t.iter().map(|t| self.k * factor * t).collect(),
            by_parameter: [1.0, factor].into_iter().chain(of_t).collect(),
        })
    }

    fn check(&self, shares: &[f64]) -> Result<(), LawError> {
        let sum: f64 = shares.iter().sum();
        let each = shares.iter().all(|share| (0.0..=1.0).contains(share));
        if shares.len() == self.t.len() && each && (sum - 1.0).abs() < 1e-6 {
            return Ok(());
        }
        Err(LawError::NoShares {
            law: CARD.name,
            domains: self.t.len(),
            found: shares.len(),
            sum,
        })
    }
}

impl Law for Mixture {
    fn card(&self) -> &'static LawCard {
        &CARD
    }
    fn values(&self) -> Vec<f64> {
        [self.c, self.k].into_iter().chain(self.t.clone()).collect()
    }
}

/// What the catalogue says about [`Mixture`].
pub static CARD: LawCard = LawCard {
    name: "mixture",
    title: "Loss on a domain from the shares of the domains in training",
    formula: "L_i(r) = c_i + k_i exp(Σ_j t_ij r_j)",
    units: "L_i nats per token on domain i; r_j share of domain j in training, from 0 to 1; one t more for each further domain; one model size and amount of data",
    log_base: "e",
    citation: YE_2024.at("eq. 6"),
    parameters: &[
        Parameter::new("c", "nats per token", "loss that no mixture lowers"),
        Parameter::new("k", "nats per token", "scale of what the mixture changes"),
        Parameter::new(
            "t1",
            "1",
            "effect of the first domain's share, negative where it helps",
        ),
    ],
    published: &[],
    valid: "Shares within those of the fitted runs, at one model size and amount of data.",
    criticism: &[
        "Says nothing of size and data: the paper nests it in laws of steps and size, whose errors add up.",
        "The best mixture moves with the amount of data, because small domains are repeated.",
    ],
    build: |values| Ok(Box::new(Mixture::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::assert_near;

    fn law() -> Mixture {
        Mixture::from_values(&[1.5, 2.0, -1.2, 0.3, -0.1]).unwrap()
    }

    #[test]
    fn more_of_a_domain_lowers_the_loss_on_it_and_ever_less() {
        let at = |r: f64| {
            let rest = (1.0 - r) / 2.0;
            law().gradient(&[r, rest, rest]).unwrap().loss.get()
        };
        assert_near(at(1.0), 1.5 + 2.0 * (-1.2f64).exp(), 1e-12);
        assert!(at(0.1) - at(0.2) > at(0.8) - at(0.9) && at(0.9) < at(0.8));
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let shares = [0.5, 0.3, 0.2];
        let exact = law().gradient(&shares).unwrap();
        let h = 1e-6;
        for index in 0..5 {
            let moved = |by: f64| {
                let mut values = law().values();
                values[index] += by;
                let law = Mixture::from_values(&values).unwrap();
                law.gradient(&shares).unwrap().loss.get()
            };
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            assert_near(exact.by_parameter[index], difference, 1e-8);
        }
        // Along the simplex: what the first domain gains the second loses.
        let along = |by: f64| {
            let moved = [shares[0] + by, shares[1] - by, shares[2]];
            law().gradient(&moved).unwrap().loss.get()
        };
        let difference = (along(h) - along(-h)) / (2.0 * h);
        assert_near(exact.by_share[0] - exact.by_share[1], difference, 1e-8);
    }

    #[test]
    fn shares_that_are_no_mixture_are_refused_with_a_sentence() {
        for shares in [&[0.5, 0.5][..], &[0.5, 0.4, 0.2], &[1.5, -0.5, 0.0]] {
            let error = law().gradient(shares).unwrap_err().to_string();
            assert!(
                error.contains("mixture") && error.contains("sum"),
                "{error}"
            );
        }
    }
}
