//! From runs to the data that laws are fitted to: one convention, every other run listed.

use crate::run::{QUALITY, Run, Status};
use isoflop_fit::{Dataset, Observation};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Quality, Tokens};
use std::collections::{BTreeSet, HashMap};

/// C within this fraction of 6ND counts as 6ND: files round their numbers.
const SIX_ND_TOLERANCE: f64 = 0.01;

/// What the caller insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SelectionOptions {
    /// Which parameters N counts; by default, those that more of the runs know, all parameters
    /// if it is a draw.
    pub param_count: Option<ParamCount>,
}

/// A row or run that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The run's name; empty where the row could not be read.
    pub run: String,
    /// Line of the file that it came from, counted from 1.
    pub line: Option<u64>,
    /// Why, as a short phrase.
    pub reason: String,
}

/// Runs in one convention, and what became of the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// What can be fitted.
    pub dataset: Dataset,
    /// For each observation, the index of its run in the slice that was given.
    pub used: Vec<usize>,
    /// Every run that is not in `dataset`.
    pub dropped: Vec<Dropped>,
    /// What was derived or mixed, one sentence each.
    pub notes: Vec<String>,
}

/// Selects the finished runs with a loss and two of N, D and C.
///
/// A missing quantity is derived by C = 6ND (Kaplan et al. 2020, section 2.1), and a note says
/// so. Runs of one name share a cluster number: they are checkpoints of one training.
#[must_use]
pub fn select(runs: &[Run], options: SelectionOptions) -> Selection {
    let param_count = options
        .param_count
        .unwrap_or_else(|| prevailing_count(runs));
    let mut selection = Selection {
        dataset: Dataset {
            param_count,
            flop_count: FlopCount::SixNd,
            observations: Vec::new(),
        },
        used: Vec::new(),
        dropped: Vec::new(),
        notes: Vec::new(),
    };
    let mut derived = Derived::default();
    let mut clusters = HashMap::new();
    for (index, run) in runs.iter().enumerate() {
        match observe(run, param_count, &mut derived) {
            Ok(mut observation) => {
                let next = clusters.len();
                observation.cluster = *clusters.entry(run.run.as_str()).or_insert(next);
                selection.dataset.observations.push(observation);
                selection.used.push(index);
            }
            Err(reason) => selection.dropped.push(Dropped {
                run: run.run.clone(),
                line: None,
                reason,
            }),
        }
    }
    let used: Vec<&Run> = selection.used.iter().map(|&index| &runs[index]).collect();
    selection.notes = derived.notes(param_count);
    selection.notes.extend(other_count(runs, param_count));
    let (flop_count, note) = flop_convention(&used, &selection.dataset.observations);
    selection.dataset.flop_count = flop_count;
    selection.notes.extend(note);
    if clusters.len() < used.len() {
        selection.notes.push(format!(
            "{} rows come from {} runs: rows of one run are not independent and share a cluster",
            used.len(),
            clusters.len()
        ));
    }
    selection.notes.extend(mixture(&used));
    selection
}

fn prevailing_count(runs: &[Run]) -> ParamCount {
    let known = |has: fn(&Run) -> bool| runs.iter().filter(|run| has(run)).count();
    if known(|run| run.params_non_embedding.is_some()) > known(|run| run.params.is_some()) {
        ParamCount::NonEmbedding
    } else {
        ParamCount::Total
    }
}

/// A note on the finished runs whose parameters are counted otherwise.
fn other_count(runs: &[Run], count: ParamCount) -> Option<String> {
    let has_other_only = |run: &&Run| {
        let known = (run.params.is_some(), run.params_non_embedding.is_some());
        let only_other = match count {
            ParamCount::Total => (false, true),
            ParamCount::NonEmbedding => (true, false),
        };
        run.status == Status::Finished && known == only_other
    };
    let others = runs.iter().filter(has_other_only).count();
    (others > 0).then(|| {
        format!(
            "conventions are mixed: N is {count} here, and {others} of {} runs do not give them",
            runs.len()
        )
    })
}

/// How many runs had a quantity derived by C = 6ND.
#[derive(Default)]
struct Derived {
    params: usize,
    tokens: usize,
    flops: usize,
}

impl Derived {
    fn notes(&self, count: ParamCount) -> Vec<String> {
        [
            (self.params, "N of", "C / 6D"),
            (self.tokens, "D of", "C / 6N"),
            (self.flops, "C of", "6ND"),
        ]
        .into_iter()
        .filter(|(runs, ..)| *runs > 0)
        .map(|(runs, what, rule)| {
            let plural = if runs == 1 { "run" } else { "runs" };
            format!(
                "{what} {runs} {plural} was not given and is derived as {rule}, N being {count}"
            )
        })
        .collect()
    }
}

fn observe(run: &Run, count: ParamCount, derived: &mut Derived) -> Result<Observation, String> {
    if run.status != Status::Finished {
        return Err(match &run.reason {
            Some(reason) => format!("{}: {reason}", run.status),
            None => format!("not finished: {}", run.status),
        });
    }
    let loss = run.loss.ok_or_else(|| missing_loss(run))?;
    let (params, tokens, flops) = complete(run, count, derived)?;
    Ok(Observation {
        params,
        tokens,
        unique_tokens: run.unique_tokens,
        quality: quality(run),
        flops,
        loss,
        loss_std: run.loss_std,
        cluster: 0,
    })
}

/// Quality of the text, where the run says it by a positive number.
fn quality(run: &Run) -> Option<Quality> {
    Quality::new(*run.metrics.get(QUALITY)?).ok()
}

fn missing_loss(run: &Run) -> String {
    if run.bits_per_byte.is_some() {
        "loss is known in bits per byte only: nats per token are needed".to_owned()
    } else {
        "loss is missing".to_owned()
    }
}

/// N, D and C, the third from the other two by C = 6ND where it is missing.
fn complete(
    run: &Run,
    count: ParamCount,
    derived: &mut Derived,
) -> Result<(Params, Tokens, Flops), String> {
    let (params, other) = match count {
        ParamCount::Total => (run.params, run.params_non_embedding),
        ParamCount::NonEmbedding => (run.params_non_embedding, run.params),
    };
    if params.is_none() && other.is_some() {
        // N of the other convention must not slip in, not even through C / 6D.
        return Err(format!("{count} are not given, and N is counted so here"));
    }
    let out_of_range = |_| "C = 6ND gives a number out of range".to_owned();
    match (params, run.tokens, run.flops) {
        (Some(params), Some(tokens), Some(flops)) => Ok((params, tokens, flops)),
        (Some(params), Some(tokens), None) => {
            let flops = Flops::new(6.0 * params.get() * tokens.get()).map_err(out_of_range)?;
            derived.flops += 1;
            Ok((params, tokens, flops))
        }
        (Some(params), None, Some(flops)) => {
            let tokens = Tokens::new(flops.get() / (6.0 * params.get())).map_err(out_of_range)?;
            derived.tokens += 1;
            Ok((params, tokens, flops))
        }
        (None, Some(tokens), Some(flops)) => {
            let params = Params::new(flops.get() / (6.0 * tokens.get())).map_err(out_of_range)?;
            derived.params += 1;
            Ok((params, tokens, flops))
        }
        _ => Err("two of params, tokens and flops are needed".to_owned()),
    }
}

/// The FLOP count of all runs, with a note where they differ among themselves.
fn flop_convention(runs: &[&Run], observations: &[Observation]) -> (FlopCount, Option<String>) {
    let (mut low, mut high, mut six_nd) = (f64::INFINITY, 0.0f64, 0);
    for (run, observation) in runs.iter().zip(observations) {
        let ratio =
            observation.flops.get() / (6.0 * observation.params.get() * observation.tokens.get());
        (low, high) = (low.min(ratio), high.max(ratio));
        let close = (ratio - 1.0).abs() < SIX_ND_TOLERANCE;
        six_nd += usize::from(match run.flop_count {
            Some(stated) if run.flops.is_some() => stated == FlopCount::SixNd,
            _ => close,
        });
    }
    if six_nd == runs.len() {
        return (FlopCount::SixNd, None);
    }
    let range = format!("C / 6ND is between {low:.3} and {high:.3}");
    if six_nd == 0 {
        return (FlopCount::Counted, Some(range));
    }
    let note = format!(
        "conventions are mixed: {six_nd} of {} FLOP counts are 6ND and the others are not; {range}",
        runs.len()
    );
    (FlopCount::Counted, Some(note))
}

/// Notes on runs that one law can hardly describe together.
fn mixture(runs: &[&Run]) -> Vec<String> {
    let distinct = |what: &str, name: fn(&Run) -> Option<&str>| {
        let names: BTreeSet<&str> = runs.iter().filter_map(|run| name(run)).collect();
        // As many names as runs are names of runs.
        (names.len() > 1 && names.len() < runs.len()).then(|| {
            let shown: Vec<&str> = names.iter().copied().take(4).collect();
            let more = if names.len() > shown.len() {
                ", …"
            } else {
                ""
            };
            format!(
                "the runs are of {} {what} ({}{more}): losses are comparable within one",
                names.len(),
                shown.join(", ")
            )
        })
    };
    let families = distinct("families", |run| run.family.as_deref());
    let datasets = distinct("data sets", |run| run.dataset.as_deref());
    [datasets, families].into_iter().flatten().collect()
}

/// Whether a number read from a file can be a loss at all.
pub(crate) fn as_loss(value: f64) -> Result<Loss, String> {
    Loss::new(value).map_err(|_| format!("loss is {value}: a positive number is expected"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(name: &str, n: Option<f64>, d: Option<f64>, c: Option<f64>) -> Run {
        Run {
            params: n.map(|n| Params::new(n).unwrap()),
            tokens: d.map(|d| Tokens::new(d).unwrap()),
            flops: c.map(|c| Flops::new(c).unwrap()),
            loss: Loss::new(3.0).ok(),
            status: Status::Finished,
            ..Run::new(name)
        }
    }

    #[test]
    fn the_missing_one_of_n_d_and_c_is_derived_and_said() {
        let runs = [
            run("a", Some(1e8), Some(2e9), None),
            run("b", Some(1e8), None, Some(1.2e18)),
            run("c", None, Some(2e9), Some(1.2e18)),
            run("d", None, Some(2e9), None),
        ];
        let selection = select(&runs, SelectionOptions::default());
        for observation in &selection.dataset.observations {
            assert_eq!(observation.params.get(), 1e8);
            assert_eq!(observation.tokens.get(), 2e9);
            assert_eq!(observation.flops.get(), 1.2e18);
        }
        assert_eq!(selection.used, [0, 1, 2]);
        assert_eq!(selection.dropped[0].run, "d");
        assert_eq!(selection.notes.len(), 3);
        assert_eq!(selection.dataset.flop_count, FlopCount::SixNd);
        assert!(
            selection
                .notes
                .iter()
                .any(|note| note.contains("derived as 6ND"))
        );
    }

    #[test]
    fn one_count_of_parameters_never_stands_in_for_the_other() {
        let mut other = run("b", None, Some(2e9), Some(1.2e18));
        other.params_non_embedding = Params::new(8e7).ok();
        let runs = [run("a", Some(1e8), Some(2e9), None), other];
        let selection = select(&runs, SelectionOptions::default());
        assert_eq!(selection.used, [0]);
        assert!(
            selection.dropped[0]
                .reason
                .contains("total parameters are not given")
        );
        let note = "conventions are mixed: N is total parameters here, and 1 of 2";
        assert!(selection.notes.iter().any(|n| n.starts_with(note)));
        let options = SelectionOptions {
            param_count: Some(ParamCount::NonEmbedding),
        };
        assert_eq!(select(&runs, options).used, [1]);
    }

    #[test]
    fn mixed_flop_counts_are_reported() {
        let runs = [
            run("a", Some(1e8), Some(2e9), Some(1.2e18)),
            run("b", Some(1e8), Some(2e9), Some(1.5e18)),
        ];
        let selection = select(&runs, SelectionOptions::default());
        assert_eq!(selection.dataset.flop_count, FlopCount::Counted);
        assert!(selection.notes[0].starts_with("conventions are mixed: 1 of 2"));
    }

    #[test]
    fn unfinished_runs_are_listed_with_their_reason() {
        let mut diverged = run("a", Some(1e8), Some(2e9), None);
        diverged.status = Status::Diverged;
        diverged.reason = Some("loss is NaN at step 40".into());
        let mut planned = run("b", Some(1e8), Some(2e9), None);
        planned.status = Status::Planned;
        let selection = select(&[diverged, planned], SelectionOptions::default());
        let reasons: Vec<&str> = selection
            .dropped
            .iter()
            .map(|d| d.reason.as_str())
            .collect();
        assert_eq!(
            reasons,
            ["diverged: loss is NaN at step 40", "not finished: planned"]
        );
    }

    #[test]
    fn rows_of_one_run_share_a_cluster() {
        let runs = [
            run("a", Some(1e8), Some(2e9), None),
            run("b", Some(1e8), Some(2e9), None),
            run("a", Some(1e8), Some(4e9), None),
        ];
        let selection = select(&runs, SelectionOptions::default());
        let clusters: Vec<usize> = selection
            .dataset
            .observations
            .iter()
            .map(|o| o.cluster)
            .collect();
        assert_eq!(clusters, [0, 1, 0]);
    }

    fn positive() -> impl Strategy<Value = Option<f64>> {
        proptest::option::of(-300.0..300.0f64)
            .prop_map(|power| power.map(|power| 10f64.powf(power)))
    }

    proptest! {
        #[test]
        fn every_run_is_used_or_listed_exactly_once(
            sizes in proptest::collection::vec((positive(), positive(), positive()), 0..20)
        ) {
            let runs: Vec<Run> = sizes
                .into_iter()
                .enumerate()
                .map(|(k, (n, d, c))| run(&k.to_string(), n, d, c))
                .collect();
            let selection = select(&runs, SelectionOptions::default());
            let mut seen: Vec<String> = selection.dropped.iter().map(|d| d.run.clone()).collect();
            seen.extend(selection.used.iter().map(|k| k.to_string()));
            seen.sort();
            let mut all: Vec<String> = runs.iter().map(|run| run.run.clone()).collect();
            all.sort();
            prop_assert_eq!(seen, all);
        }
    }
}
