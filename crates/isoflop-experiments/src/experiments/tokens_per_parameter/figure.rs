//! The valleys, and the best tokens a parameter by each way of training and counting.

use super::super::{basis, with_interval};
use super::surface::{Best, PLACES, Surface, height};
use super::{RULE, TUNED, Way};
use crate::error::ExperimentError;
use crate::records::{self, Records};
use isoflop_report::{CurveLook, CurvePlace, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};

pub(super) fn figure(
    records: &Records,
    tuned: &Surface,
    best: &Best,
    ways: &[Way],
) -> Result<CurvesFigure, ExperimentError> {
    let mut valleys = Vec::new();
    for (rank, budget) in tuned.budgets.iter().enumerate() {
        let own = records.rows.iter().filter(|row| {
            records::set(row) == TUNED && (records::flops(row).ln() - budget).abs() < 0.3
        });
        let mut places: Vec<CurvePlace> = own
            .map(|row| {
                (
                    records::tokens(row) / records::params(row),
                    records::loss(row),
                )
                    .into()
            })
            .collect();
        places.sort_by(|a, b| a.x.total_cmp(&b.x));
        let (lo, hi) = match (places.first(), places.last()) {
            (Some(first), Some(last)) => (first.x, last.x),
            _ => continue,
        };
        let law = (0..=PLACES).filter_map(|place| {
            let size = tuned.between(place as f64 / PLACES as f64);
            let (x, y) = (size.all - tuned.centre.0, budget - tuned.centre.1);
            let at = (budget - size.cost - size.all).exp();
            let loss = height(&tuned.fit.values, x, y).exp();
            (lo..=hi).contains(&at).then_some((at, loss).into())
        });
        let series = |label: String, look, places| CurveSeries {
            label,
            look,
            rank,
            places,
        };
        valleys.push(series(String::new(), CurveLook::Law, law.collect()));
        let label = format!("{:.1e} FLOPs", budget.exp());
        valleys.push(series(label, CurveLook::Points, places));
    }
    let paths = std::iter::once(("as it should be", best))
        .chain(ways.iter().map(|way| (way.name, &way.best)));
    let mut ratios: Vec<CurveSeries> = Vec::new();
    for (rank, (name, best)) in paths.enumerate() {
        let known = best.path.iter().filter(|(_, (value, _))| value.is_finite());
        let places: Vec<CurvePlace> = known
            .map(|(flops, (value, ends))| CurvePlace {
                // Side by side: intervals at one budget would hide each other.
                x: flops * 1.06_f64.powi(rank as i32),
                y: *value,
                interval: Some(*ends).filter(|(lo, hi)| lo.is_finite() && hi.is_finite()),
            })
            .collect();
        if !places.is_empty() {
            ratios.push(CurveSeries {
                label: name.to_owned(),
                look: if rank == 0 {
                    CurveLook::Points
                } else {
                    CurveLook::Rings
                },
                rank,
                places,
            });
        }
    }
    let ends = ratios
        .iter()
        .flat_map(|series| &series.places)
        .map(|place| place.x);
    let (lo, hi) = ends.fold((f64::MAX, 0.0_f64), |(a, b), x| (a.min(x), b.max(x)));
    ratios.push(CurveSeries {
        label: "Hoffmann's rule, 20".to_owned(),
        look: CurveLook::Reference,
        rank: 0,
        places: vec![(lo, RULE).into(), (hi, RULE).into()],
    });
    Ok(CurvesFigure {
        name: "tokens-per-parameter",
        title: "Tokens a parameter: what is best here, and by which mistakes it moves".to_owned(),
        finding: format!(
            "Best at the largest budget: {} tokens a parameter.",
            with_interval(best.ratio.0, best.ratio.1)
        ),
        panels: vec![
            CurvesPanel {
                caption: String::new(),
                x: CurvesAxis::log("Tokens a parameter D/N"),
                y: CurvesAxis::log("Validation loss (nats per token)"),
                series: valleys,
            },
            CurvesPanel {
                caption: String::new(),
                x: CurvesAxis::log("Compute C (FLOPs)"),
                y: CurvesAxis::log("Best tokens a parameter"),
                series: ratios,
            },
        ],
        conventions: basis(
            "N: all parameters, but without embeddings where said (C then 6ND)",
            records,
        ),
    })
}
