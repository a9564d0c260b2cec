//! What everyone may know of a sweep: a file that the controller rewrites as things change.

use crate::folder::{SweepFolder, read_limited};
use crate::journal::{Counts, RunRow};
use crate::lock::{ControllerLock, Holder};
use isoflop_fit::Forecast;
use serde::{Deserialize, Serialize};
use std::io;

/// A sweep as its controller last knew it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The sweep's name.
    pub name: String,
    /// When this was written.
    pub as_of: jiff::Timestamp,
    /// The controller that wrote it, counted from 1.
    pub epoch: i64,
    /// The controller's process, if one runs on this machine.
    pub controller: Option<Holder>,
    /// How many runs are in each state.
    pub counts: Counts,
    /// Seconds that the rest should take at the pace so far.
    pub remaining_secs: Option<f64>,
    /// Why nothing more is begun, if that is so.
    pub held: Option<String>,
    /// What people should know.
    pub notes: Vec<String>,
    /// What the sweep adds by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<AdaptiveStatus>,
    /// Every run, in the plan's order.
    pub runs: Vec<RunRow>,
}

/// How a sweep that adds runs stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AdaptiveStatus {
    /// Why runs were added, once for each time.
    pub rounds: Vec<String>,
    /// What the results say of the target.
    pub forecast: Option<Forecast>,
    /// Why nothing more is added.
    pub ended: Option<String>,
}

/// Bytes of a status that are read at most.
const LARGEST: u64 = 256 << 20;

impl Status {
    /// The status of a sweep, without asking any engine or opening the journal.
    ///
    /// # Errors
    /// Those of the file system; a folder without a sweep is one.
    pub fn read(folder: &SweepFolder) -> io::Result<Self> {
        let bytes = read_limited(&folder.status(), LARGEST)?.ok_or_else(|| {
            let message = format!("there is no sweep in {}", folder.root().display());
            io::Error::new(io::ErrorKind::NotFound, message)
        })?;
        let mut status: Status = serde_json::from_slice(&bytes)?;
        status.controller = ControllerLock::holder(&folder.lock());
        Ok(status)
    }

    /// The run of this name or key.
    #[must_use]
    pub fn run(&self, name: &str) -> Option<&RunRow> {
        let by_name = self.runs.iter().find(|run| run.name == name);
        by_name.or_else(|| self.runs.iter().find(|run| run.key.as_str() == name))
    }
}
