//! JSON in the shapes that people save tables in, and JSONL.

use super::table::{Table, TableRow};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashMap;

type Object = Map<String, Value>;

/// Reads one JSON text: an array of objects, an object that holds one, or columns by name
/// (`{"params": [..], "loss": [..]}`, or with row names inside, as pandas writes them).
pub(super) fn read(text: &str) -> Result<Table, serde_json::Error> {
    let text = quote_strange_numbers(text);
    if text.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(&text)?;
        return Ok(from_items(&text, &items));
    }
    let fields: Object = serde_json::from_str(&text)?;
    Ok(from_fields(fields))
}

fn from_items(text: &str, items: &[&RawValue]) -> Table {
    let mut rows = Rows::default();
    // Lines are counted on from item to item: from the start each time would be quadratic.
    let (mut line, mut counted) = (1, 0);
    for item in items {
        let start = item.get().as_ptr() as usize - text.as_ptr() as usize;
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        rows.add(line, item.get());
    }
    rows.table
}

fn from_fields(fields: Object) -> Table {
    let mut rows = Rows::default();
    let holds_objects = |value: &Value| {
        let items = value.as_array();
        items.is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_object))
    };
    if let Some(items) = fields.values().find(|value| holds_objects(value)) {
        for (k, item) in items.as_array().into_iter().flatten().enumerate() {
            rows.add_value(k as u64 + 1, item.clone());
        }
        return rows.table;
    }
    for (k, row) in transposed(fields).into_iter().enumerate() {
        rows.add_value(k as u64 + 1, Value::Object(row));
    }
    rows.table
}

/// Columns to rows. A value that is neither list nor object makes the whole one row.
fn transposed(fields: Object) -> Vec<Object> {
    let is_column = |value: &Value| value.is_array() || value.is_object();
    if !fields.values().all(is_column) {
        return vec![fields];
    }
    let mut rows: Vec<(String, Object)> = Vec::new();
    let mut index = HashMap::new();
    for (name, column) in fields {
        let cells: Vec<(String, Value)> = match column {
            Value::Array(cells) => (0..).map(|k: usize| k.to_string()).zip(cells).collect(),
            Value::Object(cells) => cells.into_iter().collect(),
            _ => Vec::new(),
        };
        for (key, cell) in cells {
            let at = *index.entry(key.clone()).or_insert_with(|| {
                rows.push((key, Object::new()));
                rows.len() - 1
            });
            rows[at].1.insert(name.clone(), cell);
        }
    }
    // pandas keeps row numbers as text, in which "10" comes before "9".
    rows.sort_by_key(|(key, _)| (key.parse::<u64>().unwrap_or(u64::MAX), key.clone()));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Reads JSON objects, one a line; lines that are none are listed.
///
/// Lines are told apart before they are decoded, so that a byte which is no text costs its line.
pub(super) fn read_lines(bytes: &[u8]) -> Table {
    let mut rows = Rows::default();
    for (line, content) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if content.trim_ascii().is_empty() {
            continue;
        }
        match std::str::from_utf8(content) {
            Ok(text) => rows.add(line, &quote_strange_numbers(text)),
            Err(error) => rows.table.break_row(
                line,
                format!(
                    "byte {} of the line is not UTF-8 text",
                    error.valid_up_to() + 1
                ),
            ),
        }
    }
    rows.table
}

/// A table that grows a column whenever a row has a new key.
#[derive(Default)]
struct Rows {
    table: Table,
    index: HashMap<String, usize>,
}

impl Rows {
    fn add(&mut self, line: u64, text: &str) {
        match serde_json::from_str(text) {
            Ok(value) => self.add_value(line, value),
            Err(error) => self
                .table
                .break_row(line, format!("the line is not JSON: {error}")),
        }
    }

    fn add_value(&mut self, line: u64, value: Value) {
        let Value::Object(object) = value else {
            return self.table.break_row(line, "the row is not a JSON object");
        };
        let mut cells = vec![None; self.table.header.len()];
        self.add_cells(&mut cells, "", object);
        self.table.rows.push(TableRow { line, cells });
        // Rows that came before a new key have no cell for it.
        let width = self.table.header.len();
        if let Some(last) = self.table.rows.last_mut() {
            last.cells.resize(width, None);
        }
    }

    /// `{"config": {"lr": 1}}` is the column `config.lr`.
    fn add_cells(&mut self, cells: &mut Vec<Option<String>>, prefix: &str, object: Object) {
        for (key, value) in object {
            let name = format!("{prefix}{key}");
            let cell = match value {
                // A spec is kept as it is.
                Value::Object(inner) if name != "spec" => {
                    self.add_cells(cells, &format!("{name}."), inner);
                    continue;
                }
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            };
            let header = &mut self.table.header;
            let at = *self.index.entry(name.clone()).or_insert_with(|| {
                header.push(name);
                header.len() - 1
            });
            if cells.len() <= at {
                cells.resize(at + 1, None);
            }
            cells[at] = cell;
        }
    }
}

/// Puts `NaN`, `Infinity` and numbers beyond the range of `f64` into quotes, outside strings.
///
/// Python's `json` and JavaScript libraries write the first two although JSON has neither; in
/// quotes they reach the same reader of cells as a `nan` in a CSV, which labels them.
pub(in crate::import) fn quote_strange_numbers(text: &str) -> Cow<'_, str> {
    let mut quoted = String::new();
    let (mut copied, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' | b'N' | b'I' => {
                let end = end_of_word(bytes, at);
                if is_strange(&text[at..end]) {
                    quoted.push_str(&text[copied..at]);
                    quoted.push('"');
                    quoted.push_str(&text[at..end]);
                    quoted.push('"');
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    quoted.push_str(&text[copied..]);
    Cow::Owned(quoted)
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = bytes[start..]
        .iter()
        .take_while(|byte| is_word(byte))
        .count();
    start + length.max(1)
}

fn is_strange(word: &str) -> bool {
    if matches!(word, "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let digits = word.trim_start_matches('-');
    digits.starts_with(|c: char| c.is_ascii_digit())
        && word.parse::<f64>().is_ok_and(f64::is_infinite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(table: &Table, column: &str) -> Vec<Option<String>> {
        let at = table.header.iter().position(|name| name == column).unwrap();
        table
            .rows
            .iter()
            .map(|row| row.cells.get(at).cloned().flatten())
            .collect()
    }

    #[test]
    fn the_shapes_that_people_save_give_the_same_columns() {
        for text in [
            r#"[{"N": 1, "loss": 3.5}, {"N": 2, "loss": null}]"#,
            r#"{"made": "by hand", "runs": [{"N": 1, "loss": 3.5}, {"N": 2}]}"#,
            r#"{"N": [1, 2], "loss": [3.5, null]}"#,
            r#"{"N": {"0": 1, "1": 2}, "loss": {"0": 3.5}}"#,
        ] {
            let table = read(text).unwrap();
            assert_eq!(cells(&table, "N"), [Some("1".into()), Some("2".into())]);
            assert_eq!(cells(&table, "loss"), [Some("3.5".into()), None], "{text}");
        }
    }

    #[test]
    fn rows_know_the_line_they_start_on() {
        let table = read("[\n {\"N\": 1},\n\n {\"N\":\n 2}, 3]").unwrap();
        let lines: Vec<u64> = table.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 4]);
        assert_eq!(table.broken[0].line, Some(5));
    }

    #[test]
    fn a_truncated_line_is_listed_and_the_others_are_kept() {
        let table = read_lines(b"{\"N\": 1}\n\n{\"N\": 2}\n{\"N\": ");
        assert_eq!(table.rows.len(), 2);
        assert_eq!(table.broken[0].line, Some(4));
    }

    #[test]
    fn nested_objects_become_dotted_columns() {
        let table = read_lines(br#"{"config": {"lr": 0.1}, "loss": 2}"#);
        assert_eq!(cells(&table, "config.lr"), [Some("0.1".into())]);
    }

    #[test]
    fn numbers_that_json_does_not_have_are_quoted_and_strings_left_alone() {
        assert_eq!(
            quote_strange_numbers(
                r#"{"a": NaN, "b": [-Infinity, 1e999, -3e4], "c": "NaN 1e999 \" NaN"}"#
            ),
            r#"{"a": "NaN", "b": ["-Infinity", "1e999", -3e4], "c": "NaN 1e999 \" NaN"}"#
        );
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        assert!(read(&"[".repeat(100_000)).is_err());
        assert_eq!(read_lines("[".repeat(100_000).as_bytes()).broken.len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\[\\]{}\",:a-zNI0-9\\\\\n.é-]{0,60}") {
            let _ = read(&text);
            let table = read_lines(text.as_bytes());
            let lines = text.lines().filter(|line| !line.trim_ascii().is_empty()).count();
            prop_assert_eq!(table.rows.len() + table.broken.len(), lines);
        }
    }
}
