//! From a run as it is asked about to a place among the measurements.

use super::ForecastAt;
use super::frontier::Frontier;
use super::sample::{Place, Sample};
use crate::estimate::axes;
use crate::rows::Axis;
use crate::{Fit, FittedLaw, ForecastError};
use isoflop_laws::{FlopCount, Flops, LawError, Params, Quality, Tokens};

/// A run that is asked about.
pub(super) struct Asked {
    pub place: Place,
    /// N, unless only the compute was given and the law is of compute alone.
    pub params: Option<Params>,
    /// D, likewise.
    pub tokens: Option<Tokens>,
}

/// FLOPs may differ from 6ND by this factor before they contradict it: rounding of names such as
/// `7B` and of `C = 6ND` itself.
const CONTRADICTION: f64 = 1.25;

impl Fit {
    /// The place that is meant: from two of N, D and C, or from C alone.
    pub(super) fn asked(&self, at: &ForecastAt) -> Result<Asked, ForecastError> {
        if at.quality.is_some() && self.law != FittedLaw::DataQuality {
            return Err(ForecastError::TakesNoQuality {
                law: self.law.to_string(),
            });
        }
        let ratio = flops_ratio(&self.forecaster.sample);
        let (params, tokens) = match (at.params, at.tokens, at.flops) {
            (Some(params), Some(tokens), flops) => {
                self.agree(params, tokens, flops)?;
                (params, tokens)
            }
            (Some(params), None, Some(flops)) => {
                let tokens = Tokens::new((flops.ln() - ratio - params.ln()).exp());
                (params, tokens.map_err(|_| self.unlike(flops))?)
            }
            (None, Some(tokens), Some(flops)) => {
                let params = Params::new((flops.ln() - ratio - tokens.ln()).exp());
                (params.map_err(|_| self.unlike(flops))?, tokens)
            }
            (None, None, Some(flops)) => return self.best(flops, ratio, at),
            _ => return Err(self.incomplete(at)),
        };
        let c = at
            .flops
            .map_or(params.ln() + tokens.ln() + ratio, Flops::ln);
        Ok(Asked {
            place: place(params.ln(), tokens.ln(), c, at),
            params: Some(params),
            tokens: Some(tokens),
        })
    }

    /// The best size for this compute: by the law; by the runs of least loss where the law has
    /// no best size.
    fn best(&self, flops: Flops, ratio: f64, at: &ForecastAt) -> Result<Asked, ForecastError> {
        let law = self.law()?;
        let by_law = law.best_allocation().map(|law| law.best(flops));
        if let Some(best) = by_law {
            let best = best.map_err(|_| self.no_optimum(flops))?;
            let (n, d) = (best.params.ln(), best.tokens.ln());
            return Ok(Asked {
                place: place(n, d, flops.ln(), at),
                params: Some(best.params),
                tokens: Some(best.tokens),
            });
        }
        let frontier = Frontier::of(&self.forecaster.sample);
        let n = frontier
            .ok_or_else(|| self.no_optimum(flops))?
            .ln_params(flops.ln());
        let d = flops.ln() - ratio - n;
        let of_compute_alone = axes(self.law) == [Axis::Flops];
        let known = |x: f64| (!of_compute_alone).then(|| x.exp());
        Ok(Asked {
            place: place(n, d, flops.ln(), at),
            params: known(n).and_then(|n| Params::new(n).ok()),
            tokens: known(d).and_then(|d| Tokens::new(d).ok()),
        })
    }

    fn agree(
        &self,
        params: Params,
        tokens: Tokens,
        flops: Option<Flops>,
    ) -> Result<(), ForecastError> {
        let Some(flops) = flops.filter(|_| self.flop_count == FlopCount::SixNd) else {
            return Ok(());
        };
        let six_nd = Flops::six_nd(params, tokens);
        if (flops.ln() - six_nd.ln()).abs() <= CONTRADICTION.ln() {
            return Ok(());
        }
        Err(ForecastError::Contradiction {
            flops: flops.to_string(),
            six_nd: six_nd.to_string(),
            params: params.to_string(),
            tokens: tokens.to_string(),
        })
    }

    fn incomplete(&self, at: &ForecastAt) -> ForecastError {
        let given = match (at.params, at.tokens) {
            (Some(params), _) => format!("{params} parameters alone"),
            (_, Some(tokens)) => format!("{tokens} tokens alone"),
            _ => "nothing".to_owned(),
        };
        ForecastError::Incomplete {
            law: self.law.to_string(),
            needed: "two of size, tokens and compute, or compute alone",
            given,
        }
    }

    fn no_optimum(&self, flops: Flops) -> ForecastError {
        ForecastError::NoOptimum {
            law: self.law.to_string(),
            flops: flops.to_string(),
        }
    }

    fn unlike(&self, flops: Flops) -> ForecastError {
        ForecastError::Law(LawError::NoValue {
            law: self.law.name(),
            what: "parameters or tokens",
            at: format!("C = {flops}"),
            value: f64::NAN,
        })
    }
}

fn place(n: f64, d: f64, c: f64, at: &ForecastAt) -> Place {
    Place {
        n,
        d,
        c,
        repeats: at
            .unique_tokens
            .map_or(0.0, |unique| (d - unique.ln()).max(0.0)),
        quality: at.quality.map_or(0.0, Quality::ln),
        family: None,
    }
}

/// ln of C / (N D): ln 6, or as the runs' own count of FLOPs has it (median).
fn flops_ratio(sample: &Sample) -> f64 {
    let mut all: Vec<f64> = sample
        .rows
        .iter()
        .map(|row| row.at.c - row.at.n - row.at.d)
        .collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(6f64.ln())
}
