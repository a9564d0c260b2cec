//! Curves over one quantity: a loss against compute or examples, a pass rate against compute.

use super::ensemble::Ensemble;
use super::mean_law::{Falls, POWER_C, Shape};
use super::sample::{Family, Measured, Over, Place, Sample};
use crate::{FitError, ForecastError, Prior};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// What a curve measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CurveOf {
    /// A positive number that falls, to zero or to a floor: L(x) = a x^−b + c.
    Loss,
    /// A share between 0 and 1, both excluded, that rises, to one or to less:
    /// −ln p(x) = a x^−b + c (with c = 0 the capability law of the GPT-4 technical report 2023).
    PassRate,
}

/// One measurement of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// What it was measured at, such as compute in FLOPs or examples seen; positive.
    pub x: f64,
    /// What was measured.
    pub value: f64,
    /// The family that the measured model is of; what families have of their own is told apart where
    /// there are several, and two measurements of one.
    #[serde(default)]
    pub family: Option<Family>,
}

/// The forecast of one point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurveForecast {
    /// Median of what may be measured.
    pub value: f64,
    /// Lower end of the interval of a new measurement.
    pub lo: f64,
    /// Upper end of the interval of a new measurement.
    pub hi: f64,
    /// x ÷ the largest x that was measured.
    pub extrapolation: f64,
}

/// A curve fitted to measurements.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CurveFit {
    /// What it measures.
    pub of: CurveOf,
    sample: Sample,
    #[serde(skip)]
    learned: OnceLock<Option<Ensemble>>,
}

/// Fewest measurements of a curve: one more than its law has parameters.
const FEWEST: usize = 4;

/// The laws that are averaged; the last [`OF_SHARES`] are of shares alone.
const SHAPES: &[Shape] = &[
    POWER_C,
    Shape::PowerSum {
        floor: false,
        falls: &[Falls::WithFlops],
    },
    Shape::Broken,
    Shape::Sigmoid,
    Shape::Logistic,
    Shape::Turning,
];

const OF_SHARES: usize = 2;

/// Fits a curve: power laws with and without a floor, one that breaks, and a sigmoid between chance and
/// a floor, averaged, with a discrepancy and calibrated as forecasts of runs are. A share may also be
/// logistic in ln x, or fall before it rises. Published laws say nothing of such exponents in general,
/// so the prior is vague.
///
/// # Errors
/// [`FitError`] for fewer than four points or a value that is no such measurement.
pub fn fit_curve(points: &[CurvePoint], of: CurveOf) -> Result<CurveFit, FitError> {
    let measured = points.iter().map(|point| measured(point, of));
    let rows = measured.collect::<Result<Vec<_>, _>>()?;
    if rows.len() < FEWEST {
        return Err(FitError::TooFewRuns {
            law: "power-c",
            needed: FEWEST,
            found: rows.len(),
            simpler: "kaplan-c",
        });
    }
    Ok(CurveFit {
        of,
        sample: Sample::thinned(rows, Over::Curve),
        learned: OnceLock::new(),
    })
}

fn measured(point: &CurvePoint, of: CurveOf) -> Result<Measured, FitError> {
    if !(point.x.is_finite() && point.x > 0.0) {
        return Err(FitError::Option {
            option: "x",
            value: point.x,
            expected: "a positive number, such as compute in FLOPs",
        });
    }
    let (falling, expected) = match of {
        CurveOf::Loss => (point.value, "a positive number"),
        CurveOf::PassRate => (
            -point.value.ln(),
            "between 0 and 1, both excluded: leave out tasks that no or every run passes",
        ),
    };
    if !(falling.is_finite() && falling > 0.0) {
        return Err(FitError::Option {
            option: "the measured value",
            value: point.value,
            expected,
        });
    }
    Ok(Measured {
        at: place(point.x, point.family),
        y: falling.ln(),
        noise: 1.0,
    })
}

/// A point of a curve as a run whose size and data grow alike.
fn place(x: f64, family: Option<Family>) -> Place {
    let half = 0.5 * x.ln();
    Place {
        n: half,
        d: half,
        c: x.ln(),
        repeats: 0.0,
        quality: 0.0,
        family,
    }
}

impl CurveFit {
    /// The families that have a part of their own, in order: none unless there are several, and two
    /// measurements of one. At most 120 measurements are used, those of large x first, so that a family of
    /// small models alone may not be among them.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.sample.families()
    }

    /// The forecast at `x`, with the interval of a new measurement at `level`: of a model of `family`,
    /// or of one that was not measured.
    ///
    /// # Errors
    /// [`ForecastError`] if the level is no probability or `x` is not positive.
    pub fn forecast(
        &self,
        x: f64,
        family: Option<Family>,
        level: f64,
    ) -> Result<CurveForecast, ForecastError> {
        if !(0.5..=0.999).contains(&level) {
            return Err(ForecastError::Level(level));
        }
        let refused = || ForecastError::Incomplete {
            law: "power-c".to_owned(),
            needed: "a positive number to forecast at",
            given: x.to_string(),
        };
        if !(x.is_finite() && x > 0.0) {
            return Err(refused());
        }
        let shapes = match self.of {
            CurveOf::Loss => &SHAPES[..SHAPES.len() - OF_SHARES],
            CurveOf::PassRate => SHAPES,
        };
        let learn = || Ensemble::learn(shapes, &self.sample, Prior::Off);
        let ensemble = self.learned.get_or_init(learn).as_ref();
        let (mean, reach) = ensemble
            .ok_or_else(refused)?
            .interval(&place(x, family), level);
        let value = |ln: f64| match self.of {
            CurveOf::Loss => ln.exp(),
            CurveOf::PassRate => (-ln.exp()).exp(),
        };
        let (a, b) = (value(mean - reach), value(mean + reach));
        let largest = self.sample.rows.first().map_or(x, |row| row.at.c.exp());
        Ok(CurveForecast {
            value: value(mean),
            lo: a.min(b),
            hi: a.max(b),
            extrapolation: x / largest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::laws::M4;

    fn points(of: impl Fn(f64) -> f64) -> Vec<CurvePoint> {
        let at = (0..12).map(|k| 1e15 * 2f64.powi(k));
        let point = |x: f64| CurvePoint {
            x,
            value: of(x),
            family: None,
        };
        at.map(point).collect()
    }

    #[test]
    fn a_power_with_a_floor_is_carried_on() {
        let truth = |x: f64| 1.7 + 1.2 * (x / 1e15).powf(-0.2);
        let fitted = fit_curve(&points(truth), CurveOf::Loss).unwrap();
        let said = fitted.forecast(2e19, None, 0.9).unwrap();
        assert!((said.value / truth(2e19) - 1.0).abs() < 0.02, "{said:?}");
        assert!(said.lo < truth(2e19) && truth(2e19) < said.hi, "{said:?}");
    }

    #[test]
    fn a_curve_that_starts_at_chance_is_carried_on_to_its_floor() {
        // M4 with e_inf = 0.3, e_0 = 1.1, a = 2.5.
        let truth = |x: f64| {
            let ln_odds = M4::ln_odds(2.5, 1.0 - 0.9 * (x / 1e15).ln());
            0.3 + 0.8 / (1.0 + (-ln_odds).exp())
        };
        let fitted = fit_curve(&points(truth), CurveOf::Loss).unwrap();
        let said = fitted.forecast(1e19, None, 0.9).unwrap();
        assert!((said.value / truth(1e19) - 1.0).abs() < 0.01, "{said:?}");
        assert!(said.lo < truth(1e19) && truth(1e19) < said.hi, "{said:?}");
    }

    #[test]
    fn a_pass_rate_follows_the_capability_law() {
        let truth = |x: f64| (-2.5 * (x / 1e15).powf(-0.15)).exp();
        let fitted = fit_curve(&points(truth), CurveOf::PassRate).unwrap();
        let said = fitted.forecast(2e19, None, 0.9).unwrap();
        assert!((said.value / truth(2e19) - 1.0).abs() < 0.05, "{said:?}");
        assert!(0.0 < said.lo && said.lo < said.value && said.value < said.hi && said.hi < 1.0);
    }

    #[test]
    fn a_share_that_falls_before_it_rises_is_carried_on() {
        // A break of −ln p from x^0.05 to x^−0.25, over a factor of e to both sides.
        let truth = |x: f64| {
            let x = (x / 6e16).ln();
            (-(0.05 * x - 0.3 * x.exp().ln_1p()).exp()).exp()
        };
        let fitted = fit_curve(&points(truth), CurveOf::PassRate).unwrap();
        assert!(truth(1e15) > truth(1e16) && truth(2e18) > truth(1e15));
        let said = fitted.forecast(1e19, None, 0.9).unwrap();
        assert!((said.value / truth(1e19) - 1.0).abs() < 0.02, "{said:?}");
        assert!(said.lo < truth(1e19) && truth(1e19) < said.hi, "{said:?}");
    }

    /// The share that a model of a family answers, which rises from a quarter over seven decades.
    fn share(x: f64, family: u32) -> f64 {
        let ahead = [-1.0, -0.4, 0.0, 0.3, 1.1][family as usize];
        let logit = 0.27 * (x / 1e20).ln() - 1.0 + ahead;
        0.25 + 0.75 / (1.0 + (-logit).exp())
    }

    /// Five families of four sizes, each from a size of its own on, and a little noise.
    fn families() -> Vec<CurvePoint> {
        let of = |family: u32| {
            (0..4).map(move |k| {
                let x = 1e19 * 2f64.powi(2 * k + family as i32);
                let off = 1.0 + 0.004 * f64::from((7 * k + 3 * family as i32) % 5 - 2);
                CurvePoint {
                    x,
                    value: share(x, family) * off,
                    family: Some(Family(family)),
                }
            })
        };
        (0..5).flat_map(of).collect()
    }

    #[test]
    fn a_family_is_carried_on_by_what_it_has_of_its_own() {
        let fitted = fit_curve(&families(), CurveOf::PassRate).unwrap();
        let pooled = families()
            .into_iter()
            .map(|point| CurvePoint {
                family: None,
                ..point
            })
            .collect::<Vec<_>>();
        let pooled = fit_curve(&pooled, CurveOf::PassRate).unwrap();
        for family in 0..5 {
            let x = 1e19 * 2f64.powi(9 + family as i32);
            let truth = share(x, family);
            let said = fitted.forecast(x, Some(Family(family)), 0.9).unwrap();
            assert!((said.value / truth - 1.0).abs() < 0.04, "{said:?} {truth}");
            assert!(said.lo < truth && truth < said.hi, "{said:?} {truth}");
            // Of a family that nobody measured less is known, and nothing new where they are pooled.
            let of_any = fitted.forecast(x, None, 0.9).unwrap();
            assert!(said.hi - said.lo < 0.7 * (of_any.hi - of_any.lo));
            let unknown = fitted.forecast(x, Some(Family(9)), 0.9).unwrap();
            assert_eq!(unknown, of_any);
            let of_all = pooled.forecast(x, None, 0.9).unwrap();
            assert!(said.hi - said.lo < 0.7 * (of_all.hi - of_all.lo));
        }
    }

    #[test]
    fn one_family_alone_is_no_family() {
        let alone: Vec<CurvePoint> = points(|x| (-2.5 * (x / 1e15).powf(-0.15)).exp());
        let named = alone.iter().map(|point| CurvePoint {
            family: Some(Family(3)),
            ..*point
        });
        let named = fit_curve(&named.collect::<Vec<_>>(), CurveOf::PassRate).unwrap();
        let alone = fit_curve(&alone, CurveOf::PassRate).unwrap();
        let said = named.forecast(2e19, Some(Family(3)), 0.9).unwrap();
        assert_eq!(said, alone.forecast(2e19, None, 0.9).unwrap());
        assert_eq!(said, named.forecast(2e19, Some(Family(4)), 0.9).unwrap());
    }

    #[test]
    fn impossible_measurements_are_refused() {
        let rates = points(|_| 1.0);
        assert!(matches!(
            fit_curve(&rates, CurveOf::PassRate),
            Err(FitError::Option { .. })
        ));
        let few = &points(|x| x)[..3];
        assert!(matches!(
            fit_curve(few, CurveOf::Loss),
            Err(FitError::TooFewRuns { .. })
        ));
    }
}
