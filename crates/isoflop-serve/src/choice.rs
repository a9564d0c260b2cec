//! What a request asks of the desk: which law, how sure, and which runs are left out.

use crate::problem::Problem;
use isoflop_fit::LawChoice;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The part of a query that all answers about a fit share.
#[derive(Debug, Clone, Deserialize)]
pub struct Asked {
    /// The runs that it is about, as `/api/state` names them.
    pub version: String,
    /// Law to fit, or `auto`.
    #[serde(default = "auto")]
    pub law: String,
    /// Coverage that intervals claim.
    #[serde(default = "usual_level")]
    pub level: f64,
    /// Positions of runs to leave out, such as `3,7-9`.
    #[serde(default)]
    pub without: String,
}

fn auto() -> String {
    "auto".to_owned()
}

fn usual_level() -> f64 {
    0.9
}

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The runs that it is about.
    pub version: String,
    /// The law.
    pub law: LawChoice,
    /// Coverage that intervals claim.
    pub level: f64,
    /// Positions of runs that are left out.
    pub without: BTreeSet<usize>,
}

impl TryFrom<Asked> for Choice {
    type Error = Problem;

    fn try_from(asked: Asked) -> Result<Choice, Problem> {
        Ok(Choice {
            law: asked.law.parse().map_err(Problem::misuse)?,
            level: asked.level,
            without: positions(&asked.without)?,
            version: asked.version,
        })
    }
}

/// Numbers and ranges of them. No store holds more runs than this.
const MOST: usize = 10_000_000;

fn positions(text: &str) -> Result<BTreeSet<usize>, Problem> {
    let unreadable = || Problem::misuse(format!("`{text}` is no list such as 3,7-9"));
    let mut all = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: usize = first.parse().map_err(|_| unreadable())?;
        let last: usize = last.parse().map_err(|_| unreadable())?;
        if first > last || last > MOST {
            return Err(unreadable());
        }
        all.extend(first..=last);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_numbers_and_ranges_and_nothing_else() {
        let read = |text: &str| positions(text).map(|all| all.into_iter().collect::<Vec<_>>());
        assert_eq!(read("").unwrap(), Vec::<usize>::new());
        assert_eq!(read("3,7-9,8").unwrap(), [3, 7, 8, 9]);
        for bad in ["x", "3-", "-3", "9-7", "1-99999999999", "1e3", "3;4"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
