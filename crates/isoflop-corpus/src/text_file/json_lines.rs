//! JSON lines: one object a line, one of whose fields is a document.

use super::{TextFile, field};
use crate::document::Document;
use crate::error::CorpusError;
use serde_json::Value;

/// The documents, and their field where it was guessed from the first line. A `null` is an empty
/// document.
pub(super) fn documents(
    file: &TextFile,
    text: &str,
    wanted: Option<&str>,
) -> Result<(Vec<Document>, Option<String>), CorpusError> {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(position, line)| (position + 1, serde_json::from_str::<Value>(line).ok()))
        .peekable();
    let Some((line, first)) = lines.peek() else {
        return Ok((Vec::new(), None));
    };
    let chosen = chosen(file, *line, first.as_ref(), wanted)?;
    let document = |(line, value): (usize, Option<Value>)| match value.as_ref().map(|v| &v[&chosen])
    {
        Some(Value::String(text)) => Ok(file.document(Some(line), text.clone())),
        Some(Value::Null) if value.as_ref().is_some_and(|v| v.get(&chosen).is_some()) => {
            Ok(file.document(Some(line), String::new()))
        }
        _ => Err(CorpusError::JsonLine {
            path: file.path.clone(),
            line,
            field: chosen.clone(),
        }),
    };
    let documents = lines.map(document).collect::<Result<_, _>>()?;
    Ok((documents, wanted.is_none().then_some(chosen)))
}

fn chosen(
    file: &TextFile,
    line: usize,
    first: Option<&Value>,
    wanted: Option<&str>,
) -> Result<String, CorpusError> {
    let fields: Vec<&str> = match first {
        Some(Value::Object(fields)) => fields
            .iter()
            .filter(|(_, value)| value.is_string())
            .map(|(name, _)| name.as_str())
            .collect(),
        _ => {
            return Err(CorpusError::NotJsonLines {
                path: file.path.clone(),
                line,
            });
        }
    };
    field::choose(wanted, &fields).ok_or_else(|| CorpusError::TextField {
        path: file.path.clone(),
        wanted: wanted.map(str::to_owned),
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
    })
}
