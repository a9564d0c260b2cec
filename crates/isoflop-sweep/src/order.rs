//! What a worker is to do: the one file that the controller writes for an attempt.

use crate::key::{Nonce, RunKey};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The order for one attempt, `attempt.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Which run.
    pub key: RunKey,
    /// Which attempt.
    pub nonce: Nonce,
    /// The command template of the plan.
    pub command: Vec<String>,
    /// Folder in which the command runs.
    pub folder: PathBuf,
    /// Names of environment variables that the command may see.
    pub environment: Vec<String>,
    /// The specification, as the trainer is to read it.
    pub spec: String,
    /// Folder of an earlier attempt whose checkpoint may be continued.
    pub resume_from: Option<PathBuf>,
    /// Processor cores that the run may use.
    pub cores: usize,
    /// The run's tokens D, to judge how far its curve has come.
    pub tokens: f64,
    /// Loss above which the run is stopped as diverged.
    pub diverged_above: Option<f64>,
    /// Share of the tokens before which that is not judged.
    pub diverged_after: f64,
    /// Seconds between two looks at the orders to stop, and two counts of progress.
    pub beat_secs: f64,
}

/// Where the places of a command template lead.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The specification to read.
    pub spec: &'a Path,
    /// The result to write.
    pub result: &'a Path,
    /// The learning curve to write.
    pub curve: &'a Path,
    /// The folder for the trainer's state.
    pub checkpoint: &'a Path,
    /// This program.
    pub isoflop: &'a Path,
}

/// The arguments of a command: each element of the template stays one element, whatever is in it.
///
/// Paths are put in by one pass over the template, so that a path which itself contains `{spec}`
/// is not expanded again.
#[must_use]
pub fn arguments(template: &[String], places: &Places<'_>) -> Vec<std::ffi::OsString> {
    template.iter().map(|part| argument(part, places)).collect()
}

fn argument(part: &str, places: &Places<'_>) -> std::ffi::OsString {
    let known = [
        ("{spec}", places.spec),
        ("{result}", places.result),
        ("{curve}", places.curve),
        ("{checkpoint}", places.checkpoint),
        ("{isoflop}", places.isoflop),
    ];
    let mut argument = std::ffi::OsString::new();
    let mut rest = part;
    while let Some(start) = rest.find('{') {
        argument.push(&rest[..start]);
        rest = &rest[start..];
        let place = known.iter().find(|(name, _)| rest.starts_with(name));
        let (text, length) = match place {
            Some((name, path)) => (path.as_os_str(), name.len()),
            None => (std::ffi::OsStr::new("{"), 1),
        };
        argument.push(text);
        rest = &rest[length..];
    }
    argument.push(rest);
    argument
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_are_filled_once_and_other_braces_stay() {
        let spec = PathBuf::from("/a/{result}/spec.json");
        let other = PathBuf::from("/b");
        let places = Places {
            spec: &spec,
            result: &other,
            curve: &other,
            checkpoint: &other,
            isoflop: &other,
        };
        let template = ["--spec={spec}", "{x}{{result}", "", "$(rm -rf /) `id`; {"];
        let template: Vec<String> = template.map(str::to_owned).to_vec();
        let arguments = arguments(&template, &places);
        let expected = [
            "--spec=/a/{result}/spec.json",
            "{x}{/b",
            "",
            "$(rm -rf /) `id`; {",
        ];
        assert_eq!(arguments, expected);
    }

    proptest! {
        #[test]
        fn an_element_without_a_place_passes_byte_for_byte(part in "[^{]*") {
            let path = PathBuf::from("/x");
            let places = Places {
                spec: &path, result: &path, curve: &path, checkpoint: &path, isoflop: &path,
            };
            prop_assert_eq!(arguments(std::slice::from_ref(&part), &places), [std::ffi::OsString::from(part)]);
        }
    }
}
