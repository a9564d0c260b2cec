//! Whether losses, sizes and compute are what they are said to be.

use super::Suspicion;
use crate::{Dataset, FittedLaw};
use isoflop_laws::laws::Chinchilla;
use isoflop_laws::{FlopCount, Flops, LossSurface};

/// Sizes and data from which published laws say something of a loss.
const SMALLEST: (f64, f64) = (2e7, 3e8);
/// Fewest runs of which a median means anything.
const FEWEST: usize = 5;
/// Loss ÷ published loss of bits given as nats is 1 / ln 2 = 1.443; corpora differ by less.
const BITS: std::ops::Range<f64> = 1.35..1.6;
/// Per byte, of about four a token, the ratio is 0.25 in nats and 0.36 in bits.
const PER_BYTE: std::ops::Range<f64> = 0.15..0.5;
/// C ÷ 6ND of rounded numbers is this close to one.
const ROUNDING: std::ops::RangeInclusive<f64> = 0.9..=1.1;
/// C ÷ 6ND of counted FLOPs: attention and the output layer add at most this, and sizes with
/// unused embeddings take off at most this.
const COUNTED: std::ops::RangeInclusive<f64> = 0.5..=10.0;

pub(super) fn suspicions(data: &Dataset, law: FittedLaw) -> Vec<Suspicion> {
    let mut found = Vec::new();
    found.extend(unit_of_loss(data));
    found.extend(compute(data));
    if !matches!(
        law,
        FittedLaw::DataConstrained | FittedLaw::RepetitionPenalty
    ) {
        found.extend(repeated(data));
    }
    if law != FittedLaw::DataQuality {
        found.extend(graded(data));
    }
    found
}

fn unit_of_loss(data: &Dataset) -> Option<Suspicion> {
    let known = data
        .observations
        .iter()
        .filter(|run| run.params.get() >= SMALLEST.0 && run.tokens.get() >= SMALLEST.1);
    let ratio = |run: &crate::Observation| {
        let published = Chinchilla::BESIROGLU_2024
            .loss(run.params, run.tokens)
            .ok()?;
        Some(run.loss.get() / published.get())
    };
    let ratio = median(known.filter_map(ratio).collect())?;
    if BITS.contains(&ratio) {
        return Some(Suspicion::BitsGivenAsNats { ratio });
    }
    PER_BYTE
        .contains(&ratio)
        .then_some(Suspicion::PerByte { ratio })
}

fn compute(data: &Dataset) -> Option<Suspicion> {
    let mut runs: Vec<(f64, f64)> = data
        .observations
        .iter()
        .map(|run| {
            let six_nd = Flops::six_nd(run.params, run.tokens);
            (run.params.get(), run.flops.get() / six_nd.get())
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = median(runs.iter().map(|run| run.1).collect())?;
    if data.flop_count == FlopCount::Counted {
        return (!COUNTED.contains(&all)).then_some(Suspicion::CountedFlops { ratio: all });
    }
    let ratios = runs.iter().map(|run| run.1);
    let smallest = ratios.clone().fold(f64::INFINITY, f64::min);
    let largest = ratios.fold(0.0, f64::max);
    if ROUNDING.contains(&smallest) && ROUNDING.contains(&largest) {
        return None;
    }
    let (smaller, larger) = runs.split_at(runs.len() / 2);
    let half = |runs: &[(f64, f64)]| median(runs.iter().map(|run| run.1).collect());
    match (half(smaller), half(larger)) {
        // What N leaves out weighs less, the larger the model.
        (Some(small), Some(large)) if small > 1.02 && small > 1.02 * large && large > 0.95 => {
            Some(Suspicion::ParametersLeftOut { small, large })
        }
        _ => Some(Suspicion::NotSixNd { smallest, largest }),
    }
}

fn graded(data: &Dataset) -> Option<Suspicion> {
    let known = data.observations.iter().filter_map(|run| run.quality);
    let known: Vec<f64> = known.map(isoflop_laws::Quality::get).collect();
    let least = known.iter().copied().fold(f64::INFINITY, f64::min);
    let most = known.iter().copied().fold(0.0, f64::max);
    (most > 1.01 * least).then_some(Suspicion::Graded { least, most })
}

fn repeated(data: &Dataset) -> Option<Suspicion> {
    let times = |run: &crate::Observation| {
        let unique = run.unique_tokens?;
        Some(run.tokens.get() / unique.get())
    };
    let times: Vec<f64> = data.observations.iter().filter_map(times).collect();
    let repeated: Vec<f64> = times.into_iter().filter(|&t| t > 1.05).collect();
    let most = repeated.iter().copied().fold(0.0, f64::max);
    (!repeated.is_empty()).then_some(Suspicion::Repeated {
        observations: repeated.len(),
        most,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (values.len() >= FEWEST).then(|| crate::quantiles::quantile(&values, 0.5))
}
