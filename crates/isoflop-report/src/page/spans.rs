//! Sentences whose names of options, laws and columns stand between backticks, as they do in a
//! terminal.

use crate::visible::visible;

/// A piece of a sentence, not yet escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// As it is.
    Words(String),
    /// What stood between two backticks.
    Code(String),
}

/// The pieces of a sentence; a backtick without a second one stays as it is.
pub(super) fn spans(sentence: &str) -> Vec<Span> {
    let sentence = visible(sentence);
    let mut rest = sentence.as_str();
    let mut pieces = Vec::new();
    while let Some((words, code, after)) = first_code(rest) {
        pieces.push(Span::Words(words.to_owned()));
        pieces.push(Span::Code(code.to_owned()));
        rest = after;
    }
    pieces.push(Span::Words(rest.to_owned()));
    pieces
}

/// What stands before, between and after the first two backticks.
fn first_code(text: &str) -> Option<(&str, &str, &str)> {
    let (words, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((words, code, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_two_backticks_is_code_and_a_single_one_stays() {
        let words = |text: &str| Span::Words(text.to_owned());
        let code = |text: &str| Span::Code(text.to_owned());
        assert_eq!(spans("no code"), [words("no code")]);
        assert_eq!(
            spans("`lr` read as `rate` by it`s name"),
            [
                words(""),
                code("lr"),
                words(" read as "),
                code("rate"),
                words(" by it`s name")
            ]
        );
    }
}
