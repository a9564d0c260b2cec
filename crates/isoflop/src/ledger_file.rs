//! The ledger of forecasts as a file, changed by one process at a time.

use crate::failure::Failure;
use isoflop_plan::{Ledger, LedgerError};
use isoflop_runs::write_atomically;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where the ledger is.
#[derive(Debug, clap::Args)]
pub struct LedgerFile {
    /// The ledger
    #[arg(long, default_value = "isoflop-ledger.jsonl", value_name = "FILE")]
    ledger: PathBuf,
}

impl LedgerFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.ledger
    }

    /// The verified ledger; the empty one if there is no file yet.
    ///
    /// # Errors
    /// Status 2 if the file cannot be read or was changed.
    pub fn read(&self) -> Result<Ledger, Failure> {
        self.parse()?.map_err(|error| {
            Failure::misuse(format!("{}: {error}", self.ledger.display()))
                .hint("`isoflop forecast check` says what was changed")
        })
    }

    /// That there is a ledger.
    ///
    /// # Errors
    /// Status 2 if there is none.
    pub fn must_exist(&self) -> Result<(), Failure> {
        if self.ledger.exists() {
            return Ok(());
        }
        let sentence = format!("there is no ledger {}", self.ledger.display());
        Err(Failure::misuse(sentence).hint("`isoflop forecast seal` starts one"))
    }

    /// The ledger if it is intact, and why not otherwise.
    ///
    /// # Errors
    /// Status 2 if the file cannot be read.
    pub fn parse(&self) -> Result<Result<Ledger, LedgerError>, Failure> {
        let text = match std::fs::read_to_string(&self.ledger) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other.map_err(|error| self.failure("read", &error))?,
        };
        Ok(Ledger::from_jsonl(&text))
    }

    /// Changes the ledger while no other process does.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) and of `change`; status 2 if it cannot be written.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Ledger) -> Result<T, LedgerError>,
    ) -> Result<T, Failure> {
        let mut lock = OsString::from(&self.ledger);
        lock.push(".lock");
        let guard = File::create(&lock).map_err(|error| self.failure("lock", &error))?;
        guard.lock().map_err(|error| self.failure("lock", &error))?;
        let mut ledger = self.read()?;
        let done = change(&mut ledger).map_err(Failure::misuse)?;
        write_atomically(&self.ledger, ledger.to_jsonl().as_bytes())
            .map_err(|error| self.failure("write", &error))?;
        Ok(done)
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Failure {
        Failure::misuse(format!("cannot {verb} {}: {error}", self.ledger.display()))
    }
}
