//! What a published law says of a run: from size and data, or from one quantity alone.

use crate::forecast::{Conventions, ForecastPoint};
use crate::law_in_use::surface_of;
use crate::surface::{SurfaceError, optimum};
use isoflop_fit::ForecastAt;
use isoflop_laws::{CurveInput, Entry, FlopCount, Flops, Law, LawError, Loss, ParamCount};

/// Why a published law does not answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PublishedForecastError {
    /// A form without constants.
    #[error(
        "law `{0}` has no published constants: give runs to fit it to, or name a published fit"
    )]
    NoConstants(&'static str),
    /// A law of something else than a run's loss.
    #[error("law `{name}` ({title}) gives no loss of a run")]
    NoLoss {
        /// The law's name.
        name: &'static str,
        /// What it is.
        title: &'static str,
    },
    /// Not enough is known of the run.
    #[error("law `{law}` needs {needed}")]
    Incomplete {
        /// The law's name.
        law: &'static str,
        /// What must be given.
        needed: &'static str,
    },
    /// A quality for a law that takes all text as alike.
    #[error("law `{0}` takes all text as alike: leave the quality out")]
    TakesNoQuality(&'static str),
    /// The law has no best size.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// The law has no value.
    #[error(transparent)]
    Law(#[from] LawError),
}

/// What N and C count in a published law.
#[must_use]
pub fn conventions_of(entry: &Entry) -> Conventions {
    let counts = entry.counts();
    Conventions {
        param_count: counts.and_then(|c| c.params).unwrap_or(ParamCount::Total),
        flop_count: counts.and_then(|c| c.flops).unwrap_or(FlopCount::SixNd),
    }
}

/// The forecast of a published law, which has no interval.
///
/// # Errors
/// [`PublishedForecastError`] if the law gives no loss, or too little is known of the run.
pub fn published_forecast(
    entry: &Entry,
    at: &ForecastAt,
) -> Result<ForecastPoint, PublishedForecastError> {
    let law = entry
        .law()
        .ok_or(PublishedForecastError::NoConstants(entry.name()))??;
    if at.quality.is_some() {
        return Err(PublishedForecastError::TakesNoQuality(entry.name()));
    }
    let mut point = match (law.surface(), law.curve()) {
        (Some(_), _) => on_surface(law.as_ref(), at)?,
        (None, Some(curve)) => {
            let x = match curve.input() {
                CurveInput::Params => at.params.map(f64::from),
                CurveInput::Tokens => at.tokens.map(f64::from),
                CurveInput::Flops => flops_of(at).map(f64::from),
            };
            let needed = match curve.input() {
                CurveInput::Params => "the size N",
                CurveInput::Tokens => "the tokens D",
                CurveInput::Flops => "the compute C, or N and D",
            };
            let incomplete = PublishedForecastError::Incomplete {
                law: entry.name(),
                needed,
            };
            let x = x.ok_or(incomplete.clone())?;
            // Half of a run is enough for a law of one quantity; C is then not known.
            let flops = flops_of(at).ok_or(incomplete)?;
            point(at, flops, curve.gradient_at(x)?.loss)
        }
        (None, None) => {
            return Err(PublishedForecastError::NoLoss {
                name: entry.name(),
                title: law.card().title,
            });
        }
    };
    let largest = entry.fit().and_then(|fit| fit.fitted_on.flops);
    point.extrapolation = largest.map(|range| point.flops.get() / range.hi);
    Ok(point)
}

fn flops_of(at: &ForecastAt) -> Option<Flops> {
    let six_nd = at.params.zip(at.tokens).map(|(n, d)| Flops::six_nd(n, d));
    at.flops.or(six_nd)
}

fn on_surface(law: &dyn Law, at: &ForecastAt) -> Result<ForecastPoint, PublishedForecastError> {
    if let (Some(params), Some(tokens), Some(surface)) = (at.params, at.tokens, law.surface()) {
        let loss = surface.loss(params, tokens)?;
        return Ok(point(at, Flops::six_nd(params, tokens), loss));
    }
    let incomplete = PublishedForecastError::Incomplete {
        law: law.card().name,
        needed: "N and D, or C (then for the best N and D)",
    };
    let best = optimum(&surface_of(law), at.flops.ok_or(incomplete)?)?;
    let best_at = ForecastAt {
        params: Some(best.params),
        tokens: Some(best.tokens),
        ..*at
    };
    Ok(point(&best_at, best.flops, best.loss))
}

fn point(at: &ForecastAt, flops: Flops, loss: Loss) -> ForecastPoint {
    ForecastPoint {
        params: at.params,
        tokens: at.tokens,
        flops,
        loss,
        lo: None,
        hi: None,
        extrapolation: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::find;

    fn at(params: Option<f64>, tokens: Option<f64>, flops: Option<f64>) -> ForecastAt {
        ForecastAt {
            params: params.and_then(|n| n.try_into().ok()),
            tokens: tokens.and_then(|d| d.try_into().ok()),
            flops: flops.and_then(|c| c.try_into().ok()),
            unique_tokens: None,
            quality: None,
        }
    }

    #[test]
    fn a_surface_answers_at_a_run_and_at_the_best_run_of_a_budget() {
        let law = find("besiroglu-2024").unwrap();
        let chinchilla = at(Some(70e9), Some(1.4e12), None);
        let said = published_forecast(&law, &chinchilla).unwrap();
        assert!((said.loss.get() - 1.9739).abs() < 5e-5);
        let best = published_forecast(&law, &at(None, None, Some(5.76e23))).unwrap();
        assert!((best.loss.get() - 1.9744).abs() < 5e-5);
        assert!((best.params.unwrap().get() / 7.2249e10 - 1.0).abs() < 1e-3);
        let none = published_forecast(&law, &at(Some(1e9), None, None));
        assert!(matches!(
            none,
            Err(PublishedForecastError::Incomplete { .. })
        ));
    }

    #[test]
    fn a_law_of_compute_alone_answers_for_a_budget() {
        // Kaplan et al. 2020: L(Cmin = 1 PF-day) = 2.6581 by the printed constants.
        let law = find("kaplan-2020-c-min")
            .or_else(|_| find("kaplan-c-min"))
            .unwrap();
        let said = published_forecast(&law, &at(None, None, Some(Flops::PER_PF_DAY))).unwrap();
        assert!((said.loss.get() - 2.6581).abs() < 5e-5, "{}", said.loss);
        assert_eq!(said.params, None);
    }
}
