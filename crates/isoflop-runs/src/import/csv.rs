//! Comma-, tab- and semicolon-separated tables.

use super::table::{Table, TableRow};
use crate::export::without_apostrophe;

/// Reads a table with a header line. `None` if there is no header.
pub(super) fn read(bytes: &[u8]) -> Option<(Table, u8)> {
    let delimiter = delimiter(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(bytes);
    let header = reader.byte_headers().ok()?;
    if header.is_empty() {
        return None;
    }
    let mut table = Table {
        header: header
            .iter()
            .map(|name| without_apostrophe(String::from_utf8_lossy(name).trim()).to_owned())
            .collect(),
        ..Table::default()
    };
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => add_record(&mut table, &record, first_line(bytes, record.position())),
            Ok(false) => return Some((table, delimiter)),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                table.break_row(line, format!("the row is unreadable: {error}"));
                return Some((table, delimiter));
            }
        }
    }
}

/// The line on which a record starts. The reader's own position is before the blank lines that
/// it skips.
fn first_line(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let start = (position.byte() as usize).min(bytes.len());
    let blank = bytes[start..]
        .iter()
        .take_while(|byte| b"\r\n".contains(byte));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

fn add_record(table: &mut Table, record: &csv::ByteRecord, line: u64) {
    if record.len() != table.header.len() {
        let reason = format!(
            "the row has {} cells, the header has {}",
            record.len(),
            table.header.len()
        );
        return table.break_row(line, reason);
    }
    let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
    match cells {
        Ok(cells) => table.rows.push(TableRow {
            line,
            cells: cells.into_iter().map(as_cell).collect(),
        }),
        Err(_) => table.break_row(line, "the row is not UTF-8 text"),
    }
}

fn as_cell(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| without_apostrophe(text).to_owned())
}

/// The separator that the header line holds most of.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let count = |separator: u8| header.iter().filter(|byte| **byte == separator).count();
    let mut best = b',';
    for separator in [b'\t', b';'] {
        if count(separator) > count(best) {
            best = separator;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_tabs_and_semicolons_are_told_apart_by_the_header() {
        for text in ["N,D\n1,2\n", "N\tD\n1\t2\n", "N;D\n1;2\n"] {
            let (table, _) = read(text.as_bytes()).unwrap();
            assert_eq!(table.header, ["N", "D"], "{text:?}");
            assert_eq!(table.rows[0].cells[1].as_deref(), Some("2"));
        }
    }

    #[test]
    fn rows_with_other_numbers_of_cells_are_listed_with_their_line() {
        let (table, _) = read(b"N,D\n1,2\n3\n\n4,5,6\n7,\xff\n8,9").unwrap();
        let lines: Vec<u64> = table.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 7]);
        let broken: Vec<Option<u64>> = table.broken.iter().map(|row| row.line).collect();
        assert_eq!(broken, [Some(3), Some(5), Some(6)]);
    }
}
