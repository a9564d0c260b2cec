//! The built-in trainer as the command of a plan.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a plan names it.
pub(super) const NAME: &str = "built-in";

/// The command that trains a run with the built-in trainer: `isoflop train`.
#[must_use]
pub fn built_in_trainer() -> Vec<String> {
    let words = [
        "{isoflop}",
        "train",
        "{spec}",
        "--result",
        "{result}",
        "--curve",
        "{curve}",
        "--checkpoint",
        "{checkpoint}",
    ];
    words.map(str::to_owned).to_vec()
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list of arguments, or \"built-in\"")]
enum Command {
    Name(String),
    Words(Vec<String>),
}

pub(super) fn serialize<S: Serializer>(
    command: &Vec<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if *command == built_in_trainer() {
        NAME.serialize(serializer)
    } else {
        command.serialize(serializer)
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    match Command::deserialize(deserializer)? {
        Command::Words(words) => Ok(words),
        Command::Name(name) if name == NAME => Ok(built_in_trainer()),
        Command::Name(name) => Err(serde::de::Error::custom(format!(
            "`{name}` is not a trainer: expected a list of arguments, or \"{NAME}\""
        ))),
    }
}
