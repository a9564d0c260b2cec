//! Which number of a loss curve is the final loss.

use std::fmt;
use std::str::FromStr;

/// The rule by which a curve becomes one final loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FinalLoss {
    /// The last value that was measured.
    #[default]
    Last,
    /// The mean of the last k values: a noisy loss, such as one on single batches, is steadied.
    /// While the loss still falls it is a little too high.
    MeanOfLast(usize),
    /// The last value, of runs whose learning rate has come down to less than
    /// [`ANNEALED`] of its peak; other runs are listed as dropped. Losses before the decay are
    /// higher than the law of finished runs (Hoffmann et al. 2022, appendix B).
    Annealed,
}

/// A learning rate below this part of its peak counts as annealed: cosine schedules commonly end
/// at a tenth, linear ones at zero.
pub const ANNEALED: f64 = 1.0 / 3.0;

impl FinalLoss {
    /// The final loss of a series in order of steps. A NaN at the end stays: the run diverged.
    pub(super) fn of(self, series: &[(u64, f64)]) -> Option<f64> {
        match self {
            FinalLoss::Last | FinalLoss::Annealed => series.last().map(|(_, value)| *value),
            FinalLoss::MeanOfLast(k) => {
                let tail = &series[series.len().saturating_sub(k.max(1))..];
                let sum: f64 = tail.iter().map(|(_, value)| value).sum();
                (!tail.is_empty()).then(|| sum / tail.len() as f64)
            }
        }
    }

    /// Why a run with these learning rates is not annealed; `None` if it is.
    pub(super) fn not_annealed(rates: Option<&[(u64, f64)]>) -> Option<String> {
        let rates = rates.unwrap_or_default();
        let peak = rates.iter().map(|(_, rate)| *rate).reduce(f64::max);
        let (Some(peak), Some((_, last))) = (peak, rates.last()) else {
            return Some(
                "no learning rate is logged: whether it is annealed is unknown".to_owned(),
            );
        };
        let part = last / peak;
        (part > ANNEALED || part.is_nan()).then(|| {
            format!(
                "not annealed: the learning rate ends at {:.0} % of its peak",
                100.0 * part
            )
        })
    }
}

impl fmt::Display for FinalLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FinalLoss::Last => f.write_str("last"),
            FinalLoss::MeanOfLast(k) => write!(f, "mean-of-last-{k}"),
            FinalLoss::Annealed => f.write_str("annealed"),
        }
    }
}

/// A text that names no rule for the final loss.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a rule for the final loss: expected last, annealed or mean-of-last-K such as mean-of-last-5"
)]
pub struct UnknownFinalLoss(String);

impl FromStr for FinalLoss {
    type Err = UnknownFinalLoss;
    fn from_str(text: &str) -> Result<Self, UnknownFinalLoss> {
        let unknown = || UnknownFinalLoss(text.to_owned());
        match text {
            "last" => Ok(FinalLoss::Last),
            "annealed" => Ok(FinalLoss::Annealed),
            _ => {
                let k = text.strip_prefix("mean-of-last-").ok_or_else(unknown)?;
                let k = k.parse().ok().filter(|k| *k > 0).ok_or_else(unknown)?;
                Ok(FinalLoss::MeanOfLast(k))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVE: [(u64, f64); 4] = [(1, 5.0), (2, 4.0), (3, 3.0), (4, 2.0)];

    #[test]
    fn the_rules_take_the_last_value_or_a_mean_of_the_tail() {
        assert_eq!(FinalLoss::Last.of(&CURVE), Some(2.0));
        assert_eq!(FinalLoss::MeanOfLast(2).of(&CURVE), Some(2.5));
        assert_eq!(FinalLoss::MeanOfLast(9).of(&CURVE), Some(3.5));
        assert_eq!(FinalLoss::MeanOfLast(2).of(&[]), None);
    }

    #[test]
    fn a_run_whose_rate_has_not_come_down_is_not_annealed() {
        assert_eq!(FinalLoss::not_annealed(Some(&[(1, 1.0), (2, 0.1)])), None);
        let reason = FinalLoss::not_annealed(Some(&[(1, 1.0), (2, 0.5)])).unwrap();
        assert!(reason.contains("50 %"), "{reason}");
        assert!(FinalLoss::not_annealed(None).is_some());
    }

    #[test]
    fn a_rule_reads_back_from_its_name() {
        for rule in [
            FinalLoss::Last,
            FinalLoss::Annealed,
            FinalLoss::MeanOfLast(5),
        ] {
            assert_eq!(rule.to_string().parse::<FinalLoss>().unwrap(), rule);
        }
        assert!("mean-of-last-0".parse::<FinalLoss>().is_err());
    }
}
