//! The runs and the ledger behind the page.

use super::is_sweep;
use crate::analysis_argument::evidence_of;
use crate::failure::Failure;
use crate::ledger_file::LedgerFile;
use crate::runs_argument::ReadingArguments;
use isoflop_fit::LawChoice;
use isoflop_plan::{ForecastBody, Ledger, LedgerError, SealedForecast};
use isoflop_report::Evidence;
use isoflop_runs::{SelectionOptions, select};
use isoflop_serve::{Reading, Workplace};
use isoflop_sweep::SweepFolder;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Runs at a path, and where their forecasts are sealed.
#[derive(Debug)]
pub struct Runs {
    path: PathBuf,
    /// The folder, if the path is a sweep's.
    sweep: Option<SweepFolder>,
    law: LawChoice,
    reading: ReadingArguments,
    ledger: LedgerFile,
    read_only: bool,
}

impl Runs {
    /// Runs that are there.
    ///
    /// # Errors
    /// Status 2 if there are none, or they cannot be read more than once.
    pub fn new(
        path: PathBuf,
        law: LawChoice,
        reading: ReadingArguments,
        ledger: LedgerFile,
        read_only: bool,
    ) -> Result<Runs, Failure> {
        if path == Path::new("-") {
            let sentence = "a page reads its runs again and again: standard input will not do";
            return Err(Failure::misuse(sentence).hint("`isoflop import - --into runs.db` first"));
        }
        let sweep = is_sweep(&path).then(|| SweepFolder::new(path.clone()));
        let runs = Runs {
            path,
            law,
            sweep,
            reading,
            ledger,
            read_only,
        };
        // What cannot be read at all is said at once, not in the browser.
        if runs.sweep.is_none() {
            runs.reading.read(&runs.path)?;
        }
        Ok(runs)
    }

    /// Where the runs are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where forecasts are sealed.
    pub fn ledger_path(&self) -> &Path {
        self.ledger.path()
    }

    /// What is read: of a sweep, the store of its results.
    fn source(&self) -> PathBuf {
        match &self.sweep {
            Some(sweep) => sweep.results(),
            None => self.path.clone(),
        }
    }
}

impl Workplace for Runs {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn law(&self) -> String {
        match self.law {
            LawChoice::Auto => "auto".to_owned(),
            LawChoice::Named(law) => law.name().to_owned(),
        }
    }

    fn mark(&self) -> u64 {
        let mut mark = DefaultHasher::new();
        let source = self.source();
        let mut left = MOST_FILES;
        mark_file(&source, DEEPEST, &mut left, &mut mark);
        let mut log = source.into_os_string();
        log.push("-wal");
        mark_file(Path::new(&log), 0, &mut left, &mut mark);
        mark.finish()
    }

    fn read(&self) -> Result<Reading, String> {
        let source = self.source();
        if self.sweep.is_some() && !source.exists() {
            return Ok(nothing_yet());
        }
        let rows = self.reading.read(&source);
        let rows = rows.map_err(|failure| failure.sentence().to_owned())?;
        Ok(Reading {
            evidence: evidence_of(&source, &rows),
            runs: rows.rows.into_iter().map(|row| row.run).collect(),
        })
    }

    fn sweep(&self) -> Option<SweepFolder> {
        self.sweep.clone()
    }

    fn ledger(&self) -> Result<Ledger, String> {
        let ledger = self.ledger.read();
        ledger.map_err(|failure| failure.sentence().to_owned())
    }

    fn seal(&self, body: ForecastBody) -> Option<Result<SealedForecast, String>> {
        if self.read_only {
            return None;
        }
        let sealed = self.ledger.change(|ledger| {
            if ledger.scores().iter().any(|score| score.name == body.name) {
                return Err(LedgerError::NameTaken(body.name));
            }
            ledger.seal(body)
        });
        Some(sealed.map_err(|failure| failure.sentence().to_owned()))
    }

    fn can_seal(&self) -> bool {
        !self.read_only
    }
}

/// A sweep of which no run has ended.
fn nothing_yet() -> Reading {
    let selection = select(&[], SelectionOptions::default());
    Reading {
        evidence: Evidence::new(&[], selection, |_| vec![]),
        runs: vec![],
    }
}

/// How deep trackers nest their folders, and how many files are looked at.
const DEEPEST: u32 = 5;
const MOST_FILES: usize = 20_000;

/// Adds size and time of a file, or of the files in a directory. An empty file is as good as none:
/// SQLite leaves an empty log behind whenever it reads.
fn mark_file(path: &Path, deep: u32, left: &mut usize, mark: &mut DefaultHasher) {
    let Ok(about) = std::fs::metadata(path) else {
        return;
    };
    if about.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if deep == 0 || *left == 0 {
                return;
            }
            *left -= 1;
            mark_file(&path, deep - 1, left, mark);
        }
        return;
    }
    let is_index = path.extension().is_some_and(|end| end == "db-shm");
    if about.len() > 0 && !is_index {
        path.hash(mark);
        about.len().hash(mark);
        about.modified().ok().hash(mark);
    }
}
