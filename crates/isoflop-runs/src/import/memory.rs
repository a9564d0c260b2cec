//! Tables that are in memory already: data frames of other languages.

use super::rows::RowReader;
use super::table::{Table, TableRow};
use super::{ImportError, ImportOptions, Imported};

/// Rows that are looked at to recognise columns, and held as text at once.
const CHUNK: usize = 8192;

/// Imports a table that a program holds, `name` standing for it in messages. Each row has a cell
/// for each column, as the text that a CSV would hold: the shortest that reads back to the same
/// number; `None` for a missing value. A row's number from 1 is its line.
///
/// # Errors
/// [`ImportError`] where the table as a whole is unusable; single rows that are unusable are
/// listed in [`Imported::dropped`].
pub fn import_rows(
    name: &str,
    header: &[String],
    rows: impl IntoIterator<Item = Vec<Option<String>>>,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let mut reader: Option<RowReader<'_>> = None;
    let mut numbered = (1..).zip(rows).peekable();
    while reader.is_none() || numbered.peek().is_some() {
        let chunk = numbered.by_ref().take(CHUNK);
        let table = Table {
            header: header.to_vec(),
            rows: chunk
                .map(|(line, cells)| TableRow { line, cells })
                .collect(),
            broken: Vec::new(),
        };
        match &mut reader {
            Some(reader) => reader.add(table, &[]),
            None => {
                let mut first = RowReader::new(name, &table, options, false)?;
                first.add(table, &[]);
                reader = Some(first);
            }
        }
    }
    reader
        .map(RowReader::finish)
        .ok_or_else(|| ImportError::Empty {
            source_name: name.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::import_bytes;

    #[test]
    fn a_table_in_memory_is_read_as_the_same_table_in_a_file() {
        let header = ["N".to_owned(), "D".to_owned(), "loss".to_owned()];
        let mut text = header.join(",") + "\n";
        let mut rows = Vec::new();
        for k in 0..2 * CHUNK + 3 {
            let cells = [
                1e6 + k as f64,
                3e9 / (k + 1) as f64,
                2.0 + 1.0 / (k + 3) as f64,
            ];
            let cells = cells.map(|cell| cell.to_string());
            text += &(cells.join(",") + "\n");
            rows.push(cells.map(Some).to_vec());
        }
        let options = ImportOptions::default();
        let from_memory = import_rows("t", &header, rows, &options).unwrap();
        let mut from_file = import_bytes("t", text.as_bytes(), &options).unwrap();
        for (in_memory, in_file) in from_memory.rows.iter().zip(&mut from_file.rows) {
            // The header of a file is its first line.
            assert_eq!(in_memory.line + 1, in_file.line);
            in_file.line -= 1;
            in_file.run.run.clone_from(&in_memory.run.run);
        }
        assert_eq!(from_memory, from_file);
    }

    #[test]
    fn a_table_without_rows_still_has_its_columns_checked() {
        let header = ["N".to_owned(), "D".to_owned()];
        let error = import_rows("t", &header, [], &ImportOptions::default()).unwrap_err();
        assert!(error.to_string().contains("loss"), "{error}");
    }
}
