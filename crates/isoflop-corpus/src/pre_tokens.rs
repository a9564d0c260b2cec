//! Text cut into the short runs within which tokens are merged.

use crate::error::CorpusError;
use regex::Regex;

/// GPT-2's pattern (Radford et al. 2019, `encoder.py`) without its look-ahead `\s+(?!\S)`, which
/// [`PreTokens`] applies itself: an automaton without look-around is ten times as fast.
const PATTERN: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+";

/// Cuts text as the byte-level pre-tokeniser of the `tokenizers` crate does.
pub(crate) struct PreTokenizer(Regex);

impl PreTokenizer {
    pub(crate) fn new() -> Result<Self, CorpusError> {
        let regex = Regex::new(PATTERN).map_err(|error| CorpusError::Tokenizer {
            reason: error.to_string(),
        })?;
        Ok(Self(regex))
    }

    /// Runs that together are the whole `text`.
    pub(crate) fn split<'t>(&'t self, text: &'t str) -> PreTokens<'t> {
        PreTokens {
            regex: &self.0,
            text,
            start: 0,
        }
    }
}

/// Iterator over the runs of a text.
pub(crate) struct PreTokens<'t> {
    regex: &'t Regex,
    text: &'t str,
    start: usize,
}

impl<'t> Iterator for PreTokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let found = self.regex.find_at(self.text, self.start)?;
        let run = found.as_str();
        let mut end = found.end();
        // `\s+(?!\S)`: white space before a word gives its last character to the word.
        let mut characters = run.chars();
        let last = characters.next_back()?;
        if last.is_whitespace() && !characters.as_str().is_empty() && end < self.text.len() {
            end -= last.len_utf8();
        }
        let run = &self.text[self.start..end];
        self.start = end;
        Some(run)
    }
}

/// The printable character that stands for each byte in a byte-level vocabulary (GPT-2's
/// `bytes_to_unicode`): visible Latin-1 characters stand for themselves, the other 68 bytes for
/// the characters from U+0100 on.
pub(crate) fn byte_characters() -> [char; 256] {
    let mut next = 0x100u32;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
            _ => {
                let stand_in = char::from_u32(next).unwrap_or(char::REPLACEMENT_CHARACTER);
                next += 1;
                stand_in
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_words_leading_space_belongs_to_it() {
        let pre_tokenizer = PreTokenizer::new().unwrap();
        let runs: Vec<_> = pre_tokenizer
            .split("fn  main() {\n    it's 42;\n}\n\n")
            .collect();
        assert_eq!(
            runs,
            [
                "fn", " ", " main", "()", " {", "\n   ", " it", "'s", " 42", ";", "\n", "}", "\n\n"
            ]
        );
    }

    proptest! {
        #[test]
        fn the_runs_together_are_the_text(text in "[ \\t\\n\\u{3000}a-zé0-9'.;]{0,60}|\\PC{0,40}") {
            let pre_tokenizer = PreTokenizer::new().unwrap();
            prop_assert_eq!(pre_tokenizer.split(&text).collect::<String>(), text);
        }
    }
}
