//! Text from outside, made harmless to show.

/// The text with every control character replaced by its picture: escape becomes `␛`.
///
/// Control characters are not allowed in XML, move the cursor of a terminal, or, as the
/// overriding marks of bidirectional text do, reorder what stands around them.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(picture).collect()
}

fn picture(c: char) -> char {
    match c {
        '\n' | '\t' => ' ',
        '\u{7f}' => '\u{2421}',
        // Control Pictures, Unicode block U+2400.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{80}'..='\u{9f}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fffe}'..='\u{ffff}' => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_pictures_and_other_text_stays() {
        assert_eq!(visible("\u{1b}[31mred\0\u{202e}é"), "␛[31mred␀\u{fffd}é");
    }
}
