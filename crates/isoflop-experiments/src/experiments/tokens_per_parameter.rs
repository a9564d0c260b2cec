//! How many tokens a parameter are best on this text, against the 20 of Hoffmann et al. 2022, and
//! what the answer becomes for each of the three reasons by which Porian et al. 2024 explain
//! Kaplan's other one: what is counted, a warm-up too long for short runs, rates that are not tuned
//! to the run.

use super::{basis, formula, short, with_interval};
use crate::design::{self, Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use isoflop_fit::{FormulaFit, fit_formula};
use isoflop_laws::ParamCount;
use isoflop_report::{CurveLook, CurvePlace, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};
use isoflop_runs::Run;
use isoflop_train::BASE_WIDTH;

/// Budgets as shares of the largest, and the sizes tried at each; of runs as they should be, and of
/// those with a fault.
const BUDGETS: [(f64, usize); 3] = [(1.0 / 6.0, 5), (0.408, 5), (1.0, 5)];
const ENDS: [(f64, usize); 2] = [(1.0 / 6.0, 5), (1.0, 5)];

/// The largest budget at scale 1, FLOPs: at a sixth of it five sizes still have 40 steps and more.
const SMALLEST: f64 = 1.6e11;

/// The one warm-up of the set that has one, as a share of the fewest steps of its runs.
const LONG: f64 = 0.75;

/// The rule of thumb, and how far from it still counts as about.
const RULE: f64 = 20.0;
const ABOUT: f64 = 2.0;

/// Resampled sets whose best size lies outside the sizes tried, beyond which the interval of the
/// others decides nothing.
const MOST_LOST: f64 = 0.1;

const TUNED: &str = "tuned";
const WARM: &str = "one warm-up";
const ONE_RATE: &str = "one rate";

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    let flops = SMALLEST * scale;
    let mut runs: Vec<PlannedRun> = Vec::new();
    let mut add = |set: &str, mut own: Vec<PlannedRun>, spoil: &dyn Fn(&mut PlannedRun)| {
        for run in &mut own {
            // Another seed than the same size and length of another set has.
            run.spec.seed += runs.len() as u64;
            run.name = format!("{}-{}", set.replace(' ', "-"), run.name);
            set.clone_into(&mut run.set);
            spoil(run);
        }
        runs.append(&mut own);
    };
    add(TUNED, design::valleys(bench, flops, &BUDGETS), &|_| {});
    let ends = || design::valleys(bench, flops, &ENDS);
    let fewest = ends().iter().map(|run| run.spec.schedule.steps).min();
    let warmup = (fewest.unwrap_or(1) as f64 * LONG) as u64;
    add(WARM, ends(), &|run| {
        run.spec.schedule.warmup = warmup.max(1)
    });
    // The recipe's rates for the largest model of the largest budget. `BASE_WIDTH` over the width
    // scales the rates of hidden matrices: that is undone, so that no tensor's rate depends on size.
    let largest = ends().pop();
    add(ONE_RATE, ends(), &|run| {
        if let Some(largest) = &largest {
            let width = |run: &PlannedRun| run.spec.shape.width as f32 / BASE_WIDTH;
            let wider = width(run) / width(largest);
            run.spec.learning_rate = largest.spec.learning_rate * wider;
            run.spec.embedding_rate = largest.spec.embedding_rate / wider;
        }
    });
    runs
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let set = |name| Surface::of(records, name);
    let (tuned, warm, one_rate) = (set(TUNED)?, set(WARM)?, set(ONE_RATE)?);
    let best = tuned.best(Counted::All);
    let ways = [
        Way::new(
            "N without embeddings, C = 6ND",
            &tuned,
            Counted::WithoutEmbeddings,
        ),
        Way::new("one warm-up for all lengths", &warm, Counted::All),
        Way::new("one learning rate for all runs", &one_rate, Counted::All),
    ];
    let mut judgement = Judgement {
        verdict: Verdict::Undecided,
        sentence: String::new(),
        findings: Vec::new(),
        law: "ln L a parabola in ln N of one curvature, its lowest point linear in ln C".to_owned(),
        param_count: ParamCount::Total,
        n_used: records.rows.len(),
        figures: vec![figure(records, &tuned, &best, &ways)?.render()?],
        warnings: Vec::new(),
    };
    let budget = format!("{:.2e} FLOPs", tuned.largest());
    judgement.findings.push(
        Finding::new(format!("tokens a parameter at {budget}"), best.ratio.0, "")
            .within(best.ratio.1)
            .paper(RULE),
    );
    judgement
        .findings
        .push(best.finding("runs as they should be"));
    for way in &ways {
        let what = format!("tokens a parameter: {}", way.name);
        judgement
            .findings
            .push(Finding::new(what, way.best.ratio.0, "").within(way.best.ratio.1));
        judgement.findings.push(way.best.finding(way.name));
    }
    if best.ratio.0.is_nan() {
        judgement.sentence = format!(
            "At {budget} the least loss lies outside the sizes tried, from {} to {} tokens a \
             parameter: give it more minutes, or another text.",
            short(tuned.ratios().0),
            short(tuned.ratios().1)
        );
        return Ok(judgement);
    }
    let (lost, ends) = (best.lost, best.ratio.1);
    judgement.verdict = Verdict::all([
        Verdict::at_least(ends, RULE / ABOUT),
        Verdict::at_most(ends, RULE * ABOUT),
    ]);
    let mut doubt = String::new();
    if lost > MOST_LOST {
        judgement.verdict = Verdict::Undecided;
        doubt = format!(
            ", but {:.0} % of resampled sets have their best size outside those tried, and the true \
             interval is wider",
            lost * 100.0
        );
    }
    let told: Vec<String> = ways.iter().map(Way::told).collect();
    judgement.sentence = format!(
        "At {budget} the least loss has {} tokens a parameter{doubt}; about 20 counts as 10 to 40. \
         The best size grows as C to the power {}. Porian's reasons, one at a time: {}.",
        with_interval(best.ratio.0, ends),
        with_interval(best.exponent.0, best.exponent.1),
        told.join("; ")
    );
    Ok(judgement)
}

/// What N and C count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// All parameters; FLOPs of the architecture, the output layer with them.
    All,
    /// Neither the embedding nor the output layer (Kaplan et al. 2020): C = 6 N D.
    WithoutEmbeddings,
}

/// A value with its interval.
type Estimate = (f64, (f64, f64));

/// Where the loss is least.
#[derive(Debug, Clone)]
struct Best {
    /// Tokens a parameter at the largest budget; NaN outside the sizes tried.
    ratio: Estimate,
    /// Exponent with which the best N grows with C.
    exponent: Estimate,
    /// C and the tokens a parameter, at each budget.
    path: Vec<(f64, Estimate)>,
    /// Share of resampled sets without a best size among those tried.
    lost: f64,
}

impl Best {
    fn finding(&self, name: &str) -> Finding {
        Finding::new(
            format!("exponent of the best N: {name}"),
            self.exponent.0,
            "",
        )
        .within(self.exponent.1)
    }
}

/// One of the three reasons.
struct Way {
    name: &'static str,
    best: Best,
}

impl Way {
    fn new(name: &'static str, surface: &Surface, counted: Counted) -> Self {
        let best = surface.best(counted);
        Self { name, best }
    }

    fn told(&self) -> String {
        let Best {
            ratio, exponent, ..
        } = &self.best;
        match ratio.0.is_nan() {
            true => format!("{}: the best size is outside those tried", self.name),
            false => format!(
                "{}: {} and an exponent of {}",
                self.name,
                with_interval(ratio.0, ratio.1),
                with_interval(exponent.0, exponent.1)
            ),
        }
    }
}

/// A size of the family: what depends on its width alone.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// ln N, all parameters.
    all: f64,
    /// ln N without embeddings.
    inner: f64,
    /// ln of the training FLOPs of a token.
    cost: f64,
}

/// ln L of a set of runs as a function of ln N and ln C around its valleys.
struct Surface {
    fit: FormulaFit,
    /// Means of ln N and ln C.
    centre: (f64, f64),
    /// ln C of the budgets, small to large.
    budgets: Vec<f64>,
    /// Sizes of all runs, small to large.
    sizes: Vec<Size>,
    /// Sizes tried, and the tokens a parameter of each, at the largest budget.
    tried: Vec<f64>,
}

/// Parameters of the surface besides the level at each budget: slope, twist, curvature.
const SHAPE: usize = 3;

/// Places between the smallest and the largest size at which a loss is compared.
const PLACES: usize = 300;

impl Surface {
    fn of(records: &Records, name: &str) -> Result<Self, ExperimentError> {
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

    fn largest(&self) -> f64 {
        self.budgets.last().map_or(f64::NAN, |flops| flops.exp())
    }

    /// The fewest and the most tokens a parameter at the largest budget.
    fn ratios(&self) -> (f64, f64) {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        self.tried
            .iter()
            .fold(ends, |(lo, hi), at| (lo.min(*at), hi.max(*at)))
    }

    /// The family between two of its sizes, linear in logarithms; `share` of the way from the
    /// smallest to the largest N tried.
    fn between(&self, share: f64) -> Size {
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

    fn best(&self, counted: Counted) -> Best {
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
fn height(p: &[f64], x: f64, y: f64) -> f64 {
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

fn figure(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated;
    use isoflop_train::Recipe;

    fn bench() -> Bench {
        Bench {
            recipe: Recipe::default(),
            seed: 0,
        }
    }

    /// Hoffmann's form; runs of the set with one warm-up lose half of it in tokens.
    fn source(scale: f64, spread: f64) -> impl Fn(&Run) -> f64 {
        let warm = runs(&bench(), scale)
            .into_iter()
            .find(|run| run.set == WARM);
        let wasted = warm.map_or(0.0, |run| {
            0.5 * (run.spec.schedule.warmup * run.spec.batch_tokens() as u64) as f64
        });
        move |row| {
            let (n, d) = (records::params(row), records::tokens(row));
            let d = if records::set(row) == WARM {
                d - wasted
            } else {
                d
            };
            1.0 + (6e4 / n).powf(0.4) + (spread * 6e4 / d).powf(0.4)
        }
    }

    /// The best ratio of `source` at the largest budget, by trying all widths finely.
    fn truth(scale: f64, spread: f64) -> f64 {
        let bench = bench();
        let law = |n: f64, d: f64| (6e4 / n).powf(0.4) + (spread * 6e4 / d).powf(0.4);
        let tried = (80..4000).map(|tenth| {
            let width = f64::from(tenth) / 10.0;
            // A family of one shape: N and FLOPs are polynomials of the width.
            let through = |of: &dyn Fn(usize) -> f64| {
                let (a, b, c) = (of(8), of(64), of(256));
                let l = |x: f64, p: f64, q: f64, at: f64| {
                    (width - p) * (width - q) / ((x - p) * (x - q)) * at
                };
                l(8.0, 64.0, 256.0, a) + l(64.0, 8.0, 256.0, b) + l(256.0, 8.0, 64.0, c)
            };
            let n = through(&|w| bench.params(w));
            let d = SMALLEST * scale / through(&|w| bench.flops_a_token(w));
            (d / n, law(n, d))
        });
        tried.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
    }

    fn value<'j>(said: &'j Judgement, what: &str) -> &'j Finding {
        said.findings
            .iter()
            .find(|f| f.what.starts_with(what))
            .unwrap()
    }

    #[test]
    fn a_source_with_twenty_holds_and_a_wasted_warm_up_asks_for_more_data() {
        let spread = 21.0;
        let true_ratio = truth(4.0, spread);
        assert!((15.0..27.0).contains(&true_ratio), "{true_ratio}");
        let records = simulated::records(&runs(&bench(), 4.0), 0.0005, 3, source(4.0, spread));
        let said = judge(&records).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        let best = value(&said, "tokens a parameter at");
        assert!(
            (best.value / true_ratio).ln().abs() < 0.15,
            "{best:?}, {true_ratio}"
        );
        assert!(
            best.lo.unwrap() < true_ratio && true_ratio < best.hi.unwrap(),
            "{best:?}"
        );
        let exponent = value(&said, "exponent of the best N: runs as they should be");
        assert!((exponent.value - 0.5).abs() < 0.08, "{exponent:?}");
        // Larger models have fewer steps, so that the same warm-up wastes more of them.
        let warm = value(&said, "tokens a parameter: one warm-up");
        assert!(warm.value > best.value, "{warm:?}");
        let steeper = value(&said, "exponent of the best N: one warm-up");
        assert!(steeper.value > exponent.value + 0.05, "{steeper:?}");
        // The same rate is harmless here, so that nothing moves.
        let rate = value(&said, "tokens a parameter: one learning rate");
        assert!((rate.value / best.value).ln().abs() < 0.25, "{rate:?}");
    }

    #[test]
    fn a_source_that_asks_for_six_does_not_hold() {
        let spread = 6.0;
        let true_ratio = truth(8.0, spread);
        assert!((4.0..8.0).contains(&true_ratio), "{true_ratio}");
        let records = simulated::records(&runs(&bench(), 8.0), 0.0002, 3, source(8.0, spread));
        let said = judge(&records).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
        let best = value(&said, "tokens a parameter at");
        assert!(
            (best.value / true_ratio).ln().abs() < 0.2,
            "{best:?}, {true_ratio}"
        );
    }

    #[test]
    fn a_source_without_a_valley_decides_nothing_and_says_so() {
        let law = |row: &Run| 1.0 + (6e4 / records::params(row)).powf(0.3);
        let said = judge(&simulated::records(&runs(&bench(), 4.0), 0.0, 3, law)).unwrap();
        assert_eq!(said.verdict, Verdict::Undecided);
        assert!(
            said.sentence.contains("outside the sizes tried"),
            "{}",
            said.sentence
        );
    }

    #[test]
    fn each_set_differs_from_the_tuned_one_by_its_fault_alone() {
        let runs = runs(&bench(), 3.0);
        let of = |set: &str| runs.iter().filter(|run| run.set == set).collect::<Vec<_>>();
        assert_eq!(
            (of(TUNED).len(), of(WARM).len(), of(ONE_RATE).len()),
            (15, 10, 10)
        );
        let alike = |run: &&PlannedRun| {
            let steps = run.spec.schedule.steps;
            let same = |other: &&&PlannedRun| {
                other.spec.shape == run.spec.shape && other.spec.schedule.steps == steps
            };
            of(TUNED)
                .iter()
                .find(same)
                .map(|found| (*found).clone())
                .unwrap()
        };
        for run in of(WARM) {
            let mut clean = alike(&run).spec;
            assert!(run.spec.schedule.warmup <= run.spec.schedule.steps);
            clean.schedule.warmup = run.spec.schedule.warmup;
            clean.seed = run.spec.seed;
            assert_eq!(clean, run.spec);
        }
        let rates: Vec<f32> = of(ONE_RATE)
            .iter()
            .map(|run| run.spec.learning_rate * BASE_WIDTH / run.spec.shape.width as f32)
            .collect();
        assert!(
            rates
                .iter()
                .all(|rate| (rate / rates[0] - 1.0).abs() < 1e-5),
            "{rates:?}"
        );
        let mut seeds: Vec<u64> = runs.iter().map(|run| run.spec.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), runs.len());
    }
}
