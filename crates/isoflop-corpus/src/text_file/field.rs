//! Which field of a table or of JSON lines holds the text.

/// Names that usually hold the text, in the order in which they are tried: `text` as in most
/// published sets, `content` as in sets of source code.
const USUAL: [&str; 2] = ["text", "content"];

/// The field to read: the one that was named, else a usual one, else the only one that holds
/// text. `None` if it is not there, or is not the only one.
pub(super) fn choose(wanted: Option<&str>, text_fields: &[&str]) -> Option<String> {
    let is_there = |name: &&str| text_fields.contains(name);
    let chosen = match (wanted, text_fields) {
        (Some(wanted), _) => Some(wanted).filter(is_there),
        (None, [only]) => Some(*only),
        (None, _) => USUAL.into_iter().find(is_there),
    };
    chosen.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn the_named_field_comes_before_the_usual_ones_and_a_single_one_is_enough() {
        let choose = |wanted, fields: &[&str]| choose(wanted, fields);
        assert_eq!(choose(Some("body"), &["text", "body"]).unwrap(), "body");
        assert_eq!(choose(Some("body"), &["text"]), None);
        assert_eq!(choose(None, &["content", "text"]).unwrap(), "text");
        assert_eq!(choose(None, &["id", "content"]).unwrap(), "content");
        assert_eq!(choose(None, &["story"]).unwrap(), "story");
        assert_eq!(choose(None, &["id", "story"]), None);
        assert_eq!(choose(None, &[]), None);
    }
}
