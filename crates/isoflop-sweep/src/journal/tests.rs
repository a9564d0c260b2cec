use super::*;
use crate::outcome::Measured;
use crate::plan::RunSpec;
use isoflop_laws::{Loss, Params, Tokens};
use proptest::prelude::*;
use rand::{SeedableRng, seq::SliceRandom};

fn runs(count: usize) -> Vec<KeyedRun> {
    (0..count)
        .map(|index| KeyedRun {
            key: RunKey::of(&serde_json::json!(index)),
            spec: RunSpec {
                name: format!("run-{index}"),
                params: Params::new(1e6).unwrap(),
                tokens: Tokens::new(1e7).unwrap(),
                flops: None,
                batch_tokens: None,
                learning_rate: None,
                seed: index as u64,
                settings: Default::default(),
            },
        })
        .collect()
}

fn journal(count: usize) -> (tempfile::TempDir, Journal, Vec<KeyedRun>) {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let mut journal = Journal::open(&folder.path().join("state.db"), "here", &limits).unwrap();
    let runs = runs(count);
    journal.enrol(&runs).unwrap();
    (folder, journal, runs)
}

fn issue(journal: &mut Journal, key: &RunKey) -> Nonce {
    let nonce = Nonce::issue();
    let intent = Intent {
        key: key.clone(),
        nonce: nonce.clone(),
        batch: Nonce::issue(),
        task: 0,
    };
    journal.intend(&[intent]).unwrap();
    journal
        .submitted(&[(nonce.clone(), "1".to_owned())])
        .unwrap();
    nonce
}

fn outcome(key: &RunKey, nonce: &Nonce, ending: Ending, loss: f64) -> Outcome {
    Outcome {
        key: key.clone(),
        nonce: nonce.clone(),
        ending,
        reason: (ending != Ending::Finished).then(|| "because".to_owned()),
        measured: Measured {
            loss: Loss::new(loss).ok(),
            ..Measured::default()
        },
        wall_secs: rand::random(),
    }
}

#[test]
fn a_superseded_controller_cannot_write() {
    let (folder, mut old, runs) = journal(1);
    let path = folder.path().join("state.db");
    let mut new = Journal::open(&path, "there", &Limits::default()).unwrap();
    let intent = Intent {
        key: runs[0].key.clone(),
        nonce: Nonce::issue(),
        batch: Nonce::issue(),
        task: 0,
    };
    let error = old.intend(std::slice::from_ref(&intent)).unwrap_err();
    assert!(
        matches!(error, JournalError::Superseded { own: 1, found: 2 }),
        "{error}"
    );
    assert!(new.awaited().unwrap().is_empty());
    new.intend(&[intent]).unwrap();
}

#[test]
fn a_run_that_is_active_can_not_be_begun_again() {
    let (_folder, mut journal, runs) = journal(1);
    issue(&mut journal, &runs[0].key);
    let again = Intent {
        key: runs[0].key.clone(),
        nonce: Nonce::issue(),
        batch: Nonce::issue(),
        task: 0,
    };
    assert!(journal.intend(&[again]).is_err());
    assert_eq!(journal.awaited().unwrap().len(), 1);
}

#[test]
fn failures_are_retried_up_to_the_limit_and_a_late_result_still_counts() {
    let (_folder, mut journal, runs) = journal(1);
    let key = &runs[0].key;
    let lost = issue(&mut journal, key);
    journal.lose(&[(lost.clone(), "gone".to_owned())]).unwrap();
    for _ in 0..3 {
        let nonce = issue(&mut journal, key);
        let failed = outcome(key, &nonce, Ending::Failed, 1.0);
        assert_eq!(journal.ingest(&[failed]).unwrap(), [Ingested::Failed]);
    }
    assert_eq!(journal.counts().unwrap().failed, 1);
    let row = journal.runs().unwrap().remove(0);
    assert_eq!(row.reason.as_deref(), Some("because (4 attempts)"));
    let late = outcome(key, &lost, Ending::Finished, 2.0);
    assert_eq!(journal.ingest(&[late]).unwrap(), [Ingested::Accepted]);
    assert_eq!(journal.counts().unwrap().finished, 1);
}

#[test]
fn a_differing_duplicate_is_marked_and_never_overwrites() {
    let (_folder, mut journal, runs) = journal(1);
    let key = &runs[0].key;
    let first = issue(&mut journal, key);
    journal
        .lose(&[(first.clone(), "silent".to_owned())])
        .unwrap();
    let second = issue(&mut journal, key);
    let said = [
        outcome(key, &second, Ending::Finished, 2.0),
        outcome(key, &first, Ending::Finished, 2.5),
        outcome(key, &Nonce::issue(), Ending::Finished, 9.0),
    ];
    let expected = [Ingested::Accepted, Ingested::Conflict, Ingested::NotIssued];
    assert_eq!(journal.ingest(&said).unwrap(), expected);
    let row = journal.runs().unwrap().remove(0);
    assert_eq!(
        (row.loss, row.conflict, row.nonce),
        (Some(2.0), true, Some(second))
    );
}

#[test]
fn runs_that_left_the_plan_are_not_silently_forgotten() {
    let (_folder, mut journal, runs) = journal(3);
    journal.enrol(&runs).unwrap();
    let error = journal.enrol(&runs[..2]).unwrap_err().to_string();
    assert!(error.contains("1 of the 3 runs"), "{error}");
    assert_eq!(journal.counts().unwrap().planned, 3);
}

/// The end state that must not depend on the order in which results came.
fn end_state(journal: &Journal) -> Vec<(String, String, Option<f64>, bool)> {
    let rows = journal.runs().unwrap();
    rows.into_iter()
        .map(|row| (row.name, row.state, row.loss, row.conflict))
        .collect()
}

/// Histories that the property below is tried with; `SWEEP_HISTORIES=10000` is the whole bar.
fn histories() -> u32 {
    std::env::var("SWEEP_HISTORIES").map_or(500, |text| text.parse().unwrap())
}

/// A journal in memory in which every attempt was issued and is no longer live.
fn issued(runs: &[KeyedRun], attempts: &[(RunKey, Nonce)]) -> Journal {
    let mut journal = Journal::open(Path::new(":memory:"), "here", &Limits::default()).unwrap();
    journal.enrol(runs).unwrap();
    for (key, nonce) in attempts {
        let (key, nonce) = (key.clone(), nonce.clone());
        let intent = Intent {
            key,
            nonce: nonce.clone(),
            batch: nonce.clone(),
            task: 0,
        };
        journal.intend(&[intent]).unwrap();
        journal
            .submitted(&[(nonce.clone(), "1".to_owned())])
            .unwrap();
        journal.lose(&[(nonce, "silent".to_owned())]).unwrap();
    }
    journal
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(histories()))]
    #[test]
    fn order_and_repetition_of_results_do_not_matter(
        endings in prop::collection::vec(prop::collection::vec(0u8..5, 1..4), 1..5),
        repeats in 1usize..=5, seed: u64,
    ) {
        let runs = runs(endings.len());
        let (mut attempts, mut said) = (Vec::new(), Vec::new());
        for (run, endings) in runs.iter().zip(&endings) {
            for ending in endings {
                let nonce = Nonce::issue();
                attempts.push((run.key.clone(), nonce.clone()));
                match ending {
                    0..=2 => said.push(outcome(&run.key, &nonce, Ending::Finished, 2.0)),
                    3 => said.push(outcome(&run.key, &nonce, Ending::Failed, 2.0)),
                    _ => {}
                }
            }
        }
        let mut first = issued(&runs, &attempts);
        first.ingest(&said).unwrap();
        let mut second = issued(&runs, &attempts);
        let mut replayed: Vec<Outcome> =
            (0..repeats).flat_map(|_| said.iter().cloned()).collect();
        replayed.shuffle(&mut rand::rngs::StdRng::seed_from_u64(seed));
        for result in &replayed {
            second.ingest(std::slice::from_ref(result)).unwrap();
        }
        prop_assert_eq!(end_state(&first), end_state(&second));
        prop_assert_eq!(second.accepted().unwrap().len() as u64, second.counts().unwrap().finished);
    }
}
