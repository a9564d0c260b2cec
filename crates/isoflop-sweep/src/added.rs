//! The runs that a sweep added by itself, and why: a file beside the plan, which stays as written.

use crate::folder::SweepFolder;
use crate::plan::{PlanError, RunSpec, SweepPlan, quoted, write_run};
use isoflop_runs::write_atomically;
use serde::Deserialize;
use std::fmt::Write;
use std::io;

/// What `added.toml` holds.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// In the order in which they were added.
    #[serde(default, rename = "round")]
    pub rounds: Vec<Round>,
}

/// Runs that were added together.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Why these, in one sentence.
    pub why: String,
    /// The runs.
    #[serde(rename = "run")]
    pub runs: Vec<RunSpec>,
}

impl Added {
    /// What was added so far; nothing where there is no file.
    ///
    /// # Errors
    /// [`PlanError`] with the file, the line and what was expected.
    pub fn read(folder: &SweepFolder) -> Result<Self, PlanError> {
        let path = folder.added();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Added::default()),
            Err(source) => return Err(PlanError::Unreadable { path, source }),
        };
        toml::from_str(&text).map_err(|error| PlanError::NotAPlan {
            line: error
                .span()
                .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1),
            path,
            message: error.message().to_owned(),
        })
    }

    /// Writes the file anew, as a whole or not at all.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, folder: &SweepFolder) -> io::Result<()> {
        write_atomically(&folder.added(), self.text().as_bytes())
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "# Runs that this sweep added to those of its plan, and why. Written by the sweep;\n\
             # change the plan instead.\n",
        );
        for (number, round) in self.rounds.iter().enumerate() {
            let _ = write!(
                text,
                "\n[[round]] # {}\nwhy = {}\n",
                number + 1,
                quoted(&round.why)
            );
            for run in &round.runs {
                write_run(run, "round.run", &mut text);
            }
        }
        text
    }

    /// Puts the runs behind those of the plan. One that the plan has by now is not added again.
    pub(crate) fn join(&self, plan: &mut SweepPlan) {
        for run in self.rounds.iter().flat_map(|round| &round.runs) {
            if !plan.runs.iter().any(|planned| planned.is_same_run(run)) {
                plan.runs.push(run.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::{Params, Tokens};

    #[test]
    fn what_was_written_is_read_back_with_its_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(folder.path().to_owned());
        assert_eq!(Added::read(&folder).unwrap(), Added::default());
        let run = |seed| RunSpec {
            name: format!("n1M-d20M-s{seed}"),
            params: Params::new(1e6).unwrap(),
            tokens: Tokens::new(2e7).unwrap(),
            flops: None,
            batch_tokens: Tokens::new(1024.0).ok(),
            learning_rate: Some(0.003),
            seed,
            settings: [("text".to_owned(), "a \"b\"\n".into())].into(),
        };
        let round = |why: &str, seeds: &[u64]| Round {
            why: why.to_owned(),
            runs: seeds.iter().map(|&seed| run(seed)).collect(),
        };
        let added = Added {
            rounds: vec![
                round("the interval was 9 % wide", &[0, 1]),
                round("\"x\"", &[2]),
            ],
        };
        added.write(&folder).unwrap();
        assert_eq!(Added::read(&folder).unwrap(), added);
        std::fs::write(folder.added(), "\n[[round]]\nwhy = 1\n").unwrap();
        let error = Added::read(&folder).unwrap_err().to_string();
        assert!(error.contains("added.toml, line 3"), "{error}");
    }
}
