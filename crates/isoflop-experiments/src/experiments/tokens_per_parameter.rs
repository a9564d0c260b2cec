//! How many tokens a parameter are best on this text, against the 20 of Hoffmann et al. 2022, and
//! what the answer becomes for each of the three reasons by which Porian et al. 2024 explain
//! Kaplan's other one: what is counted, a warm-up too long for short runs, rates that are not tuned
//! to the run.

mod figure;
mod surface;

use super::{short, with_interval};
use crate::design::{self, Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::Records;
use figure::figure;
use isoflop_laws::ParamCount;
use isoflop_train::BASE_WIDTH;
use surface::{Best, Counted, Surface};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{self, simulated};
    use isoflop_runs::Run;
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
