//! Columns of Python dicts, as pandas writes them to a CSV: W&B's guide exports a project with
//! `DataFrame({"summary": .., "config": .., "name": ..}).to_csv(..)`.

use super::table::Table;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Columns that hold dicts.
const HOLDERS: [&str; 2] = ["summary", "config"];

/// Puts the fields of dicts into columns of their own, `config.lr`. A column with a cell that is no
/// dict stays as it is.
pub(super) fn expand(table: &mut Table) {
    for holder in HOLDERS {
        let Some(at) = table.header.iter().position(|name| name == holder) else {
            continue;
        };
        let cells = table
            .rows
            .iter()
            .map(|row| row.cells.get(at).cloned().flatten());
        let dicts: Option<Vec<Value>> = cells
            .map(|cell| cell.map_or(Some(Value::Null), |text| read(&text)))
            .collect();
        let Some(dicts) = dicts else { continue };
        let mut index = HashMap::<String, usize>::new();
        for (row, dict) in table.rows.iter_mut().zip(dicts) {
            for (name, value) in fields(holder, &dict) {
                let header = &mut table.header;
                let at = *index.entry(name.clone()).or_insert_with(|| {
                    header.push(name);
                    header.len() - 1
                });
                if row.cells.len() <= at {
                    row.cells.resize(at + 1, None);
                }
                row.cells[at] = Some(value);
            }
        }
        table.header.remove(at);
        for row in &mut table.rows {
            row.cells.resize(table.header.len() + 1, None);
            row.cells.remove(at);
        }
    }
}

/// What is not W&B's own.
fn fields(holder: &str, dict: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (key, value) in dict.as_object().into_iter().flatten() {
        if !key.starts_with("_wandb") {
            super::sources::flatten(&format!("{holder}.{key}"), value, &mut fields);
        }
    }
    fields
}

/// A dict in Python's or JSON's notation.
fn read(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    let json = as_json(text);
    let json = super::json::quote_strange_numbers(&json);
    let value: Value = serde_json::from_str(&json).ok()?;
    value.is_object().then_some(value)
}

/// Python's literals in JSON's notation. What is neither is left as it is, and will not be read.
fn as_json(text: &str) -> Cow<'_, str> {
    let mut json = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => {
                let (string, length) = string(rest, first);
                json.push_str(&string);
                length
            }
            '(' | ')' => {
                json.push(if first == '(' { '[' } else { ']' });
                1
            }
            c if c.is_alphabetic() => {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                json.push_str(match &rest[..end] {
                    "None" => "null",
                    "True" => "true",
                    "False" => "false",
                    "nan" => "NaN",
                    "inf" => "Infinity",
                    word => word,
                });
                end
            }
            other => {
                json.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Cow::Owned(json)
}

/// A string that starts with `quote`, as JSON, and its length in the text.
fn string(text: &str, quote: char) -> (String, usize) {
    let mut content = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, 'n')) => content.push('\n'),
                Some((_, 't')) => content.push('\t'),
                Some((_, 'r')) => content.push('\r'),
                Some((_, escaped)) => content.push(escaped),
                None => break,
            },
            end if end == quote => {
                return (Value::from(content).to_string(), at + end.len_utf8());
            }
            other => content.push(other),
        }
    }
    // Not closed: no JSON comes of it.
    (String::new(), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::table::TableRow;
    use serde_json::json;

    #[test]
    fn dicts_of_python_and_of_json_are_read_alike() {
        let python = r#"{'a': 1, "it's": 'say "x"\n', 'deep': {'t': (1, 2.5e-3), 'none': None},
            'ok': True, 'loss': nan, 'True': 'None'}"#;
        let json = json!({"a": 1, "it's": "say \"x\"\n", "deep": {"t": [1, 2.5e-3], "none": null},
            "ok": true, "loss": "NaN", "True": "None"});
        assert_eq!(read(python), Some(json.clone()));
        assert_eq!(read(&json.to_string()), Some(json));
        for broken in ["", "{'a': ", "{'a", "[1]", "{'a': object at 0x7f}", "{'é\\"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn fields_become_columns_and_a_column_of_other_texts_stays() {
        let row = |line, summary: &str, config: &str| TableRow {
            line,
            cells: ["7", summary, config]
                .map(|cell| Some(cell.to_owned()))
                .to_vec(),
        };
        let mut table = Table {
            header: ["seed", "summary", "config"].map(str::to_owned).to_vec(),
            rows: vec![
                row(2, "{'val/loss': 3.5, '_wandb': {'runtime': 1}}", "base"),
                row(3, "{'acc': 0.5}", "{}"),
            ],
            ..Table::default()
        };
        expand(&mut table);
        assert_eq!(
            table.header,
            ["seed", "config", "summary.val/loss", "summary.acc"]
        );
        let shown: Vec<Vec<Option<&str>>> = table
            .rows
            .iter()
            .map(|row| row.cells.iter().map(Option::as_deref).collect())
            .collect();
        assert_eq!(
            shown,
            [
                [Some("7"), Some("base"), Some("3.5"), None],
                [Some("7"), Some("{}"), None, Some("0.5")],
            ]
        );
    }
}
