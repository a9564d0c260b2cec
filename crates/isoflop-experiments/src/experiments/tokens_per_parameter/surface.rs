//! The loss of a set of runs around its valleys, and where it is least.

use super::super::formula;
use crate::error::ExperimentError;
use crate::judgement::Finding;
use crate::records::{self, Records};
use isoflop_fit::{FormulaFit, fit_formula};
use isoflop_runs::Run;

/// What N and C count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// All parameters; FLOPs of the architecture, the output layer with them.
    All,
    /// Neither the embedding nor the output layer (Kaplan et al. 2020): C = 6 N D.
    WithoutEmbeddings,
}

/// A value with its interval.
pub(super) type Estimate = (f64, (f64, f64));

/// Where the loss is least.
#[derive(Debug, Clone)]
pub(super) struct Best {
    /// Tokens a parameter at the largest budget; NaN outside the sizes tried.
    pub(super) ratio: Estimate,
    /// Exponent with which the best N grows with C.
    pub(super) exponent: Estimate,
    /// C and the tokens a parameter, at each budget.
    pub(super) path: Vec<(f64, Estimate)>,
    /// Share of resampled sets without a best size among those tried.
    pub(super) lost: f64,
}

impl Best {
    pub(super) fn finding(&self, name: &str) -> Finding {
        Finding::new(
            format!("exponent of the best N: {name}"),
            self.exponent.0,
            "",
        )
        .within(self.exponent.1)
    }
}

/// A size of the family: what depends on its width alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// ln N, all parameters.
    pub(super) all: f64,
    /// ln N without embeddings.
    inner: f64,
    /// ln of the training FLOPs of a token.
    pub(super) cost: f64,
}

/// ln L of a set of runs as a function of ln N and ln C around its valleys.
pub(super) struct Surface {
    pub(super) fit: FormulaFit,
    /// Means of ln N and ln C.
    pub(super) centre: (f64, f64),
    /// ln C of the budgets, small to large.
    pub(super) budgets: Vec<f64>,
    /// Sizes of all runs, small to large.
    sizes: Vec<Size>,
    /// Sizes tried, and the tokens a parameter of each, at the largest budget.
    tried: Vec<f64>,
}

/// Parameters of the surface besides the level at each budget: slope, twist, curvature.
const SHAPE: usize = 3;

/// Places between the smallest and the largest size at which a loss is compared.
pub(super) const PLACES: usize = 300;

impl Surface {
    pub(super) fn of(records: &Records, name: &str) -> Result<Self, ExperimentError> {
        let own = records.rows.iter().filter(|row| records::set(row) == name);
        let mut rows: Vec<&Run> = own.collect();
        rows.sort_by(|a, b| records::params(a).total_cmp(&records::params(b)));
        // Runs of one budget differ by less than a step; budgets by factors.
        let mut budgets: Vec<Vec<f64>> = Vec::new();
        let mut all: Vec<f64> = rows.iter().map(|row| records::flops(row).ln()).collect();
        all.sort_by(f64::total_cmp);
        for flops in all {
            match budgets.last_mut() {
                Some(last) if flops - last[0] < 0.3 => last.push(flops),
                _ => budgets.push(vec![flops]),
            }
        }
        let budgets: Vec<f64> = budgets.iter().map(|own| mean(own)).collect();
        let x: Vec<f64> = rows.iter().map(|row| records::params(row).ln()).collect();
        let y: Vec<f64> = rows.iter().map(|row| records::flops(row).ln()).collect();
        let centre = (mean(&x), mean(&y));
        let seen: Vec<f64> = rows.iter().map(|row| records::loss(row).ln()).collect();
        let level = mean(&seen);
        let start = [
            vec![0.0; SHAPE],
            vec![level],
            vec![0.0; budgets.len().saturating_sub(1)],
        ];
        let law = |p: &[f64], i: usize| height(p, x[i] - centre.0, y[i] - centre.1);
        let options = formula("isoflop surface", records.seed);
        let fit = fit_formula(&seen, &law, &[start.concat()], options)?;
        let mut sizes: Vec<Size> = rows.iter().filter_map(|row| size(row)).collect();
        sizes.dedup_by(|a, b| a.all == b.all);
        let top = budgets.last().copied().unwrap_or(f64::NAN);
        let at_top = rows
            .iter()
            .filter(|row| (records::flops(row).ln() - top).abs() < 0.3);
        Ok(Self {
            fit,
            centre,
            budgets,
            sizes,
            tried: at_top
                .map(|row| records::tokens(row) / records::params(row))
                .collect(),
        })
    }

    pub(super) fn largest(&self) -> f64 {
        self.budgets.last().map_or(f64::NAN, |flops| flops.exp())
    }

    /// The fewest and the most tokens a parameter at the largest budget.
    pub(super) fn ratios(&self) -> (f64, f64) {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        self.tried
            .iter()
            .fold(ends, |(lo, hi), at| (lo.min(*at), hi.max(*at)))
    }

    /// The family between two of its sizes, linear in logarithms; `share` of the way from the
    /// smallest to the largest N tried.
    pub(super) fn between(&self, share: f64) -> Size {
        let (first, last) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let all = first.all + share * (last.all - first.all);
        let next = self.sizes.iter().position(|size| size.all >= all);
        let next = next.unwrap_or(self.sizes.len() - 1).max(1);
        let (a, b) = (
            self.sizes[next - 1],
            self.sizes[next.min(self.sizes.len() - 1)],
        );
        let part = (all - a.all) / (b.all - a.all);
        let mix = |from: f64, to: f64| from + part * (to - from);
        Size {
            all,
            inner: mix(a.inner, b.inner),
            cost: mix(a.cost, b.cost),
        }
    }

    /// The best size for a budget of ln C as counted, and its ln tokens. `None` at an end of the
    /// sizes tried, or without a valley.
    fn least(&self, p: &[f64], counted: Counted, ln_flops: f64) -> Option<(Size, f64)> {
        let places = (0..=PLACES).map(|place| {
            let size = self.between(place as f64 / PLACES as f64);
            let tokens = match counted {
                Counted::All => ln_flops - size.cost,
                Counted::WithoutEmbeddings => ln_flops - size.inner - 6.0_f64.ln(),
            };
            let (x, y) = (size.all - self.centre.0, tokens + size.cost - self.centre.1);
            (place, size, tokens, height(p, x, y))
        });
        let (place, size, tokens, _) = places.min_by(|a, b| a.3.total_cmp(&b.3))?;
        (place > 0 && place < PLACES).then_some((size, tokens))
    }

    /// The budgets by a way of counting: those of the best sizes at the budgets trained at.
    fn budgets(&self, counted: Counted) -> Vec<f64> {
        let as_counted = |ln_flops: &f64| match counted {
            Counted::All => *ln_flops,
            Counted::WithoutEmbeddings => self
                .least(&self.fit.values, Counted::All, *ln_flops)
                .map_or(f64::NAN, |(size, tokens)| {
                    size.inner + tokens + 6.0_f64.ln()
                }),
        };
        self.budgets.iter().map(as_counted).collect()
    }

    pub(super) fn best(&self, counted: Counted) -> Best {
        let budgets = self.budgets(counted);
        let inner = |size: &Size| match counted {
            Counted::All => size.all,
            Counted::WithoutEmbeddings => size.inner,
        };
        let ratio = |p: &[f64], ln_flops: f64| {
            let least = self.least(p, counted, ln_flops);
            least.map_or(f64::NAN, |(size, tokens)| (tokens - inner(&size)).exp())
        };
        let estimate = |of: &dyn Fn(&[f64]) -> f64| (of(&self.fit.values), self.fit.interval(of));
        let (first, last) = match (budgets.first(), budgets.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => (f64::NAN, f64::NAN),
        };
        let exponent = |p: &[f64]| {
            let at = |ln_flops| {
                let least = self.least(p, counted, ln_flops);
                least.map_or(f64::NAN, |(size, _)| inner(&size))
            };
            (at(last) - at(first)) / (last - first)
        };
        let lost = self
            .fit
            .draws
            .iter()
            .filter(|p| ratio(p, last).is_nan())
            .count();
        Best {
            ratio: estimate(&|p| ratio(p, last)),
            exponent: estimate(&exponent),
            path: budgets
                .iter()
                .map(|at| (at.exp(), estimate(&|p| ratio(p, *at))))
                .collect(),
            lost: lost as f64 / self.fit.draws.len().max(1) as f64,
        }
    }
}

/// ln L: slope, twist and curvature in `x`, then a polynomial in `y`.
pub(super) fn height(p: &[f64], x: f64, y: f64) -> f64 {
    let level = p[SHAPE..].iter().rev().fold(0.0, |sum, c| sum * y + c);
    level + p[0] * x + p[1] * x * y + p[2] * x * x
}

fn size(row: &Run) -> Option<Size> {
    Some(Size {
        all: row.params?.ln(),
        inner: row.params_non_embedding?.ln(),
        cost: (records::flops(row) / records::tokens(row)).ln(),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
