//! `isoflop import` of several sources is one transaction: all of it is in the store, or nothing,
//! also after `kill -9`.

use isoflop_runs::Store;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOURCES: usize = 3;
const RUNS: usize = 40;
const POINTS: usize = 250;

/// Three tables of learning curves.
fn write_sources(folder: &Path) -> Vec<PathBuf> {
    let write = |source: usize| {
        let mut text = "run,step,N,D,val_loss\n".to_owned();
        for run in 0..RUNS {
            for point in 1..=POINTS {
                let (n, d) = (1e7 * (run + 1) as f64, 1e6 * point as f64);
                let loss = 1.7 + 400.0 / n.powf(0.34) + 400.0 / d.powf(0.28);
                text += &format!("s{source}-r{run},{point},{n},{d},{loss}\n");
            }
        }
        let path = folder.join(format!("{source}.csv"));
        std::fs::write(&path, text).expect("a file");
        path
    };
    (0..SOURCES).map(write).collect()
}

fn import(sources: &[PathBuf], store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    command
        .args(["import", "--checkpoints", "--into"])
        .arg(store)
        .args(sources)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Everything in a store.
fn contents(path: &Path) -> Vec<String> {
    if !path.exists() {
        return Vec::new();
    }
    let store = Store::open(path).expect("the store opens after a kill");
    let runs = store.runs().expect("its runs are readable");
    let shown = runs.iter().map(|run| {
        let curve = store.checkpoints(&run.run).expect("a curve");
        let origins = store.provenance(&run.run).expect("origins");
        assert!(!origins.is_empty(), "{} has no provenance", run.run);
        format!("{run:?} {curve:?} {origins:?}")
    });
    shown.collect()
}

#[test]
fn a_killed_import_leaves_all_of_it_or_nothing_and_running_it_again_completes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let sources = write_sources(folder.path());
    let whole = folder.path().join("whole.db");
    let start = Instant::now();
    assert!(
        import(&sources, &whole)
            .status()
            .expect("it runs")
            .success()
    );
    let length = start.elapsed();
    let expected = contents(&whole);
    assert_eq!(expected.len(), SOURCES * RUNS);
    assert!(
        import(&sources, &whole)
            .status()
            .expect("it runs")
            .success()
    );
    assert_eq!(
        contents(&whole),
        expected,
        "a second import changes nothing"
    );

    let mut interrupted = 0;
    const KILLS: u32 = 25;
    for kill in 0..KILLS {
        let store = folder.path().join(format!("{kill}.db"));
        let mut child = import(&sources, &store).spawn().expect("it runs");
        // The kills are spread over the whole run, its last third twice as densely: there it writes.
        let part = f64::from(kill + 1) / f64::from(KILLS + 1);
        std::thread::sleep(Duration::from_secs_f64(length.as_secs_f64() * part.sqrt()));
        child.kill().expect("a signal");
        let ended = child.wait().expect("an end");
        interrupted += usize::from(!ended.success());
        let left = contents(&store);
        assert!(
            left.is_empty() || left == expected,
            "kill {kill} left {} of {} runs",
            left.len(),
            expected.len()
        );
        assert!(
            import(&sources, &store)
                .status()
                .expect("it runs")
                .success()
        );
        assert_eq!(contents(&store), expected, "after kill {kill}");
    }
    assert!(interrupted > 0, "no import was killed in time");
}

#[test]
fn a_source_that_cannot_be_read_or_contradicts_another_leaves_the_store_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let good = write("good.csv", "run,N,D,loss\na,1e8,2e9,3.1\n");
    let broken = write("broken.csv", "nothing,to,read\n1,2,3\n");
    let other = write("other.csv", "run,N,D,loss\nb,1e8,2e9,3.0\na,1e8,2e9,3.2\n");
    let store = folder.path().join("runs.db");
    for second in [broken, other] {
        let status = import(&[good.clone(), second], &store).status();
        assert!(!status.expect("it runs").success());
        assert_eq!(contents(&store), Vec::<String>::new());
    }
}
