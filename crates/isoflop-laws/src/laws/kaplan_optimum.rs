//! Kaplan et al. 2020: N = 1.3e9 Cmin^0.73, B = 2.0e6 Cmin^0.24, Smin = 5.4e3 Cmin^0.03,
//! D = 2e10 Cmin^0.27 with Cmin in petaFLOP/s-days (8.64e19 FLOPs).
//!
//! N parameters without embeddings; B tokens per step at the critical batch; D tokens seen at
//! that batch, where C = 2 Cmin.

use super::source::KAPLAN_2020;
use crate::card::{Constant, Counts, LawCard, Parameter, PublishedFit};
use crate::formula::{allocate_size, law, parameters, quantity_or_error};
use crate::laws::kaplan_nd::WEB_TEXT;
use crate::{Allocation, BestAllocation, Flops, LawError, Params, Steps, Tokens};

/// Power laws of the best size, batch, steps and data in the least compute (Kaplan et al. 2020,
/// table 6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaplanOptimum {
    /// N at one petaFLOP/s-day, parameters without embeddings.
    pub n1: f64,
    /// Exponent of N.
    pub n_exponent: f64,
    /// B at one petaFLOP/s-day, tokens.
    pub b1: f64,
    /// Exponent of B.
    pub b_exponent: f64,
    /// Smin at one petaFLOP/s-day, steps.
    pub s1: f64,
    /// Exponent of Smin.
    pub s_exponent: f64,
    /// D at one petaFLOP/s-day, tokens.
    pub d1: f64,
    /// Exponent of D.
    pub d_exponent: f64,
}

parameters!(KaplanOptimum {
    n1,
    n_exponent,
    b1,
    b_exponent,
    s1,
    s_exponent,
    d1,
    d_exponent
});
law!(KaplanOptimum, with best_allocation: BestAllocation);

impl KaplanOptimum {
    /// Kaplan et al. 2020, table 6.
    pub const KAPLAN_2020: Self = Self {
        n1: 1.3e9,
        n_exponent: 0.73,
        b1: 2.0e6,
        b_exponent: 0.24,
        s1: 5.4e3,
        s_exponent: 0.03,
        d1: 2e10,
        d_exponent: 0.27,
    };

    fn at<Q: TryFrom<f64>>(
        &self,
        what: &'static str,
        (scale, exponent): (f64, f64),
        min_flops: Flops,
    ) -> Result<Q, LawError> {
        let value = scale * (min_flops.get() / Flops::PER_PF_DAY).powf(exponent);
        quantity_or_error(&CARD, what, value, || format!("Cmin = {min_flops}"))
    }

    /// The best N, parameters without embeddings.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn params(&self, min_flops: Flops) -> Result<Params, LawError> {
        self.at("parameters", (self.n1, self.n_exponent), min_flops)
    }

    /// The best batch, tokens per step.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn batch(&self, min_flops: Flops) -> Result<Tokens, LawError> {
        self.at("tokens per step", (self.b1, self.b_exponent), min_flops)
    }

    /// The fewest steps, with a batch far above the critical size.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn min_steps(&self, min_flops: Flops) -> Result<Steps, LawError> {
        self.at("steps", (self.s1, self.s_exponent), min_flops)
    }

    /// Tokens seen when training at the critical batch, which takes 2 Cmin.
    ///
    /// # Errors
    /// [`LawError::NoValue`] where the formula gives no positive finite number.
    pub fn tokens(&self, min_flops: Flops) -> Result<Tokens, LawError> {
        self.at("tokens", (self.d1, self.d_exponent), min_flops)
    }
}

impl BestAllocation for KaplanOptimum {
    /// N from Cmin = `flops`, and D = C / 6N, so that both schools are compared at C = 6ND.
    fn best(&self, flops: Flops) -> Result<Allocation, LawError> {
        allocate_size(&CARD, self.params(flops)?.ln(), flops)
    }
}

/// What the catalogue says about [`KaplanOptimum`].
pub static CARD: LawCard = LawCard {
    name: "kaplan-optimum",
    title: "Best size, batch, steps and data for a compute budget",
    formula: "N = N1 Cmin^n; B = B1 Cmin^b; Smin = S1 Cmin^s; D = D1 Cmin^d",
    units: "N parameters without embeddings; B tokens per step; Smin steps; D tokens seen at the critical batch, where C = 2 Cmin; Cmin petaFLOP/s-days of 8.64e19 FLOPs",
    log_base: "e",
    citation: KAPLAN_2020.at("eq. 1.8, table 6"),
    parameters: &[
        Parameter::new("N1", "non-embedding parameters", "best size at one PF-day"),
        Parameter::new("n", "1", "exponent of size"),
        Parameter::new("B1", "tokens", "best batch at one PF-day"),
        Parameter::new("b", "1", "exponent of batch"),
        Parameter::new("S1", "steps", "fewest steps at one PF-day"),
        Parameter::new("s", "1", "exponent of steps"),
        Parameter::new("D1", "tokens", "tokens seen at one PF-day"),
        Parameter::new("d", "1", "exponent of data"),
    ],
    published: &[PublishedFit {
        name: "kaplan-2020-optimum",
        citation: KAPLAN_2020.at("table 6"),
        counts: Counts::NON_EMBEDDING,
        fitted_on: WEB_TEXT,
        constants: &[
            Constant::printed("N1", 1.3e9),
            Constant::printed("n", 0.73),
            Constant::printed("B1", 2.0e6),
            Constant::printed("b", 0.24),
            Constant::printed("S1", 5.4e3),
            Constant::printed("s", 0.03),
            Constant::printed("D1", 2e10),
            Constant::printed("d", 0.27),
        ],
        note: "Ten times the compute: 5.4 times the size, 1.9 times the data; Hoffmann et al. quote 5.5 and 1.8.",
    }],
    valid: "Up to about 1e4 PF-days, where the paper's own laws of compute and of data cross.",
    criticism: &[
        "The exponent 0.73 follows from counting parameters without embeddings at small scale (Pearce & Song 2024).",
        "Last-layer cost left out, warm-up too long for small runs, hyperparameters not tuned by size: corrected, the exponent is 0.50 (Porian et al. 2024).",
        "One schedule length for all runs (Hoffmann et al. 2022).",
    ],
    build: |values| Ok(Box::new(KaplanOptimum::from_values(values)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{assert_near, flops};

    const LAW: KaplanOptimum = KaplanOptimum::KAPLAN_2020;

    #[test]
    fn ten_times_the_compute_buys_five_times_the_size_and_twice_the_data() {
        let (one, ten) = (flops(Flops::PER_PF_DAY), flops(10.0 * Flops::PER_PF_DAY));
        let size = LAW.params(ten).unwrap().get() / LAW.params(one).unwrap().get();
        let data = LAW.tokens(ten).unwrap().get() / LAW.tokens(one).unwrap().get();
        assert_near(size, 5.37, 0.005);
        assert_near(data, 1.86, 0.005);
    }

    #[test]
    fn size_batch_and_steps_multiply_to_the_least_compute() {
        let one = flops(Flops::PER_PF_DAY);
        let product = 6.0
            * LAW.params(one).unwrap().get()
            * LAW.batch(one).unwrap().get()
            * LAW.min_steps(one).unwrap().get();
        // The printed constants have two digits.
        assert_near(product / one.get(), 1.0, 0.03);
    }
}
