//! The fixed windows on which every model of a ladder is measured.

use crate::error::CorpusError;
use crate::token_corpus::TokenSplit;
use crate::training_windows::require_positive;
use isoflop_laws::Loss;
use std::collections::HashMap;

/// Windows of the validation split, the same for every run.
///
/// The split is cut into windows of `context` targets, one after the other. Every document gives
/// one window before any gives a second, and so on: losses within a document are not independent,
/// so that many documents make a smaller standard error than many windows of few. Windows of equal
/// rank are spread evenly over the whole split by the van der Corput sequence; a set of 100
/// windows is the beginning of a set of 200.
#[derive(Debug, Clone)]
pub struct ValidationSet<'t> {
    /// Tokens predicted in each window.
    pub context: usize,
    /// The windows.
    pub windows: Vec<ValidationWindow<'t>>,
}

/// `context + 1` tokens, and where they are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidationWindow<'t> {
    /// The first `context` tokens are inputs, the last `context` are targets.
    pub tokens: &'t [u16],
    /// Number of the document that holds the middle of the window; losses within one document
    /// are not independent.
    pub document: usize,
    /// Number of that document's group (crate, folder or file).
    pub group: usize,
    /// Length in bytes of the text of the targets.
    pub bytes: u64,
}

/// The loss over a validation set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidationLoss {
    /// Mean over all targets, in nats per token.
    pub loss: Loss,
    /// Standard error of `loss` in nats per token, clustered by document: how far it lies from
    /// the loss over all text of this kind.
    pub standard_error: f64,
    /// The same loss in bits per byte of text, which does not depend on the tokeniser; `None` for
    /// tokens whose text is not known.
    pub bits_per_byte: Option<f64>,
}

impl<'t> ValidationSet<'t> {
    /// At most `windows` windows of `split`; fewer if it is too short.
    ///
    /// # Errors
    /// [`CorpusError::TooFewTokens`] if there is not even one window; [`CorpusError::Option`] for
    /// a context or a number of windows of zero.
    pub fn new(
        split: &'t TokenSplit,
        token_bytes: &[u16],
        context: usize,
        windows: usize,
    ) -> Result<Self, CorpusError> {
        require_positive("context", context)?;
        require_positive("validation windows", windows)?;
        let tokens = split.tokens.len();
        let places = tokens.saturating_sub(1) / context;
        if places == 0 {
            let (split, needed) = ("validation", context.saturating_add(1));
            return Err(CorpusError::TooFewTokens {
                split,
                tokens,
                needed,
                context,
            });
        }
        let window = |place| window_at(split, token_bytes, context, place);
        let mut of_document = HashMap::<usize, usize>::new();
        let ranked = spread(places).map(window).map(|window| {
            let before = of_document.entry(window.document).or_default();
            *before += 1;
            (*before, window)
        });
        let mut ranked: Vec<(usize, ValidationWindow<'t>)> = ranked.collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let chosen = ranked.into_iter().take(windows);
        let windows = chosen.map(|(_, window)| window).collect();
        Ok(Self { context, windows })
    }

    /// Targets in all windows.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.windows.len() * self.context
    }

    /// Length in bytes of the text of all targets.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.windows.iter().map(|window| window.bytes).sum()
    }

    /// The loss over the set, of the mean loss in nats per token of each window in order.
    ///
    /// # Errors
    /// [`CorpusError::Losses`] if there is not one finite loss for each window, or their mean is
    /// not positive.
    pub fn loss(&self, window_losses: &[f64]) -> Result<ValidationLoss, CorpusError> {
        let failure = || CorpusError::Losses {
            losses: window_losses.len(),
            windows: self.windows.len(),
        };
        if window_losses.len() != self.windows.len() {
            return Err(failure());
        }
        let mean = window_losses.iter().sum::<f64>() / window_losses.len() as f64;
        let loss = Loss::new(mean).map_err(|_| failure())?;
        let (nats, bytes) = (mean * self.tokens() as f64, self.bytes() as f64);
        Ok(ValidationLoss {
            loss,
            standard_error: self.standard_error(window_losses, mean),
            bits_per_byte: (bytes > 0.0).then(|| nats / (std::f64::consts::LN_2 * bytes)),
        })
    }

    /// Standard error of a mean of windows that are independent between documents only: the
    /// cluster-robust variance of Liang and Zeger (1986) with the factor G/(G−1) for G documents.
    /// Infinite for one document, which says nothing about others.
    fn standard_error(&self, window_losses: &[f64], mean: f64) -> f64 {
        let mut by_document = std::collections::BTreeMap::<usize, f64>::new();
        for (window, loss) in self.windows.iter().zip(window_losses) {
            *by_document.entry(window.document).or_default() += loss - mean;
        }
        let clusters = by_document.len() as f64;
        if clusters < 2.0 {
            return f64::INFINITY;
        }
        let sum_of_squares: f64 = by_document.values().map(|sum| sum * sum).sum();
        (sum_of_squares * clusters / (clusters - 1.0)).sqrt() / window_losses.len() as f64
    }
}

fn window_at<'t>(
    split: &'t TokenSplit,
    token_bytes: &[u16],
    context: usize,
    place: usize,
) -> ValidationWindow<'t> {
    let start = place * context;
    let tokens = &split.tokens[start..=start + context];
    let middle = start + context / 2;
    let document = split
        .documents
        .partition_point(|document| document.end <= middle);
    let group = split
        .documents
        .get(document)
        .map_or(0, |document| document.group);
    let bytes_of = |token: &u16| token_bytes.get(usize::from(*token)).copied().unwrap_or(0);
    let bytes = tokens[1..]
        .iter()
        .map(|token| u64::from(bytes_of(token)))
        .sum();
    ValidationWindow {
        tokens,
        document,
        group,
        bytes,
    }
}

/// All of `0..len`, each beginning of which is spread evenly: the van der Corput sequence in base
/// 2 (van der Corput 1935), which is counting with the bits reversed.
fn spread(len: usize) -> impl Iterator<Item = usize> {
    let bits = usize::BITS - len.saturating_sub(1).leading_zeros();
    let reversed = move |count: usize| match bits {
        0 => 0,
        bits => count.reverse_bits() >> (usize::BITS - bits),
    };
    (0..1usize << bits)
        .map(reversed)
        .filter(move |place| *place < len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token_corpus::DocumentSpan;
    use proptest::prelude::*;

    fn split(tokens: usize, documents: usize) -> TokenSplit {
        let span = |i: usize| DocumentSpan {
            name: format!("{i}"),
            group: i / 2,
            end: (i + 1) * tokens / documents,
        };
        TokenSplit {
            tokens: (0..tokens).map(|i| i as u16).collect(),
            documents: (0..documents).map(span).collect(),
            bytes: 0,
        }
    }

    fn starts(set: &ValidationSet) -> Vec<u16> {
        set.windows.iter().map(|window| window.tokens[0]).collect()
    }

    proptest! {
        #[test]
        fn windows_do_not_overlap_and_a_smaller_set_begins_a_larger(
            tokens in 40usize..4000, context in 1usize..30, windows in 2usize..100,
        ) {
            let split = split(tokens, 3);
            let set = ValidationSet::new(&split, &[], context, windows).unwrap();
            let smaller = ValidationSet::new(&split, &[], context, windows / 2).unwrap();
            prop_assert!(starts(&set).starts_with(&starts(&smaller)));
            prop_assert_eq!(set.windows.len(), windows.min((tokens - 1) / context));
            let mut starts = starts(&set);
            starts.sort_unstable();
            prop_assert!(starts.windows(2).all(|s| usize::from(s[1] - s[0]) >= context));
        }

        #[test]
        fn windows_are_spread_evenly(windows in 10usize..400) {
            let split = split(50_000, 1);
            let set = ValidationSet::new(&split, &[], 10, windows).unwrap();
            let mut starts = starts(&set);
            starts.sort_unstable();
            let gap = starts.windows(2).map(|s| s[1] - s[0]).max().unwrap();
            prop_assert!(usize::from(gap) <= 3 * 50_000 / windows, "{gap}");
        }
    }

    #[test]
    fn a_window_knows_its_document_group_and_bytes() {
        let split = split(100, 10);
        let token_bytes: Vec<u16> = (0..100).map(|token| token % 2 + 1).collect();
        let set = ValidationSet::new(&split, &token_bytes, 6, 100).unwrap();
        for window in &set.windows {
            let middle = usize::from(window.tokens[0]) + 3;
            assert_eq!((window.document, window.group), (middle / 10, middle / 20));
            assert_eq!(window.bytes, 9);
        }
    }

    #[test]
    fn the_standard_error_is_that_of_document_means_when_windows_repeat_within_documents() {
        let split = split(401, 4);
        let set = ValidationSet::new(&split, &[1; 401], 10, 40).unwrap();
        let of_document = [1.0, 2.0, 3.0, 6.0];
        let losses: Vec<f64> = set
            .windows
            .iter()
            .map(|w| of_document[w.document])
            .collect();
        let measured = set.loss(&losses).unwrap();
        assert!((measured.loss.get() - 3.0).abs() < 1e-12);
        // Sample variance 14/3 of four equal clusters, divided by 4.
        assert!((measured.standard_error - (14.0f64 / 12.0).sqrt()).abs() < 1e-12);
        assert!((measured.bits_per_byte.unwrap() - 3.0 / 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn losses_that_do_not_fit_are_refused() {
        let split = split(101, 4);
        let set = ValidationSet::new(&split, &[], 10, 5).unwrap();
        for losses in [vec![1.0; 4], vec![f64::NAN; 5], vec![-1.0; 5]] {
            assert!(set.loss(&losses).is_err());
        }
        assert!(ValidationSet::new(&split, &[], 101, 5).is_err());
        assert!(ValidationSet::new(&split, &[], 0, 5).is_err());
        assert!(ValidationSet::new(&split, &[], 10, 0).is_err());
    }
}
