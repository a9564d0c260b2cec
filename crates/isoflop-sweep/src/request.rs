//! What people ask of a running controller: small files that it takes up and removes.

use crate::folder::{SweepFolder, read_limited};
use crate::key::{Nonce, RunKey};
use isoflop_runs::write_atomically;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// A request to the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// End these runs.
    Cancel(Vec<RunKey>),
    /// End every run that has not ended.
    CancelAll,
}

impl Request {
    /// Leaves the request for the controller; the file is gone once it was taken up.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn leave(&self, folder: &SweepFolder) -> io::Result<PathBuf> {
        let path = folder.requests().join(format!("{}.json", Nonce::issue()));
        write_atomically(&path, &serde_json::to_vec(self)?)?;
        Ok(path)
    }

    /// The requests that wait, with their files. A file that is no request is left alone.
    pub(crate) fn waiting(folder: &SweepFolder) -> io::Result<Vec<(PathBuf, Request)>> {
        let mut waiting = Vec::new();
        for entry in std::fs::read_dir(folder.requests())? {
            let path = entry?.path();
            let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes).ok();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && let Some(request) = read_limited(&path, 16 << 20)?.and_then(read)
            {
                waiting.push((path, request));
            }
        }
        waiting.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(waiting)
    }
}
