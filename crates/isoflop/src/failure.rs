//! Why a command ends without an answer, in one plain sentence, and the exit status.

use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done: status 0.
    Done,
    /// The answer is "no", or the data are insufficient: status 1.
    No,
    /// Wrong use or unreadable input: status 2.
    Misuse,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Misuse => 2,
        })
    }
}

/// A command that could not answer.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    sentence: String,
    hint: Option<String>,
}

impl Failure {
    /// Wrong use or unreadable input; status 2.
    pub fn misuse(sentence: impl Display) -> Self {
        Self {
            exit: Exit::Misuse,
            sentence: sentence.to_string(),
            hint: None,
        }
    }

    /// The answer is "no" or the data are insufficient; status 1.
    pub fn no(sentence: impl Display) -> Self {
        Self {
            exit: Exit::No,
            ..Self::misuse(sentence)
        }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The sentence, for an answer that goes on without this part.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// `what` is not one of `known`: suggests the nearest.
    pub fn unknown<'a>(
        kind: &str,
        what: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let failure = Self::misuse(format!("there is no {kind} `{what}`"));
        match nearest(what, known.clone()) {
            Some(name) => failure.hint(format!("did you mean `{name}`?")),
            None => {
                let known: Vec<&str> = known.into_iter().collect();
                failure.hint(format!("known are {}", known.join(", ")))
            }
        }
    }

    /// Writes the sentence and the hint to standard error, and gives the exit status.
    ///
    /// A closed pipe is no failure: whoever read the answer has seen enough.
    pub fn report(self) -> ExitCode {
        if self.sentence.is_empty() {
            return ExitCode::SUCCESS;
        }
        let error = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let hint = Style::new().fg_color(Some(AnsiColor::Cyan.into())).bold();
        let mut stderr = anstream::stderr();
        // The exit status still tells where standard error itself is closed.
        let _ = writeln!(stderr, "{error}error:{error:#} {}", self.sentence);
        if let Some(text) = self.hint {
            let _ = writeln!(stderr, "\n{hint}hint:{hint:#} {text}");
        }
        self.exit.into()
    }
}

/// The known name that is most like `what`, if any is like it.
fn nearest<'a>(what: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let what = what.to_ascii_lowercase();
    known
        .into_iter()
        .map(|name| {
            (
                strsim::jaro_winkler(&what, &name.to_ascii_lowercase()),
                name,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                exit: Exit::Done,
                sentence: String::new(),
                hint: None,
            };
        }
        Self::misuse(format!("cannot write the answer: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_known_one() {
        let laws = ["hoffmann-2022", "besiroglu-2024", "kaplan-2020"];
        let failure = Failure::unknown("law", "hofman-2022", laws);
        assert_eq!(
            failure.hint.as_deref(),
            Some("did you mean `hoffmann-2022`?")
        );
        let failure = Failure::unknown("law", "zzz", laws);
        assert!(failure.hint.unwrap().starts_with("known are hoffmann-2022"));
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit, Exit::Done);
        assert!(failure.sentence.is_empty());
    }
}
