//! The order in which a trainer sees its tokens.

use crate::error::CorpusError;
use crate::permutation::{Permutation, mix};
use isoflop_laws::Tokens;

/// Windows of `context + 1` tokens, in an order that depends on the seed alone.
///
/// Each epoch cuts the tokens into windows that overlap by one token, so that every token is
/// predicted at most once in an epoch, starting from an offset of its own; and shuffles them. Any
/// window of any step costs constant time, so that training resumes anywhere, and the order is
/// the same on any number of threads.
///
/// ```
/// # use isoflop_corpus::TrainingWindows;
/// let tokens: Vec<u16> = (0..1000).collect();
/// let windows = TrainingWindows::new(&tokens, 16, 4, 7)?;
/// for step in 0..3 {
///     for index in 0..windows.batch() {
///         let window = windows.window(step, index);
///         let (inputs, targets) = (&window[..16], &window[1..]);
///         assert_eq!(targets[0], inputs[0] + 1);
///     }
/// }
/// # Ok::<(), isoflop_corpus::CorpusError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrainingWindows<'t> {
    tokens: &'t [u16],
    context: usize,
    batch: usize,
    seed: u64,
    windows_per_epoch: u64,
}

impl<'t> TrainingWindows<'t> {
    /// Windows over `tokens`, `batch` of them in each step.
    ///
    /// # Errors
    /// [`CorpusError::TooFewTokens`] if there are fewer than two contexts of tokens;
    /// [`CorpusError::Option`] for a context or batch of zero.
    pub fn new(
        tokens: &'t [u16],
        context: usize,
        batch: usize,
        seed: u64,
    ) -> Result<Self, CorpusError> {
        require_positive("context", context)?;
        require_positive("batch", batch)?;
        let needed = context.saturating_mul(2);
        if tokens.len() < needed {
            let tokens = tokens.len();
            return Err(CorpusError::TooFewTokens {
                split: "training",
                tokens,
                needed,
                context,
            });
        }
        // The largest offset is `context - 1`, and all epochs have the same number of windows, so
        // that the epoch of a window is found by division.
        let windows_per_epoch = ((tokens.len() - context) / context) as u64;
        Ok(Self {
            tokens,
            context,
            batch,
            seed,
            windows_per_epoch,
        })
    }

    /// Window `index` of the batch of `step`: `context + 1` tokens, of which the first `context`
    /// are inputs and the last `context` are targets.
    #[must_use]
    pub fn window(&self, step: u64, index: usize) -> &'t [u16] {
        let start = self.window_start(step, index);
        &self.tokens[start..=start + self.context]
    }

    fn window_start(&self, step: u64, index: usize) -> usize {
        let number = step
            .wrapping_mul(self.batch as u64)
            .wrapping_add(index as u64);
        let (epoch, position) = (
            number / self.windows_per_epoch,
            number % self.windows_per_epoch,
        );
        let key = mix(self.seed, epoch);
        let offset = mix(key, 0) % self.context as u64;
        let place = Permutation::new(self.windows_per_epoch, key).at(position);
        (offset + place * self.context as u64) as usize
    }

    /// Windows in each step.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Tokens predicted in each window.
    #[must_use]
    pub fn context(&self) -> usize {
        self.context
    }

    /// Tokens predicted in each epoch: more than these are repetition.
    #[must_use]
    pub fn tokens_per_epoch(&self) -> Tokens {
        Self::positive(self.windows_per_epoch * self.context as u64)
    }

    /// Unique tokens U among those predicted in `steps` steps (at least one).
    #[must_use]
    pub fn unique_tokens(&self, steps: u64) -> Tokens {
        let windows = steps.max(1).saturating_mul(self.batch as u64);
        Self::positive(windows.min(self.windows_per_epoch) * self.context as u64)
    }

    fn positive(tokens: u64) -> Tokens {
        Tokens::new(tokens as f64).expect("contexts and epochs are not empty, by construction")
    }

    /// Epochs (whole and part) that `steps` steps take.
    #[must_use]
    pub fn epochs(&self, steps: u64) -> f64 {
        steps as f64 * self.batch as f64 / self.windows_per_epoch as f64
    }
}

pub(crate) fn require_positive(option: &'static str, value: usize) -> Result<(), CorpusError> {
    let given = value.to_string();
    let expected = "a whole number of at least 1";
    if value == 0 {
        Err(CorpusError::Option {
            option,
            given,
            expected,
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rayon::prelude::*;

    fn numbered(len: usize) -> Vec<u16> {
        (0..len).map(|i| i as u16).collect()
    }

    proptest! {
        #[test]
        fn an_epoch_predicts_no_token_twice_and_leaves_out_less_than_two_windows(
            len in 8usize..5000, context in 1usize..64, batch in 1usize..9, seed: u64, epoch in 0u64..5,
        ) {
            prop_assume!(len >= 2 * context);
            let tokens = numbered(len);
            let windows = TrainingWindows::new(&tokens, context, batch, seed).unwrap();
            let first = epoch * windows.windows_per_epoch;
            let mut seen = vec![false; len];
            for number in first..first + windows.windows_per_epoch {
                let (step, index) = (number / batch as u64, (number % batch as u64) as usize);
                let window = windows.window(step, index);
                prop_assert_eq!(window.len(), context + 1);
                for target in &window[1..] {
                    prop_assert!(!std::mem::replace(&mut seen[usize::from(*target)], true));
                }
            }
            let unseen = seen.iter().filter(|seen| !**seen).count();
            prop_assert!(unseen < 2 * context + 1);
        }

        #[test]
        fn a_window_is_a_run_of_the_tokens(step: u64, index in 0usize..16, seed: u64) {
            let tokens = numbered(10_000);
            let windows = TrainingWindows::new(&tokens, 32, 16, seed).unwrap();
            let window = windows.window(step, index);
            prop_assert!(window.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
    }

    #[test]
    fn the_order_is_the_same_on_several_threads_and_from_any_step() {
        let tokens = numbered(20_000);
        let windows = TrainingWindows::new(&tokens, 16, 8, 3).unwrap();
        let one_by_one: Vec<_> = (0..400).map(|step| windows.window(step, 5)).collect();
        let in_parallel: Vec<_> = (0..400)
            .into_par_iter()
            .map(|step| windows.window(step, 5))
            .collect();
        assert_eq!(one_by_one, in_parallel);
        let resumed = TrainingWindows::new(&tokens, 16, 8, 3).unwrap();
        assert_eq!(resumed.window(399, 5), one_by_one[399]);
    }

    #[test]
    fn seeds_and_epochs_have_orders_of_their_own() {
        let tokens = numbered(5_000);
        let starts = |seed, epoch| -> Vec<usize> {
            let windows = TrainingWindows::new(&tokens, 10, 1, seed).unwrap();
            let first = epoch * windows.windows_per_epoch;
            (first..first + windows.windows_per_epoch)
                .map(|n| windows.window_start(n, 0))
                .collect()
        };
        assert_ne!(starts(1, 0), starts(2, 0));
        assert_ne!(starts(1, 0), starts(1, 1));
        assert_eq!(starts(1, 1), starts(1, 1));
    }

    #[test]
    fn unique_tokens_stop_growing_after_an_epoch() {
        let tokens = numbered(1_000);
        let windows = TrainingWindows::new(&tokens, 10, 4, 0).unwrap();
        assert_eq!(windows.tokens_per_epoch().get(), 990.0);
        let unique = [1, 24, 25, 1000].map(|steps| windows.unique_tokens(steps).get());
        assert_eq!(unique, [40.0, 960.0, 990.0, 990.0]);
        assert!((windows.epochs(99) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn impossible_shapes_are_refused() {
        let tokens = numbered(100);
        assert!(TrainingWindows::new(&tokens, 50, 4, 0).is_ok());
        for (context, batch) in [(51, 4), (usize::MAX, 4), (0, 4), (10, 0)] {
            assert!(TrainingWindows::new(&tokens, context, batch, 0).is_err());
        }
    }
}
