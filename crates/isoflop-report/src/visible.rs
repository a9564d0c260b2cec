//! Text from outside, made harmless to show.

/// The text with every control character written out: escape becomes `\x1b`.
///
/// Control characters are not allowed in XML, move the cursor of a terminal, or, as the
/// overriding marks of bidirectional text do, reorder what stands around them.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(' '),
            c if c.is_ascii_control() => shown.push_str(&format!("\\x{:02x}", c as u32)),
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{2029}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fffe}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e007f}' => shown.push_str(&format!("\\u{:04x}", c as u32)),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_other_text_stays() {
        assert_eq!(
            visible("\u{1b}[31mred\0\u{202e}é"),
            r"\x1b[31mred\x00\u202eé"
        );
    }
}
