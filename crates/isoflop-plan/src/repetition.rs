//! A ceiling on unique tokens: repeated data and the sizes it can feed count for less.

use crate::surface::{Surface, SurfaceError, size_for};
use isoflop_laws::{Flops, Loss, Params, Tokens};

/// Epochs after which repeated tokens have lost most of their worth, R*_D
/// (Muennighoff et al. 2023, section 6; value of their published fit).
pub const REPEATED_TOKENS: f64 = 15.387_756;
/// The same for parameters beyond those that the unique tokens can feed, R*_N.
pub const EXCESS_PARAMS: f64 = 5.309_743;

/// A surface under a ceiling on unique tokens U.
///
/// L(N', D') with D' = U + U R*_D (1 − e^(−R_D/R*_D)), R_D = D/U − 1, and N' likewise from
/// U_N, the size for which U is the best amount of data (Muennighoff et al. 2023, eqs. 5 and 6).
#[derive(Debug, Clone)]
pub struct Repeated<S> {
    surface: S,
    unique: Tokens,
    fed: Params,
}

impl<S: Surface> Repeated<S> {
    /// Puts `surface` under the ceiling `unique`.
    ///
    /// # Errors
    /// [`SurfaceError::NeverBest`] if there is no size for which `unique` is the best data.
    pub fn new(surface: S, unique: Tokens) -> Result<Self, SurfaceError> {
        let fed = size_for(&surface, unique)?.params;
        Ok(Self {
            surface,
            unique,
            fed,
        })
    }

    /// What D tokens are worth, in unique ones.
    #[must_use]
    pub fn effective_tokens(&self, tokens: Tokens) -> Tokens {
        let worth = worth(tokens.get(), self.unique.get(), REPEATED_TOKENS);
        Tokens::new(worth).unwrap_or(tokens)
    }
}

fn worth(amount: f64, unique: f64, half_life: f64) -> f64 {
    if amount <= unique {
        return amount;
    }
    let repeats = amount / unique - 1.0;
    unique + unique * half_life * (1.0 - (-repeats / half_life).exp())
}

impl<S: Surface> Surface for Repeated<S> {
    fn loss(&self, params: Params, tokens: Tokens) -> Option<Loss> {
        let params = Params::new(worth(params.get(), self.fed.get(), EXCESS_PARAMS)).ok()?;
        self.surface.loss(params, self.effective_tokens(tokens))
    }

    /// What the law states holds without repetition only.
    fn stated_best(&self, flops: Flops) -> Option<Params> {
        let params = self.surface.stated_best(flops)?;
        let tokens = flops.get() / 6.0 / params.get();
        (tokens <= self.unique.get()).then_some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::optimum;
    use crate::surface::tests::additive;

    /// Constants of the published fit, Muennighoff et al. 2023.
    fn muennighoff() -> impl Surface {
        let (ln_a, ln_b, ln_e, exponent) =
            (6.255_414f64, 7.304_997_4f64, 0.625_480_4f64, 0.352_659_6);
        additive(ln_e.exp(), ln_a.exp(), ln_b.exp(), exponent, exponent)
    }

    fn tokens(count: f64) -> Tokens {
        Tokens::new(count).unwrap()
    }

    #[test]
    fn repeated_data_counts_as_in_the_published_fit() {
        // Computed from the published constants for N = 1e9, U = 1e10.
        let surface = Repeated::new(muennighoff(), tokens(1e10)).unwrap();
        for (seen, loss) in [(1e10, 2.6659), (4e10, 2.5017), (4e11, 2.3930)] {
            let found = surface
                .loss(Params::new(1e9).unwrap(), tokens(seen))
                .unwrap();
            assert!((found.get() - loss).abs() < 5e-5, "{seen:e}: {found}");
        }
    }

    #[test]
    fn four_epochs_are_nearly_as_good_as_new_data() {
        // Muennighoff et al. 2023, abstract.
        let surface = Repeated::new(muennighoff(), tokens(1e11)).unwrap();
        let worth = surface.effective_tokens(tokens(4e11)).get() / 4e11;
        assert!((0.9..1.0).contains(&worth), "{worth}");
    }

    #[test]
    fn a_ceiling_that_does_not_bind_changes_nothing() {
        let flops = Flops::new(1e21).unwrap();
        let free = optimum(&muennighoff(), flops).unwrap();
        let surface = Repeated::new(muennighoff(), tokens(1e15)).unwrap();
        assert_eq!(optimum(&surface, flops).unwrap(), free);
    }

    #[test]
    fn a_ceiling_that_binds_costs_loss() {
        let flops = Flops::new(1e23).unwrap();
        let free = optimum(&muennighoff(), flops).unwrap();
        let surface = Repeated::new(muennighoff(), tokens(1e10)).unwrap();
        let bound = optimum(&surface, flops).unwrap();
        assert!(bound.loss > free.loss);
        assert!(bound.tokens > tokens(1e10), "repeats rather than stops");
    }
}
